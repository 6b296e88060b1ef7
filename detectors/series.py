"""The area series of a place: what each look showed, with gaps where cloud hid it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import Phase, TileState
from jagawana.detectors.grid import Square, tile_square
from jagawana.detectors.history import Observation
from jagawana.schemas.base import TileId

KNOWN, OVER = (Phase.INVENTORY, Phase.INVENTORY_ENDED), (Phase.ENDED, Phase.INVENTORY_ENDED)
"""Already there at the first clear look; no longer there at the last."""
BELIEVED = (Phase.PROVISIONAL, Phase.CONFIRMED, Phase.ENDED, *KNOWN)


@dataclass(frozen=True)
class SeriesPoint:
    """What is believed of a place at one look. `clear_share` of the place was really seen; below half it counts as hidden."""

    at: datetime
    mining_ha: float
    road_m: float
    hut_px: int
    clear_share: float


def series(state: TileState, tile: TileId, place: Square) -> list[SeriesPoint]:
    """One point a look, oldest first.

    Args:
        state: the fold of one stream of the tile.
        place: a square inside the tile, for example a cell.
    """
    square, r = tile_square(tile), state.resolution_m
    top, left = (square.north + square.side - place.north - place.side) // r, (place.east - square.east) // r
    size = place.side // r
    pixels = state.positions % (state.side * state.side)
    rows, columns = pixels // state.side, pixels % state.side
    inside = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size) & np.isin(state.phase, BELIEVED)
    kinds = state.positions // (state.side * state.side)
    return [_point(state, look, inside, kinds, (top, left, size)) for look in range(len(state.looks))]


def _point(
    state: TileState, look: int, inside: npt.NDArray[np.bool_], kinds: npt.NDArray[np.int64], window: tuple[int, int, int]
) -> SeriesPoint:
    begun = np.isin(state.phase, KNOWN) | ((state.first >= 0) & (state.first <= look))
    over = np.isin(state.phase, OVER) & (state.last < look)
    here = inside & begun & ~over
    count = {c: int((here & (kinds == c)).sum()) for c in (LandClass.MINING, LandClass.ROAD, LandClass.HUT)}
    return SeriesPoint(
        at=state.look_at(look),
        mining_ha=round(count[LandClass.MINING] * state.resolution_m**2 * 1e-4, 4),
        road_m=float(count[LandClass.ROAD] * state.resolution_m),
        hut_px=count[LandClass.HUT],
        clear_share=round(_clear_share(state.looks[look], window), 3),
    )


def _clear_share(group: Sequence[Observation], window: tuple[int, int, int]) -> float:
    top, left, size = window
    rows, columns = np.divmod(np.arange(size * size), size)
    clear = np.zeros(size * size, bool)
    for o in group:
        clear |= o.sky_at(rows + top, columns + left) == SkyClass.CLEAR
    return float(clear.mean())
