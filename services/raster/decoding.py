"""The parent's side of the decoder: one child per scene, one answer per request, no waiting for ever."""

import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.failpoints import reached
from jagawana.services.raster.nursery import kill, nursery

MOST_BYTES = 1 << 30
"""No answer is longer."""


class RasterUse(StrEnum):
    """What rasters are read for, which says how large they may be (services.raster.guard)."""

    SCENE = "scene"  # all of it is looked at
    COUNTS = "counts"  # a count per cell of a country, looked at in a few places


@dataclass(frozen=True)
class RasterHeader:
    """What a file says of itself. `transform` is in the units of its coordinate system."""

    epsg: int | None
    transform: Affine
    shape: tuple[int, int]
    dtype: str
    nodata: float | None
    descriptions: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    block_rows: int


@dataclass(frozen=True)
class DecoderLimits:
    """What a decoder may use. `seconds` is wall clock for one answer, and processor time in all is ten times that."""

    seconds: float
    extra_bytes: int


class Decoder:
    """Asks a child process for headers and pixels."""

    def __init__(self, connection: Connection, limits: DecoderLimits, memory: int) -> None:
        self._connection, self._limits = connection, limits
        self.memory = memory
        """Descriptor of memory that the child sees too; empty until somebody makes it larger."""

    def header(self, asset: str) -> RasterHeader:
        """The header of an asset, after the decoder's own checks.

        Raises:
            DataError: what is wrong with the file.
            TransientError: DECODER_FAILED when the child died or did not answer in time.
        """
        with _understood(asset):
            h, _ = self._ask({"asset": asset, "op": "header"})
            return RasterHeader(
                h["epsg"], Affine(*h["transform"]), (h["shape"][0], h["shape"][1]), h["dtype"], h["nodata"],
                tuple(h["descriptions"]), tuple(h["scales"]), tuple(h["offsets"]), h["block_rows"],
            )  # fmt: skip

    def read(self, asset: str, *, bands: Sequence[int], window: tuple[int, int, int, int]) -> npt.NDArray[Any]:
        """Pixels (len(bands), rows, columns) in the file's own type; `window` is row, column, rows, columns; bands count from 1."""
        with _understood(asset):
            header, pixels = self._ask({"asset": asset, "op": "read", "bands": list(bands), "window": list(window)}, pixels=True)
            return np.frombuffer(pixels, dtype=header["dtype"]).reshape(header["shape"])

    def fill(self, asset: str, *, bands: Sequence[int], window: tuple[int, int, int, int], offset: int) -> None:
        """Like `read`, but into the shared memory, from `offset` on."""
        with _understood(asset):
            self._ask({"asset": asset, "op": "fill", "bands": list(bands), "window": list(window), "offset": offset})

    def _ask(self, request: dict[str, Any], *, pixels: bool = False) -> tuple[dict[str, Any], bytes]:
        reached("decoder.asking")
        self._connection.send_bytes(json.dumps(request).encode())
        reached("decoder.asked")
        header = json.loads(self._receive())
        reached("decoder.answered")
        if "error" in header:
            raise DataError(ErrorCode(header["error"]), str(header["detail"]))
        return header, self._receive() if pixels else b""

    def _receive(self) -> bytes:
        if not self._connection.poll(self._limits.seconds):
            raise TransientError(ErrorCode.DECODER_FAILED, f"the decoder gave no answer in {self._limits.seconds:g} s")
        return self._connection.recv_bytes(MOST_BYTES)


@contextmanager
def _understood(asset: str) -> Iterator[None]:
    """What a decoder says may be anything, or nothing: whoever feeds it files may have taken it over."""
    try:
        yield
    except (EOFError, OSError) as e:
        raise TransientError(ErrorCode.DECODER_FAILED, f"the decoder died at {asset} ({type(e).__name__})") from e
    except (ValueError, TypeError, LookupError, RecursionError) as e:
        raise TransientError(ErrorCode.DECODER_FAILED, f"the decoder talks nonsense at {asset} ({type(e).__name__})") from e


def _wait_at_most(connection: Connection, seconds: float) -> None:
    """Also in the middle of an answer."""
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", *divmod(round(seconds * 1e6), 1_000_000)))


@contextmanager
def decoder(paths: Mapping[str, Path], limits: DecoderLimits, *, use: RasterUse = RasterUse.SCENE) -> Iterator[Decoder]:
    """A decoder for one scene's checked copies, by asset key; gone afterwards.

    Raises:
        TransientError: DECODER_FAILED when no child can be had.
    """
    named = {key: str(path) for key, path in paths.items()}
    memory = os.memfd_create("jagawana-pixels")
    try:
        work = {"paths": named, "extra_bytes": limits.extra_bytes, "cpu_seconds": round(limits.seconds * 10), "use": use.value}
        connection, pid = nursery().fork(work, memory)
        try:
            _wait_at_most(connection, limits.seconds)
            yield Decoder(connection, limits, memory)
        finally:
            reached("decoder.ending")
            kill(pid)  # while it still waits for us, so that its number is nobody else's
            connection.close()
            reached("decoder.ended")
    finally:
        os.close(memory)
