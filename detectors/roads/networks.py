"""Lines that hang together: their ends, their networks, and spurs."""

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jagawana.detectors.roads.skeleton import Lines, merged

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Likelihood = npt.NDArray[np.float32]


def without_spurs(lines: Lines, shorter_than: float) -> Lines:
    """Cut dead ends that leave a longer line, until none is left: what a spur hung on becomes one line."""
    while len(lines):
        free = (ends_of(lines)[2] == 1).sum(axis=0)
        spurs = (free == 1) & (shapely.length(lines) < shorter_than) & ~shapely.is_closed(lines)
        if not spurs.any():
            break
        lines = merged(lines[~spurs])
    return lines


def far_reaching(lines: Lines, at_least: float) -> Lines:
    """Only networks whose bounds measure so much from corner to corner."""
    if not len(lines):
        return lines
    network, bounds = network_of(lines), shapely.bounds(lines)
    low, high = np.full((int(network.max()) + 1, 2), np.inf), np.full((int(network.max()) + 1, 2), -np.inf)
    np.minimum.at(low, network, bounds[:, :2])
    np.maximum.at(high, network, bounds[:, 2:])
    return np.asarray(lines[(np.hypot(*(high - low).T) >= at_least)[network]], object)


def supported(lines: Lines, likelihood: Likelihood, at_least: float) -> Lines:
    """Only networks along which the mean likelihood is so high."""
    if not len(lines):
        return lines
    network, length = network_of(lines), shapely.length(lines)
    mean = np.bincount(network, length * mean_along(lines, likelihood)) / np.bincount(network, length)
    return np.asarray(lines[(mean >= at_least)[network]], object)


def mean_along(lines: Lines, likelihood: Likelihood) -> Numbers:
    """Mean likelihood under each line, a sample a pixel."""
    xy, line = shapely.get_coordinates(shapely.segmentize(lines, 1.0), return_index=True)
    column, row = np.clip(xy.astype(int), 0, np.array(likelihood.shape[::-1]) - 1).T
    return np.asarray(np.bincount(line, likelihood[row, column], len(lines)) / np.bincount(line, minlength=len(lines)))


def ends_of(lines: Lines) -> tuple[Numbers, Integers, Integers]:
    """First and last point of each line (2, N, 2), their node's number (2, N), and how many line ends meet there (2, N)."""
    points = np.stack([shapely.get_coordinates(shapely.get_point(lines, i)) for i in (0, -1)])
    _, node, count = np.unique(points.reshape(-1, 2), axis=0, return_inverse=True, return_counts=True)
    return points, node.reshape(2, -1), count[node].reshape(2, -1)


def network_of(lines: Lines) -> Integers:
    """A number for each line, (N,) from 0, the same for lines that hang together."""
    if not len(lines):
        return np.empty(0, np.int64)
    _, node, _ = ends_of(lines)
    n = int(node.max()) + 1
    _, label = connected_components(coo_array((np.ones(len(lines)), (node[0], node[1])), shape=(n, n)), directed=False)
    return np.asarray(label[node[0]], np.int64)
