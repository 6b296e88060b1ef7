"""What every blob store promises."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_store import MemoryBlobs

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.services.store.blobs import BlobStore, FolderBlobs


@pytest.fixture(params=[FolderBlobs, lambda _folder: MemoryBlobs()], ids=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    made: Callable[[Path], BlobStore] = request.param
    return made(tmp_path / "blobs")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_what_is_put_is_got_under_the_name_of_its_content(store: BlobStore, content: bytes) -> None:
    name = store.put(content)
    assert name == sha256_of(content) and store.get(name) == content and store.put(content) == name


def test_what_was_never_put_is_refused(store: BlobStore) -> None:
    with pytest.raises(DataError) as caught:
        store.get("ab" * 32)
    assert caught.value.code is ErrorCode.BLOB_DAMAGED and "ab" * 32 in caught.value.detail
