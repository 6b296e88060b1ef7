"""Changes cut along cells and zones: the pieces that alerts are made of."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.change import Change
from jagawana.detectors.grid import cells_touched
from jagawana.rules.judge import judge
from jagawana.rules.pack import RulePack, alert_worthy
from jagawana.rules.severity import HUT_NEAR_M, RIVER_NEAR_M, ROAD_NEAR_M, Near
from jagawana.rules.zones import ZoneIndex
from jagawana.schemas.alert import AlertState, ChangeClass, Verdict, ZoneKind
from jagawana.schemas.base import CellId, TileId
from jagawana.services.assess.histories import Stream

NEAR_M = 500.0
"""Mining, or huts beside a road, this near make a precursor more than a road (field practice: one patrol leg)."""
NOTHING = shapely.GeometryCollection()
MINIMUM_PIECE = {ChangeClass.MINING: 1_000.0, ChangeClass.ROAD: 50.0, ChangeClass.HUT: 0.0}
"""Square metres, metres: smaller pieces are slivers at a border."""


@dataclass(frozen=True)
class Piece:
    """What of one change lies in one cell, under one rule and zone. `verdict` is that of `judged`, before slivers joined it."""

    cell: CellId
    geometry: BaseGeometry
    judged: BaseGeometry
    verdict: Verdict
    change: Change
    stream: Stream
    worthy: bool

    @property
    def key(self) -> tuple[CellId, str | None, str]:
        """What the alert's identity is computed from."""
        return self.cell, self.verdict.decisive_zone, self.verdict.rule_id

    @property
    def is_as_judged(self) -> bool:
        """Whether the verdict belongs to exactly this geometry."""
        return self.geometry is self.judged


@dataclass(frozen=True)
class Surroundings:
    """Where there is activity, so that a road can be told from a hauling road."""

    mining: BaseGeometry
    huts: BaseGeometry
    roads: BaseGeometry = NOTHING

    def near_mining(self, change: Change) -> bool:
        """Whether mining, new or already known, is within NEAR_M."""
        return bool(shapely.dwithin(self.mining, change.geometry, NEAR_M))

    def near_activity(self, change: Change) -> bool:
        """Mining near, or huts near a road."""
        beside_huts = change.change_class is ChangeClass.ROAD and shapely.dwithin(self.huts, change.geometry, NEAR_M)
        return self.near_mining(change) or bool(beside_huts)

    def near(self, geometry: BaseGeometry, zones: ZoneIndex, on: date) -> Near:
        """What counts for severity: new roads and huts, and riparian strips in force on that day."""
        return Near(
            road=bool(shapely.dwithin(self.roads, geometry, ROAD_NEAR_M)),
            huts=bool(shapely.dwithin(self.huts, geometry, HUT_NEAR_M)),
            river=any(z.kind is ZoneKind.RIPARIAN for z in zones.within(geometry, on, distance_m=RIVER_NEAR_M)),
        )


def size(kind: ChangeClass, geometry: BaseGeometry) -> float:
    """Square metres of mining, metres of road, number of huts."""
    if kind is ChangeClass.MINING:
        return geometry.area
    return geometry.length if kind is ChangeClass.ROAD else float(shapely.get_num_geometries(geometry))


def pieces(tile: TileId, found: Sequence[tuple[Stream, Change]], around: Surroundings, zones: ZoneIndex, pack: RulePack) -> list[Piece]:
    """All pieces of a tile's changes, judged on the day each change was first seen."""
    return [piece for stream, change in found for piece in _without_slivers(_cut(tile, stream, change, around, zones, pack))]


def _cut(tile: TileId, stream: Stream, change: Change, around: Surroundings, zones: ZoneIndex, pack: RulePack) -> Iterator[Piece]:
    on, near = change.first_seen_at.date(), around.near_activity(change)
    believed = change.state is not AlertState.PROVISIONAL or around.near_mining(change)
    for cell, square in cells_touched(tile, change.geometry):
        part = _same_kind(change.change_class, change.geometry.intersection(square.polygon))
        if part.is_empty:
            continue
        for judged in judge(part, zones=zones, on=on, pack=pack, pixel_m=stream.state.resolution_m):
            worthy = alert_worthy(judged.verdict, change.change_class, pack, near_activity=near)
            worthy = worthy and (change.change_class is ChangeClass.MINING or believed)
            yield Piece(cell, judged.geometry, judged.geometry, judged.verdict, change, stream, worthy)


def _without_slivers(cut: Iterable[Piece]) -> list[Piece]:
    """Slivers of a change join its largest piece under the same zone and rule, so that a pit on a cell's corner keeps its hectares.

    A zone that is only touched by slivers gets none of the change, unless slivers are all there is of it.
    """
    by_verdict: dict[tuple[str | None, str], list[Piece]] = defaultdict(list)
    for piece in sorted(cut, key=_largest_first):
        by_verdict[piece.key[1:]].append(piece)
    joined = [piece for pieces_of in by_verdict.values() for piece in _joined(pieces_of)]
    large = [p for p in joined if size(p.change.change_class, p.geometry) >= MINIMUM_PIECE[p.change.change_class]]
    return large or sorted(joined, key=_largest_first)[:1]


def _joined(mine: Sequence[Piece]) -> list[Piece]:
    minimum = MINIMUM_PIECE[mine[0].change.change_class]
    small = [p for p in mine[1:] if size(p.change.change_class, p.geometry) < minimum]
    largest = replace(mine[0], geometry=shapely.union_all([mine[0].geometry, *(p.geometry for p in small)])) if small else mine[0]
    return [largest, *(p for p in mine[1:] if p not in small)]


def _largest_first(piece: Piece) -> tuple[float, str, str, str]:
    cell, zone, rule = piece.key
    return -size(piece.change.change_class, piece.geometry), cell, zone or "", rule


def _same_kind(kind: ChangeClass, part: BaseGeometry) -> BaseGeometry:
    """Only the parts of the change's own dimension: a polygon touching a cell's edge leaves no line behind."""
    dimension = {ChangeClass.MINING: 2, ChangeClass.ROAD: 1, ChangeClass.HUT: 0}[kind]
    parts = [p for p in shapely.get_parts(part) if shapely.get_dimensions(p) == dimension and not p.is_empty]
    return shapely.union_all(parts) if parts else shapely.GeometryCollection()
