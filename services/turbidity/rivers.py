"""River lines from a file, and the site on them."""

from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject, utm_epsg
from jagawana.detectors.turbidity.reaches import ReachPlan, River, river_at
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.assess.zone_tables import file_at, read_table

AROUND_M = 5_000.0
"""Lines farther than the plan's reach and this are not looked at."""


@dataclass(frozen=True)
class Site:
    """Where mining is watched: degrees, WGS 84, and what people call it."""

    longitude: float
    latitude: float
    name: str

    @property
    def epsg(self) -> int:
        """Its UTM zone, in which everything is measured."""
        return utm_epsg(self.longitude, self.latitude)

    @property
    def point(self) -> BaseGeometry:
        """In metres of its UTM zone."""
        return reproject(Point(self.longitude, self.latitude), 4326, self.epsg)


def read_river(path: Path, site: Site, plan: ReachPlan, *, layer: str, against_flow: bool) -> River:
    """The reaches of the river at a site, in metres of the site's UTM zone.

    Args:
        path: GeoPackage, GeoJSON or Shapefile of centre-lines, drawn in the direction of flow (OpenStreetMap's rule).
        site: on or near the river.
        plan: lengths.
        layer: the table of a GeoPackage that holds several.
        against_flow: the lines are drawn upstream.

    Raises:
        DataError: ZONES_INVALID when the file cannot be used, SETTINGS_INVALID when no line is near.
    """
    table = read_table(file_at(path), layer)
    to_metres = table.to_crs(site.epsg)
    around = site.point.buffer(max(plan.downstream_m, plan.upstream_m) + plan.farthest_m + AROUND_M)
    lines = [line for geometry in to_metres.geometry for line in _lines(geometry, path) if line.intersects(around)]
    return river_at([line.reverse() if against_flow else line for line in lines], Point(site.point.coords[0]), plan)


def _lines(geometry: BaseGeometry | None, path: Path) -> list[LineString]:
    """The lines of a feature, without heights; parts that touch end to start are one line."""
    if geometry is None or geometry.is_empty:
        return []
    if geometry.geom_type not in ("LineString", "MultiLineString"):
        raise DataError(ErrorCode.ZONES_INVALID, f"{path.name} holds a {geometry.geom_type}; rivers are centre-lines, not outlines")
    flat = shapely.force_2d(geometry)
    merged = shapely.line_merge(flat, directed=True) if flat.geom_type == "MultiLineString" else flat
    return [part for part in shapely.get_parts(merged).tolist() if isinstance(part, LineString)]
