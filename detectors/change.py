"""From pixel states to shapes a person can act on: mining polygons, road centre-lines, hut clusters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from jagawana.detectors import shapes
from jagawana.detectors.classes import ALERTABLE
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import NEVER, Phase, TileState
from jagawana.detectors.grid import Square
from jagawana.detectors.history import Observation
from jagawana.schemas.alert import AlertState, ChangeClass

BELIEVED = (Phase.PROVISIONAL, Phase.CONFIRMED)
AS_A_WHOLE = ((*BELIEVED, Phase.ENDED),)
PARTS = {ChangeClass.MINING: (BELIEVED, (Phase.ENDED,)), ChangeClass.ROAD: AS_A_WHOLE, ChangeClass.HUT: AS_A_WHOLE}
"""Mining that regrew is a change apart from mining that goes on. A road or a camp ends as a whole: single pixels of them come and go."""
BEGINNING, MOSTLY_CLEAR = 0.1, 0.8
EIGHT = np.ones((3, 3), bool)
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MinimumMappingUnit:
    """Smallest thing reported, per class, for one pixel size (docs/concepts.md has the table and its reasons)."""

    mining_ha: float
    road_m: float
    huts: int
    hut_cluster_m: float = 150.0

    @classmethod
    def at(cls, resolution_m: int) -> "MinimumMappingUnit":
        """Mining from 0.3 ha at any pixel size: 30 pixels at 10 m; at 5 m smaller patches were field edges and haze as often.

        Huts at 10 m only as clusters.
        """
        return cls(0.3, 200.0, 3) if resolution_m >= 8 else cls(0.3, 150.0, 2)


@dataclass(frozen=True)
class Change:
    """One thing that the history does not explain. Geometry in metres of the tile's UTM zone.

    `mining` is a (Multi)Polygon, `road` a MultiLineString, `hut` a MultiPoint. `before` and `after` are the observations
    to show a person: the last clear one without it and the last one that shows it.
    """

    change_class: ChangeClass
    state: AlertState
    geometry: BaseGeometry
    last_clear_before_at: datetime
    first_seen_at: datetime
    confirmed_at: datetime | None
    last_seen_at: datetime
    probability: float
    looks_positive: int
    looks_clear: int
    before: Observation
    after: Observation
    shown_by: tuple[Observation, ...]


def changes(state: TileState, square: Square, unit: MinimumMappingUnit | None = None) -> list[Change]:
    """The changes of a tile, active and ended, in a deterministic order.

    Args:
        state: the fold of one stream of observations.
        square: the tile's square, for coordinates.
        unit: smallest things reported; by default what the pixel size allows.
    """
    limits = unit or MinimumMappingUnit.at(state.resolution_m)
    found: list[Change] = []
    for change_class, land_class in ALERTABLE.items():
        entries = _Entries(state, state.of_class(land_class))
        for phases in PARTS[change_class]:
            found.extend(_changes_of(change_class, entries, phases, square, limits))
    return found


def inventory(state: TileState, square: Square, unit: MinimumMappingUnit | None = None) -> BaseGeometry:
    """Mining that was already there at the first clear look, from the minimum mapping unit on: kept and shown, never news."""
    limits = unit or MinimumMappingUnit.at(state.resolution_m)
    entries = _Entries(state, state.of_class(ALERTABLE[ChangeClass.MINING]))
    mask, origin = entries.raster(entries.is_in(Phase.INVENTORY))
    labels, _ = ndimage.label(mask, EIGHT)
    large = np.bincount(labels.ravel()) * state.resolution_m**2 >= limits.mining_ha * 10_000
    return shapes.polygons(mask & large[labels], shapes.corner(square, state.resolution_m, origin), state.resolution_m)


class _Entries:
    """The entries of one class, and their places in the tile."""

    def __init__(self, state: TileState, part: slice) -> None:
        self.state, self.part = state, part
        pixels = state.positions[part] % (state.side * state.side)
        self.rows, self.columns = pixels // state.side, pixels % state.side
        self.phase = state.phase[part]

    def is_in(self, *phases: Phase) -> Flags:
        return np.isin(self.phase, phases)

    def raster(self, where: Flags, margin: int = 3) -> tuple[Flags, tuple[int, int]]:
        """A mask just large enough for the chosen entries, and its origin (row, column) in the tile."""
        if not where.any():
            return np.zeros((1, 1), bool), (0, 0)
        rows, columns = self.rows[where], self.columns[where]
        top, left = int(rows.min()) - margin, int(columns.min()) - margin
        mask = np.zeros((int(rows.max()) - top + margin + 1, int(columns.max()) - left + margin + 1), bool)
        mask[rows - top, columns - left] = True
        return mask, (top, left)


def _changes_of(
    kind: ChangeClass, entries: _Entries, phases: Sequence[Phase], square: Square, unit: MinimumMappingUnit
) -> Iterator[Change]:
    where = entries.is_in(*phases)
    if not where.any():
        return
    mask, origin = entries.raster(where)
    labels = _components(kind, mask, entries, origin, unit, entries.state.resolution_m)
    label_of = np.where(where, labels[_clip(entries.rows - origin[0], labels, 0), _clip(entries.columns - origin[1], labels, 1)], 0)
    order = np.argsort(label_of, kind="stable")
    ends = np.searchsorted(label_of[order], np.arange(int(labels.max()) + 2))
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        members = order[ends[label] : ends[label + 1]]
        if box is None or not _may_be_enough(kind, len(members), entries.state.resolution_m, unit):
            continue
        corner = shapes.corner(square, entries.state.resolution_m, (origin[0] + box[0].start, origin[1] + box[1].start))
        geometry = _trace(kind, labels[box] == label, corner, entries.state.resolution_m, unit)
        if not geometry.is_empty:
            change = _describe(kind, geometry, entries, members, unit)
            if not _is_hearsay(change):
                yield change


def _may_be_enough(kind: ChangeClass, pixels: int, resolution_m: int, unit: MinimumMappingUnit) -> bool:
    """Whether so many pixels can come to something that is reported: asked before anything is traced. A line gains no more than
    the closing of gaps of four pixels and the diagonal give it."""
    return pixels > 0 and _enough(pixels if kind is not ChangeClass.ROAD else 8 * pixels, kind, resolution_m, unit)


def _is_hearsay(change: Change) -> bool:
    """Roofs seen once: of 100 pixels called so in simulated scenes 12 to 37 were roofs; a camp is nothing until it is seen again."""
    return change.change_class is ChangeClass.HUT and change.state is AlertState.PROVISIONAL


def _clip(index: npt.NDArray[np.int64], labels: npt.NDArray[np.int32], axis: int) -> npt.NDArray[np.int64]:
    return np.clip(index, 0, labels.shape[axis] - 1)


def _components(
    kind: ChangeClass, mask: Flags, entries: _Entries, origin: tuple[int, int], unit: MinimumMappingUnit, resolution_m: int
) -> npt.NDArray[np.int32]:
    """Connected things, int32 (H, W). Roads and huts are joined over small gaps; mining must stand clear of old mining.

    A one-pixel rim around what was already there is co-registration, not growth: it joins a component but cannot be one.
    """
    if kind is ChangeClass.MINING:
        old, old_origin = entries.raster(entries.is_in(Phase.INVENTORY))
        rim = _placed(ndimage.binary_dilation(old, EIGHT), old_origin, mask.shape, origin)
        core, _ = ndimage.label(mask & ~rim, EIGHT)
        grown = ndimage.grey_dilation(core, size=(3, 3)) if rim.any() else core
        return np.where(mask, np.where(core > 0, core, grown), 0).astype(np.int32)
    reach = 2 if kind is ChangeClass.ROAD else max(1, round(unit.hut_cluster_m / 2 / resolution_m))
    joined, _ = ndimage.label(ndimage.binary_dilation(mask, EIGHT, iterations=reach), EIGHT)
    return np.where(mask, joined, 0).astype(np.int32)


def _placed(mask: Flags, origin: tuple[int, int], shape: tuple[int, ...], target: tuple[int, int]) -> Flags:
    """A mask moved into another window of the same tile."""
    out = np.zeros(shape, bool)
    r, c = np.nonzero(mask)
    r, c = r + origin[0] - target[0], c + origin[1] - target[1]
    inside = (r >= 0) & (c >= 0) & (r < shape[0]) & (c < shape[1])
    out[r[inside], c[inside]] = True
    return out


def _trace(kind: ChangeClass, mask: Flags, corner: tuple[float, float], resolution_m: int, unit: MinimumMappingUnit) -> BaseGeometry:
    """The component's geometry, empty when it is below the minimum mapping unit."""
    if kind is ChangeClass.MINING:
        big_enough = mask.sum() * resolution_m**2 >= unit.mining_ha * 10_000
        return shapes.polygons(mask if big_enough else mask & False, corner, resolution_m)
    if kind is ChangeClass.ROAD:
        return shapes.centre_lines(mask, corner, resolution_m, at_least_m=unit.road_m)
    return shapes.cluster(mask, corner, resolution_m, at_least=unit.huts)


