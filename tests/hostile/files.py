"""Group B: what a file system can do to us, B01 to B10. B10 is transient and has its own test."""

import io
import os
import shutil
import socket
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from hostile.table import Accepted, Case, Spoil, Target, content, item
from scenes import edit_item

from jagawana.schemas.errors import ErrorCode

FORBIDDEN, NOT_REGULAR = ErrorCode.HREF_FORBIDDEN, ErrorCode.NOT_REGULAR_FILE


def _pipe(t: Target) -> None:
    t.image.unlink()
    os.mkfifo(t.image)


def _link(to: str | None) -> Spoil:
    """To a file elsewhere, or to the image itself under another name."""

    def spoil(t: Target) -> None:
        real = t.image.rename(t.image.with_suffix(".real"))
        t.image.symlink_to(to or real)

    return spoil


def _linked_folder(t: Target) -> None:
    """A folder inside the archive that leads out of it."""
    outside = t.traps.secret.parent / "outside"
    outside.mkdir(exist_ok=True)
    shutil.copy(t.image, outside / t.image.name)
    t.image.with_name("within").symlink_to(outside)
    edit_item(t.item, lambda d: d["assets"]["image"].update(href=f"../assets/within/{t.image.name}"))


def _folder(t: Target) -> None:
    t.image.unlink()
    t.image.mkdir()


def _socket(t: Target) -> None:
    t.image.unlink()
    with socket.socket(socket.AF_UNIX) as made, TemporaryDirectory() as short:  # addresses of sockets are short
        made.bind(f"{short}/s")
        shutil.move(f"{short}/s", t.image)


def _device(t: Target) -> None:
    edit_item(t.item, lambda d: d["assets"]["image"].update(href="/dev/zero"))


def _sidecars(**files: str) -> Spoil:
    """Files beside the image, by suffix."""

    def spoil(t: Target) -> None:
        for suffix, text in files.items():
            Path(f"{t.image}.{suffix.replace('_', '.')}").write_text(text.format(secret=t.traps.secret, url=t.traps.urls[0]))

    return spoil


def _renamed(name: str) -> Spoil:
    """The image under another name, which the item says."""

    def spoil(t: Target) -> None:
        t.image.rename(t.image.with_name(name))
        edit_item(t.item, lambda d: d["assets"]["image"].update(href=f"../assets/{name}"))

    return spoil


def _href(text: str) -> Spoil:
    def edit(d: dict[str, object]) -> None:
        d["assets"]["image"]["href"] = text  # type: ignore[index]

    return item(edit)


def _zip(name: str, size: int) -> Spoil:
    def make(_: Target) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(size))
        return buffer.getvalue()

    return content(make)


MASK = '<VRTDataset rasterXSize="96" rasterYSize="96"><VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename>/vsicurl/{url}/m.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'  # noqa: E501
PAM = "<PAMDataset><SRS>EPSG:32733</SRS><GeoTransform>0, 10, 0, 0, 0, -10</GeoTransform></PAMDataset>"
CASES = (
    Case("B01", "a pipe", NOT_REGULAR, _pipe),
    Case("B02", "a link to /etc/passwd", NOT_REGULAR, _link("/etc/passwd")),
    Case("B02", "a link to the image", NOT_REGULAR, _link(None)),
    Case("B02", "a folder that is a link out", FORBIDDEN, _linked_folder),
    Case("B03", "an endless device, outside", FORBIDDEN, _device),
    Case("B04", "a folder", NOT_REGULAR, _folder),
    Case("B04", "a socket", NOT_REGULAR, _socket),
    Case("B05", "sidecars with overviews and a mask", Accepted.AS_CLEAN, _sidecars(msk=MASK, ovr=MASK), "our copy has none beside it"),
    Case("B06", "a sidecar that moves the scene", Accepted.AS_CLEAN, _sidecars(aux_xml=PAM), "our copy has none beside it"),
    Case("B08", "a name that leaves the archive", FORBIDDEN, _href("../../../../../../../../../../etc/passwd")),
    Case("B08", "a name with NUL", FORBIDDEN, _href("../assets/a\0b.tif")),
    Case("B08", "a name with a line end", FORBIDDEN, _renamed("a\nb.tif")),
    Case("B08", "a name read from right to left", FORBIDDEN, _renamed("a\u202efit.exe")),
    Case("B08", "a name in another script", Accepted.AS_CLEAN, _renamed("citra satelit ꦗꦮ 図.tif"), "a name like any other"),
    Case("B08", "a name of 300 letters", ErrorCode.ASSET_MISSING, _href("../assets/" + "a" * 300 + ".tif")),
    Case("B08", "a file taken for a folder", ErrorCode.ASSET_MISSING, lambda t: _href(f"../assets/{t.scl.name}/x.tif")(t)),
    Case("B08", "an address of 4 KB", ErrorCode.MESSAGE_INVALID, _href("../assets/" + "a/" * 2000 + "x.tif")),
    Case("B08", "no file of that name", ErrorCode.ASSET_MISSING, lambda t: t.image.unlink()),
    Case("B09", "a ZIP named .tif that would unpack elsewhere", ErrorCode.BAD_MAGIC, _zip("../../../../tmp/slipped.tif", 100)),
    Case("B09", "a ZIP bomb named .tif", ErrorCode.BAD_MAGIC, _zip("bomb.tif", 20_000_000)),
    Case("B09", "an address into a ZIP", FORBIDDEN, _href("zip+file:///tmp/x.zip!a.tif")),
    Case("B09", "GDAL's address into a ZIP", FORBIDDEN, _href("/vsizip//tmp/x.zip/a.tif")),
    Case("B09", "GDAL's address on a network", FORBIDDEN, lambda t: _href(f"/vsicurl/{t.traps.urls[0]}/x.tif")(t)),
    Case("B09", "an address on this machine's network", FORBIDDEN, lambda t: _href(f"{t.traps.urls[0]}/x.tif")(t)),
)  # fmt: skip
DEVICE_ALLOWED = Case("B03", "an endless device in an allowed folder", NOT_REGULAR, _device)
"""Needs /dev among the allowed folders."""
SWAPPED = Case("B07", "another file, once the first has been checked", Accepted.AS_CLEAN, lambda t: None, "we read our own copy")
"""The test swaps it at the moment between check and use."""
DENIED = Case("B10", "a file that may not be read for now", Accepted.AS_CLEAN, lambda t: None, "transient: tried again, never buried")
