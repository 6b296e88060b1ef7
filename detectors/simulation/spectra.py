"""Covers of the ground, their spectra, and the class a detector should call them."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import LandClass
from jagawana.detectors.simulation.measured import ASSUMED, BANDS, MEASURED
from jagawana.detectors.simulation.noise import stream

Array = npt.NDArray[np.float32]


class Cover(IntEnum):
    """What a sub-pixel is covered with. Names are the keys of the measured spectra; RIVER mixes two of them by its load of silt."""

    FOREST_DENSE = 0
    FOREST_LIGHT = 1
    SCRUB = 2
    GRASS = 3
    TAILINGS = 4
    MINE_SOIL = 5
    MINE_WET = 6
    POND_TURBID = 7
    POND_DARK = 8
    ROAD = 9
    RIVER = 10
    SANDBAR = 11
    FIELD_SOIL = 12
    VILLAGE_GROUND = 13
    ROOF_METAL = 14
    ROOF_RUST = 15
    ROOF_TARP = 16
    ROOF_THATCH = 17


LAND_CLASS: dict[Cover, LandClass] = {
    Cover.FOREST_DENSE: LandClass.BACKGROUND,
    Cover.FOREST_LIGHT: LandClass.BACKGROUND,
    Cover.SCRUB: LandClass.BACKGROUND,
    Cover.GRASS: LandClass.BACKGROUND,
    Cover.TAILINGS: LandClass.MINING,
    Cover.MINE_SOIL: LandClass.MINING,
    Cover.MINE_WET: LandClass.MINING,
    Cover.POND_TURBID: LandClass.MINING,
    Cover.POND_DARK: LandClass.MINING,
    Cover.ROAD: LandClass.ROAD,
    Cover.RIVER: LandClass.WATER,
    Cover.SANDBAR: LandClass.BARE,
    Cover.FIELD_SOIL: LandClass.BARE,
    Cover.VILLAGE_GROUND: LandClass.BARE,
    Cover.ROOF_METAL: LandClass.HUT,
    Cover.ROOF_RUST: LandClass.HUT,
    Cover.ROOF_TARP: LandClass.HUT,
    Cover.ROOF_THATCH: LandClass.HUT,
}
"""The class of each cover, in the order of Cover."""
CLASS_OF = np.array([LAND_CLASS[c] for c in Cover], dtype=np.uint8)
"""uint8 (covers,): lookup from cover to LandClass."""
MINING_COVERS = tuple(c for c, k in LAND_CLASS.items() if k is LandClass.MINING)
SOILS = (Cover.TAILINGS, Cover.MINE_SOIL, Cover.MINE_WET, Cover.ROAD, Cover.SANDBAR, Cover.FIELD_SOIL, Cover.VILLAGE_GROUND)
"""Covers that darken when it has rained."""


class Palette:
    """Spectra of one world: the measured means, moved along the measured between-place axes once per world and cover.

    Attributes:
        log_mean: float32 (covers, 6), log reflectance.
        place: float32 (covers, 6, 3), axes of variation between places.
        pixel: float32 (covers, 6, 3), axes of variation within a place.
        silt: float32 (6,), what full silt load adds to the log reflectance of RIVER.
    """

    def __init__(self, seed: int, *, spread: float = 0.7) -> None:
        rng = stream(seed, "palette")
        air = rng.standard_normal(3)
        names = [c.name.lower() if c is not Cover.RIVER else "river_clear" for c in Cover]
        known = [(MEASURED | ASSUMED)[n] for n in names]
        self.place: Array = np.array([m.place for m in known], dtype=np.float32)
        self.pixel: Array = np.array([m.pixel for m in known], dtype=np.float32)
        # Half of what moves a place's spectrum is common to all its covers (soil, air), half is the cover's own.
        own = rng.standard_normal((len(names), 3))
        moved = np.einsum("cbk,ck->cb", self.place, (0.7 * own + 0.7 * air) * spread)
        self.log_mean: Array = (np.log([m.mean for m in known]) + moved).astype(np.float32)
        self.silt: Array = np.log(np.array(MEASURED["river_turbid"].mean) / np.array(MEASURED["river_clear"].mean)).astype(np.float32)


def band_index(bands: tuple[str, ...]) -> list[int]:
    """Positions of bands, by common name, in a spectrum."""
    return [BANDS.index(b) for b in bands]
