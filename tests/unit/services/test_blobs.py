"""Blobs: a name never points to half a blob, and a damaged one is found out and mended."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.store import blobs
from jagawana.services.store.blobs import FolderBlobs, write_durably

CONTENT = b"what one scene showed of one tile " * 40


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


DAMAGES = {
    "a flipped bit": _flip,
    "cut short": lambda p: os.truncate(p, 100),
    "emptied": lambda p: os.truncate(p, 0),
    "deleted": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_out_and_mended_by_putting_the_content_again(damage: str, tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    name = store.put(CONTENT)
    DAMAGES[damage](store.path(name))
    with pytest.raises(DataError) as caught:
        store.get(name)
    assert caught.value.code is ErrorCode.BLOB_DAMAGED and name in caught.value.detail
    assert store.put(CONTENT) == name and store.get(name) == CONTENT


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["disk full", "broken disk"])
def test_what_cannot_be_written_is_tried_again_later_and_leaves_nothing(
    call: str, error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any) -> None:
        raise OSError(error, os.strerror(error))

    store = FolderBlobs(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(blobs.os, call, fails)
        with pytest.raises(TransientError) as caught:
            store.put(CONTENT)
    assert caught.value.code is ErrorCode.STORE_BUSY and os.strerror(error) in caught.value.detail
    assert _files(tmp_path) == []
    assert store.get(store.put(CONTENT)) == CONTENT


def test_the_file_is_on_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(blobs.os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1])
    write_durably(tmp_path / "x", CONTENT)
    assert calls == ["fsync", "replace", "fsync"], "file, name, folder"


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    write_durably(path, b"old")
    monkeypatch.setattr(blobs.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old" and _files(tmp_path) == [path]


def test_putting_twice_writes_once(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    name = store.put(CONTENT)
    before = store.path(name).stat().st_mtime_ns
    assert store.put(CONTENT) == name and store.path(name).stat().st_mtime_ns == before
    assert _files(tmp_path) == [store.path(name)] and store.path(name).parent.name == name[:2]


def test_a_folder_that_cannot_be_made_is_the_world_s_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransientError, match="STORE_BUSY"):
        FolderBlobs(tmp_path / "file").put(CONTENT)
