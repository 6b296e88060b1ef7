"""Roads within a buffer, by pixels and by length of their centre-lines (Heipke, Mayer, Wiedemann & Jamet 1997)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.detector import Mask
from jagawana.detectors.shapes import centre_lines

BUFFER_PX = 2
"""Tracks are drawn to about a pixel."""


class RoadCounts(NamedTuple):
    """One image. Pixels, and metres of centre-line; `right` lies near a labelled road, `found` near a called one."""

    called_px: int = 0
    right_px: int = 0
    labelled_px: int = 0
    found_px: int = 0
    called_m: float = 0.0
    right_m: float = 0.0
    labelled_m: float = 0.0
    found_m: float = 0.0


def count_roads(labelled: Mask, called: Mask, *, resolution_m: float) -> RoadCounts:
    """What two road masks have in common, within BUFFER_PX.

    Args:
        labelled, called: bool (H, W); False where nothing is known.
    """
    if not labelled.any() and not called.any():
        return RoadCounts()
    true, said = (lines_of(mask, resolution_m) for mask in (labelled, called))
    return RoadCounts(
        called_px=int(called.sum()),
        right_px=int((called & near(labelled)).sum()),
        labelled_px=int(labelled.sum()),
        found_px=int((labelled & near(called)).sum()),
        called_m=said.length,
        right_m=_length_near(said, true, resolution_m),
        labelled_m=true.length,
        found_m=_length_near(true, said, resolution_m),
    )


def near(mask: Mask) -> Mask:
    """Pixels within BUFFER_PX of a mask, counted in rows and columns."""
    return np.asarray(ndimage.binary_dilation(mask, _square())) if mask.any() else mask


def lines_of(mask: Mask, resolution_m: float) -> BaseGeometry:
    """Centre-lines of a road mask in metres, gaps of up to four pixels closed."""
    return centre_lines(mask, (0.0, 0.0), resolution_m, at_least_m=0.0)


def _length_near(lines: BaseGeometry, others: BaseGeometry, resolution_m: float) -> float:
    if lines.is_empty or others.is_empty:
        return 0.0
    return min(lines.length, lines.intersection(others.buffer(BUFFER_PX * resolution_m)).length)


def _square() -> npt.NDArray[np.bool_]:
    return np.ones((2 * BUFFER_PX + 1, 2 * BUFFER_PX + 1), bool)
