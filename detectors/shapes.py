"""Masks to geometry, in metres of the tile's UTM zone."""

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import Square
from jagawana.detectors.outlines import outlines
from jagawana.detectors.roads.mask import SPUR_M
from jagawana.detectors.roads.networks import without_spurs
from jagawana.detectors.roads.skeleton import Lines, skeleton_lines
from jagawana.detectors.runs import runs_of

Flags = npt.NDArray[np.bool_]
EIGHT = np.ones((3, 3), bool)


def corner(square: Square, resolution_m: float, origin: tuple[int, int]) -> tuple[float, float]:
    """West and north edge, in metres, of a window of a tile; `origin` is its row and column, rows counted from the north."""
    west, _, _, north = square.bounds
    return west + origin[1] * resolution_m, north - origin[0] * resolution_m


def polygons(mask: Flags, north_west: tuple[float, float], resolution_m: float) -> BaseGeometry:
    """Pixel outlines as one MultiPolygon; its area is the pixel count times the pixel area, exactly.

    Args:
        mask: bool (H, W).
        north_west: x and y of the mask's corner.
        resolution_m: pixel size.
    """
    if not mask.any():
        return shapely.MultiPolygon()
    pieces, _ = outlines(runs_of(mask))
    placed = shapely.transform(pieces, lambda xy: xy * (resolution_m, -resolution_m) + north_west)
    return shapely.normalize(shapely.MultiPolygon(list(placed)))


def centre_lines(mask: Flags, north_west: tuple[float, float], resolution_m: float, *, at_least_m: float) -> BaseGeometry:
    """Centre-lines of a road mask as it was drawn, one MultiLineString without spurs; empty when shorter than `at_least_m` in all.

    Gaps of up to four pixels are closed before thinning (Trier & Salberg 2024 do likewise), longer ones stay: to score masks.
    What is told of roads is in `roads.mask`.
    """
    closed = ndimage.binary_closing(np.pad(mask, 3), EIGHT, iterations=2)[3:-3, 3:-3]
    lines = without_spurs(skeleton_lines(closed), SPUR_M / resolution_m)
    if not len(lines) or shapely.length(lines).sum() * resolution_m < at_least_m:
        return shapely.MultiLineString()
    return placed_lines(lines, north_west, resolution_m)


def placed_lines(lines: Lines, north_west: tuple[float, float], resolution_m: float) -> BaseGeometry:
    """Lines in pixels as one MultiLineString in metres, without the steps of their pixels."""
    simple = shapely.simplify(lines, 0.75)
    return shapely.normalize(
        shapely.MultiLineString(list(shapely.transform(simple, lambda xy: xy * (resolution_m, -resolution_m) + north_west)))
    )


def cluster(mask: Flags, north_west: tuple[float, float], resolution_m: float, *, at_least: int) -> BaseGeometry:
    """Roofs as one MultiPoint of component centres; empty below `at_least` roofs."""
    labels, n = ndimage.label(mask, EIGHT)
    if n < max(at_least, 1):
        return shapely.MultiPoint()
    centres = ndimage.center_of_mass(mask, labels, range(1, n + 1))
    x = [north_west[0] + (c + 0.5) * resolution_m for _, c in centres]
    y = [north_west[1] - (r + 0.5) * resolution_m for r, _ in centres]
    return shapely.normalize(shapely.MultiPoint(np.column_stack([x, y])))
