"""What of a shape lies inside a zone and what outside, without the points and lines where boundaries merely touch.

A shape is overlaid part by part: a zone meets few of the thousands of patches that a hundred crossing zones leave of a pit.
Lines and points are one part, since an overlay of a line also divides it where it crosses itself.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import Zone

Parts = npt.NDArray[np.object_]
"""Geometries (N,) of one dimension that do not overlap: polygons (a few may stand as one multipolygon), or one line or set of points."""
Mask = npt.NDArray[np.bool_]
FEW = 32
"""So many parts are overlaid as one: it is as quick, and rounding then leaves fewer slivers of a square millimetre behind."""


def parts_of(shape: BaseGeometry) -> Parts:
    """A shape as parts."""
    polygons = shapely.get_dimensions(shape) == 2
    return _array(shapely.get_parts(shape)) if polygons else _array([] if shape.is_empty else [shape])


def whole(parts: Parts, like: BaseGeometry) -> BaseGeometry:
    """Parts as one shape; an empty one of the type of `like` when there are none."""
    if not len(parts):
        return type(like)()
    return cast(BaseGeometry, parts[0] if len(parts) == 1 else shapely.multipolygons(parts))


def meeting(shape: BaseGeometry, zones: Sequence[Zone]) -> list[Zone]:
    """Zones that share at least one point with a shape, in the order given."""
    met = shapely.intersects(_array([z.geometry for z in zones]), shape)  # zones are prepared
    return [zone for zone, meets in zip(zones, met, strict=True) if meets]


def inside(parts: Parts, zone: Zone) -> Parts:
    """What of the parts lies inside a zone; a part that it covers stays as it is."""
    together, alone, covered, _ = _sorted(parts, zone)
    return np.concatenate([alone[covered], _alike(shapely.intersection(together, zone.geometry), parts)])


def outside(parts: Parts, zone: Zone) -> Parts:
    """What of the parts lies outside a zone."""
    together, alone, _, apart = _sorted(parts, zone)
    return np.concatenate([alone[apart], _alike(shapely.difference(together, zone.geometry), parts)])


def _array(geometries: Sequence[BaseGeometry] | Parts) -> Parts:
    """An array of geometries, whatever their number."""
    return np.fromiter(geometries, dtype=object, count=len(geometries))


def _sorted(parts: Parts, zone: Zone) -> tuple[Parts, Parts, Mask, Mask]:
    """What must be overlaid with a zone, and parts that need not: which of these it covers, and which it does not meet."""
    alone = parts if len(parts) > FEW else _array([whole(parts, parts[0])] if len(parts) else [])
    met = shapely.intersects(zone.geometry, alone)
    covered = np.zeros(len(alone), dtype=bool)
    covered[met] = shapely.covers(zone.geometry, alone[met])
    return alone[met & ~covered], alone, covered, ~met


def _alike(results: Parts, parts: Parts) -> Parts:
    """Overlays as parts of the dimension that the parts had."""
    if not len(results):
        return results
    dimension = shapely.get_dimensions(parts[0])
    if dimension == 2:
        pieces = shapely.get_parts(shapely.get_parts(results))  # a collection holds polygons, or multipolygons
        return _array(pieces[(shapely.get_dimensions(pieces) == 2) & ~shapely.is_empty(pieces)])
    (result,) = results
    if shapely.get_dimensions(result) != dimension or result.geom_type == "GeometryCollection":
        result = shapely.union_all([g for g in shapely.get_parts(result) if shapely.get_dimensions(g) == dimension])
    return _array([] if result.is_empty else [result])
