"""Masks as runs of pixels: everything after one look at the mask costs as much as what is set in it, not as much as the mask."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Integers = npt.NDArray[np.int64]
WORD = 8
CHUNK = 1 << 16
"""Words compared at a time, so that the answers stay in the processor's cache."""


@dataclass(frozen=True)
class Runs:
    """Horizontal runs of set pixels, by row and then by column; all int64 (N,).

    Attributes:
        row: of the mask.
        start, stop: columns, `stop` excluded.
    """

    row: Integers
    start: Integers
    stop: Integers

    def __len__(self) -> int:
        return len(self.row)

    @property
    def length(self) -> Integers:
        """Pixels of each run."""
        return self.stop - self.start

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Runs":
        """Some of the runs."""
        return Runs(self.row[chosen], self.start[chosen], self.stop[chosen])


def runs_of(mask: npt.NDArray[np.bool_]) -> Runs:
    """The runs of a mask, bool (H, W)."""
    width = mask.shape[1]
    at = set_positions(mask)
    rows = at // width
    begins = np.ones(len(at), bool)
    begins[1:] = (np.diff(at) != 1) | (np.diff(rows) != 0)
    ends = np.roll(begins, -1)
    start = at[begins] - rows[begins] * width
    return Runs(rows[begins], start, at[ends] - rows[ends] * width + 1)


def components(runs: Runs, *, corners: bool) -> Integers:
    """A number for each run, the same for runs that touch, from 0 on in the order of their first run.

    Args:
        corners: whether pixels that only share a corner touch (8 neighbours instead of 4).
    """
    above, below = _touching(runs, int(corners))
    graph = coo_array((np.ones(len(above), np.int8), (above, below)), shape=(len(runs), len(runs)))
    _, labels = connected_components(graph, directed=False)
    _, first, which = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which].astype(np.int64)


def set_positions(mask: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> Integers:
    """Where a mask is not 0, row by row: row * width + column. Eight pixels at a time are looked at, since most are 0."""
    flat = np.ascontiguousarray(mask).reshape(-1)
    whole = len(flat) // WORD * WORD
    words = flat[:whole].view(np.uint64)
    found = [np.flatnonzero(words[at : at + CHUNK] != 0) + at for at in range(0, len(words), CHUNK)]
    word = np.concatenate(found) if found else np.empty(0, np.int64)
    byte = np.flatnonzero(flat[:whole].reshape(-1, WORD)[word].reshape(-1))
    return np.concatenate([word[byte // WORD] * WORD + byte % WORD, np.flatnonzero(flat[whole:]) + whole]).astype(np.int64)


def _touching(runs: Runs, reach: int) -> tuple[Integers, Integers]:
    """Pairs of runs in neighbouring rows that touch; `reach` is 1 if a corner is enough."""
    width = int(runs.stop.max(initial=0)) + 2
    starts, stops = runs.row * width + runs.start, runs.row * width + runs.stop
    low = np.searchsorted(stops, (runs.row + 1) * width + runs.start - reach, side="right")
    high = np.searchsorted(starts, (runs.row + 1) * width + runs.stop + reach, side="left")
    count = np.maximum(high - low, 0)
    above = np.repeat(np.arange(len(runs)), count)
    below = np.arange(len(above)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    return above, below
