"""Blobs in memory."""

import hashlib

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.failpoints import reached


class MemoryBlobs:
    """`store.blobs.BlobStore`: a blob that was being written when its writer died is not there."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        if name not in self.contents:
            reached("blob.writing")
            reached("blob.synced")
            self.contents[name] = content
            reached("blob.durable")
        return name

    def holds(self, name: str) -> bool:
        return name in self.contents

    def get(self, name: str) -> bytes:
        if name not in self.contents:
            raise DataError(ErrorCode.BLOB_DAMAGED, f"blob {name} is missing; restore it from a backup")
        return self.contents[name]
