"""Crowds: places over which so many zones lie that cutting a shape along all of them would take minutes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from jagawana.rules.zones import Zone

MAX_ZONES = 150
"""Most zones over one place. The worst arrangement of so many, a lattice of crossing strips, is judged in a few seconds."""
PLACE_DEGREES = 0.01
"""Side of a place, about 1.1 km: a finding lies in one cell of 1 km."""
DRAWN_DEGREES = PLACE_DEGREES * 16
"""Side of the largest square of which outlines are looked at, and not only their bounds."""
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
WORLD: Box = (-180.0, -90.0, -180.0 + DRAWN_DEGREES * 2**12, -90.0 + DRAWN_DEGREES * 2**12)
"""Larger than the world, so that halving it comes to whole places."""


@dataclass(frozen=True)
class Crowd:
    """A place with too many zones."""

    box: Box
    zones: Sequence[Zone]

    def __str__(self) -> str:
        west, south, east, north = self.box
        layers = Counter(z.layer for z in self.zones)
        held = ", ".join(f"{n} of {layer}" for layer, n in sorted(layers.items()))
        return f"{len(self.zones)} zones ({held}) meet the square {west:.2f} to {east:.2f} E, {south:.2f} to {north:.2f} N"


def find_crowd(
    bounds: npt.NDArray[np.float64], concerned: npt.NDArray[np.bool_], zones_in: Callable[[Box], Sequence[Zone]]
) -> Crowd | None:
    """The first place over which more than MAX_ZONES zones lie, of which one is concerned; None when there is none.

    Squares are divided by four as long as too many zones meet them: first by their bounds, in small squares by their outlines.

    Args:
        bounds: west, south, east, north in degrees of all zones, (N, 4).
        concerned: (N,) whether a zone is of the layer that changes; the others were looked at when they came.
        zones_in: zones whose bounds touch a box; asked for boxes of at most DRAWN_DEGREES.
    """
    waiting = [(WORLD, bounds, concerned)]
    while waiting:
        box, here, mine = waiting.pop()
        meets = (here[:, 0] <= box[2]) & (here[:, 2] >= box[0]) & (here[:, 1] <= box[3]) & (here[:, 3] >= box[1])
        if meets.sum() <= MAX_ZONES or not mine[meets].any():
            continue
        if box[2] - box[0] > DRAWN_DEGREES * 1.5:
            waiting += [(quarter, here[meets], mine[meets]) for quarter in _quarters(box)]
            continue
        crowd = _drawn_crowd(box, zones_in(box))
        if crowd is not None:
            return crowd
    return None


def _drawn_crowd(box: Box, zones: Sequence[Zone]) -> Crowd | None:
    """Like `find_crowd`, of the outlines of zones and one square."""
    outlines = np.fromiter((z.geometry for z in zones), dtype=object, count=len(zones))
    shapely.prepare(outlines)
    waiting = [(box, np.arange(len(zones)))]
    while waiting:
        box, near = waiting.pop()
        met = near[shapely.intersects(outlines[near], shapely.box(*box))]
        if len(met) <= MAX_ZONES:
            continue
        if box[2] - box[0] < PLACE_DEGREES * 1.5:
            return Crowd(box, [zones[i] for i in met])
        waiting += [(quarter, met) for quarter in _quarters(box)]
    return None


def _quarters(box: Box) -> Iterator[Box]:
    west, south, east, north = box
    x, y = (west + east) / 2, (south + north) / 2
    yield from ((west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north))
