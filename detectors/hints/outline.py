"""How regular the outlines of diggings are. Islands and ponds inside do not count; values are means weighted by area."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.hints.ground import Ground, Labels, groups
from jagawana.detectors.shapes import polygons
from jagawana.schemas.hints import HintName

LEAST_SHAPE_HA = 0.3
"""The smallest mining reported: of fewer pixels an outline says nothing."""
TOLERANCE_M = 12.0
"""Corners of an outline nearer to a straight line than this are the pixels', not the pit's: a little over a Sentinel-2 pixel."""
STRAIGHT_M = 80.0
"""A side this long is straight. A round pit wider than 150 m has such sides too, within the tolerance."""


def outline(ground: Ground) -> dict[HintName, float]:
    """Solidity, compactness, rectangularity and straightness, 0..1 each; empty where nothing is large enough."""
    labels, hectares = groups(ground.mining, ground.pixel_m, at_least_ha=LEAST_SHAPE_HA)
    if not len(hectares):
        return {}
    frame = shapely.box(0, -ground.mining.shape[0] * ground.pixel_m, ground.mining.shape[1] * ground.pixel_m, 0)
    shapes = [_shape(labels, n, box, ground.pixel_m) for n, box in enumerate(ndimage.find_objects(labels), 1)]
    values = np.array([[s.area / s.convex_hull.area, _compactness(s), _rectangularity(s), _straightness(s, frame)] for s in shapes])
    means = np.average(values, axis=0, weights=[s.area for s in shapes])
    names = (HintName.SOLIDITY, HintName.COMPACTNESS, HintName.RECTANGULARITY, HintName.STRAIGHTNESS)
    return dict(zip(names, map(float, means), strict=True))


def _shape(labels: Labels, number: int, box: tuple[slice, slice], pixel_m: float) -> BaseGeometry:
    """Outer rings of one label, in metres from the window's corner."""
    corner = box[1].start * pixel_m, -box[0].start * pixel_m
    parts = shapely.get_parts(polygons(labels[box] == number, corner, pixel_m))
    return shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))


def _compactness(shape: BaseGeometry) -> float:
    """Polsby and Popper: area over that of a circle of the same outline."""
    simple = shapely.simplify(shape, TOLERANCE_M)
    return min(1.0, 4 * np.pi * simple.area / simple.length**2)


def _rectangularity(shape: BaseGeometry) -> float:
    """Area over that of the smallest rectangle around it, however turned."""
    return float(shape.area / shapely.minimum_rotated_rectangle(shape).area)


def _straightness(shape: BaseGeometry, frame: BaseGeometry) -> float:
    """Share of the outline in straight sides. What the window cuts is no outline; 0 where that is all there is."""
    sides = [side for ring in shapely.get_exterior_ring(shapely.get_parts(shape)) for side in _sides(ring)]
    ends = np.array(sides)
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    cut = shapely.covers(shapely.buffer(frame.boundary, TOLERANCE_M), shapely.linestrings(ends))
    whole = float(length[~cut].sum())
    return float(length[~cut & (length >= STRAIGHT_M)].sum() / whole) if whole else 0.0


def _sides(ring: BaseGeometry) -> list[npt.NDArray[np.float64]]:
    """Sides of a simplified ring, (2, 2) each. Opened where it is farthest out, so that nothing depends on where it begins."""
    corners = shapely.get_coordinates(ring)[:-1]
    first = int(np.argmax(np.round(np.hypot(*(corners - corners.mean(axis=0)).T), 6)))
    turned = np.roll(corners, -first, axis=0)
    opposite = int(np.argmax(np.round(np.hypot(*(turned - turned[0]).T), 6)))
    halves = (turned[: opposite + 1], np.vstack([turned[opposite:], turned[:1]]))
    simple = [shapely.get_coordinates(shapely.simplify(shapely.linestrings(half), TOLERANCE_M)) for half in halves]
    return [np.array(side) for line in simple for side in pairwise(line)]
