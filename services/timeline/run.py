"""The recorded observations of a place, stream by stream, as one series of looks; two sensors are never summed."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine

from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import SAME_PASS
from jagawana.detectors.timeline import M2_PER_HA, AreaLook, area_looks
from jagawana.schemas.base import TileId
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.histories import Histories
from jagawana.services.store import observations
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import ObservationRow
from jagawana.services.timeline.place import Place

MOSTLY_CLEAR = 0.8
"""Least share of a place that a look must show for its values to be given; what is hidden of it keeps what was believed before."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TileLooks:
    """A place's looks in one tile, oldest first."""

    tile: TileId
    rows: Mapping[str, ObservationRow]
    looks: Sequence[AreaLook]


@dataclass(frozen=True)
class Point:
    """One pass over the place: what was believed once it had been weighed. `parts` has a look of every tile seen so far."""

    at: datetime
    rows: tuple[ObservationRow, ...]
    parts: tuple[tuple[TileId, AreaLook], ...]
    clear_share: float

    @property
    def platform(self) -> str:
        """Whose pass it was."""
        return self.rows[0].platform

    @property
    def tense(self) -> AlertTense:
        """Of its least real scene."""
        return min((AlertTense(r.tense) for r in self.rows), key=lambda t: t.reality)

    def shapes(self, name: str) -> list[tuple[TileId, BaseGeometry]]:
        """A field of AreaShapes, tile by tile."""
        return [(tile, getattr(look.shapes, name)) for tile, look in self.parts]

    def ha(self, name: str) -> float:
        """Hectares of a field of AreaShapes."""
        return sum(shape.area for _, shape in self.shapes(name)) / M2_PER_HA

    def length_m(self, name: str) -> float:
        """Metres of a field of AreaShapes."""
        return sum(shape.length for _, shape in self.shapes(name))

    def count(self, name: str) -> int:
        """Points of a field of AreaShapes."""
        return sum(int(shapely.get_num_geometries(shape)) for _, shape in self.shapes(name) if not shape.is_empty)

    @property
    def dated_back_ha(self) -> float:
        """Known mining, and the new mining of today's belief that had begun to show by then."""
        return self.ha("mining_known") + sum(look.dated_back_ha for _, look in self.parts)


@dataclass(frozen=True)
class Timeline:
    """A place as one model fingerprint saw it."""

    model_id: str
    fingerprint: str
    resolution_m: int
    points: tuple[Point, ...]
    least_clear: float

    def is_gap(self, point: Point) -> bool:
        """Whether too little of the place was seen for a value."""
        return point.clear_share < self.least_clear

    @property
    def seen(self) -> list[Point]:
        """The points that are no gaps."""
        return [p for p in self.points if not self.is_gap(p)]


def timelines(
    engine: Engine, histories: Histories, place: Place, *, least_clear: float = MOSTLY_CLEAR, progress: Progress | None = None
) -> list[Timeline]:
    """The place as each fingerprint saw it, finest first.

    Raises:
        DataError: SETTINGS_INVALID when no scene of it was ever recorded; BLOB_DAMAGED.
    """
    areas = place.in_tiles()
    with transaction(engine) as session:
        rows = {tile: observations.real(observations.current(session, tile)) for tile in areas}
    if not any(rows.values()):
        raise DataError(ErrorCode.SETTINGS_INVALID, f"no scene of {place.name} is recorded; replay an archive of it, or look at --data")
    by_stream: dict[tuple[int, str, str], list[TileLooks]] = defaultdict(list)
    for done, (tile, area) in enumerate(areas.items(), 1):
        for stream in histories.streams(rows[tile]):
            sample = next(iter(stream.rows.values()))
            seen = [o for look in stream.state.looks for o in look]
            looks = area_looks(seen, tile_square(tile), area, histories.policy)
            by_stream[sample.resolution_m, sample.model_id, stream.fingerprint].append(TileLooks(tile, stream.rows, looks))
        if progress is not None:
            progress(done, len(areas))
    whole_m2 = sum(a.area for a in areas.values())
    made = [Timeline(m, f, r, tuple(_points(tiles, whole_m2)), least_clear) for (r, m, f), tiles in sorted(by_stream.items())]
    return [timeline for timeline in made if any(p.clear_share > 0 for p in timeline.points)]


def _points(tiles: Sequence[TileLooks], whole_m2: float) -> list[Point]:
    """One point a pass, oldest first."""
    every = sorted(((look, t) for t in tiles for look in t.looks), key=lambda both: (both[0].platform, both[0].at, both[1].tile))
    cuts = [n + 1 for n, ((a, _), (b, _)) in enumerate(pairwise(every)) if a.platform != b.platform or b.at - a.at > SAME_PASS]
    passes = [every[start:stop] for start, stop in pairwise([0, *cuts, len(every)])]
    believed: dict[TileId, AreaLook] = {}
    points = []
    for one in sorted(passes, key=lambda p: (p[0][0].at, p[0][0].platform)):
        believed |= {t.tile: look for look, t in one}
        rows = tuple(t.rows[o.observation_id] for look, t in one for o in look.observations)
        clear_m2 = sum(look.clear_m2 for look, _ in one)
        # pixels whose centre lies in the area are a little more or less than the area itself
        points.append(Point(one[0][0].at, rows, tuple(sorted(believed.items())), min(1.0, clear_m2 / whole_m2)))
    return points
