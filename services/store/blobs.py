"""Blobs: immutable, named by their SHA-256, written so that a name never points to half a blob."""

import hashlib
import os
from pathlib import Path
from typing import Protocol

from jagawana.schemas.base import Sha256
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.failpoints import reached
from jagawana.services.settings import Settings

MEND = "replay its scene, or restore it from a backup"


class BlobStore(Protocol):
    """Where blobs lie."""

    def put(self, content: bytes) -> Sha256:
        """Store and return the name; storing twice is storing once."""
        ...

    def holds(self, name: Sha256) -> bool:
        """Whether a blob is there and whole."""
        ...

    def get(self, name: Sha256) -> bytes:
        """The content, checked against its name.

        Raises:
            DataError: BLOB_DAMAGED when it is missing or its content is not its name.
            TransientError: STORE_BUSY when it cannot be read for now.
        """
        ...


def open_blobs(settings: Settings) -> BlobStore:
    """The bucket or folder of JAGAWANA_BLOB_URL, else the folder in `data`.

    Raises:
        DataError: SETTINGS_INVALID when there is no such bucket, or it is not ours.
        TransientError: STORE_BUSY when it does not answer.
    """
    if settings.blob_url is None or settings.blob_url.startswith("file:"):
        return FolderBlobs(settings.blobs)
    from jagawana.services.store.bucket import open_bucket

    return open_bucket(settings.blob_url, busy_seconds=settings.busy_seconds)


class FolderBlobs:
    """Blobs as files, two letters of the name as folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: Sha256) -> Path:
        """Where a blob lies."""
        return self.folder / name[:2] / name

    def put(self, content: bytes) -> Sha256:
        """Write to a temporary name, flush to disk, rename, flush the folder."""
        name = hashlib.sha256(content).hexdigest()
        path = self.path(name)
        try:
            if path.exists() and path.read_bytes() == content:  # a damaged blob is mended by whoever has its content again
                return name
            reached("blob.making_folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            reached("blob.folder_made")
            write_durably(path, content, unfinished_in=self.folder)
        except OSError as e:
            raise TransientError(ErrorCode.STORE_BUSY, f"blob store {self.folder}: {e}; free space or fix permissions") from e
        return name

    def holds(self, name: Sha256) -> bool:
        """Read and compare."""
        try:
            self.get(name)
        except DataError:
            return False
        return True

    def get(self, name: Sha256) -> bytes:
        """Read and check."""
        try:
            content = self.path(name).read_bytes()
        except FileNotFoundError as e:
            raise DataError(ErrorCode.BLOB_DAMAGED, f"blob {name} is missing; {MEND}") from e
        except OSError as e:
            raise TransientError(ErrorCode.STORE_BUSY, f"blob store {self.folder}: {e}; mend the disk or its permissions") from e
        if hashlib.sha256(content).hexdigest() != name:
            raise DataError(ErrorCode.BLOB_DAMAGED, f"blob {name} is damaged; {MEND}")
        return content


def write_durably(path: Path, content: bytes, *, unfinished_in: Path | None = None) -> None:
    """Atomic and durable: after a crash there is the old file, the new one, or none; never a part.

    Args:
        unfinished_in: folder, on the same file system, where a kill may leave a `*.tmp`; that of `path` when left out.

    Raises:
        OSError: disk full, no permission.
    """
    temporary = (unfinished_in or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    try:
        reached("blob.creating")
        with open(temporary, "wb") as f:
            reached("blob.writing")
            f.write(content)
            f.flush()
            reached("blob.written")
            os.fsync(f.fileno())
            reached("blob.synced")
        os.replace(temporary, path)
        reached("blob.renamed")
        sync_folder(path.parent)
        reached("blob.durable")
    finally:
        temporary.unlink(missing_ok=True)
        reached("blob.tidied")


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