def _describe(
    kind: ChangeClass, geometry: BaseGeometry, entries: _Entries, members: npt.NDArray[np.int64], unit: MinimumMappingUnit
) -> Change:
    state, at = entries.state, members + entries.part.start
    first = _when_large_enough(state.first[at], kind, state.resolution_m, unit)
    last = int(state.last[at].max())
    before = _last_clean(state, at)
    confirmed = state.confirmed[at][state.confirmed[at] != NEVER]
    ended = bool((state.phase[at] == Phase.ENDED).all())
    is_confirmed = ended or _is_confirmed(kind, len(confirmed), len(at), state.resolution_m, unit)
    confirmed_look = _when_large_enough(confirmed, kind, state.resolution_m, unit) if is_confirmed else None
    shown = [i for i in range(first, last + 1) if i in (first, last) or _shows(state, i, at)]
    return Change(
        change_class=kind,
        state=AlertState.ENDED if ended else AlertState.CONFIRMED if is_confirmed else AlertState.PROVISIONAL,
        geometry=geometry,
        last_clear_before_at=state.look_at(before),
        first_seen_at=state.look_at(first),
        confirmed_at=None if confirmed_look is None else state.look_at(confirmed_look),
        last_seen_at=state.look_at(last),
        probability=round(float(np.median(state.posterior[at])), 3),
        looks_positive=int(np.median(state.positive[at])),
        looks_clear=int(np.median(state.clear[at])),
        before=_clearest(state, before, at),
        after=_clearest(state, last, at),
        shown_by=tuple(o for i in shown for o in state.looks[i] if _saw(state, o, at)),
    )


