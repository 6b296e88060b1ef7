"""Pixels to polygons along their edges, exactly: areas are pixel counts, and pixels that only share a corner stay apart."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jagawana.detectors.runs import Integers, Runs, components

EAST, SOUTH, WEST, NORTH = range(4)
"""Ways an edge can lead; the pixels lie to the right of it."""


@dataclass(frozen=True)
class _Edges:
    """Straight stretches of outline between corners; int64 (N,). Corners are row * width + column of pixel corners.

    `piece` numbers the 4-connected pieces of pixels.
    """

    begin: Integers
    end: Integers
    way: Integers
    piece: Integers
    width: int


def outlines(runs: Runs) -> tuple[npt.NDArray[np.object_], Integers]:
    """One polygon for each 4-connected piece of pixels.

    Args:
        runs: of a mask, all of each piece.

    Returns:
        shapely Polygons, object (N,), x = column and y = row of pixel corners; and the piece of each run, int64 (runs,):
        run i lies in polygon piece[i].
    """
    piece = components(runs, corners=False)
    if not len(runs):
        return np.empty(0, object), piece
    edges = _edges(runs, piece)
    ring, order = _rings(_next_edges(edges))
    corners = np.column_stack([edges.begin % edges.width, edges.begin // edges.width])[order].astype(float)
    turns = edges.way[order] != edges.way[_before(ring[order], order)]
    coordinates, number = _closed(corners[turns], ring[order][turns])
    rings = np.asarray(shapely.linearrings(coordinates, indices=number), object)
    return _polygons(rings, edges.piece[order][_first_of(ring[order])], int(piece.max()) + 1), piece


def _edges(runs: Runs, piece: Integers) -> _Edges:
    width = int(runs.stop.max()) + 2
    top_left, top_right = runs.row * width + runs.start, runs.row * width + runs.stop
    begin, end, way, run = _horizontal(top_left, top_right, width)
    sides = (top_right, top_left + width), (top_right + width, top_left)
    ways = np.repeat([SOUTH, NORTH], len(runs))
    owner = np.concatenate([run, np.arange(len(runs)), np.arange(len(runs))])
    return _Edges(
        np.concatenate([begin, *sides[0]]), np.concatenate([end, *sides[1]]), np.concatenate([way, ways]), piece[owner], width
    )  # fmt: skip


def _horizontal(left: Integers, right: Integers, width: int) -> tuple[Integers, Integers, Integers, Integers]:
    """Stretches with pixels on one side only: begin, end, way, and the run they belong to.

    Along every line between two rows, runs above and below switch on and off; what is on on one side only is outline.
    """
    corners, at = np.unique(np.concatenate([left, right, left + width, right + width]), return_inverse=True)
    n, (on_below, off_below, on_above, off_above) = len(corners), np.split(at, 4)
    below = np.cumsum(np.bincount(on_below, minlength=n) - np.bincount(off_below, minlength=n))
    above = np.cumsum(np.bincount(on_above, minlength=n) - np.bincount(off_above, minlength=n))
    top, bottom = np.flatnonzero(below > above), np.flatnonzero(above > below)
    begin, end = np.concatenate([corners[top], corners[bottom + 1]]), np.concatenate([corners[top + 1], corners[bottom]])
    inside = np.concatenate([corners[top], corners[bottom] - width])
    return begin, end, np.repeat([EAST, WEST], [len(top), len(bottom)]), np.searchsorted(left, inside, side="right") - 1


def _next_edges(edges: _Edges) -> Integers:
    """The edge that goes on from the end of each edge, int64 (N,).

    Where two edges leave a corner, two pixels touch there diagonally. Pixels of two pieces keep to themselves (turn right); of one
    piece, the free pixels between them are parted (turn left), so that a hole touches the outline instead of the outline itself.
    """
    order = np.argsort(edges.begin, kind="stable")
    begins = edges.begin[order]
    low, high = np.searchsorted(begins, edges.end, side="left"), np.searchsorted(begins, edges.end, side="right")
    only, other = order[low], order[high - 1]
    right = np.where(edges.way[only] == (edges.way + 1) % 4, only, other)
    left = np.where(right == only, other, only)
    return np.where(high - low == 1, only, np.where(edges.piece[left] == edges.piece[right], left, right))


def _rings(following: Integers) -> tuple[Integers, Integers]:
    """The ring of each edge, and an order in which rings lie one after another, each along its edges from its first edge on."""
    n = len(following)
    graph = coo_array((np.ones(n, np.int8), (np.arange(n), following)), shape=(n, n))
    _, ring = connected_components(graph, directed=False)
    first = np.full(int(ring.max()) + 1, n)
    np.minimum.at(first, ring, np.arange(n))
    return ring.astype(np.int64), np.lexsort((_steps_to(first[ring], following), ring))


def _steps_to(target: Integers, following: Integers) -> Integers:
    """How far along its ring each edge lies behind the ring's first one, by doubling: -(steps to get there), 0 for the first."""
    n = len(following)
    there = np.arange(n) == target
    jump, steps = np.where(there, np.arange(n), following), np.where(there, 0, 1)
    while not there[jump].all():
        steps = steps + steps[jump]
        jump = jump[jump]
    return np.where(there, np.iinfo(np.int64).min, -steps)


def _first_of(ring: Integers) -> npt.NDArray[np.intp]:
    """Where each ring begins, in the order of `_rings`."""
    return np.flatnonzero(np.diff(ring, prepend=-1))


def _before(ring: Integers, order: Integers) -> Integers:
    """The edge before each edge of the ordered rings."""
    before = np.roll(order, 1)
    begins = _first_of(ring)
    before[begins] = order[np.append(begins[1:], len(ring)) - 1]
    return before


def _closed(corners: npt.NDArray[np.float64], ring: Integers) -> tuple[npt.NDArray[np.float64], Integers]:
    """Coordinates and ring numbers (0, 1, ...) with each ring's first corner repeated at its end."""
    begins = _first_of(ring)
    ends = np.append(begins[1:], len(ring))
    number = np.repeat(np.arange(len(begins)), ends - begins)
    return np.insert(corners, ends, corners[begins], axis=0), np.insert(number, ends, np.arange(len(begins)))


def _polygons(rings: npt.NDArray[np.object_], piece: Integers, count: int) -> npt.NDArray[np.object_]:
    """Of the rings of a piece the one that runs clockwise on a map with rows going down is its outline, the others are holes."""
    is_shell = shapely.is_ccw(rings)
    shells = np.empty(count, object)
    shells[piece[is_shell]] = rings[is_shell]
    polygons: npt.NDArray[np.object_] = np.asarray(shapely.polygons(shells), object)
    holes: dict[int, list[shapely.LinearRing]] = {}
    for number, hole in zip(piece[~is_shell].tolist(), rings[~is_shell], strict=True):
        holes.setdefault(number, []).append(hole)
    for number, mine in holes.items():
        polygons[number] = shapely.polygons(shells[number], mine)
    return polygons
