"""A scene classification like Sentinel-2's (SCL), with the mistakes real ones make."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from jagawana.detectors.simulation.atmosphere import Array, Sky
from jagawana.detectors.simulation.noise import smooth
from jagawana.detectors.simulation.paint import Mask


class Scl(IntEnum):
    """Codes of the Sentinel-2 L2A scene classification that are used here."""

    NO_DATA = 0
    SHADOW = 3
    VEGETATION = 4
    BARE = 5
    WATER = 6
    CLOUD_MEDIUM = 8
    CLOUD_HIGH = 9
    CIRRUS = 10


def classify(rng: np.random.Generator, seen: Array, air: Sky, valid: Mask) -> npt.NDArray[np.uint8]:
    """Scene classification of a six-band look.

    Its mistakes: thin cloud edges are missed, by an amount that changes from scene to scene; shadow edges are missed; some bright
    bare ground is called cloud, some dark water shadow. These are the known weaknesses of Sen2Cor; their rates here are assumed.

    Args:
        seen: float32 (6, h, w) in the order blue, green, red, nir, swir16, swir22.
    """
    blue, green, red, nir, swir = seen[0], seen[1], seen[2], seen[3], seen[4]
    ndvi = (nir - red) / (nir + red + 1e-6)
    scl = np.full(red.shape, Scl.BARE, dtype=np.uint8)
    scl[ndvi > 0.4] = Scl.VEGETATION
    scl[((green - swir) / (green + swir + 1e-6) > 0.0) & (ndvi < 0.3)] = Scl.WATER
    doubt = smooth(rng, red.shape, scale_px=4)
    scl[(scl == Scl.BARE) & (blue > 0.21) & (doubt > 1.0)] = Scl.CLOUD_MEDIUM
    scl[(scl == Scl.WATER) & (green < 0.06) & (doubt > 1.6)] = Scl.SHADOW
    scl[air.shadow > float(rng.uniform(0.25, 0.5)) + 0.08 * doubt] = Scl.SHADOW
    seen_from = float(rng.uniform(0.10, 0.28)) + 0.04 * doubt
    scl[(air.opacity > 0.5 * seen_from) & (air.opacity <= seen_from) & (doubt > 0.3)] = Scl.CIRRUS
    scl[air.opacity > seen_from] = Scl.CLOUD_MEDIUM
    scl[air.opacity > 0.55] = Scl.CLOUD_HIGH
    scl[~valid] = Scl.NO_DATA
    return scl
