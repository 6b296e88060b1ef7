"""The report's values, read from the store: what is believed, how it came about, and what was sent."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine

from jagawana.detectors.grid import cell_square, reproject, tile_square
from jagawana.detectors.timeline import series
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, AlertState
from jagawana.schemas.base import TileId
from jagawana.schemas.ids import short_code
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.histories import Histories, Stream
from jagawana.services.notify.pictures import before_and_after
from jagawana.services.notify.wording import Language, long
from jagawana.services.store import alerts, log, observations, zones
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import ObservationRow
from jagawana.services.web.report_view import AlertCard, FirstAlert, MapZone, ReportView, Sample, SentMessage, Series, WatchedTile

MAX_SERIES = 12
"""Cells with the largest alerts; a page is for people."""


@dataclass(frozen=True)
class ReportSource:
    """What the page is read from."""

    engine: Engine
    blobs: BlobStore
    histories: Histories


@dataclass(frozen=True)
class _Stored:
    records: Sequence[AlertPublished]
    rows: Sequence[ObservationRow]
    zones: Sequence[Zone]
    refused: int


def report_view(source: ReportSource, *, title: str, made_at: datetime, simulated: bool = False, notes: tuple[str, ...] = ()) -> ReportView:
    """Everything on the page."""
    with transaction(source.engine) as session:
        stored = _Stored(alerts.records(session), observations.current(session), zones.active(session), len(log.dead_letters(session)))
    times = [r.acquired_at for r in stored.rows]
    by_alert: dict[str, list[AlertPublished]] = defaultdict(list)
    for record in sorted(stored.records, key=lambda r: r.record_number):
        by_alert[str(record.content.alert_id)].append(record)
    told = sorted(by_alert.values(), key=_urgency)
    return ReportView(
        title=title,
        made_at=made_at,
        tense=_least_real([r.alert_tense for r in stored.records] or [AlertTense(r.tense) for r in stored.rows]),
        scenes=len({r.scene_id for r in stored.rows}),
        scenes_refused=stored.refused,
        first_scene_at=min(times, default=None),
        last_scene_at=max(times, default=None),
        tiles=_tiles(stored.rows),
        zones=tuple(MapZone(z.kind, z.name, z.geometry) for z in stored.zones),
        cards=tuple(_card(records, source.blobs) for records in told),
        series=_series(told, stored.rows, source.histories),
        simulated=simulated,
        notes=notes,
    )


def _urgency(records: Sequence[AlertPublished]) -> tuple[bool, int, float, str]:
    """Withdrawn last; then by severity, large before small."""
    c = records[-1].content
    return c.state is AlertState.RETRACTED, -(c.severity.total if c.severity else 0), -c.mining_ha, str(c.alert_id)


def _least_real(tenses: Sequence[AlertTense]) -> AlertTense:
    order = [AlertTense.TEST, AlertTense.INJECTION, AlertTense.ARCHIVAL, AlertTense.CURRENT]
    return min(tenses, key=order.index, default=AlertTense.TEST)


def _tiles(rows: Sequence[ObservationRow]) -> tuple[WatchedTile, ...]:
    by_tile: dict[TileId, list[ObservationRow]] = defaultdict(list)
    for row in rows:
        by_tile[row.tile].append(row)
    return tuple(_tile(tile, mine) for tile, mine in sorted(by_tile.items()))


def _tile(tile: TileId, rows: Sequence[ObservationRow]) -> WatchedTile:
    """Cover as a share of what the scenes reach: a scene over half a tile is not half cloudy."""
    square = tile_square(tile)
    reached = sum(r.footprint_share for r in rows)
    return WatchedTile(
        tile=tile,
        outline=reproject(shapely.union_all([_watched(r) for r in rows]), square.epsg, 4326),
        looks=len(rows),
        clear_share=round(sum(r.clear_share for r in rows) / reached, 3) if reached else 0.0,
        last_clear_at=max((r.acquired_at for r in rows if r.clear_share > 0), default=None),
    )


def _watched(row: ObservationRow) -> BaseGeometry:
    west, south, east, north = map(float, row.quicklook_bounds.split(","))
    return shapely.box(west, south, east, north)


def _card(records: Sequence[AlertPublished], blobs: BlobStore) -> AlertCard:
    content = records[-1].content
    square = cell_square(content.cell)
    before, after = before_and_after(content, blobs)
    messages = [(language, long(records[-1], language, now=records[-1].decided_at)) for language in Language]
    return AlertCard(
        records=tuple(records),
        cell_outline=reproject(square.polygon, square.epsg, 4326),
        before=before,
        after=after,
        messages=tuple(SentMessage(f"logbook-{language}", language, m.subject, m.body) for language, m in messages),
    )


def _series(told: Sequence[Sequence[AlertPublished]], rows: Sequence[ObservationRow], histories: Histories) -> tuple[Series, ...]:
    by_cell: dict[str, list[AlertPublished]] = defaultdict(list)
    for records in told:
        by_cell[records[-1].content.cell].append(records[0])
    streams: dict[TileId, Stream] = {}
    found = []
    for cell, firsts in list(by_cell.items())[:MAX_SERIES]:
        tile = firsts[0].content.tile
        if tile not in streams:
            streams[tile] = max(histories.streams([r for r in rows if r.tile == tile]), key=lambda s: (len(s.state.looks), s.fingerprint))
        points = series(streams[tile].state, tile_square(tile), cell_square(cell).polygon)
        samples = tuple(Sample(p.at, p.mining_ha, p.road_m, p.hut_px, p.clear_share) for p in points)
        marks = tuple(FirstAlert(f.content.last_seen_at, short_code(f.content.alert_id)) for f in firsts)
        found.append(Series(cell, samples, marks))
    return tuple(found)
