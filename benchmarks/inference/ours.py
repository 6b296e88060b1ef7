"""Ours, as the detect room does it: a confined decoder, windows that overlap by the halo, three stages at once."""

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import LandClass
from jagawana.detectors.detector import Detector, StoredBytes, Window
from jagawana.detectors.history import STORED_CLASSES
from jagawana.services.detect.models import load_detector
from jagawana.services.detect.stages import in_stages
from jagawana.services.raster.block_rows import BlockRows, block_rows
from jagawana.services.raster.decoding import DecoderLimits, decoder

PACKAGES = ("jagawana", "openvino", "rasterio", "numpy")
TILE_PX = 1_008
"""Two of the runtime's usual blocks each way, like the 10 km tiles of the service."""
SCALE = np.float32(1e-4)
LIMITS = DecoderLimits(120.0, 3 << 30)
Labels = npt.NDArray[np.uint8]
Place = tuple[slice, slice]


def load(network: Path, *, precision: str, threads: int, scratch: Path) -> Callable[[Path], Labels]:
    """Our own weights are in the package; `network` is only what the peers run, and nothing goes to `scratch`."""
    del network, scratch
    _detector(precision, threads)
    return lambda image: ours(image, precision, threads)


def ours(image: Path, precision: str, threads: int) -> Labels:
    """Class of every pixel, uint8 (H, W)."""
    detector = _detector(precision, threads)
    with decoder({"data": image}, LIMITS) as child, block_rows(child) as pixels:
        height, width = pixels.header("data").shape
        labels = np.empty((height, width), np.uint8)

        def label(found: tuple[Place, StoredBytes]) -> None:
            labels[found[0]] = _likeliest(found[1])

        for _ in in_stages(
            _places(height, width),
            read=lambda place: (place, _window(pixels, place, (height, width), detector.spec.halo_px)),
            think=lambda read: (read[0], detector.stored(read[1])),
            write=label,
        ):
            pass
    return labels


@lru_cache(maxsize=1)
def _detector(precision: str, threads: int) -> Detector:
    return load_detector("rgbn", device="cpu", precision=precision, threads=threads)


def _places(height: int, width: int) -> list[Place]:
    corners = product(range(0, height, TILE_PX), range(0, width, TILE_PX))
    return [(slice(top, min(top + TILE_PX, height)), slice(left, min(left + TILE_PX, width))) for top, left in corners]


def _window(pixels: BlockRows, place: Place, shape: tuple[int, int], halo_px: int) -> Window:
    rows, columns = (
        slice(max(0, kept.start - halo_px), min(length, kept.stop + halo_px)) for kept, length in zip(place, shape, strict=True)
    )
    box = rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
    numbers = pixels.read("data", bands=(1, 2, 3, 4), window=box)
    valid = (numbers != 0).all(axis=0)
    keep = tuple(slice(kept.start - read.start, kept.stop - read.start) for kept, read in zip(place, (rows, columns), strict=True))
    return Window(numbers * SCALE, valid, (keep[0], keep[1]), valid)


def _likeliest(stored: StoredBytes) -> Labels:
    """The class with most of the 255; background has what the others leave."""
    most = 255 - np.minimum(stored.sum(axis=0, dtype=np.uint16), 255).astype(np.uint8)
    labels = np.full(most.shape, LandClass.BACKGROUND, np.uint8)
    for land_class, value in zip(STORED_CLASSES, stored, strict=True):
        labels[value > most] = land_class
        np.maximum(most, value, out=most)
    return labels
