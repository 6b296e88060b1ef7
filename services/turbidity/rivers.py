"""River lines from a file, and the site on them."""

from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject, utm_epsg
from jagawana.detectors.turbidity.reaches import ReachPlan, River, river_at
from jagawana.services.layers.features import read_features

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
    around = site.point.buffer(max(plan.downstream_m, plan.upstream_m) + plan.farthest_m + AROUND_M)
    nearby = shapely.box(*reproject(around, site.epsg, 4326).bounds)
    near = [g for g in read_features(path, dimensions=frozenset({1}), table=layer).geometries if g.intersects(nearby)]
    lines = [line for geometry in near for line in _lines(reproject(geometry, 4326, site.epsg)) if line.intersects(around)]
    return river_at([line.reverse() if against_flow else line for line in lines], Point(site.point.coords[0]), plan)


def _lines(geometry: BaseGeometry) -> list[LineString]:
    """The lines of a feature; parts that touch end to start are one line."""
    merged = shapely.line_merge(geometry, directed=True) if geometry.geom_type == "MultiLineString" else geometry
    return [part for part in shapely.get_parts(merged).tolist() if isinstance(part, LineString)]
