"""How wide a riparian strip is by law, and the strip itself."""

from math import floor
from typing import cast

import numpy as np
import shapely
from pyproj import CRS
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import WGS84, project

URBAN_M = ((3.0, 10.0), (20.0, 15.0), (np.inf, 30.0))
"""PP 38/2011, in towns, without levee: deepest river in metres, and width of the strip from its bank."""
LARGE_CATCHMENT_KM2, LARGE_M, SMALL_M = 500.0, 100.0, 50.0
"""PP 38/2011, outside towns, without levee: wider where the catchment is larger than this."""
MAX_WIDTH_M = 2_000.0
PIECE_DEGREES = 2.0
"""Rivers are drawn in pieces of squares of this side."""


def strip_width_m(*, is_urban: bool, depth_m: float | None, catchment_km2: float | None) -> float:
    """Metres from the bank on each side (PP 38/2011, rivers without levee); the least the regulation gives where a measure is not known."""
    if is_urban:
        return next(width_m for deepest_m, width_m in URBAN_M if (depth_m or 0.0) <= deepest_m)
    return LARGE_M if (catchment_km2 or 0.0) > LARGE_CATCHMENT_KM2 else SMALL_M


def strip(river: BaseGeometry, width_m: float) -> Polygon | MultiPolygon:
    """A river and everything within so many metres of it; all in WGS 84 degrees.

    Drawn piece by piece, each in a projection of its own: one would be false by more than a thousandth beyond a few hundred kilometres.
    """
    pieces = [shapely.intersection(river, square) for square in _squares(river.bounds)]
    strips = [_drawn(piece, width_m) for piece in pieces if not piece.is_empty]
    return strips[0] if len(strips) == 1 else cast(MultiPolygon, shapely.union_all(strips))


def _squares(bounds: tuple[float, float, float, float]) -> list[BaseGeometry]:
    west, south, east, north = (floor(b / PIECE_DEGREES) for b in bounds)
    corners = [(x * PIECE_DEGREES, y * PIECE_DEGREES) for x in range(west, east + 1) for y in range(south, north + 1)]
    return [shapely.box(x, y, x + PIECE_DEGREES, y + PIECE_DEGREES) for x, y in corners]


def _drawn(river: BaseGeometry, width_m: float) -> Polygon | MultiPolygon:
    middle = river.representative_point()
    plane = CRS.from_proj4(f"+proj=aeqd +lat_0={middle.y:.6f} +lon_0={middle.x:.6f} +datum=WGS84 +units=m")
    drawn = project(np.array([river], dtype=object), WGS84, plane)
    return project(shapely.buffer(drawn, width_m, quad_segs=4), plane, WGS84)[0]  # type: ignore[no-any-return]
