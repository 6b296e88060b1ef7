"""A river cut into reaches up and down from a place on it, and the reach each point belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, Point
from shapely.ops import substring

from jagawana.schemas.errors import DataError, ErrorCode

JOINED_M = 50.0
"""Ends of lines this near to one another are one river."""
SHORTEST = 0.25
"""Of a reach's length; a shorter rest at the end of the river is left out."""


@dataclass(frozen=True)
class Reach:
    """A piece of river. `start_m` and `stop_m` are distances from the site along the line, negative upstream; `line` runs downstream."""

    start_m: float
    stop_m: float
    line: LineString

    @property
    def is_upstream(self) -> bool:
        """Whether it lies above the site, and shows what the river brings anyway."""
        return self.stop_m <= 0

    @property
    def name(self) -> str:
        """Where it begins, in kilometres from the site, e.g. "+2.00", and "-1.00" for the last one above it."""
        return f"{self.start_m / 1000:+.2f}"


@dataclass(frozen=True)
class ReachPlan:
    """How far to look, in metres along the river, and how long each reach is."""

    reach_m: float = 1000.0
    downstream_m: float = 10_000.0
    upstream_m: float = 2_000.0
    farthest_m: float = 2_000.0
    """The site may lie this far from the line."""


@dataclass(frozen=True)
class River:
    """The reaches, upstream ones first, and what a reader should know of how the line was followed.

    `divides_at_m` are distances from the site, negative upstream, where the lines divide and the longest was taken.
    """

    reaches: tuple[Reach, ...]
    site_to_line_m: float
    divides_at_m: tuple[float, ...]

    def shorter_than(self, plan: "ReachPlan") -> tuple[float, ...]:
        """Where the line ends before the plan does, in metres from the site, negative upstream."""
        first, last = self.reaches[0], self.reaches[-1]
        top = -min(first.start_m, 0.0)
        ends = [(-top, top < plan.upstream_m - plan.reach_m / 2), (last.stop_m, last.stop_m < plan.downstream_m - plan.reach_m / 2)]
        return tuple(at for at, early in ends if early)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all lines, in their units."""
        west, south, east, north = shapely.union_all([r.line for r in self.reaches]).bounds
        return west, south, east, north


def river_at(lines: Sequence[LineString], site: Point, plan: ReachPlan) -> River:
    """The reaches of the river nearest to a site.

    Args:
        lines: centre-lines in metres (UTM), each drawn in the direction of flow.
        site: in the same coordinates.
        plan: lengths.

    Raises:
        DataError: SETTINGS_INVALID when no line is near enough, or the line ends at the site.
    """
    usable = [line for line in lines if line.length > 0]
    nearest = min(range(len(usable)), key=lambda n: usable[n].distance(site), default=None)
    if nearest is None or usable[nearest].distance(site) > plan.farthest_m:
        away = "there are none" if nearest is None else f"the nearest is {usable[nearest].distance(site) / 1000:.1f} km away"
        raise DataError(
            ErrorCode.SETTINGS_INVALID,
            f"no river line within {plan.farthest_m / 1000:g} km of the site; {away}: give its river's lines",
        )
    down, split_below = _walk(usable, nearest, site, plan.downstream_m)
    turned = [line.reverse() for line in usable]
    up, split_above = _walk(turned, nearest, site, plan.upstream_m)
    below = [Reach(a, b, _piece(down, a, b)) for a, b in _cuts(down.length, plan.reach_m)]
    above = [Reach(-b, -a, _piece(up, a, b).reverse()) for a, b in _cuts(up.length, plan.reach_m)]
    if not below:
        raise DataError(
            ErrorCode.SETTINGS_INVALID,
            "the river's line ends at the site; drawn against the flow? then say --against-flow, else give lines that go on",
        )
    return River((*reversed(above), *below), float(usable[nearest].distance(site)), (*(-n for n in split_above), *split_below))


def _walk(lines: Sequence[LineString], first: int, site: Point, length_m: float) -> tuple[LineString, list[float]]:
    """From the site along its line and those that go on from there, up to a length; and where there was a choice."""
    points, visited, choices = _rest(lines[first], site), {first}, list[float]()
    while _length(points) < length_m:
        end = Point(points[-1])
        onward = {n: rest for n, line in enumerate(lines) if n not in visited and (rest := _onward(line, end)) is not None}
        if not onward:
            break
        if len(onward) > 1:
            choices.append(_length(points))
        chosen = max(onward, key=lambda n: (_length(onward[n]), -n))
        visited.add(chosen)
        points = [*points, *onward[chosen]]
    whole = LineString(points) if len(points) > 1 else LineString([points[0], points[0]])
    return _piece(whole, 0, min(length_m, whole.length)) if whole.length else whole, choices


def _piece(line: LineString, start_m: float, stop_m: float) -> LineString:
    """A part of a line, longer than nothing."""
    piece = substring(line, start_m, stop_m)
    return piece if isinstance(piece, LineString) else LineString([piece.coords[0], piece.coords[0]])


def _rest(line: LineString, point: Point) -> list[tuple[float, ...]]:
    """A line's coordinates from the place nearest to a point to its end."""
    piece = substring(line, line.project(point), line.length)
    return [tuple(c[:2]) for c in piece.coords]


def _onward(line: LineString, end: Point) -> list[tuple[float, ...]] | None:
    """What of a line leads on from a point; None where it does not touch it, or only ends there."""
    if line.distance(end) > JOINED_M:
        return None
    rest = _rest(line, end)
    return rest if len(rest) > 1 and _length(rest) > JOINED_M else None


def _length(points: Sequence[tuple[float, ...]]) -> float:
    return float(sum(np.hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)))


def _cuts(length_m: float, reach_m: float) -> list[tuple[float, float]]:
    """Starts and stops of reaches along a length; the last may be shorter, down to SHORTEST of a reach."""
    starts = np.arange(0.0, length_m, reach_m)
    cuts = [(float(a), float(min(a + reach_m, length_m))) for a in starts]
    return [(a, b) for a, b in cuts if b - a >= SHORTEST * reach_m]


def reach_of(
    reaches: Sequence[Reach], east: npt.NDArray[np.float64], north: npt.NDArray[np.float64], *, within_m: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Which reach each point lies nearest to, and how far from its line.

    Args:
        reaches: of one river.
        east: metres, of any shape.
        north: of the same shape.
        within_m: farther points belong to no reach.

    Returns:
        Indices, -1 for none, and distances in metres, infinite for none; of the points' shape. A point at a joint belongs to one reach.
    """
    lines = [r.line for r in reaches]
    near = np.flatnonzero(shapely.contains_xy(shapely.union_all(lines).buffer(within_m), east.ravel(), north.ravel()))
    points = np.asarray(shapely.points(east.ravel()[near], north.ravel()[near]))
    (of, which), distances = shapely.STRtree(lines).query_nearest(points, return_distance=True, all_matches=False)
    index, distance = np.full(east.size, -1, np.int64), np.full(east.size, np.inf)
    index[near[of]], distance[near[of]] = which, distances
    return index.reshape(east.shape), distance.reshape(east.shape)
