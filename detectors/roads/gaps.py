"""Gaps between lines, closed where their directions agree."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from jagawana.detectors.roads.networks import Integers, Likelihood, Numbers, ends_of, mean_along
from jagawana.detectors.roads.skeleton import Lines, merged


@dataclass(frozen=True)
class _Ends:
    """Dead ends: the line each belongs to, which end of it (0 first, 1 last), its place (N, 2), and where it leads (N, 2), length one."""

    line: Integers
    side: Integers
    at: Numbers
    heading: Numbers


@dataclass(frozen=True)
class _Bridges:
    """Where dead end `first` may lead: to dead end `second`, or to the side of a line (-1). `target` (N, 2)."""

    first: Integers
    second: Integers
    target: Numbers

    def where(self, chosen: Integers) -> "_Bridges":
        return _Bridges(self.first[chosen], self.second[chosen], self.target[chosen])


def closed(lines: Lines, likelihood: Likelihood, *, gap: float, turn_deg: float, look_back: float) -> Lines:
    """Dead ends joined straight over gaps to dead ends, or to the side of another line; each end once, likely and short gaps first.

    Args:
        lines: in pixels.
        likelihood: float32 (H, W).
        gap, look_back: in pixels: the longest gap, and how much of a line tells where it leads.
        turn_deg: the most a line may turn, at each end of the gap.
    """
    if not len(lines):
        return lines
    ends = _dead_ends(lines, look_back)
    bridges = _agreeing(_candidates(lines, ends, gap), ends, turn_deg)
    spans = _spans(bridges, ends)
    cost = shapely.length(spans) * (1.5 - mean_along(spans, likelihood))
    kept = _each_end_once(bridges, cost, len(ends.at))
    sides = bridges.where(kept).target[bridges.second[kept] < 0]
    return merged(np.concatenate([_split(lines, sides), spans[kept]]))


def _dead_ends(lines: Lines, look_back: float) -> _Ends:
    at, _, degree = ends_of(lines)
    side, line = np.nonzero(degree == 1)
    back = np.minimum(look_back, shapely.length(lines[line]))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], np.where(side == 0, back, -back)))
    ahead = at[side, line] - behind
    return _Ends(line, side, at[side, line], ahead / np.maximum(np.hypot(*ahead.T), 1e-9)[:, None])


def _candidates(lines: Lines, ends: _Ends, reach: float) -> _Bridges:
    """To another end within reach, or to the nearest vertex of another line, unless that is a dead end too."""
    points: Lines = np.asarray(shapely.points(ends.at), object)
    a, b = shapely.STRtree(points).query(points, predicate="dwithin", distance=reach)
    pair = (a < b) & (ends.line[a] != ends.line[b])
    c, d = shapely.STRtree(lines).query(points, predicate="dwithin", distance=reach)
    c, d = c[ends.line[c] != d], d[ends.line[c] != d]
    sides = np.array([_nearest_vertex(lines[line], ends.at[end]) for end, line in zip(c, d, strict=True)]).reshape(-1, 2)
    dead = set(map(tuple, ends.at))
    inner = np.array([tuple(side) not in dead for side in sides], bool)
    c, sides = c[inner], sides[inner]
    return _Bridges(np.concatenate([a[pair], c]), np.concatenate([b[pair], np.full(len(c), -1)]), np.concatenate([ends.at[b[pair]], sides]))


def _nearest_vertex(line: shapely.LineString, point: Numbers) -> Numbers:
    vertices = shapely.get_coordinates(line)
    return np.asarray(vertices[np.hypot(*(vertices - point).T).argmin()])


def _agreeing(bridges: _Bridges, ends: _Ends, turn_deg: float) -> _Bridges:
    """Those that go on where the ends lead, and are longer than nothing."""
    gap = bridges.target - ends.at[bridges.first]
    length = np.hypot(*gap.T)
    least = np.cos(np.radians(turn_deg)) * length
    goes_on = np.einsum("ij,ij->i", gap, ends.heading[bridges.first]) >= least
    comes_in = np.einsum("ij,ij->i", -gap, ends.heading[bridges.second]) >= least
    return bridges.where(np.flatnonzero((length > 0) & goes_on & (comes_in | (bridges.second < 0))))


def _spans(bridges: _Bridges, ends: _Ends) -> Lines:
    return np.asarray(shapely.linestrings(np.stack([ends.at[bridges.first], bridges.target], axis=1)), object)


def _each_end_once(bridges: _Bridges, cost: Numbers, ends: int) -> Integers:
    used, kept = np.zeros(ends, bool), []
    for i in np.lexsort((bridges.second, bridges.first, cost)):
        mine = [end for end in (bridges.first[i], bridges.second[i]) if end >= 0]
        if not used[mine].any():
            used[mine] = True
            kept.append(i)
    return np.array(kept, np.int64)


def _split(lines: Lines, at: Numbers) -> Lines:
    """Lines cut at those of their vertices that are in `at` (N, 2)."""
    cut = set(map(tuple, at))
    pieces: list[shapely.LineString] = []
    for line in lines if cut else ():
        xy = shapely.get_coordinates(line)
        edges = [0, *(i for i in range(1, len(xy) - 1) if tuple(xy[i]) in cut), len(xy) - 1]
        pieces += [shapely.LineString(xy[i : j + 1]) for i, j in pairwise(edges)]
    return np.array(pieces, object) if cut else lines
