"""What one scene showed of one tile (an observation), and what the sensor saw in one pass (a look)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import LandClass
from jagawana.detectors.grid import TILE_M
from jagawana.detectors.runs import set_positions

FLOOR = 26
"""Stored probabilities are uint8, 255 = 1.0; below this (0.10) they are stored as 0 so that empty blocks cost nothing."""
STORED_CLASSES = (LandClass.MINING, LandClass.ROAD, LandClass.HUT, LandClass.WATER, LandClass.BARE)
SAME_PASS = timedelta(minutes=10)
"""Granules of one platform this close in time are one look: an overlap strip must not confirm itself."""

Bytes2D = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Observation:
    """An immutable observation in its sparse form.

    Attributes:
        positions: int64 (N,), sorted; class index * side² + row * side + column of each stored probability.
        values: uint8 (N,), probability * 255.
        sky: uint8 (h, w), SkyClass codes of the observed window.
        origin: row and column of that window in the tile.
        resolution_m: pixel size; side = 10,000 / resolution.
    """

    observation_id: str
    scene_id: str
    platform: str
    acquired_at: datetime
    resolution_m: int
    positions: npt.NDArray[np.int64]
    values: Bytes2D
    sky: Bytes2D
    origin: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.positions.nbytes + self.values.nbytes + self.sky.nbytes

    @property
    def side(self) -> int:
        """Pixels along a tile."""
        return TILE_M // self.resolution_m

    def sky_at(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Bytes2D:
        """SkyClass codes, uint8 (N,), at tile pixels; FILL outside the observed window."""
        r, c = rows - self.origin[0], columns - self.origin[1]
        inside = (r >= 0) & (c >= 0) & (r < self.sky.shape[0]) & (c < self.sky.shape[1])
        codes = np.zeros(len(rows), np.uint8)
        codes[inside] = self.sky[r[inside], c[inside]]
        return codes

    def values_at(self, positions: npt.NDArray[np.int64]) -> Bytes2D:
        """Stored probabilities, uint8 (N,), at sorted positions; 0 where nothing is stored."""
        at = np.searchsorted(self.positions, positions)
        at[at == len(self.positions)] = 0
        found = self.positions[at] == positions if len(self.positions) else np.zeros(len(positions), bool)
        return np.where(found, self.values[at] if len(self.values) else 0, 0).astype(np.uint8)


def sparse(probabilities: npt.NDArray[np.uint8], *, origin: tuple[int, int], side: int) -> tuple[npt.NDArray[np.int64], Bytes2D]:
    """Positions and values of the stored probabilities.

    Args:
        probabilities: uint8 (5, h, w) in the order of STORED_CLASSES.
        origin: row and column of the window in the tile.
        side: pixels along the tile.
    """
    positions, values = [], []
    for land_class, layer in sorted(zip(STORED_CLASSES, probabilities, strict=True)):
        at = set_positions(layer)
        rows, columns = np.divmod(at, layer.shape[1])
        positions.append((int(land_class) * side + rows + origin[0]) * side + columns + origin[1])
        values.append(layer.reshape(-1)[at])
    return np.concatenate(positions), np.concatenate(values)


def quantised(probabilities: npt.NDArray[np.float32], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Class probabilities as stored: uint8 (5, h, w), 0 below FLOOR and wherever nothing was seen.

    Args:
        probabilities: float32 (6, h, w) in the order of LandClass.
        seen: bool (h, w).
    """
    scaled = np.rint(probabilities[list(STORED_CLASSES)] * 255).astype(np.uint8)
    scaled[scaled < FLOOR] = 0
    scaled[:, ~seen] = 0
    return scaled


def passes(observations: Iterable[Observation]) -> list[Sequence[Observation]]:
    """Observations grouped into looks, in order of acquisition.

    Granules of one platform within SAME_PASS are one look; their order inside it is by scene id, so nothing depends on arrival.
    """
    ordered = sorted(observations, key=lambda o: (o.acquired_at, o.platform, o.scene_id, o.observation_id))
    by_platform: dict[str, list[Observation]] = {}
    for o in ordered:
        by_platform.setdefault(o.platform, []).append(o)
    looks: list[Sequence[Observation]] = []
    for mine in by_platform.values():
        cuts = [i + 1 for i, (a, b) in enumerate(pairwise(mine)) if b.acquired_at - a.acquired_at > SAME_PASS]
        for start, stop in pairwise([0, *cuts, len(mine)]):
            looks.append(sorted(mine[start:stop], key=lambda o: (o.scene_id, o.observation_id)))
    return sorted(looks, key=lambda group: (min(o.acquired_at for o in group), group[0].platform))
