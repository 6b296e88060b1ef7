"""The rules a raster's header must meet before one of its pixels is decoded; each has a sample in tests/hostile that only it refuses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import rasterio

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster.decoding import RasterUse
from jagawana.services.raster.tiff import TiffLayout

MAX_DIRECTORY_BYTES = 4 << 20
MAX_BANDS = 32
MAX_BLOCK_BYTES = 64 << 20
SAMPLE_TYPES = {(1, 8): "uint8", (1, 16): "uint16", (2, 16): "int16", (3, 32): "float32"}
COUNT_TYPES = SAMPLE_TYPES | {(1, 32): "uint32", (2, 32): "int32", (3, 64): "float64"}
CODECS = {1: "none", 5: "LZW", 8: "deflate", 32946: "deflate", 32773: "PackBits", 34887: "LERC", 50000: "zstd"}
"""Lossless or of bounded error. JPEG, WebP, JPEG XL and the fax codecs carry no reflectance, only more decoders to attack."""
T = TypeVar("T")


@dataclass(frozen=True)
class SizeLimits:
    """How large a raster may be, and which samples it may have."""

    pixels: int
    decoded_bytes: int
    sample_types: Mapping[tuple[int, int], str]


SIZE_LIMITS = {
    RasterUse.SCENE: SizeLimits(400_000_000, 8 << 30, SAMPLE_TYPES),  # three Sentinel-2 tiles, of ten bands
    RasterUse.COUNTS: SizeLimits(4_000_000_000, 32 << 30, COUNT_TYPES),  # all of Indonesia at 100 m are 1.2 thousand million cells
}


@dataclass(frozen=True)
class Rule(Generic[T]):
    """One reason to refuse. `check` raises DataError."""

    name: str
    check: Callable[[T], None]


def hold(rules: Sequence[Rule[T]], facts: T) -> None:
    """Apply rules in order; cheap ones come first, and later ones may rely on them.

    Raises:
        DataError: of the first rule that refuses.
    """
    for rule in rules:
        rule.check(facts)


def open_guarded(path: str, name: str, use: RasterUse = RasterUse.SCENE) -> Any:
    """The file, opened for reading by the GTiff driver, if its header is one that we read; no pixel of it has been looked at.

    Args:
        name: what errors call it.
        use: what is read of it, which says how large it may be.

    Raises:
        DataError: of the rule that refuses.
    """
    with open(path, "rb") as reader:
        layout = TiffLayout(reader.fileno(), name)
        hold(LAYOUT_RULES if use is RasterUse.SCENE else COUNTS_RULES, layout)
        file = rasterio.open(path, driver="GTiff")
        hold(OPENED_RULES, (layout, file))
    return file


def _directories(layout: TiffLayout) -> None:
    if layout.directory_bytes(MAX_DIRECTORY_BYTES) > MAX_DIRECTORY_BYTES:
        most = MAX_DIRECTORY_BYTES >> 20
        raise DataError(ErrorCode.HEADER_TOO_LARGE, f"{layout.name}: more than {most} MiB of header; remove metadata, or re-tile it")


def _pixels(layout: TiffLayout, limits: SizeLimits) -> None:
    rows, columns = layout.shape
    if rows * columns > limits.pixels:
        raise DataError(ErrorCode.TOO_MANY_PIXELS, f"{layout.name}: {rows} x {columns}; the limit is {limits.pixels} pixels; cut it up")


def _bands(layout: TiffLayout) -> None:
    if layout.samples > MAX_BANDS:
        raise DataError(ErrorCode.TOO_MANY_BANDS, f"{layout.name}: {layout.samples} bands; the limit is {MAX_BANDS}")


def _sample_type(layout: TiffLayout, limits: SizeLimits) -> None:
    known = limits.sample_types
    if len(layout.sample_types) != 1 or not layout.sample_types <= known.keys():
        found = ", ".join(f"{bits} bits of format {kind}" for kind, bits in sorted(layout.sample_types)[:4])
        raise DataError(ErrorCode.DTYPE_UNSUPPORTED, f"{layout.name}: {found}; only {', '.join(known.values())} are read")


def _codec(layout: TiffLayout) -> None:
    if layout.compression not in CODECS:
        known = ", ".join(dict.fromkeys(CODECS.values()))
        raise DataError(ErrorCode.CODEC_UNSUPPORTED, f"{layout.name}: compression {layout.compression}; only {known} are read")


def _block_size(layout: TiffLayout) -> None:
    rows, columns = layout.block_shape
    if rows * columns * layout.samples_per_block * layout.pixel_bytes > MAX_BLOCK_BYTES:
        raise DataError(ErrorCode.BLOCK_TOO_LARGE, f"{layout.name}: blocks of {rows} x {columns}; re-tile it (512 x 512 is good)")


def _decoded_size(layout: TiffLayout, limits: SizeLimits) -> None:
    rows, columns = layout.block_shape
    decoded = layout.block_count * rows * columns * layout.samples_per_block * layout.pixel_bytes
    if decoded > limits.decoded_bytes:
        limit = f"the limit is {limits.decoded_bytes}; cut it up"
        raise DataError(ErrorCode.DECODED_TOO_LARGE, f"{layout.name}: {layout.file_bytes} bytes unpack to {decoded}; {limit}")


def _blocks_inside(layout: TiffLayout) -> None:
    offsets, sizes = layout.blocks
    if not offsets.size == sizes.size == layout.block_count:
        raise _badly_laid(layout, f"{offsets.size} offsets and {sizes.size} sizes for {layout.block_count} blocks")
    end = np.uint64(layout.file_bytes)
    outside = (sizes > 0) & ((offsets > end) | (sizes > end - np.minimum(offsets, end)))
    if outside.any():
        raise _badly_laid(layout, f"{np.count_nonzero(outside)} blocks lie outside the file")


def _blocks_apart(layout: TiffLayout) -> None:
    """Blocks may share all their bytes, as equal ones do where a writer saves room, but not some of them."""
    offsets, sizes = layout.blocks
    written = np.unique(np.stack([offsets, sizes])[:, sizes > 0], axis=1)
    overlapping = written[0, 1:] < written[0, :-1] + written[1, :-1]
    if overlapping.any():
        raise _badly_laid(layout, f"{np.count_nonzero(overlapping)} blocks lie over one another")


def _one_reading(both: tuple[TiffLayout, Any]) -> None:
    """What we checked must be what the library is going to decode."""
    layout, file = both
    ours = (layout.shape, layout.samples, set(map(COUNT_TYPES.get, layout.sample_types)))
    theirs = (file.shape, file.count, set(file.dtypes))
    (rows, columns), (most_rows, most_columns) = file.block_shapes[0], layout.block_shape
    if ours != theirs or rows > most_rows or columns > most_columns:  # libtiff cuts a single strip that is not compressed
        raise layout.broken(f"its header can be read in two ways, as {ours} and as {theirs}")


def _badly_laid(layout: TiffLayout, what: str) -> DataError:
    return DataError(ErrorCode.LAYOUT_INVALID, f"{layout.name}: {what}; write it anew")


def _layout_rules(limits: SizeLimits) -> tuple[Rule[TiffLayout], ...]:
    return (
        Rule("directory size", _directories),
        Rule("number of pixels", partial(_pixels, limits=limits)),
        Rule("number of bands", _bands),
        Rule("sample type", partial(_sample_type, limits=limits)),
        Rule("codec", _codec),
        Rule("block size", _block_size),
        Rule("decoded size", partial(_decoded_size, limits=limits)),
        Rule("blocks inside the file", _blocks_inside),
        Rule("blocks apart", _blocks_apart),
    )


LAYOUT_RULES, COUNTS_RULES = (_layout_rules(SIZE_LIMITS[use]) for use in (RasterUse.SCENE, RasterUse.COUNTS))
OPENED_RULES: tuple[Rule[tuple[TiffLayout, Any]], ...] = (Rule("one reading", _one_reading),)
