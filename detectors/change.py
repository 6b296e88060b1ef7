"""What a person can act on: each new thing with its state, its dates and the looks that show it."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import NEVER, Phase, TileState
from jagawana.detectors.grid import Square
from jagawana.detectors.history import Observation
from jagawana.detectors.things import ClassEntries, MinimumMappingUnit, Thing, known_mining, things
from jagawana.schemas.alert import AlertState, ChangeClass

BELIEVED = (Phase.PROVISIONAL, Phase.CONFIRMED)
AS_A_WHOLE = ((*BELIEVED, Phase.ENDED),)
PARTS = {ChangeClass.MINING: (BELIEVED, (Phase.ENDED,)), ChangeClass.ROAD: AS_A_WHOLE, ChangeClass.HUT: AS_A_WHOLE}
"""Mining that regrew is a change apart from mining that goes on. A road or a camp ends as a whole: single pixels of them come and go."""
BEGINNING, MOSTLY_CLEAR = 0.1, 0.8


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
    for kind, parts in PARTS.items():
        entries = ClassEntries(state, kind)
        described = [_describe(state, thing) for phases in parts for thing in things(entries, phases, square, limits)]
        found += [change for change in described if not _is_hearsay(change)]
    return found


def inventory(state: TileState, square: Square, unit: MinimumMappingUnit | None = None) -> BaseGeometry:
    """Mining that was already there at the first clear look, from the minimum mapping unit on: kept and shown, never news."""
    entries = ClassEntries(state, ChangeClass.MINING)
    return known_mining(entries, square, unit or MinimumMappingUnit.at(state.resolution_m))


def _is_hearsay(change: Change) -> bool:
    """Roofs seen once: of 100 pixels called so in simulated scenes 12 to 37 were roofs; a camp is nothing until it is seen again."""
    return change.change_class is ChangeClass.HUT and change.state is AlertState.PROVISIONAL


def _describe(state: TileState, thing: Thing) -> Change:
    at = thing.at
    first, last = _when_enough(state.first[at], thing), int(state.last[at].max())
    before = _last_clean(state, at)
    confirmed = state.confirmed[at][state.confirmed[at] != NEVER]
    ended = bool((state.phase[at] == Phase.ENDED).all())
    is_confirmed = ended or len(confirmed) >= _enough_again(thing)
    shown = [i for i in range(first, last + 1) if i in (first, last) or _shows(state, i, at)]
    return Change(
        change_class=thing.kind,
        state=AlertState.ENDED if ended else AlertState.CONFIRMED if is_confirmed else AlertState.PROVISIONAL,
        geometry=thing.geometry,
        last_clear_before_at=state.look_at(before),
        first_seen_at=state.look_at(first),
        confirmed_at=state.look_at(_when_enough(confirmed, thing)) if is_confirmed else None,
        last_seen_at=state.look_at(last),
        probability=round(float(np.median(state.posterior[at])), 3),
        looks_positive=int(np.median(state.positive[at])),
        looks_clear=int(np.median(state.clear[at])),
        before=_clearest(state, before, at),
        after=_clearest(state, last, at),
        shown_by=tuple(o for i in shown for o in state.looks[i] if _saw(state, o, at)),
    )


def _enough_again(thing: Thing) -> int:
    """How many of its pixels must be seen again; of a camp half, since pixels do not tell how many roofs they are."""
    return ceil(len(thing.at) / 2) if thing.kind is ChangeClass.HUT else thing.enough


def _when_enough(look_of: npt.NDArray[np.int16], thing: Thing) -> int:
    """The look by which enough of its pixels had appeared to be reported; the last one if they only count together."""
    return int(np.sort(look_of)[min(thing.enough, len(look_of)) - 1])


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
