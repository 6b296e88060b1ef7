"""Which pixels are open river water that can be read: water, not glinting, away from the bank, and joined to the river's line."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from jagawana.schemas.errors import DataError, ErrorCode

Layer = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
WATER_INDEX = 0.0
"""MNDWI above this is water (Xu 2006, Int. J. Remote Sensing 27, 3025-3033); NDWI likewise (McFeeters 1996)."""
PLANTS = 0.2
"""NDVI above this is floating plants, or a bank under trees."""
GLINT = 0.10
"""SWIR (1.6 micrometres) above this over water is glint, haze or a boat: nothing below it is believed. Of 94 match-ups two were."""
BANK = np.ones((3, 3), bool)
"""A pixel counts only if all its eight neighbours are water too: SWIR is recorded at 20 m, and banks are bright."""


class Cover(IntEnum):
    """What a clearly seen pixel is."""

    LAND = 0
    WATER = 1
    GLINT = 2


def cover(bands: Mapping[str, Layer]) -> npt.NDArray[np.uint8]:
    """Cover of every pixel, by MNDWI where there is SWIR, else by NDWI. Pixels must be clear: clouds are not looked for here.

    Args:
        bands: reflectance by STAC common name, all of one shape (H, W): green, red and nir, better with swir16.

    Returns:
        uint8 (H, W), values of Cover.

    Raises:
        DataError: BANDS_MISSING.
    """
    if missing := {"green", "red", "nir"} - bands.keys():
        raise DataError(ErrorCode.BANDS_MISSING, f"water is told by green, red and nir; {', '.join(sorted(missing))} is not there")
    dark = bands.get("swir16", bands["nir"])
    wet = (_index(bands["green"], dark) > WATER_INDEX) & (_index(bands["nir"], bands["red"]) < PLANTS)
    found = np.where(wet, Cover.WATER, Cover.LAND).astype(np.uint8)
    if "swir16" in bands:
        found[wet & (bands["swir16"] > GLINT)] = Cover.GLINT
    return found


def river_water(wet: Mask, near_line: Mask) -> Mask:
    """The connected water (8 neighbours) that reaches the river's line: a pond beside it, flooded pit or oxbow, is not the river.

    Args:
        wet: bool (H, W), water that was clearly seen, glinting or not.
        near_line: bool (H, W), the line's own pixels.
    """
    labels, _ = ndimage.label(wet, np.ones((3, 3), bool))
    touched = np.unique(labels[near_line & wet])
    return np.asarray(wet & np.isin(labels, touched[touched > 0]))


def away_from_the_bank(water: Mask) -> Mask:
    """Water whose eight neighbours are water; the window's edge counts as water, so windows need a margin."""
    return np.asarray(ndimage.binary_erosion(water, BANK, border_value=1))


def _index(a: Layer, b: Layer) -> Layer:
    total = np.asarray(a + b, np.float64)
    return np.asarray(np.divide(a - b, total, out=np.full_like(total, -1.0), where=total > 0))
