"""An area look by look: what was believed as of each with its shapes, or what is believed now, dated back; and how much a look showed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import FoldPolicy, Phase, TileState, fold, folds
from jagawana.detectors.grid import Square
from jagawana.detectors.history import Observation
from jagawana.detectors.things import ClassEntries, MinimumMappingUnit, Thing, known_mining, things
from jagawana.schemas.alert import ChangeClass

M2_PER_HA = 10_000.0
BELIEVED = (Phase.PROVISIONAL, Phase.CONFIRMED)
KNOWN, OVER = (Phase.INVENTORY, Phase.INVENTORY_ENDED), (Phase.ENDED, Phase.INVENTORY_ENDED)
"""Already there at the first clear look; no longer there at the last."""
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
        dated_back_ha: of the new mining of the last state, ended or not, what had begun to show by then and had not yet ended.
        clear_m2, area_m2: of the area, what the look showed, and all of it.
    """

    at: datetime
    platform: str
    observations: tuple[Observation, ...]
    shapes: AreaShapes
    dated_back_ha: float
    clear_m2: float
    area_m2: float


@dataclass(frozen=True)
class SeriesPoint:
    """What the last state says of an area at one look, pixel by pixel. `clear_share` of the area was really seen."""

    at: datetime
    mining_ha: float
    road_m: float
    hut_px: int
    clear_share: float


def series(state: TileState, square: Square, area: BaseGeometry) -> list[SeriesPoint]:
    """One point a look, oldest first: each pixel from the look that first showed it to the last that did; one fold, nothing drawn.

    Args:
        state: the fold of one stream of a tile.
        square: the tile's square.
        area: (Multi)Polygon inside the square, metres of its UTM zone.
    """
    mask = _AreaMask.of(area, square, state.resolution_m)
    inside = np.isin(state.phase, (*BELIEVED, *KNOWN, *OVER)) & mask.holds(state)
    kinds = state.positions // (state.side * state.side)
    return [_point(state, look, inside, kinds, mask) for look in range(len(state.looks))]


def _point(state: TileState, look: int, inside: Flags, kinds: Places, mask: "_AreaMask") -> SeriesPoint:
    here = inside & _stands(state, look)
    mining, road, huts = (int((here & (kinds == c)).sum()) for c in (LandClass.MINING, LandClass.ROAD, LandClass.HUT))
    return SeriesPoint(
        at=state.look_at(look),
        mining_ha=round(mining * state.resolution_m**2 / M2_PER_HA, 4),
        road_m=float(road * state.resolution_m),
        hut_px=huts,
        clear_share=round(mask.clear(state.looks[look]) / int(mask.mask.sum()), 3),
    )


def _stands(state: TileState, look: int) -> Flags:
    """Which entries had begun to show by a look and had not yet been shown for the last time."""
    begun = np.isin(state.phase, KNOWN) | ((state.first >= 0) & (state.first <= look))
    return np.asarray(begun & ~(np.isin(state.phase, OVER) & (state.last < look)))


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
    new = _new_mining(last, square) & pixels.holds(last)
    found = []
    for index, state in enumerate(folds(kept, policy)):
        group = state.looks[-1]
        found.append(
            AreaLook(
                state.look_at(index), group[0].platform, tuple(group), drawn.of(state),
                float((new & _stands(last, index)).sum()) * state.resolution_m**2 / M2_PER_HA,
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


def _new_mining(last: TileState, square: Square) -> Flags:
    """Which entries are new mining of a reported size in the end, or were until it ended."""
    unit, chosen = MinimumMappingUnit.at(last.resolution_m), np.zeros(len(last.positions), bool)
    for thing in things(ClassEntries(last, ChangeClass.MINING), (*BELIEVED, Phase.ENDED), square, unit):
        chosen[thing.at] = True
    return chosen


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

    def holds(self, state: TileState) -> Flags:
        """Which entries of the tile are in it."""
        rows, columns = np.divmod(state.positions % (state.side * state.side), state.side)
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
