"""Analysis tiles (MGRS 10 km squares) and alert cells (MGRS 1 km squares) on their UTM grid.

Naming follows NGA.STND.0037 (Universal Grids). Two choices of ours (docs/decisions/0002-tiles-and-cells.md): every
square that touches a UTM zone belongs to that zone's grid, so that no sliver at a zone's edge is unwatched, and a
square takes the latitude band of its centre. The Norway and Svalbard exceptions are not applied.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.base import CellId, TileId
from jagawana.schemas.errors import DataError, ErrorCode

TILE_M = 10_000
CELL_M = 1_000
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")  # by zone, cycle of three
_ROWS = "ABCDEFGHJKLMNPQRSTUV"


@dataclass(frozen=True, order=True)
class Square:
    """A square on a UTM grid: lower left corner and side in metres, northing with the false northing in the south."""

    epsg: int
    east: int
    north: int
    side: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres."""
        return self.east, self.north, self.east + self.side, self.north + self.side

    @property
    def polygon(self) -> BaseGeometry:
        """The square in its own UTM zone."""
        return shapely.box(*self.bounds)


def utm_zone(longitude: float) -> int:
    """UTM zone number of a longitude in degrees."""
    return min(60, floor((longitude + 180) / 6) + 1)


def utm_epsg(longitude: float, latitude: float) -> int:
    """EPSG code of the UTM zone a place lies in."""
    return (32600 if latitude >= 0 else 32700) + utm_zone(longitude)


@lru_cache(maxsize=256)
def transformer(source_epsg: int, target_epsg: int) -> Transformer:
    """Coordinate transformation, x before y."""
    return Transformer.from_crs(source_epsg, target_epsg, always_xy=True)


def reproject(geometry: BaseGeometry, source_epsg: int, target_epsg: int) -> BaseGeometry:
    """A geometry in another coordinate system."""
    if source_epsg == target_epsg:
        return geometry
    change = transformer(source_epsg, target_epsg)
    return shapely.transform(geometry, lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1])))


@lru_cache(maxsize=65536)
def _square_name(square: Square) -> str:
    zone, south = square.epsg % 100, square.epsg // 100 == 327
    column = _COLUMNS[(zone - 1) % 3][square.east // 100_000 - 1]
    row = _ROWS[(square.north // 100_000 + (5 if zone % 2 == 0 else 0)) % 20]
    centre = square.east + square.side / 2, square.north + square.side / 2
    latitude = transformer(square.epsg, 4326).transform(*centre)[1]
    latitude = min(latitude, -1e-9) if south else max(latitude, 0.0)
    return f"{zone}{_BANDS[min(19, floor((latitude + 80) / 8))]}{column}{row}"


def tile_at(epsg: int, east: float, north: float) -> TileId:
    """Name of the 10 km square around a UTM point."""
    square = Square(epsg, floor(east / TILE_M) * TILE_M, floor(north / TILE_M) * TILE_M, TILE_M)
    return f"{_square_name(square)}{square.east // TILE_M % 10}{square.north // TILE_M % 10}"


def tile_square(tile: TileId) -> Square:
    """The square a tile's name means.

    Raises:
        DataError: MESSAGE_INVALID for a name of the right form that no square has.
    """
    zone, band, column, row = int(tile[:-5]), tile[-5], tile[-4], tile[-3]
    epsg = (32600 if band >= "N" else 32700) + zone
    try:
        east = (_COLUMNS[(zone - 1) % 3].index(column) + 1) * 100_000 + int(tile[-2]) * TILE_M
        within = ((_ROWS.index(row) - (5 if zone % 2 == 0 else 0)) % 20) * 100_000 + int(tile[-1]) * TILE_M
        return Square(epsg, east, within + _cycle(epsg, band, east, within) * 2_000_000, TILE_M)
    except ValueError as e:
        raise DataError(ErrorCode.MESSAGE_INVALID, f"no square is called {tile}; write names as MGRS does, e.g. 50MKE42") from e


def _cycle(epsg: int, band: str, east: int, within: int) -> int:
    """Row letters repeat every 2,000 km; the latitude band tells which repetition is meant."""
    for cycle in range(5):
        square = Square(epsg, east, within + cycle * 2_000_000, TILE_M)
        if _square_name(square)[-3] == band:
            return cycle
    raise ValueError(f"no square of band {band} at {east} E, {within} N (mod 2,000 km) in EPSG:{epsg}")


def cell_at(tile: TileId, east: float, north: float) -> CellId:
    """Name of the 1 km square around a UTM point of this tile."""
    square = tile_square(tile)
    column = min(9, max(0, floor((east - square.east) / CELL_M)))
    row = min(9, max(0, floor((north - square.north) / CELL_M)))
    return f"{tile[:-2]}{tile[-2]}{column}{tile[-1]}{row}"


def cell_square(cell: CellId) -> Square:
    """The square a cell's name means."""
    tile = tile_square(tile_of(cell))
    return Square(tile.epsg, tile.east + int(cell[-3]) * CELL_M, tile.north + int(cell[-1]) * CELL_M, CELL_M)


def tile_of(cell: CellId) -> TileId:
    """The tile a cell lies in."""
    return f"{cell[:-4]}{cell[-4]}{cell[-2]}"


def cells_touched(tile: TileId, geometry: BaseGeometry) -> Iterator[tuple[CellId, Square]]:
    """The cells of a tile whose squares a geometry's bounds touch, west to east, south to north."""
    west, south, east, north = geometry.bounds
    square = tile_square(tile)
    for column in range(max(0, floor((west - square.east) / CELL_M)), min(10, floor((east - square.east) / CELL_M) + 1)):
        for row in range(max(0, floor((south - square.north) / CELL_M)), min(10, floor((north - square.north) / CELL_M) + 1)):
            cell = f"{tile[:-2]}{tile[-2]}{column}{tile[-1]}{row}"
            yield cell, cell_square(cell)


def tiles_touched(footprint: BaseGeometry) -> list[TileId]:
    """All tiles that a footprint touches, sorted; squares at a UTM zone's edge appear on both zones' grids.

    Args:
        footprint: polygon in WGS 84 degrees; must not cross the antimeridian.
    """
    west, _, east, _ = footprint.bounds
    names: set[TileId] = set()
    for zone in range(utm_zone(west), utm_zone(east) + 1):
        strip = shapely.box(zone * 6 - 186, -80, zone * 6 - 180, 84)
        for hemisphere, half in ((32700, shapely.box(-180, -80, 180, 0)), (32600, shapely.box(-180, 0, 180, 84))):
            part = footprint.intersection(strip).intersection(half)
            if part.area > 0:
                names.update(_tiles_of_part(part, hemisphere + zone))
    return sorted(names)


def _tiles_of_part(part: BaseGeometry, epsg: int) -> Iterator[TileId]:
    projected = reproject(shapely.segmentize(part, 0.05), 4326, epsg)
    west, south, east, north = projected.bounds
    prepared = projected.buffer(-1e-3)  # a shared edge is not a touch
    for x in range(floor(west / TILE_M), ceil(east / TILE_M)):
        for y in range(floor(south / TILE_M), ceil(north / TILE_M)):
            square = Square(epsg, x * TILE_M, y * TILE_M, TILE_M)
            if prepared.intersects(square.polygon):
                yield tile_at(epsg, square.east, square.north)
