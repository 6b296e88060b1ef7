"""What was believed of an area as of each look: mining, roads and huts with their shapes, and how much of the area the look showed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import FoldPolicy, Phase, TileState, fold, folds
from jagawana.detectors.grid import Square
from jagawana.detectors.history import Observation
from jagawana.detectors.things import ClassEntries, MinimumMappingUnit, Thing, known_mining, things
from jagawana.schemas.alert import ChangeClass

M2_PER_HA = 10_000.0
BELIEVED = (Phase.PROVISIONAL, Phase.CONFIRMED)
SEEN_AGAIN = 0.5
"""Share of a camp's roof pixels that must be confirmed: roofs seen once are told to nobody (detectors.change)."""
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AreaShapes:
    """What is believed of an area, cut to it. Metres of the tile's UTM zone; `known` was there at the first clear look, `new` was not."""

    mining_known: BaseGeometry
    mining_new: BaseGeometry
    roads_known: BaseGeometry
    roads_new: BaseGeometry
    huts_known: BaseGeometry
    huts_new: BaseGeometry


@dataclass(frozen=True)
class AreaLook:
    """One look at an area of one tile.

    Attributes:
        at, platform, observations: the look.
        shapes: what was believed once it had been weighed.
        dated_back_ha: of what is believed in the end, the new mining that had begun to show by then.
        clear_m2, area_m2: of the area, what the look showed, and all of it.
    """

    at: datetime
    platform: str
    observations: tuple[Observation, ...]
    shapes: AreaShapes
    dated_back_ha: float
    clear_m2: float
    area_m2: float


def area_looks(observations: Iterable[Observation], square: Square, area: BaseGeometry, policy: FoldPolicy | None = None) -> list[AreaLook]:
    """Every look at an area, oldest first.

    Args:
        observations: of one tile and one fingerprint, as for `fold`.
        square: the tile's square.
        area: (Multi)Polygon inside the square, metres of its UTM zone.
        policy: the fold's thresholds.

    Raises:
        ValueError: no observations, or of several resolutions.
    """
    kept = list(observations)
    last = fold(kept, policy)
    pixels, drawn = _AreaMask.of(area, square, last.resolution_m), _Drawing(square, area, last.resolution_m)
    begun = _begun(last, square, pixels)
    found = []
    for index, state in enumerate(folds(kept, policy)):
        group = state.looks[-1]
        found.append(
            AreaLook(
                state.look_at(index), group[0].platform, tuple(group), drawn.of(state),
                float((begun <= index).sum()) * state.resolution_m**2 / M2_PER_HA,
                float(pixels.clear(group) * state.resolution_m**2), float(pixels.mask.sum() * state.resolution_m**2),
            )
        )  # fmt: skip
    return found


class _Drawing:
    """Draws states; what has not changed since the last look is not drawn again."""

    def __init__(self, square: Square, area: BaseGeometry, resolution_m: int) -> None:
        self.square, self.area, self.unit = square, area, MinimumMappingUnit.at(resolution_m)
        self._drawn: dict[tuple[ChangeClass, bool], tuple[bytes, BaseGeometry]] = {}

    def of(self, state: TileState) -> AreaShapes:
        """What is believed of the area in a state."""
        kinds = [ClassEntries(state, kind) for kind in (ChangeClass.MINING, ChangeClass.ROAD, ChangeClass.HUT)]
        return AreaShapes(*(self._once(state, entries, known) for entries in kinds for known in (True, False)))

    def _once(self, state: TileState, entries: ClassEntries, known: bool) -> BaseGeometry:
        phase = entries.phase.tobytes()
        before, shape = self._drawn.get((entries.kind, known), (b"", shapely.MultiPolygon()))
        if before != phase:
            shape = _cut(self._shape(state, entries, known), self.area)
            self._drawn[entries.kind, known] = phase, shape
        return shape

    def _shape(self, state: TileState, entries: ClassEntries, known: bool) -> BaseGeometry:
        if known and entries.kind is ChangeClass.MINING:
            return known_mining(entries, self.square, self.unit)
        found = things(entries, (Phase.INVENTORY,) if known else BELIEVED, self.square, self.unit)
        return shapely.union_all([thing.geometry for thing in found if known or _is_told(state, thing)])


def _is_told(state: TileState, thing: Thing) -> bool:
    confirmed = (state.phase[thing.at] == Phase.CONFIRMED).mean()
    return thing.kind is not ChangeClass.HUT or bool(confirmed >= SEEN_AGAIN)


def _cut(shape: BaseGeometry, area: BaseGeometry) -> BaseGeometry:
    """The part inside the area, without the points and lines where outlines only touch."""
    if shape.is_empty:
        return shape
    dimension = shapely.get_dimensions(shape)
    parts = shapely.get_parts(shapely.intersection(shape, area))
    return shapely.union_all([p for p in shapely.get_parts(parts) if shapely.get_dimensions(p) == dimension])


def _begun(last: TileState, square: Square, pixels: "_AreaMask") -> npt.NDArray[np.int16]:
    """Of each pixel in the area that new mining is believed of in the end, the look that first showed it."""
    found = things(ClassEntries(last, ChangeClass.MINING), BELIEVED, square, MinimumMappingUnit.at(last.resolution_m))
    at = np.concatenate([np.zeros(0, np.int64), *(thing.at for thing in found)])
    rows, columns = np.divmod(last.positions[at] % (last.side * last.side), last.side)
    return np.asarray(last.first[at[pixels.holds(rows, columns)]])


@dataclass(frozen=True)
class _AreaMask:
    """The pixels whose centre lies in an area: bool (h, w), and the row and column of its corner in the tile."""

    mask: Flags
    origin: tuple[int, int]

    @classmethod
    def of(cls, area: BaseGeometry, square: Square, resolution_m: int) -> "_AreaMask":
        """Of an area in metres."""
        west, south, east, north = area.bounds
        top, left = int((square.north + square.side - north) // resolution_m), int((west - square.east) // resolution_m)
        bottom, right = int((square.north + square.side - south) // resolution_m), int((east - square.east) // resolution_m)
        y = square.north + square.side - (np.arange(top, bottom + 1) + 0.5) * resolution_m
        x = square.east + (np.arange(left, right + 1) + 0.5) * resolution_m
        shapely.prepare(area)
        mask = shapely.contains_xy(area, *np.meshgrid(x, y))
        return cls(np.asarray(mask, bool), (top, left))

    def holds(self, rows: Places, columns: Places) -> Flags:
        """Which pixels of the tile are in it."""
        r, c = rows - self.origin[0], columns - self.origin[1]
        inside = (r >= 0) & (c >= 0) & (r < self.mask.shape[0]) & (c < self.mask.shape[1])
        inside[inside] = self.mask[r[inside], c[inside]]
        return np.asarray(inside)

    def clear(self, group: Sequence[Observation]) -> int:
        """How many of them at least one granule of a look saw."""
        seen = np.zeros_like(self.mask)
        for o in group:
            down, right = o.origin[0] - self.origin[0], o.origin[1] - self.origin[1]
            part = seen[max(0, down) : max(0, down + o.sky.shape[0]), max(0, right) : max(0, right + o.sky.shape[1])]
            sky = o.sky[max(0, -down) :, max(0, -right) :][: part.shape[0], : part.shape[1]]
            part |= sky == SkyClass.CLEAR
        return int((seen & self.mask).sum())
