"""What a TIFF file says of its own layout, read by a few lines of ours before a library that also decodes is let near it."""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from jagawana.schemas.errors import DataError, ErrorCode

Numbers = npt.NDArray[np.uint64]
WIDTH, HEIGHT, BITS, COMPRESSION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 256, 257, 258, 259, 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, SAMPLE_FORMAT = 322, 323, 324, 325, 339
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
MAX_VALUES = 1 << 22
"""Values of one field that are ever read; a raster of our largest size in strips of one row has fewer."""


@dataclass(frozen=True)
class Field:
    """One entry of a directory: the type and number of its values, and their place in the file."""

    type: int
    count: int
    place: int

    @property
    def bytes(self) -> int:
        """Size of the values; values of unknown types are not looked at by anybody."""
        return TYPE_BYTES.get(self.type, 0) * self.count


class TiffLayout:
    """The first image of an open file: size, samples, blocks. Fields are read when asked for, so that rules can come between.

    Args:
        handle: descriptor, which stays open while properties are asked for.
        name: what errors call the file.

    Raises:
        DataError: DECODE_FAILED, here and at every property, when the file contradicts the format.
    """

    def __init__(self, handle: int, name: str) -> None:
        self._handle, self.name = handle, name
        self.file_bytes = os.fstat(handle).st_size
        head = self._at(0, min(16, self.file_bytes))
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        version = struct.unpack(f"{self._order}H", head[2:4])[0] if self._order and len(head) >= 8 else 0
        if version not in (42, 43) or (version == 43 and len(head) < 16):
            raise self.broken("it does not begin like a TIFF")
        self._big = version == 43
        self._first: int = self._unpack("Q", head[8:16]) if self._big else self._unpack("I", head[4:8])
        self._fields, self._next, self._size = self._directory(self._first)

    def broken(self, why: str) -> DataError:
        """The refusal of a file that contradicts the format."""
        return DataError(ErrorCode.DECODE_FAILED, f"{self.name}: {why}; write it anew")

    def directory_bytes(self, most: int) -> int:
        """Size of all directories with their values, counted no further than just above `most`."""
        seen, place, total = {self._first}, self._next, self._size
        while place and place not in seen and total <= most:
            seen.add(place)
            _, place, size = self._directory(place)
            total += size
        return total

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self._one(HEIGHT), self._one(WIDTH)
        if not (rows and columns):
            raise self.broken(f"an image of {rows} x {columns} pixels")
        return rows, columns

    @cached_property
    def samples(self) -> int:
        """Bands."""
        samples = self._one(SAMPLES, 1)
        if not samples:
            raise self.broken("no bands")
        return samples

    @cached_property
    def sample_types(self) -> frozenset[tuple[int, int]]:
        """Sample format (1 unsigned, 2 signed, 3 IEEE float) and bits."""
        bits, formats = set(self._all(BITS, 1).tolist()), set(self._all(SAMPLE_FORMAT, 1).tolist())
        return frozenset((f, b) for b in bits for f in formats)

    @cached_property
    def compression(self) -> int:
        """The codec's number."""
        return self._one(COMPRESSION, 1)

    @cached_property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of a tile or strip."""
        rows, columns = self.shape
        block = (self._one(TILE_HEIGHT), self._one(TILE_WIDTH)) if self._tiled else (min(self._one(ROWS_PER_STRIP, rows), rows), columns)
        if not all(block):
            raise self.broken(f"blocks of {block[0]} x {block[1]} pixels")
        return block

    @cached_property
    def samples_per_block(self) -> int:
        """All bands where they are interleaved, else one."""
        return 1 if self._one(PLANAR, 1) == 2 else self.samples

    @cached_property
    def pixel_bytes(self) -> int:
        """Size of one sample."""
        return max(bits for _, bits in self.sample_types) // 8

    @cached_property
    def block_count(self) -> int:
        """Blocks of the whole image."""
        down, across = (-(-side // block) for side, block in zip(self.shape, self.block_shape, strict=True))
        return down * across * (self.samples // self.samples_per_block)

    @cached_property
    def blocks(self) -> tuple[Numbers, Numbers]:
        """Offset and size of every block; both 0 where nothing was written."""
        offsets, sizes = (TILE_OFFSETS, TILE_BYTES) if self._tiled else (STRIP_OFFSETS, STRIP_BYTES)
        return self._all(offsets), self._all(sizes)

    @property
    def _tiled(self) -> bool:
        return TILE_WIDTH in self._fields

    def _one(self, tag: int, default: int | None = None) -> int:
        values = self._all(tag, default)
        if values.size != 1:
            raise self.broken(f"tag {tag} has {values.size} values, not one")
        return int(values[0])

    def _all(self, tag: int, default: int | None = None) -> Numbers:
        field = self._fields.get(tag)
        if field is None:
            if default is None:
                raise self.broken(f"tag {tag} is missing")
            return np.array([default], np.uint64)
        if field.type not in UNSIGNED or not 1 <= field.count <= MAX_VALUES:
            raise self.broken(f"tag {tag} has {field.count} values of type {field.type}")
        raw = self._at(field.place, field.bytes)
        return np.frombuffer(raw, np.dtype(UNSIGNED[field.type]).newbyteorder(self._order)).astype(np.uint64)  # type: ignore[arg-type]

    def _directory(self, place: int) -> tuple[Mapping[int, Field], int, int]:
        """Fields by tag, the place of the next directory, and the size of this one with all its values."""
        count_bytes, entry_bytes = (8, 20) if self._big else (2, 12)
        count = self._unpack("Q" if self._big else "H", self._at(place, count_bytes))
        if count > 1 << 16:
            raise self.broken(f"a directory of {count} entries")
        start = place + count_bytes
        table = self._at(start, count * entry_bytes + (8 if self._big else 4))
        fields, size = dict[int, Field](), count_bytes + len(table)
        for i in range(count):
            tag, field = self._entry(table[i * entry_bytes : (i + 1) * entry_bytes], start + i * entry_bytes)
            fields.setdefault(tag, field)  # as libtiff does
            size += field.bytes
        return fields, self._unpack("Q" if self._big else "I", table[count * entry_bytes :]), size

    def _entry(self, entry: bytes, place: int) -> tuple[int, Field]:
        tag, kind, count = struct.unpack(f"{self._order}HHQ" if self._big else f"{self._order}HHI", entry[: 12 if self._big else 8])
        inline = TYPE_BYTES.get(kind, 0) * count <= (8 if self._big else 4)
        value = place + (12 if self._big else 8) if inline else self._unpack("Q" if self._big else "I", entry[12 if self._big else 8 :])
        field = Field(kind, count, value)
        if not inline and value + field.bytes > self.file_bytes:
            raise self.broken(f"the values of tag {tag} lie outside the file")
        return tag, field

    def _at(self, place: int, size: int) -> bytes:
        if place + size > self.file_bytes:
            raise self.broken("a directory lies outside the file")
        return os.pread(self._handle, size, place)

    def _unpack(self, kind: str, raw: bytes) -> Any:
        return struct.unpack(f"{self._order}{kind}", raw)[0]
