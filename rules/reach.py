"""What lies near: ground within so many kilometres of shapes, and the nearest of many features. Distances are geodesic to 1 in 10,000.

Each square degree is measured in an azimuthal equidistant projection around its own centre.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import WGS84, project

FARTHEST_KM = 100.0
"""What is farther is not called near."""
DEGREE_KM = 111.0
QUARTER_SEGMENTS = 32
"""Corners of a quarter circle: its area is good to 4 in 10,000."""
Geometries = npt.NDArray[np.object_]


class Nearest(NamedTuple):
    """Which feature, by its place in the sequence, and how far away."""

    feature: int
    km: float


def within(shapes: Sequence[BaseGeometry], radius_m: float) -> BaseGeometry:
    """All ground within a radius of any of the shapes, as one geometry that overlaps nowhere; all in WGS 84 degrees."""
    grown = []
    for plane, at in _by_square(shapes):
        near = shapely.union_all(project(_array([shapes[i] for i in at]), WGS84, plane))
        grown.append(project(_array([near.buffer(radius_m, quad_segs=QUARTER_SEGMENTS)]), plane, WGS84)[0])
    return shapely.union_all(grown)


def nearest(shapes: Sequence[BaseGeometry], features: Sequence[BaseGeometry]) -> list[Nearest | None]:
    """For each shape the nearest feature, the first of equals; None beyond FARTHEST_KM. All in WGS 84 degrees."""
    found: list[Nearest | None] = [None] * len(shapes)
    if not len(features):
        return found
    tree = STRtree(features)
    for plane, at in _by_square(shapes):
        here = shapely.box(*shapely.total_bounds(_array([shapes[i] for i in at])))
        reach = FARTHEST_KM / DEGREE_KM / max(0.1, float(np.cos(np.radians(here.centroid.y))))
        close = np.sort(tree.query(here.buffer(reach, join_style="mitre")))
        if not len(close):
            continue
        local = STRtree(project(_array([features[i] for i in close]), WGS84, plane))
        asked = project(_array([shapes[i] for i in at]), WGS84, plane)
        (who, what), metres = local.query_nearest(asked, max_distance=FARTHEST_KM * 1000, return_distance=True, all_matches=True)
        for i, j, m in zip(who[::-1], what[::-1], metres[::-1], strict=True):
            found[at[i]] = Nearest(int(close[j]), float(m) / 1000)
    return found


def _by_square(shapes: Sequence[BaseGeometry]) -> Iterator[tuple[CRS, list[int]]]:
    """Shapes by the square degree of their middle, with its projection."""
    squares: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, shape in enumerate(shapes):
        west, south, east, north = shape.bounds
        squares[floor((west + east) / 2), floor((south + north) / 2)].append(index)
    for (longitude, latitude), at in sorted(squares.items()):
        yield _plane(longitude, latitude), at


@lru_cache(maxsize=4096)
def _plane(longitude: int, latitude: int) -> CRS:
    return CRS.from_dict({"proj": "aeqd", "lon_0": longitude + 0.5, "lat_0": latitude + 0.5, "datum": "WGS84", "units": "m"})


def _array(shapes: Sequence[BaseGeometry]) -> Geometries:
    return np.fromiter(shapes, dtype=object, count=len(shapes))
