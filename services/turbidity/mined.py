"""What the store knows of a site: the place of an alert, and the mined area around it."""

from sqlalchemy import Engine

from jagawana.detectors.grid import cells_touched, reproject, tile_square, tiles_touched
from jagawana.detectors.timeline import SeriesPoint, series
from jagawana.detectors.turbidity.correlation import MinedArea
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import short_code
from jagawana.services.assess.histories import Histories
from jagawana.services.store import alerts, observations
from jagawana.services.store.database import transaction
from jagawana.services.turbidity.rivers import Site

HIDDEN = 0.5
"""A look of which less of the place was clear says nothing new."""


def site_of_alert(engine: Engine, code: str) -> Site:
    """The place of an alert, by its short code or its id.

    Raises:
        DataError: SETTINGS_INVALID when there is none.
    """
    with transaction(engine) as session:
        for record in alerts.latest_records(session):
            if code.upper() == short_code(record.content.alert_id) or code.lower() == str(record.content.alert_id):
                longitude, latitude = record.content.place.coordinates[:2]
                return Site(longitude, latitude, short_code(record.content.alert_id))
    raise DataError(ErrorCode.SETTINGS_INVALID, f"no alert {code!r} in this data folder; jagawana alerts has them all")


def mined_around(engine: Engine, histories: Histories, site: Site, radius_m: float) -> MinedArea:
    """Mining believed in the 1 km cells around a site at each look, of the longest history of each tile; empty where nothing was seen."""
    around = site.point.buffer(radius_m)
    with transaction(engine) as session:
        rows = observations.current(session)
    by_tile: list[list[SeriesPoint]] = []
    for tile in tiles_touched(reproject(around, site.epsg, 4326)):
        mine = observations.real([r for r in rows if r.tile == tile])
        if not mine:
            continue
        stream = max(histories.streams(mine), key=lambda s: (len(s.state.looks), s.fingerprint))
        here = reproject(around, site.epsg, tile_square(tile).epsg)
        cells = [square for _, square in cells_touched(tile, here) if square.polygon.intersects(here)]
        by_tile += [series(stream.state, tile_square(tile), square.polygon) for square in cells]
    return _summed(by_tile)


def _summed(cells: list[list[SeriesPoint]]) -> MinedArea:
    """Hectares of all cells on every day on which one of them was clearly seen; each keeps its last known area."""
    seen = [[(p.at.date(), p.mining_ha) for p in cell if p.clear_share >= HIDDEN] for cell in cells]
    days = sorted({day for cell in seen for day, _ in cell})
    known = [MinedArea(tuple(d for d, _ in cell), tuple(ha for _, ha in cell)) for cell in seen if cell]
    totals = [sum(ha for cell in known if (ha := cell.at(day)) == ha) for day in days]
    return MinedArea(tuple(days), tuple(round(ha, 4) for ha in totals))
