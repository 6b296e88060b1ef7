"""Our own copy of an asset, checked before anything decodes it: where it may lie, what it is, its size and its SHA-256."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.scene import Asset, SceneItem
from jagawana.services.failpoints import reached
from jagawana.services.raster.guard import Rule, hold

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
CHUNK = 1 << 20
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""Links are not followed, pipes and devices are not waited for."""
REFUSED_BY_KIND = (errno.ELOOP, errno.ENXIO, errno.ENODEV)
NO_SUCH_NAME = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True)
class Address:
    """Where an item says an asset lies, and where assets may lie."""

    href: str
    roots: Sequence[Path]

    @property
    def path(self) -> Path:
        """The file meant, with all folders above it as they really are."""
        path = Path(os.path.normpath(Path(urlsplit(self.href).path)))
        return Path(os.path.realpath(path.parent)) / path.name


@dataclass(frozen=True)
class Copied:
    """What was seen of a file while it was copied: its first four bytes, size and SHA-256; `name` is what errors call it."""

    name: str
    asset: Asset
    head: bytes
    size: int
    sha256: str


TIMES = 4
"""All assets of a scene together may be so many times as large as one: they lie in the spool at the same time."""


@contextmanager
def own_copies(item: SceneItem, *, roots: Sequence[Path], spool: Path, max_bytes: int) -> Iterator[dict[str, Path]]:
    """Checked copies of all assets of an item, by asset key; removed afterwards.

    A copy, because a file that others can write may change between the check and the use.

    Raises:
        DataError: HREF_FORBIDDEN, ASSET_MISSING, NOT_REGULAR_FILE, TOO_LARGE, SIZE_MISMATCH, CHECKSUM_MISMATCH or BAD_MAGIC.
        TransientError: STORE_BUSY when our own disk is full or a file cannot be read for now.
    """
    _not_too_much(item, TIMES * max_bytes)
    with _folder_in(spool) as folder:
        copies = {}
        for number, (key, asset) in enumerate(sorted(item.assets.items())):
            source = allowed_path(asset.href, roots)
            copies[key] = Path(folder, f"{number}.tif")
            _copy(source, copies[key], asset, max_bytes)
        yield copies
    reached("spool.removed")


def _not_too_much(item: SceneItem, most: int) -> None:
    total = sum(asset.size for asset in item.assets.values())
    if total > most:
        raise DataError(ErrorCode.TOO_LARGE, f"{item.id}: {len(item.assets)} assets of {total} bytes; the limit for one scene is {most}")


def _folder_in(spool: Path) -> "TemporaryDirectory[str]":
    try:
        reached("spool.making")
        spool.mkdir(parents=True, exist_ok=True)
        reached("spool.made")
        return TemporaryDirectory(dir=spool, prefix="scene-", ignore_cleanup_errors=True)  # what stays is cleared at the next start
    except OSError as e:
        raise TransientError(ErrorCode.STORE_BUSY, f"spool {spool}: {e}; free space or fix permissions") from e


def allowed_path(href: str, roots: Sequence[Path]) -> Path:
    """The local file an address means, if it lies in an allowed folder.

    Raises:
        DataError: HREF_FORBIDDEN.
    """
    address = Address(href, roots)
    hold(ADDRESS_RULES, address)
    return address.path


def _copy(source: Path, target: Path, asset: Asset, max_bytes: int) -> None:
    hold(CLAIM_RULES, (source.name, asset.size, max_bytes))
    try:
        reached("spool.copying")
        handle = _open(source)
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
    hold(COPY_RULES, Copied(source.name, asset, head, size, digest.hexdigest()))


def _open(source: Path) -> int:
    """A descriptor of a file that the rules let through."""
    handle = _any_open(source)
    try:
        hold(HANDLE_RULES, (source, os.fstat(handle)))
    except DataError:
        os.close(handle)
        raise
    return handle


def _any_open(source: Path) -> int:
    try:
        return os.open(source, OPEN_FLAGS)
    except OSError as e:
        if e.errno in NO_SUCH_NAME:
            raise DataError(ErrorCode.ASSET_MISSING, f"{_short(source)} does not exist") from e
        if e.errno in REFUSED_BY_KIND:
            raise DataError(ErrorCode.NOT_REGULAR_FILE, f"{_short(source)} is a link, or no file; name the file itself") from e
        raise


def _short(source: Path) -> str:
    return str(source)[:200]


def _local(address: Address) -> None:
    parts = urlsplit(address.href)
    plain = address.href.isprintable()  # no line ends, NUL, lone surrogates, or marks that turn the reading direction
    if parts.scheme not in ("", "file") or parts.netloc or parts.query or parts.fragment or not plain:
        raise DataError(ErrorCode.HREF_FORBIDDEN, f"{address.href[:200]!r}: only local files are fetched; download the scene first")


def _in_allowed_folder(address: Address) -> None:
    inside = any(address.path.parent.is_relative_to(os.path.realpath(root)) for root in address.roots)
    if not urlsplit(address.href).path.startswith("/") or not inside:
        allowed = [str(r) for r in address.roots]
        raise DataError(ErrorCode.HREF_FORBIDDEN, f"{address.href[:200]!r} is outside the allowed folders {allowed}")


def _not_too_large(claim: tuple[str, int, int]) -> None:
    name, size, most = claim
    if size > most:
        raise DataError(ErrorCode.TOO_LARGE, f"{name}: {size} bytes; the limit for one asset is {most}")


def _regular(opened: tuple[Path, os.stat_result]) -> None:
    source, status = opened
    if not stat.S_ISREG(status.st_mode):
        raise DataError(ErrorCode.NOT_REGULAR_FILE, f"{_short(source)} is not a regular file")


def _size_as_said(copied: Copied) -> None:
    said = copied.asset.size
    if copied.size != said:
        found = "more" if copied.size > said else copied.size
        raise DataError(ErrorCode.SIZE_MISMATCH, f"{copied.name}: the item says {said} bytes, the file has {found}")


def _bytes_as_said(copied: Copied) -> None:
    said = copied.asset.sha256
    if copied.sha256 != said:
        raise DataError(ErrorCode.CHECKSUM_MISMATCH, f"{copied.name}: not the bytes the item describes ({said}); fetch it again")


def _a_tiff(copied: Copied) -> None:
    if copied.head not in TIFF_MAGIC:
        raise DataError(ErrorCode.BAD_MAGIC, f"{copied.name} begins with {copied.head!r}: not a TIFF, whatever its name says")


ADDRESS_RULES = (Rule("local address", _local), Rule("allowed folder", _in_allowed_folder))
CLAIM_RULES = (Rule("asset size", _not_too_large),)
HANDLE_RULES = (Rule("regular file", _regular),)
COPY_RULES = (Rule("size as said", _size_as_said), Rule("checksum as said", _bytes_as_said), Rule("magic", _a_tiff))
