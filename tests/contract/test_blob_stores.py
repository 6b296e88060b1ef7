"""What every blob store promises."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory.blobs import MemoryBlobs
from servers.s3 import S3

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.services.store.blobs import BlobStore, FolderBlobs
from jagawana.services.store.bucket import open_bucket

CONTENT = b"what one scene showed of one tile " * 40


@dataclass
class Made:
    """A store, and how to spoil what it keeps behind its back."""

    store: BlobStore
    spoil: Callable[[str, bytes], None]


def in_folder(folder: Path) -> Made:
    store = FolderBlobs(folder)
    return Made(store, lambda name, content: void(store.path(name).write_bytes(content)))


def in_memory() -> Made:
    store = MemoryBlobs()
    return Made(store, store.contents.__setitem__)


def in_bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Made:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    bucket = s3.new_bucket()
    store = open_bucket(f"s3://{bucket}/some/where", busy_seconds=5)
    return Made(store, lambda name, content: void(s3.file(bucket, f"some/where/{name[:2]}/{name}").write_bytes(content)))


def void(_: object) -> None: ...


@pytest.fixture(params=["folder", "memory", pytest.param("bucket", marks=pytest.mark.services)])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    if request.param == "bucket":
        return in_bucket(request.getfixturevalue("s3"), monkeypatch)
    return in_folder(tmp_path / "blobs") if request.param == "folder" else in_memory()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_what_is_put_is_got_under_the_name_of_its_content(made: Made, content: bytes) -> None:
    name = made.store.put(content)
    assert name == sha256_of(content) and made.store.get(name) == content and made.store.put(content) == name
    assert made.store.holds(name)


def test_what_was_never_put_is_refused(made: Made) -> None:
    with pytest.raises(DataError) as caught:
        made.store.get("ab" * 32)
    assert caught.value.code is ErrorCode.BLOB_DAMAGED and "ab" * 32 in caught.value.detail
    assert not made.store.holds("ab" * 32)


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT[:-1] + b"?"], ids=["emptied", "cut short", "changed"])
def test_damage_is_found_out_and_mended_by_putting_the_content_again(made: Made, damage: bytes) -> None:
    if isinstance(made.store, MemoryBlobs):
        pytest.skip("memory is not damaged behind its back")
    name = made.store.put(CONTENT)
    made.spoil(name, damage)
    with pytest.raises(DataError, match="BLOB_DAMAGED"):
        made.store.get(name)
    assert made.store.put(CONTENT) == name and made.store.get(name) == CONTENT
