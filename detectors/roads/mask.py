"""Roads of a class mask: what hangs together, over gaps too, and the pixels it was seen in."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage

from jagawana.detectors.roads.gaps import closed
from jagawana.detectors.roads.networks import Integers, Numbers, network_of, without_spurs
from jagawana.detectors.roads.skeleton import Lines, skeleton_lines

SPUR_M, STUB_M = 40.0, 20.0
"""Dead ends below the first are the skeleton's, not the road's. What lies alone below the second is no road: no gap is closed to it."""
GAP_M, TURN_DEG, LOOK_BACK_M = 150.0, 40.0, 40.0
"""A gap up to so long is closed where the road turns no more than this; so much of a road tells where it leads."""
EIGHT = np.ones((3, 3), bool)
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]


class Networks(NamedTuple):
    """Roads that hang together, K of them.

    Attributes:
        lines: (N,) in pixels of the mask, between ends and junctions.
        network: int64 (N,), 0..K-1, of each line.
        seen_m: float64 (K,), metres of line that were seen: closed gaps do not count.
        labels: int32 (H, W), network + 1 of each pixel in which one was seen, 0 elsewhere.
    """

    lines: Lines
    network: Integers
    seen_m: Numbers
    labels: Labels


def road_networks(mask: Flags, resolution_m: float, *, at_least_m: float) -> Networks:
    """Networks of a road mask: thinned, spurs cut until none is left, gaps closed where directions agree.

    Nothing is smoothed, and gaps are closed between lines, never between pixels (docs/decisions/0022-roads-in-alerts.md).

    Args:
        mask: bool (H, W).
        resolution_m: pixel size.
        at_least_m: least metres of line that were seen of a network.
    """
    spur, stub, gap, look_back = (metres / resolution_m for metres in (SPUR_M, STUB_M, GAP_M, LOOK_BACK_M))
    piece = _pieces(mask, stub)
    lines = without_spurs(skeleton_lines(piece > 0), spur)
    length = _lengths(lines, piece)
    length[length < stub] = 0
    lines = lines[length[_begin_in(piece, lines)] > 0]
    whole = without_spurs(closed(lines, (piece > 0).astype(np.float32), gap=gap, turn_deg=TURN_DEG, look_back=look_back), spur)
    return _large(whole, length * resolution_m, piece, at_least_m)


def _pieces(mask: Flags, at_least: float) -> Labels:
    """Connected pieces, int32 (H, W), but for specks: through n pixels no line is longer than n - 1 diagonals."""
    labels, _ = ndimage.label(mask, EIGHT)
    large = (np.bincount(labels.ravel()) - 1) * np.sqrt(2) >= at_least
    large[0] = False
    return np.where(large[labels], labels, 0).astype(np.int32)


def _begin_in(piece: Labels, lines: Lines) -> Integers:
    """The piece that each line begins in, (N,)."""
    column, row = shapely.get_coordinates(shapely.get_point(lines, 0)).astype(np.int64).T
    return np.asarray(piece[row, column], np.int64)


def _lengths(lines: Lines, piece: Labels) -> Numbers:
    """Pixels of line in each piece, by its label."""
    of_piece = np.bincount(_begin_in(piece, lines), shapely.length(lines), int(piece.max(initial=0)) + 1)
    return np.asarray(of_piece, np.float64)


def _large(lines: Lines, seen_m: Numbers, piece: Labels, at_least_m: float) -> Networks:
    """The networks of which enough was seen, numbered anew.

    Args:
        lines: of all networks.
        seen_m: by piece.
        piece: a piece belongs to the network whose lines run through it.
        at_least_m: what is enough.
    """
    network = network_of(lines)
    owner = np.full(len(seen_m), -1, np.int64)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    column, row = xy.astype(np.int64).T
    owner[piece[row, column]] = network[line]
    total = np.zeros(int(network.max(initial=-1)) + 1)
    np.add.at(total, owner[owner >= 0], seen_m[owner >= 0])
    enough = total >= at_least_m
    number = np.append(np.where(enough, np.cumsum(enough) - 1, -1), -1)  # the last for what has no owner
    kept = enough[network]
    return Networks(lines[kept], number[network[kept]], total[enough], (number[owner] + 1)[piece].astype(np.int32))
