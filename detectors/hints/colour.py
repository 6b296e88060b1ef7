"""Colours of newly dug ground, from natural colour alone: how red, how bright, how much of it dark."""

import numpy as np

from jagawana.detectors.hints.ground import Flags, Ground, Reflectance
from jagawana.detectors.quicklook import BRIGHTEST
from jagawana.schemas.hints import HintName

LEAST_HA = 0.1
"""Ten pixels at 10 m: of fewer, colours are the edge's."""
FULL = 0.97 * BRIGHTEST
"""From here on a band is as bright as the picture can say, and a colour that rests on it is none."""
DARK = 0.07
"""Coal and wet peat reflect less than this in all visible bands; dry mineral soil does not (Stoner and Baumgardner 1981)."""
NEUTRAL = 0.1
"""Largest colouration of what is black rather than green (forest, about -0.3) or blue (clear water)."""


def colour(ground: Ground) -> dict[HintName, float]:
    """Values of the front without its water; empty where too little of it was seen.

    Redness is left out where more than half of the front is too bright for the picture to have a colour.
    """
    if ground.colours is None:
        return {}
    seen = ground.front & ~ground.water & np.isfinite(ground.colours).all(axis=0)
    if np.count_nonzero(seen) * ground.pixel_ha < LEAST_HA - 1e-9:
        return {}
    pixels = ground.colours[:, seen]
    told = np.asarray((pixels < FULL).all(axis=0))
    light, tint = brightness(pixels), colouration(pixels)
    values = {
        HintName.BRIGHTNESS: float(np.median(light)),
        HintName.DARK_SHARE: float(((light < DARK) & (np.abs(tint) <= NEUTRAL)).mean()),
    }
    return values | ({HintName.REDNESS: float(np.median(tint[told]))} if _is_most(told) else {})


def brightness(colours: Reflectance) -> Reflectance:
    """Root mean square of red, green and blue (Mathieu et al. 1998), of the axes behind the first."""
    return np.asarray(np.sqrt((colours**2).mean(axis=0)), np.float32)


def colouration(colours: Reflectance) -> Reflectance:
    """(red - green) / (red + green): the redness of soils (Escadafal and Huete 1991); 0 where both are black."""
    total = colours[0] + colours[1]
    return np.asarray(np.divide(colours[0] - colours[1], total, out=np.zeros_like(total), where=total > 0), np.float32)


def _is_most(told: Flags) -> bool:
    return bool(2 * np.count_nonzero(told) >= told.size)
