"""The pixels and classes of a tile in which anything was ever stored, and what each look shows of them."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import ALERTABLE
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.history import Observation
from jagawana.detectors.runs import set_positions

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


class Entries:
    """One entry for each pixel and alertable class whose stored probability ever reached `at_least`.

    Args:
        observations: of one tile and one resolution.
        side: pixels along the tile.
        at_least: probability * 255.

    Attributes:
        positions: int64 (N,), class * side² + row * side + column, sorted.
    """

    def __init__(self, observations: Iterable[Observation], side: int, *, at_least: int) -> None:
        self._side, self._end = side, (max(ALERTABLE.values()) + 1) * side * side
        stored = [self._alertable(o) for o in observations]
        is_entry = np.zeros(self._end, bool)
        for positions, values in stored:
            is_entry[positions[values >= at_least]] = True
        self.positions = set_positions(is_entry)
        self._pixels = self.positions % (side * side)
        self._number = np.empty(self._end, np.int32)  # never filled whole: where nothing was stored no memory is touched
        for positions, _ in stored:
            self._number[positions] = len(self.positions)  # the place behind the last entry, for what is none
        self._number[self.positions] = np.arange(len(self.positions), dtype=np.int32)

    def seen_in(self, look: Sequence[Observation]) -> tuple[Flags, Bytes]:
        """Where a look was clear, bool (N,), and what it stored there, uint8 (N,), which means nothing where it was not clear.

        The first granule that is clear at a pixel speaks for the look.
        """
        clear, stored = self._seen_by(look[0])
        for granule in look[1:]:
            also_clear, also_stored = self._seen_by(granule)
            stored = np.where(clear, stored, also_stored)
            clear |= also_clear
        return clear, stored

    def _seen_by(self, o: Observation) -> tuple[Flags, Bytes]:
        clear = self._sky(o) == SkyClass.CLEAR
        positions, values = self._alertable(o)
        stored = np.zeros(len(self.positions) + 1, np.uint8)
        stored[self._number[positions]] = values
        return clear, stored[:-1]

    def _sky(self, o: Observation) -> Bytes:
        if o.origin == (0, 0) and o.sky.shape == (self._side, self._side):
            return o.sky.reshape(-1)[self._pixels]
        return o.sky_at(*np.divmod(self._pixels, self._side))

    def _alertable(self, o: Observation) -> tuple[Integers, Bytes]:
        """What an observation stored of the alertable classes."""
        runs = [slice(*np.searchsorted(o.positions, [first * self._side**2, end * self._side**2])) for first, end in ALERTABLE_RUNS]
        return np.concatenate([o.positions[run] for run in runs]), np.concatenate([o.values[run] for run in runs])


def _runs(classes: Iterable[int]) -> list[tuple[int, int]]:
    """First class and the one behind the last, of classes whose numbers follow one another."""
    runs: list[tuple[int, int]] = []
    for c in sorted(classes):
        runs = [*runs[:-1], (runs[-1][0], c + 1)] if runs and runs[-1][1] == c else [*runs, (c, c + 1)]
    return runs


ALERTABLE_RUNS = _runs(ALERTABLE.values())
