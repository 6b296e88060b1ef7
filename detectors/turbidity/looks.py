"""What one look shows of each reach: values from enough open water, or a gap and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from jagawana.detectors.clouds import Sky, SkyClass
from jagawana.detectors.turbidity.calibration import Calibration
from jagawana.detectors.turbidity.retrieval import ndti
from jagawana.detectors.turbidity.water import Cover, away_from_the_bank, cover, river_water

Mask = npt.NDArray[np.bool_]
FEWEST_PX = 10
"""Open-water pixels of 10 m behind a value: the median of fewer moves with one boat."""
MOST_HIDDEN = 0.5
"""Of a reach's corridor; a reach seen through holes in cloud shows the haze around them."""
LINE_M = 30.0
"""Half the width of the strip along the line in which the river must show some water."""


class Gap(StrEnum):
    """Why a reach has no value at a look."""

    OUTSIDE = "outside"  # the scene does not reach it
    CLOUD = "cloud"  # or shadow, over half of it
    GLINT = "glint"  # the surface shines, or haze lies over it
    DRY = "no water at the line"  # dry, grown over, or the line lies beside the river
    NARROW = "too narrow"  # too few pixels of open water away from the banks


@dataclass(frozen=True)
class ReachValue:
    """A reach at one look. In a gap there is no value; turbidity is none too without SWIR, or from another sensor."""

    gap: Gap | None
    pixels: int
    clear_share: float
    ndti: float | None = None
    turbidity_fnu: float | None = None
    lower_quartile_fnu: float | None = None
    upper_quartile_fnu: float | None = None
    saturated: bool = False


@dataclass(frozen=True)
class Corridor:
    """A window along the river: the reach of each pixel, int (H, W), -1 for none, and its distance from the line in metres (H, W)."""

    reach: npt.NDArray[np.int64]
    distance_m: npt.NDArray[np.float64]


def reach_values(
    bands: Mapping[str, npt.NDArray[np.float32]],
    sky: Sky,
    corridor: Corridor,
    reaches: Sequence[int],
    *,
    calibration: Calibration | None,
) -> dict[int, ReachValue]:
    """The values of some reaches in one window.

    Args:
        bands: reflectance 0..1 by STAC common name, float32 (H, W): green, red, nir, better with swir16.
        sky: uint8 (H, W), values of SkyClass.
        corridor: of the same shape.
        reaches: indices of reaches that lie in the window as a whole.
        calibration: none where turbidity cannot be told in FNU.
    """
    clear = np.asarray(sky == SkyClass.CLEAR)
    kind = cover(bands)
    wet = clear & (kind != Cover.LAND)
    river = river_water(wet, corridor.distance_m <= LINE_M)
    water = RiverWater(river, away_from_the_bank(river), np.asarray(kind == Cover.WATER))
    return {n: _value(bands, sky, corridor.reach == n, water, calibration) for n in reaches}


@dataclass(frozen=True)
class RiverWater:
    """Masks of one window, bool (H, W): the river's clearly seen water, what of it is away from the banks, and what does not glint."""

    river: Mask
    open_water: Mask
    calm: Mask


def _value(
    bands: Mapping[str, npt.NDArray[np.float32]], sky: Sky, here: Mask, water: RiverWater, calibration: Calibration | None
) -> ReachValue:
    chosen = here & water.open_water & water.calm
    pixels, clear_share = int(chosen.sum()), _clear_share(sky[here])
    gap = _gap(sky[here], water, here, pixels)
    if gap is not None:
        return ReachValue(gap, pixels, clear_share)
    green, red = bands["green"][chosen], bands["red"][chosen]
    index = _rounded(np.nanmedian(ndti(green, red)), 4)
    if calibration is None or "swir16" not in bands:
        return ReachValue(None, pixels, clear_share, ndti=index)
    swir16 = bands["swir16"][chosen]
    low, middle, high = np.quantile(calibration.fnu(green, red, swir16), [0.25, 0.5, 0.75])
    saturated = bool(np.mean(calibration.is_saturated(red, swir16)) >= 0.5)
    return ReachValue(None, pixels, clear_share, index, _rounded(middle, 1), _rounded(low, 1), _rounded(high, 1), saturated)


def _clear_share(sky: Sky) -> float:
    return round(float(np.mean(sky == SkyClass.CLEAR)), 3) if sky.size else 0.0


def _gap(sky: Sky, water: RiverWater, here: Mask, pixels: int) -> Gap | None:
    if sky.size == 0 or np.mean(sky == SkyClass.FILL) > MOST_HIDDEN:
        return Gap.OUTSIDE
    if _clear_share(sky) < 1 - MOST_HIDDEN:
        return Gap.CLOUD
    if pixels >= FEWEST_PX:
        return None
    if (water.open_water & here).sum() >= FEWEST_PX:
        return Gap.GLINT
    return Gap.NARROW if (water.river & here).any() else Gap.DRY


def _rounded(value: Any, decimals: int) -> float:
    return round(float(value), decimals)
