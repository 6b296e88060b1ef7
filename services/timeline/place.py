"""The place that is asked about: a polygon of one's own, or the cells of a site."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine

from jagawana.detectors.grid import Square, cell_square, reproject, tile_square, tiles_touched
from jagawana.schemas.alert import AlertState, ZoneKind
from jagawana.schemas.base import CELL_PATTERN, CellId, TileId
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import short_code
from jagawana.services.store import alerts
from jagawana.services.store.database import transaction
from jagawana.services.zones.files import read_zones


@dataclass(frozen=True)
class Place:
    """What people call it, and where it is: (Multi)Polygon in WGS 84."""

    name: str
    geometry: BaseGeometry

    def in_tiles(self) -> dict[TileId, BaseGeometry]:
        """The part in each tile, in metres of the tile's UTM zone; ground at a zone's edge, which is on two grids, counts on its own."""
        parts = {}
        for tile in tiles_touched(self.geometry):
            square = tile_square(tile)
            zone = square.epsg % 100
            strip = shapely.box(zone * 6 - 186, -90, zone * 6 - 180, 90)
            part = reproject(shapely.segmentize(self.geometry.intersection(strip), 0.05), 4326, square.epsg)
            part = shapely.make_valid(part).intersection(square.polygon)
            if part.area > 0:
                parts[tile] = part
        return parts


def place_in_file(path: Path, layer: str | None = None) -> Place:
    """All polygons of a GeoPackage, GeoJSON or Shapefile together, through the reader of zone layers.

    Raises:
        DataError: ZONES_INVALID.
    """
    zones = read_zones(path, kind=ZoneKind.PROVINCE, layer=layer or path.stem, layer_version="-", name_field=None)
    return Place(path.stem, shapely.union_all([z.geometry for z in zones]))


def place_of_site(engine: Engine, name: str) -> Place:
    """The site around an alert (its code or id) or a cell: the connected cells in which something is active.

    Raises:
        DataError: SETTINGS_INVALID when there is no such alert or cell.
    """
    with transaction(engine) as session:
        records = alerts.latest_records(session)
    found = [r.content.cell for r in records if name.lower() == str(r.content.alert_id) or name.upper() == short_code(r.content.alert_id)]
    if not found and re.match(CELL_PATTERN, name):
        found = [name]
    if not found:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"no alert or cell {name[:60]!r}; jagawana alerts has all, a cell is written 50MKD3170")
    active = [r.content.cell for r in records if r.content.state is not AlertState.RETRACTED]
    squares = connected(found[0], active)
    outline = shapely.union_all([s.polygon for s in squares])
    return Place(name, reproject(outline, squares[0].epsg, 4326))


def connected(start: CellId, active: Iterable[CellId]) -> list[Square]:
    """The squares of a cell and of all active cells that hang together with it over sides and corners, within its UTM zone; sorted."""
    first = cell_square(start)
    waiting = {s for s in map(cell_square, active) if s.epsg == first.epsg} - {first}
    site, front = {first}, [first]
    while front:
        here = front.pop()
        near = {s for s in waiting if abs(s.east - here.east) <= here.side and abs(s.north - here.north) <= here.side}
        waiting -= near
        site |= near
        front += near
    return sorted(site)
