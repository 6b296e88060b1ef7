"""Our own checked copies of assets: where they may lie, and that nothing is left behind."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from scenes import Scene, describe, write_scene

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.schemas.scene import SceneItem
from jagawana.services.raster import copies
from jagawana.services.raster.copies import TIMES, allowed_path, own_copies


def _item(folder: Path, **image: Any) -> SceneItem:
    """A scene's item with absolute addresses; `image` replaces fields of its image asset."""
    path = write_scene(folder, Scene(0, size=48))
    document = json.loads(path.read_text())
    for asset in document["assets"].values():
        asset["href"] = str(folder / "assets" / Path(asset["href"]).name)
    document["assets"]["image"].update(image)
    return SceneItem.model_validate(document)


def _refused(item: SceneItem, root: Path, spool: Path, max_bytes: int = 1 << 20) -> JagawanaError:
    with pytest.raises(JagawanaError) as caught, own_copies(item, roots=[root], spool=spool, max_bytes=max_bytes):
        pytest.fail("it was accepted")
    assert list(spool.iterdir()) == [], "a copy was left behind"
    return caught.value


def test_copies_are_the_bytes_and_go_when_they_are_done_with(tmp_path: Path) -> None:
    item, spool = _item(tmp_path / "a"), tmp_path / "spool"
    with own_copies(item, roots=[tmp_path / "a"], spool=spool, max_bytes=1 << 20) as made:
        assert sorted(made) == ["image", "scl"]
        for key, path in made.items():
            assert path.read_bytes() == Path(item.assets[key].href).read_bytes() and path.is_relative_to(spool)
    assert list(spool.iterdir()) == []


def test_a_copy_is_not_what_others_write_afterwards(tmp_path: Path) -> None:
    item = _item(tmp_path / "a")
    with own_copies(item, roots=[tmp_path / "a"], spool=tmp_path / "spool", max_bytes=1 << 20) as made:
        before = made["image"].read_bytes()
        Path(item.assets["image"].href).write_bytes(b"swapped")
        assert made["image"].read_bytes() == before


def test_a_file_s_address_may_be_a_path_or_a_file_url(tmp_path: Path) -> None:
    (tmp_path / "x.tif").touch()
    for href in (str(tmp_path / "x.tif"), f"file://{tmp_path}/x.tif", f"{tmp_path}/y/../x.tif"):
        assert allowed_path(href, [tmp_path]) == tmp_path / "x.tif"


@pytest.mark.parametrize(
    "href",
    [
        "/etc/passwd", "file:///etc/passwd", "{root}/../secret.tif", "{root}x/secret.tif", "relative.tif", "http://127.0.0.1/x.tif",
        "s3://bucket/x.tif", "//host/x.tif", "file://host{root}/x.tif", "/vsicurl/http://127.0.0.1/x.tif", "/vsizip/{root}/x.zip/x.tif",
        "{root}/x.tif?y", "{root}/x.tif#y", "{root}/x\0.tif", "{root}/link/x.tif", "",
    ],
)  # fmt: skip
def test_no_address_leads_out_of_the_allowed_folders(href: str, tmp_path: Path) -> None:
    root, outside = tmp_path / "archive", tmp_path / "outside"
    for folder in (root, outside, tmp_path / "archivex"):
        folder.mkdir()
        (folder / "x.tif").touch()
    (root / "link").symlink_to(outside)
    with pytest.raises(DataError) as caught:
        allowed_path(href.format(root=root), [root])
    assert caught.value.code is ErrorCode.HREF_FORBIDDEN


def test_without_any_allowed_folder_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="HREF_FORBIDDEN"):
        allowed_path(str(tmp_path / "x.tif"), [])


def test_a_file_longer_or_shorter_than_said_is_refused(tmp_path: Path) -> None:
    item = _item(tmp_path / "a")
    image = Path(item.assets["image"].href)
    whole = image.read_bytes()
    for content in (whole + b"!", whole[:-1], b""):
        image.write_bytes(content)
        assert _refused(item, tmp_path, tmp_path / "spool").code is ErrorCode.SIZE_MISMATCH


def test_too_large_is_refused_before_a_byte_is_read(tmp_path: Path) -> None:
    item = _item(tmp_path / "a", **{"file:size": 2 << 20})
    os.unlink(item.assets["image"].href)
    assert _refused(item, tmp_path, tmp_path / "spool").code is ErrorCode.TOO_LARGE


def test_assets_that_are_too_large_together_are_refused_before_a_byte_is_copied(tmp_path: Path) -> None:
    item, spool, most = _item(tmp_path / "a"), tmp_path / "spool", 1 << 20
    image = item.assets["image"].model_copy(update={"size": most})
    crowded = item.model_copy(update={"assets": item.assets | {f"part{n}": image for n in range(TIMES + 1)}})
    with (
        pytest.raises(JagawanaError, match="assets of") as caught,
        own_copies(crowded, roots=[tmp_path / "a"], spool=spool, max_bytes=most),
    ):
        pytest.fail("it was accepted")
    assert caught.value.code is ErrorCode.TOO_LARGE and not spool.exists()


def test_both_byte_orders_and_bigtiff_are_tiffs_and_a_picture_is_not(tmp_path: Path) -> None:
    for head, taken in ((b"II*\0", True), (b"MM\0*", True), (b"II+\0", True), (b"MM\0+", True), (b"\xff\xd8\xff\xe0", False)):
        path = tmp_path / "assets" / "any.tif"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(head + b"rest")
        item = _item(tmp_path, href=str(path), **describe(path))
        if taken:
            with own_copies(item, roots=[tmp_path], spool=tmp_path / "spool", max_bytes=1 << 20):
                continue
        assert _refused(item, tmp_path, tmp_path / "spool").code is ErrorCode.BAD_MAGIC


def test_a_full_disk_is_the_world_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = _item(tmp_path / "a")

    def full(*_args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies, "_open", full)
    error = _refused(item, tmp_path, tmp_path / "spool")
    assert isinstance(error, TransientError) and error.code is ErrorCode.STORE_BUSY and "No space left" in error.detail
