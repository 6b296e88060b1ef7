"""TIFF files made by hand, byte by byte, so that a test can lie in any field."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES = 256, 257, 258, 259, 262, 273, 277
ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, SAMPLE_FORMAT = 322, 323, 324, 325, 339
PIXEL_SCALE, TIE_POINT, GEO_KEYS, METADATA, NODATA = 33550, 33922, 34735, 42112, 42113
SHORT, LONG, ASCII, DOUBLE = 3, 4, 2, 12
CODES = {SHORT: "H", LONG: "I", DOUBLE: "d"}
Value = tuple[int, Sequence[float] | bytes]
"""TIFF type and values."""
PLACE: dict[int, Value] = {
    PIXEL_SCALE: (DOUBLE, (10.0, 10.0, 0.0)),
    TIE_POINT: (DOUBLE, (0.0, 0.0, 0.0, 453_000.0, 9_871_000.0, 0.0)),
    GEO_KEYS: (SHORT, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32749)),
    NODATA: (ASCII, b"0\0"),
}
"""Where the tests' scenes lie."""


def build(fields: Mapping[int, Value], *, before: bytes = b"", next_directory: int | None = 0) -> bytes:
    """A little-endian TIFF: header, `before` (from byte 8 on), values, one directory; None: the directory follows itself."""
    body = bytearray(struct.pack("<2sHI", b"II", 42, 0) + before)
    entries = []
    for tag, (kind, values) in sorted(fields.items()):
        raw = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{CODES[kind]}", *values)
        count = len(raw) if kind == ASCII else len(values)
        if len(raw) > 4:
            body += b"\0" * (len(body) % 2)
            place = struct.pack("<I", len(body))
            body += raw
            raw = place
        entries.append(struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0"))
    body += b"\0" * (len(body) % 2)
    start = len(body)
    body[4:8] = struct.pack("<I", start)
    body += struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", start if next_directory is None else next_directory)
    return bytes(body)


def fields(
    rows: int, columns: int, *, samples: int = 6, bits: int = 16, kind: int = 1, compression: int = 1, planar: int = 2
) -> dict[int, Value]:
    """What every image says; blocks are still to be added."""
    return {
        WIDTH: (LONG, [columns]), HEIGHT: (LONG, [rows]), BITS: (SHORT, [bits] * samples), COMPRESSION: (SHORT, [compression]),
        PHOTOMETRIC: (SHORT, [1]), SAMPLES: (SHORT, [samples]), PLANAR: (SHORT, [planar]), SAMPLE_FORMAT: (SHORT, [kind] * samples),
    } | PLACE  # fmt: skip


def strips(pixels: np.ndarray) -> dict[int, Value]:
    """The fields of an honest file of one uncompressed strip a band, (bands, rows, columns), whose pixels begin at byte 8."""
    bands, rows, columns = pixels.shape
    size = pixels[0].nbytes
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    return fields(rows, columns, samples=bands, bits=pixels.dtype.itemsize * 8, kind=kind) | {
        ROWS_PER_STRIP: (LONG, [rows]), STRIP_OFFSETS: (LONG, [8 + n * size for n in range(bands)]), STRIP_BYTES: (LONG, [size] * bands),
    }  # fmt: skip


def tiles(side: int, offsets: Sequence[int], sizes: Sequence[int]) -> dict[int, Value]:
    """The fields of square tiles."""
    return {TILE_WIDTH: (LONG, [side]), TILE_HEIGHT: (LONG, [side]), TILE_OFFSETS: (LONG, offsets), TILE_BYTES: (LONG, sizes)}


def pixels_of(path: Path) -> np.ndarray:
    """All bands of a good file."""
    with rasterio.open(path) as file:
        return np.asarray(file.read())


def one_block(folder: Path, codec: str, side: int) -> bytes:
    """A square of uint16 zeros as a codec writes it."""
    path = folder / f"block-{codec}.tif"
    with rasterio.open(path, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint16", tiled=True, blockxsize=side,
                       blockysize=side, compress=codec) as file:  # fmt: skip
        file.write(np.zeros((1, side, side), np.uint16))
    with rasterio.open(path) as file:
        offset, size = (int(file.get_tag_item(f"BLOCK_{what}_0_0", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE"))
    content = path.read_bytes()[offset : offset + size]
    path.unlink()
    return content
