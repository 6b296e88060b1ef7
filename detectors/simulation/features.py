"""The pieces a landscape is drawn with: winding lines, roads as they are built, roofs, and blobs that grow."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from jagawana.detectors.simulation.frame import SUB_M, Frame, Grid, Window
from jagawana.detectors.simulation.noise import smooth
from jagawana.detectors.simulation.paint import NEVER, Patch, inside, lasting, near_line
from jagawana.detectors.simulation.spectra import Cover

ROOFS = (Cover.ROOF_RUST, Cover.ROOF_METAL, Cover.ROOF_TARP, Cover.ROOF_THATCH)


@dataclass(frozen=True)
class Roof:
    """A building, small and rectangular."""

    place: Point
    outline: Polygon
    since_day: float
    cover: Cover


@dataclass(frozen=True)
class Road:
    """A track: its centre line, width, and the days on which building it began and ended."""

    line: LineString
    width_m: float
    since_day: float
    until_day: float

    def built(self, day: float) -> LineString | None:
        """The part that exists on `day`, from its beginning; None before."""
        if day < self.since_day:
            return None
        share = 1.0 if day >= self.until_day else (day - self.since_day) / (self.until_day - self.since_day)
        part = substring(self.line, 0, share, normalized=True)
        return part if isinstance(part, LineString) and part.length > SUB_M else None


def wander(
    rng: np.random.Generator, start: tuple[float, float], heading: float, *, length_m: float, turn: float, step_m: float = 25.0
) -> LineString:
    """A line that keeps its general heading (radians from east) and turns by `turn` rad (standard deviation) per 100 m."""
    n = max(2, int(length_m / step_m))
    angle, points = heading, [start]
    for kick in rng.normal(0, turn * (step_m / 100) ** 0.5, n):
        angle += kick - 0.12 * (angle - heading)
        points.append((points[-1][0] + step_m * np.cos(angle), points[-1][1] + step_m * np.sin(angle)))
    return LineString(points)


def between(
    rng: np.random.Generator, a: tuple[float, float], b: tuple[float, float], *, bend: float = 0.12, step_m: float = 25.0
) -> LineString:
    """A winding line from `a` to `b`, leaving the straight one by about `bend` of its length."""
    start, end = np.array(a), np.array(b)
    length = float(np.hypot(*(end - start)))
    n = max(3, int(length / step_m))
    t = np.linspace(0, 1, n + 1)
    waves = np.arange(1, 7)
    size = rng.normal(0, bend * length / 2, waves.size) / waves**1.4
    offset = np.sin(np.pi * t[:, None] * waves) @ size
    normal = np.array([-(end - start)[1], (end - start)[0]]) / max(length, 1e-6)
    return LineString(start + t[:, None] * (end - start) + offset[:, None] * normal)


def paint_road(rng: np.random.Generator, frame: Frame, road: Road, *, hidden: float = 0.12) -> Patch | None:
    """A road as it is built, its edges partly under crowns."""
    found = near_line(frame, road.line, reach_m=road.width_m / 2 + SUB_M)
    if found is None:
        return None
    window, distance, along = found
    crowns = rng.random(distance.shape, dtype=np.float32)
    mask = (distance <= road.width_m / 2) & (crowns > hidden)
    day = road.since_day + along / max(road.line.length, 1.0) * (road.until_day - road.since_day)
    start = np.where(mask, day, NEVER).astype(np.float32)
    return Patch(window, start, np.full_like(start, NEVER), np.full(mask.shape, Cover.ROAD, dtype=np.uint8))


def roof(rng: np.random.Generator, place: tuple[float, float], since_day: float, *, thatch: float = 0.2) -> Roof:
    """A roof of 6 to 12 m at a place, of tin, tarpaulin or thatch."""
    w, h, turn = float(rng.uniform(6, 12)), float(rng.uniform(6, 9)), float(rng.uniform(0, np.pi))
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    share = (1 - thatch) / 3
    cover = ROOFS[int(rng.choice(4, p=[share, share, share, thatch]))]
    return Roof(Point(place), Polygon(corners @ rotation.T + np.array(place)), since_day, cover)


def paint_roof(frame: Frame, building: Roof) -> Patch | None:
    """A roof as a patch; None outside the world."""
    found = inside(frame, building.outline)
    return None if found is None else lasting(found[0], found[1], building.cover, since=building.since_day)


def blob(
    frame: Frame,
    rng: np.random.Generator,
    centre: tuple[float, float],
    *,
    area_ha: float,
    rough: float = 0.35,
    within: BaseGeometry | None = None,
) -> tuple[Window, Grid] | None:
    """An irregular blob: rank of each sub-pixel in order of growth, in m2 covered so far (NEVER beyond `area_ha` and outside `within`)."""
    radius = (area_ha * 1e4 / np.pi) ** 0.5
    x0, y0 = centre
    window = frame.window((x0, y0, x0, y0), margin_m=radius * 3.0)
    if window is None:
        return None
    x, y = frame.centres(window)
    distance = np.hypot(x - np.float32(x0 - frame.west), y - np.float32(y0 - frame.south)) / np.float32(radius)
    cost = distance + rough * smooth(rng, (window.rows, window.cols), scale_px=max(4.0, radius / SUB_M / 2))
    if within is not None:
        x_grid, y_grid = np.meshgrid(x[0].astype(np.float64) + frame.west, y[:, 0].astype(np.float64) + frame.south)
        cost[~shapely.contains_xy(within, x_grid, y_grid)] = NEVER
    return window, rank_m2(cost, limit_m2=area_ha * 1.001e4)


def rank_m2(cost: Grid, *, limit_m2: float) -> Grid:
    """Area taken before each sub-pixel, m2, when ground is taken in order of cost; NEVER past the limit and where the cost is NEVER."""
    order = np.argsort(cost, axis=None, kind="stable")
    keep = order[: min(np.count_nonzero(cost < NEVER), int(limit_m2 / SUB_M**2))]
    rank = np.full(cost.size, NEVER, dtype=np.float32)
    rank[keep] = np.arange(keep.size, dtype=np.float32) * np.float32(SUB_M**2)
    return rank.reshape(cost.shape)
