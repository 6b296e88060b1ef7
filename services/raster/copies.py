"""Our own copy of an asset, checked before anything decodes it: where it may lie, what it is, its size and its SHA-256."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.scene import Asset, SceneItem
from jagawana.services.failpoints import reached

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
CHUNK = 1 << 20


@contextmanager
def own_copies(item: SceneItem, *, roots: Sequence[Path], spool: Path, max_bytes: int) -> Iterator[dict[str, Path]]:
    """Checked copies of all assets of an item, by asset key; removed afterwards.

    A copy, because a file that others can write may change between the check and the use.

    Raises:
        DataError: HREF_FORBIDDEN, ASSET_MISSING, NOT_REGULAR_FILE, TOO_LARGE, SIZE_MISMATCH, CHECKSUM_MISMATCH or BAD_MAGIC.
        TransientError: STORE_BUSY when our own disk is full or a file cannot be read for now.
    """
    reached("spool.making")
    spool.mkdir(parents=True, exist_ok=True)
    reached("spool.made")
    with TemporaryDirectory(dir=spool, prefix="scene-") as folder:
        copies = {}
        for number, (key, asset) in enumerate(sorted(item.assets.items())):
            source = allowed_path(asset.href, roots)
            copies[key] = Path(folder, f"{number}.tif")
            _copy(source, copies[key], asset, max_bytes)
        yield copies
    reached("spool.removed")


def allowed_path(href: str, roots: Sequence[Path]) -> Path:
    """The local file an address means, if it lies in an allowed folder.

    Raises:
        DataError: HREF_FORBIDDEN.
    """
    parts = urlsplit(href)
    if parts.scheme not in ("", "file") or parts.netloc or parts.query or parts.fragment or "\0" in href:
        raise DataError(ErrorCode.HREF_FORBIDDEN, f"{href[:200]!r}: only local files are fetched; download the scene first")
    path = Path(os.path.normpath(Path(parts.path)))
    folder = Path(os.path.realpath(path.parent))
    if not path.is_absolute() or not any(folder.is_relative_to(os.path.realpath(root)) for root in roots):
        raise DataError(ErrorCode.HREF_FORBIDDEN, f"{href[:200]!r} is outside the allowed folders {[str(r) for r in roots]}")
    return folder / path.name


def _copy(source: Path, target: Path, asset: Asset, max_bytes: int) -> None:
    if asset.size > max_bytes:
        raise DataError(ErrorCode.TOO_LARGE, f"{source.name}: {asset.size} bytes; the limit for one asset is {max_bytes}")
    try:
        reached("spool.copying")
        handle = _open_regular(source)
        with open(handle, "rb") as reader, open(target, "xb") as writer:
            digest, size, head = hashlib.sha256(), 0, b""
            while size <= asset.size and (chunk := reader.read(CHUNK)):
                head = head or chunk[:4]
                size += len(chunk)
                digest.update(chunk)
                reached("spool.writing")
                writer.write(chunk)
                reached("spool.wrote")
        reached("spool.copied")
    except OSError as e:
        raise TransientError(ErrorCode.STORE_BUSY, f"copying {source.name}: {e}; free space or fix permissions") from e
    if size != asset.size:
        found = "more" if size > asset.size else size
        raise DataError(ErrorCode.SIZE_MISMATCH, f"{source.name}: the item says {asset.size} bytes, the file has {found}")
    if digest.hexdigest() != asset.sha256:
        raise DataError(ErrorCode.CHECKSUM_MISMATCH, f"{source.name}: not the bytes the item describes ({asset.sha256}); fetch it again")
    if head not in TIFF_MAGIC:
        raise DataError(ErrorCode.BAD_MAGIC, f"{source.name} begins with {head!r}: not a TIFF, whatever its name says")


def _open_regular(source: Path) -> int:
    """A descriptor of a regular file: links are not followed, pipes and devices are not waited for."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as e:
        raise DataError(ErrorCode.ASSET_MISSING, f"{source} does not exist") from e
    except OSError as e:
        if source.is_symlink():
            raise DataError(ErrorCode.NOT_REGULAR_FILE, f"{source} is a symbolic link; name the file itself") from e
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DataError(ErrorCode.NOT_REGULAR_FILE, f"{source} is not a regular file")
    return handle
