"""Reading windows of a scene while decoding each compressed block once: whole rows of blocks, kept while windows still need them.

The decoder writes into memory that both processes see, and is already busy with the next rows while somebody works on a window.
"""

import mmap
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from jagawana.services.raster.decoding import Decoder, RasterHeader

AT_LEAST_ROWS = 256
"""Files in thin strips are read this many rows at a time."""
MOST_BYTES = 96 << 20
"""A row of blocks larger than this is not kept whole; such files are read window by window."""
KEPT_BYTES = 320 << 20
"""Rows of blocks are let go when all of them together are larger than this and the window in hand does not need them."""
Pixels = npt.NDArray[Any]
Box = tuple[int, int, int, int]
"""Row, column, rows, columns."""


class PixelSource(Protocol):
    """Headers and pixels of a scene's assets."""

    def header(self, asset: str) -> RasterHeader:
        """The header of an asset; see Decoder."""
        ...

    def read(self, asset: str, *, bands: Sequence[int], window: Box) -> Pixels:
        """Pixels (len(bands), rows, columns) in the file's own type; see Decoder."""
        ...


@dataclass(frozen=True)
class _Slot:
    """A stretch of the shared memory, and an array over it."""

    offset: int
    size: int
    pixels: Pixels


@dataclass(frozen=True)
class _Row:
    """One row of blocks of some bands of an asset: which, and where in the file."""

    asset: str
    bands: tuple[int, ...]
    number: int
    top: int
    rows: int


class BlockRows:
    """A PixelSource over a decoder. Windows should come from north to south; in any other order they are right, only slower."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._asking = ThreadPoolExecutor(1, "block-rows")  # the decoder answers one question at a time
        self._kept: OrderedDict[_Row, Future[_Slot]] = OrderedDict()
        self._arena = _Arena(decoder.memory)
        self._headers: dict[str, RasterHeader] = {}
        self.rows_decoded = 0

    def header(self, asset: str) -> RasterHeader:
        """See PixelSource."""
        if asset not in self._headers:
            self._headers[asset] = self._asking.submit(self._decoder.header, asset).result()
        return self._headers[asset]

    def read(self, asset: str, *, bands: Sequence[int], window: Box) -> Pixels:
        """See PixelSource."""
        header = self.header(asset)
        height = _row_height(header)
        if height * header.shape[1] * len(bands) * np.dtype(header.dtype).itemsize > MOST_BYTES:
            return self._asking.submit(self._decoder.read, asset, bands=bands, window=window).result()
        needed = [_row(header, asset, tuple(bands), n) for n in range(window[0] // height, (window[0] + window[2] - 1) // height + 1)]
        found = [self._get(row, header) for row in needed]
        pixels = _joined(window, [(row, future.result().pixels) for row, future in zip(needed, found, strict=True)], header.dtype)
        self._let_go(needed)
        self._look_ahead(needed[-1], header)
        return pixels

    def close(self) -> None:
        """Wait for the decoder's last answer and give the memory back."""
        self._asking.shutdown(cancel_futures=True)
        self._kept.clear()
        self._arena.close()

    def _get(self, row: _Row, header: RasterHeader) -> "Future[_Slot]":
        if row not in self._kept:
            self._kept[row] = self._asking.submit(self._decode, row, header)
        self._kept.move_to_end(row)
        return self._kept[row]

    def _decode(self, row: _Row, header: RasterHeader) -> _Slot:
        slot = self._arena.take((len(row.bands), row.rows, header.shape[1]), np.dtype(header.dtype))
        self._decoder.fill(row.asset, bands=row.bands, window=(row.top, 0, row.rows, header.shape[1]), offset=slot.offset)
        self.rows_decoded += 1
        return slot

    def _let_go(self, needed: Sequence[_Row]) -> None:
        """Oldest first, until what is kept fits; rows that the window in hand needed may be needed by its neighbour."""
        size = sum(f.result().size for f in self._kept.values() if f.done() and f.exception() is None)
        for row in [r for r in self._kept if r not in needed]:
            behind = row.asset == needed[0].asset and row.number < needed[0].number
            if not (behind or size > KEPT_BYTES) or not self._kept[row].done():
                continue
            slot = self._kept.pop(row).result()
            size -= slot.size
            self._arena.give_back(slot)

    def _look_ahead(self, last: _Row, header: RasterHeader) -> None:
        """Begin the next row of blocks; its turn comes after what is asked meanwhile."""
        if last.top + last.rows < header.shape[0]:
            self._get(_row(header, last.asset, last.bands, last.number + 1), header)


@contextmanager
def block_rows(decoder: Decoder) -> Iterator[BlockRows]:
    """A BlockRows that gives its memory back."""
    source = BlockRows(decoder)
    try:
        yield source
    finally:
        source.close()


class _Arena:
    """Stretches of memory shared with the decoder, reused by size."""

    def __init__(self, handle: int) -> None:
        self._handle, self._end = handle, 0
        self._maps: dict[int, mmap.mmap] = {}
        self._free: dict[int, list[int]] = {}

    def take(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> _Slot:
        """A stretch of memory that nobody else uses."""
        count = int(np.prod(shape))
        size = -(-count * dtype.itemsize // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        offset = self._free[size].pop() if self._free.get(size) else self._grown(size)
        return _Slot(offset, size, np.frombuffer(self._maps[offset], dtype, count).reshape(shape))

    def give_back(self, slot: _Slot) -> None:
        """The stretch may be used again; nobody may look at its array any more."""
        self._free.setdefault(slot.size, []).append(slot.offset)

    def close(self) -> None:
        """Forget the maps; arrays that are still held keep their pages."""
        self._maps.clear()

    def _grown(self, size: int) -> int:
        offset, self._end = self._end, self._end + size
        os.ftruncate(self._handle, self._end)
        self._maps[offset] = mmap.mmap(self._handle, size, offset=offset)
        return offset


def _row_height(header: RasterHeader) -> int:
    block = header.block_rows
    return block * max(1, AT_LEAST_ROWS // block)


def _row(header: RasterHeader, asset: str, bands: tuple[int, ...], number: int) -> _Row:
    height = _row_height(header)
    return _Row(asset, bands, number, number * height, min(height, header.shape[0] - number * height))


def _joined(window: Box, rows: Sequence[tuple[_Row, Pixels]], dtype: str) -> Pixels:
    top, left, height, width = window
    out = np.empty((rows[0][1].shape[0], height, width), dtype)
    for row, pixels in rows:
        first, last = max(top, row.top), min(top + height, row.top + row.rows)
        out[:, first - top : last - top] = pixels[:, first - row.top : last - row.top, left : left + width]
    return out
