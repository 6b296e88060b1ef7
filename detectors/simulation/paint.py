"""Lines and polygons onto the sub-grid, and patches of ground that change with time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.simulation.frame import SUB_M, Frame, Grid, Window
from jagawana.detectors.simulation.spectra import Cover

Covers = npt.NDArray[np.uint8]
"""uint8 (H, W), values of Cover."""
Mask = npt.NDArray[np.bool_]
NEVER = 1e9
"""Day number of what does not happen."""


def near_line(frame: Frame, line: LineString, *, reach_m: float) -> tuple[Window, Grid, Grid] | None:
    """Distance to a line and distance along it, for sub-pixels within `reach_m`.

    Returns:
        The window of the line, distance in metres (NEVER beyond reach) and metres from the line's start; None outside the world.
    """
    window = frame.window(line.bounds, margin_m=reach_m)
    if window is None:
        return None
    distance = np.full((window.rows, window.cols), NEVER, dtype=np.float32)
    along = np.zeros_like(distance)
    points = np.asarray(line.coords)[:, :2] - (frame.west, frame.south)
    run = 0.0
    for a, b in pairwise(points):
        _near_segment(frame, window, distance, along, a, b, run, reach_m)
        run += float(np.hypot(*(b - a)))
    return window, distance, along


def _near_segment(
    frame: Frame,
    outer: Window,
    distance: Grid,
    along: Grid,
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    run: float,
    reach_m: float,
) -> None:
    low, high = np.minimum(a, b), np.maximum(a, b)
    origin = (frame.west, frame.south)
    window = frame.window((*(low + origin), *(high + origin)), margin_m=reach_m)
    if window is None:
        return
    x, y = frame.centres(window)
    step = (b - a).astype(np.float32)
    length2 = max(float(step @ step), 1e-6)
    t = np.clip(((x - np.float32(a[0])) * step[0] + (y - np.float32(a[1])) * step[1]) / np.float32(length2), 0, 1)
    d = np.hypot(x - np.float32(a[0]) - t * step[0], y - np.float32(a[1]) - t * step[1])
    inner = (
        slice(window.row - outer.row, window.row - outer.row + window.rows),
        slice(window.col - outer.col, window.col - outer.col + window.cols),
    )
    closer = (d < distance[inner]) & (d <= reach_m)
    distance[inner][closer] = d[closer]
    along[inner][closer] = (np.float32(run) + t * np.float32(length2**0.5))[closer]


def inside(frame: Frame, polygon: Polygon) -> tuple[Window, Mask] | None:
    """Which sub-pixel centres lie in a polygon; None when it is outside the world."""
    window = frame.window(polygon.bounds)
    if window is None:
        return None
    x, y = frame.centres(window)
    grid_x, grid_y = np.meshgrid(x[0].astype(np.float64) + frame.west, y[:, 0].astype(np.float64) + frame.south)
    shapely.prepare(polygon)
    return window, np.asarray(shapely.contains_xy(polygon, grid_x, grid_y))


@dataclass(frozen=True)
class Patch:
    """A piece of ground with a history: `cover` from `start_day` until `end_day`, then a succession.

    Attributes:
        window: where.
        start_day: float32 (H, W), day the sub-pixel takes `cover`; NEVER where the patch does not reach.
        end_day: float32 (H, W), day the use ends; NEVER while it goes on.
        cover: uint8 (H, W).
        succession: (days after the end, cover) in order of age.
    """

    window: Window
    start_day: Grid
    end_day: Grid
    cover: Covers
    succession: tuple[tuple[float, Cover], ...] = ()

    def paint(self, ground: Covers, day: float) -> None:
        """Bring `ground` (the whole sub-grid) to the state of `day`, in place."""
        view = ground[self.window.slices]
        np.copyto(view, self.cover, where=(self.start_day <= day) & (day < self.end_day))
        for age, cover in self.succession:
            view[self.end_day + np.float32(age) <= day] = cover


def lasting(window: Window, mask: Mask, cover: Cover, *, since: float = -NEVER) -> Patch:
    """A patch that comes once and stays."""
    start = np.where(mask, since, NEVER).astype(np.float32)
    return Patch(window, start, np.full_like(start, NEVER), np.full(mask.shape, cover, dtype=np.uint8))


def outline(frame: Frame, window: Window, mask: Mask) -> BaseGeometry:
    """The exact outline of a mask in UTM metres: a union of rectangles, one per run of sub-pixels in a row."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = mask
    edges = np.diff(padded, axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    west = frame.west + (window.col + starts) * SUB_M
    east = frame.west + (window.col + ends) * SUB_M
    north = frame.north - (window.row + rows) * SUB_M
    shape: BaseGeometry = shapely.union_all(shapely.box(west, north - SUB_M, east, north))
    return shape
