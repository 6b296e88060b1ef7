"""What the store has recorded as possible mining: told or not, of every category, and what was there before the first look."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine
from sqlmodel import Session

from jagawana.detectors.change import inventory
from jagawana.detectors.grid import cells_touched, reproject, tile_square
from jagawana.rules.grounds import Ground, ground_areas
from jagawana.rules.judge import judge
from jagawana.rules.pack import RulePack
from jagawana.rules.partition import size_ha
from jagawana.rules.zones import ZoneIndex, zones_to_crs
from jagawana.schemas.alert import AlertContent, AlertState, Category, ChangeClass, ZoneKind
from jagawana.schemas.base import CellId, TileId
from jagawana.schemas.ids import short_code
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.histories import Histories
from jagawana.services.store import alerts, observations, zones
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import AlertRow, ObservationRow


@dataclass(frozen=True)
class Mined:
    """One finding, or mining that was already there (`state` is None, and nobody was told of it).

    `geometry` is its mining in WGS 84, empty where only roads or huts were seen; `grounds` are hectares of it.
    """

    code: str
    tile: TileId
    cell: CellId
    category: Category
    state: AlertState | None
    was_told: bool
    tense: AlertTense
    first_seen_on: date
    province: str | None
    geometry: BaseGeometry
    mining_ha: float
    road_m: float
    huts: int
    grounds: Mapping[Ground, float]
    content: AlertContent | None = None

    @property
    def is_known(self) -> bool:
        """Whether it was already there at the first clear look."""
        return self.state is None


def mined(engine: Engine, *, histories: Histories | None, pack: RulePack) -> list[Mined]:
    """Every finding that is not withdrawn, by cell; with histories also what was already there, which folds every tile again.

    Raises:
        DataError: BLOB_DAMAGED.
    """
    with transaction(engine) as session:
        rows = observations.current(session)
        tense_of = {r.observation_id: AlertTense(r.tense) for r in rows}
        findings = [r for r in alerts.all_alerts(session) if r.state != AlertState.RETRACTED]
        tiles = sorted({r.tile for r in findings} | ({r.tile for r in rows} if histories else set()))
        around = {tile: _zones_around(session, tile) for tile in tiles}
    found = [_finding(row, around[row.tile], tense_of) for row in findings]
    if histories is not None:
        for tile in tiles:
            found += _known(tile, [r for r in rows if r.tile == tile], histories, around[tile], pack)
    return sorted(found, key=lambda m: (m.cell, m.is_known, m.code))


def _zones_around(session: Session, tile: TileId) -> ZoneIndex:
    square = tile_square(tile)
    bounds = reproject(square.polygon, square.epsg, 4326)
    near = [z for z in zones.active(session, bounds.bounds) if shapely.intersects(z.geometry, bounds)]
    return ZoneIndex(zones_to_crs(near, square.epsg), kinds_loaded=zones.kinds_loaded(session))


def _finding(row: AlertRow, around: ZoneIndex, tense_of: Mapping[str, AlertTense]) -> Mined:
    content = alerts.content_of(row)
    epsg = tile_square(content.tile).epsg
    wanted = [s for s in content.shapes if s.change_class is ChangeClass.MINING and (s.state is AlertState.ENDED) == _is_over(content)]
    degrees = shapely.union_all([shapely.geometry.shape(s.geometry.model_dump()) for s in wanted])
    metres = shapely.make_valid(reproject(degrees, 4326, epsg), method="structure", keep_collapsed=False)
    return Mined(
        code=short_code(content.alert_id), tile=content.tile, cell=content.cell, category=content.verdict.category, state=content.state,
        was_told=row.record_number > 0, tense=_least_real(tense_of[o] for o in content.evidence.observation_ids if o in tense_of),
        first_seen_on=content.first_seen_at.date(), province=content.province, geometry=degrees, mining_ha=content.mining_ha,
        road_m=content.road_m, huts=content.huts, grounds=ground_areas(metres, around, content.verdict.judged_on), content=content,
    )  # fmt: skip


def _is_over(content: AlertContent) -> bool:
    """Whether all of it has ended: then what ended is its area."""
    return all(s.state is AlertState.ENDED for s in content.shapes)


def _least_real(tenses: Iterator[AlertTense]) -> AlertTense:
    """Real where any scene is; else as unreal as the least real (services.assess)."""
    seen = list(tenses)
    real = [t for t in seen if t.is_real]
    return max(real, key=lambda t: t.reality) if real else min(seen, key=lambda t: t.reality, default=AlertTense.TEST)


def _known(tile: TileId, rows: Sequence[ObservationRow], histories: Histories, around: ZoneIndex, pack: RulePack) -> Iterator[Mined]:
    """Mining of the first clear look, of the tile's oldest stream, judged on the day of that look, cell by cell."""
    real = observations.real(rows)
    stream = histories.streams(real)[0]
    square, on = tile_square(tile), stream.state.look_at(0).date()
    tense = _least_real(AlertTense(r.tense) for r in stream.rows.values())
    shape = inventory(stream.state, square)
    if shape.is_empty:
        return
    for piece in judge(shape, zones=around, on=on, pack=pack, pixel_m=stream.state.resolution_m):
        for cell, ground in cells_touched(tile, piece.geometry):
            part = shapely.intersection(piece.geometry, ground.polygon)
            polygons = shapely.union_all([p for p in shapely.get_parts(part) if shapely.get_dimensions(p) == 2])
            if polygons.area > 0:
                yield Mined(
                    code="", tile=tile, cell=cell, category=piece.verdict.category, state=None, was_told=False, tense=tense,
                    first_seen_on=on, province=_province(polygons, around, on), geometry=reproject(polygons, square.epsg, 4326),
                    mining_ha=size_ha(polygons), road_m=0.0, huts=0, grounds=ground_areas(polygons, around, on),
                )  # fmt: skip


def _province(shape: BaseGeometry, around: ZoneIndex, on: date) -> str | None:
    names = [z.name for z in around.touching(shape.representative_point(), on) if z.kind is ZoneKind.PROVINCE]
    return names[0] if names else None