def _is_confirmed(kind: ChangeClass, confirmed_px: int, all_px: int, resolution_m: int, unit: MinimumMappingUnit) -> bool:
    """Enough of it was seen again; of a camp half, since pixels do not tell how many roofs they are."""
    if kind is ChangeClass.HUT:
        return 2 * confirmed_px >= all_px
    return _enough(confirmed_px, kind, resolution_m, unit)


def _enough(pixels: int, kind: ChangeClass, resolution_m: int, unit: MinimumMappingUnit) -> bool:
    if kind is ChangeClass.MINING:
        return pixels * resolution_m**2 >= unit.mining_ha * 10_000
    return pixels * resolution_m >= unit.road_m if kind is ChangeClass.ROAD else pixels >= unit.huts


def _when_large_enough(look_of: npt.NDArray[np.int16], kind: ChangeClass, resolution_m: int, unit: MinimumMappingUnit) -> int:
    """The look by which enough pixels had appeared to be reported; the last one if they only count together."""
    ordered = np.sort(look_of)
    for i in np.flatnonzero(np.diff(ordered, append=ordered[-1] + 1)):
        if _enough(int(i) + 1, kind, resolution_m, unit):
            return int(ordered[i])
    return int(ordered[-1])


def _pixels(state: TileState, at: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    pixels = state.positions[at] % (state.side * state.side)
    return pixels // state.side, pixels % state.side


def _last_clean(state: TileState, at: npt.NDArray[np.int64]) -> int:
    """The last look that saw the place clearly before more than a tenth of the change had appeared.

    Not the look before the change was large enough to be reported: its picture would already show the beginnings.
    """
    begun = int(np.quantile(state.first[at], BEGINNING, method="lower"))
    rows, columns = _pixels(state, at)
    shares = np.zeros(begun)
    for look in reversed(range(begun)):
        shares[look] = _clear_share(state, look, rows, columns)
        if shares[look] >= MOSTLY_CLEAR:
            return look
    return int(np.argmax(shares))


def _saw(state: TileState, o: Observation, at: npt.NDArray[np.int64]) -> bool:
    """Whether a granule saw any of it: the others of its pass are no evidence."""
    return bool((o.sky_at(*_pixels(state, at)) == SkyClass.CLEAR).any())


def _clear_share(state: TileState, look: int, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> float:
    return max(float((o.sky_at(rows, columns) == SkyClass.CLEAR).mean()) for o in state.looks[look])


def _shows(state: TileState, look: int, at: npt.NDArray[np.int64]) -> bool:
    """Whether a look shows at least a quarter of the change."""
    best = np.max([o.values_at(state.positions[at]) for o in state.looks[look]], axis=0)
    return float((best >= 128).mean()) >= 0.25


def _clearest(state: TileState, look: int, at: npt.NDArray[np.int64]) -> Observation:
    """The granule of a pass that saw most of the change."""
    rows, columns = _pixels(state, at)
    return max(state.looks[look], key=lambda o: (int((o.sky_at(rows, columns) == SkyClass.CLEAR).sum()), o.observation_id))
