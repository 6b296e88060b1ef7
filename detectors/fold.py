"""The fold: a tile's observations, in order of acquisition, into what is believed of each pixel and class.

Pure and order-free: the result depends on the set of observations, never on their arrival. Sparse: only pixels in which
an alertable class was ever stored are touched, and in a look only those of them that it shows or that wait for more looks are weighed.
Semantics after GLAD, RADD and DIST-ALERT (docs/concepts.md).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from jagawana.detectors.confirmation import BayesianOdds, ConfirmationRule, Episode
from jagawana.detectors.entries import Bytes, Entries
from jagawana.detectors.history import Observation, passes

NEVER = np.int16(-1)
PROBABILITIES = np.arange(256, dtype=np.float32) / np.float32(255)
"""What a stored probability stands for."""
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int16]
Places = npt.NDArray[np.int64]


class Phase(IntEnum):
    """What is believed of one pixel and class."""

    ABSENT = 0
    CANDIDATE = 1  # internal: one weak look
    PROVISIONAL = 2
    CONFIRMED = 3
    ENDED = 4  # was confirmed; regrown or flooded since
    INVENTORY = 5  # already there at the first clear look
    INVENTORY_ENDED = 6


CLOSED = np.isin(np.arange(len(Phase)), (Phase.ABSENT, Phase.ENDED, Phase.INVENTORY_ENDED))
"""By phase: whether what shows next begins a new episode."""


@dataclass(frozen=True)
class FoldPolicy:
    """Numbers somebody may argue about. Probabilities are per look, 0..1."""

    present: float = 0.5  # raise to lose faint changes and gain quiet
    inventory: float = 0.3  # lower than `present`: a doubtful first look must not become news later
    clip: float = 0.1  # bayts `bwf`: one scene never decides alone
    end_looks: int = 3  # clean clear looks in a row that end a confirmed change
    expire_days: int = 180  # an unconfirmed change is forgotten (GLAD)
    rule: ConfirmationRule = field(default_factory=BayesianOdds)


@dataclass(frozen=True)
class TileState:
    """The fold's result: one entry per pixel and class that was ever stored. All arrays (N,).

    Attributes:
        positions: int64, class * side² + row * side + column, sorted.
        phase: uint8, Phase.
        first, before, confirmed, last: int16 look indices of the episode (-1 = never): first look showing it, last clear
            look before that, look that confirmed it, last look showing it.
        positive, clear: int16, looks of the episode that showed it, clear looks of the episode.
        posterior: float32.
        looks: observations grouped by pass, oldest first.
    """

    resolution_m: int
    side: int
    looks: Sequence[Sequence[Observation]]
    positions: npt.NDArray[np.int64]
    phase: npt.NDArray[np.uint8]
    first: Indices
    before: Indices
    confirmed: Indices
    last: Indices
    positive: Indices
    clear: Indices
    posterior: npt.NDArray[np.float32]

    def look_at(self, index: int) -> datetime:
        """When a look was taken."""
        return min(o.acquired_at for o in self.looks[index])

    def of_class(self, land_class: int) -> slice:
        """The entries of one class."""
        area = self.side * self.side
        low, high = np.searchsorted(self.positions, [land_class * area, (land_class + 1) * area])
        return slice(int(low), int(high))


def fold(observations: Iterable[Observation], policy: FoldPolicy | None = None) -> TileState:
    """Fold the current observations of one tile and one model fingerprint.

    Args:
        observations: of one resolution, at most one revision per acquisition; any order, duplicates of one id count once.
        policy: thresholds and the confirmation rule.

    Raises:
        ValueError: the observations are not on one grid, or there are none.
    """
    return _folding(observations, policy).run()


def folds(observations: Iterable[Observation], policy: FoldPolicy | None = None) -> Iterator[TileState]:
    """What was believed after each look, oldest first: the fold of the looks up to it.

    The arrays of a state change with the next one; take from it what is wanted before going on.

    Args:
        observations, policy: see `fold`.

    Raises:
        ValueError: see `fold`.
    """
    return _folding(observations, policy).steps()


def _folding(observations: Iterable[Observation], policy: FoldPolicy | None) -> "_Folding":
    unique = {o.observation_id: o for o in observations}
    looks = passes(unique.values())
    if len({o.resolution_m for o in unique.values()}) != 1:
        raise ValueError("a fold needs at least one observation, all of one resolution")
    return _Folding(looks, policy or FoldPolicy())


class _Folding:
    """The running state of one fold; `_step` is applied to one look at a time. Places are indices of entries, int64 (k,)."""

    def __init__(self, looks: Sequence[Sequence[Observation]], policy: FoldPolicy) -> None:
        self.looks, self.policy = looks, policy
        sample = looks[0][0]
        self.resolution_m, self.side = sample.resolution_m, sample.side
        self.times = [min(o.acquired_at for o in group) for group in looks]
        self.entries = Entries((o for group in looks for o in group), self.side, at_least=round(policy.inventory * 255))
        self.present_from, self.inventory_from = (np.count_nonzero(p > PROBABILITIES) for p in (policy.present, policy.inventory))
        n = len(self.entries.positions)
        self.phase = np.zeros(n, np.uint8)
        self.first, self.before, self.confirmed, self.last, self.seen_last = (np.full(n, NEVER) for _ in range(5))
        self.episode = Episode.none(n)
        self.clean = np.zeros(n, np.int16)
        self.expired = 0

    def run(self) -> TileState:
        """Apply every look in order."""
        for index, group in enumerate(self.looks):
            self._step(index, *self.entries.seen_in(group))
        return self._state(self.looks)

    def steps(self) -> Iterator[TileState]:
        """Apply one look after the other; the state after each."""
        for index, group in enumerate(self.looks):
            self._step(index, *self.entries.seen_in(group))
            yield self._state(self.looks[: index + 1])

    def _state(self, looks: Sequence[Sequence[Observation]]) -> TileState:
        return TileState(
            self.resolution_m, self.side, looks, self.entries.positions, self.phase, self.first, self.before, self.confirmed,
            self.last, self.episode.positive, self.episode.clear, self.episode.posterior,
        )  # fmt: skip

    def _step(self, index: int, clear: Flags, stored: Bytes) -> None:
        present = np.flatnonzero(clear & (stored >= self.present_from))
        self.phase[clear & (stored >= self.inventory_from) & (self.seen_last == NEVER)] = Phase.INVENTORY
        self._expire(index)
        self._open(index, present[CLOSED[self.phase[present]]])
        self._weigh(index, np.flatnonzero(clear & self._is_between(Phase.CANDIDATE, Phase.CONFIRMED)), stored)
        self._end(clear, present)
        self.last[present[~CLOSED[self.phase[present]]]] = index
        np.maximum(self.seen_last, clear * np.int16(index + 1) - np.int16(1), out=self.seen_last)  # looks only come later

    def _is_between(self, low: Phase, high: Phase) -> Flags:
        return (self.phase >= low) & (self.phase <= high)

    def _open(self, index: int, at: Places) -> None:
        self.episode.reset(at)
        self.phase[at] = Phase.CANDIDATE
        self.first[at] = index
        self.before[at] = self.seen_last[at]
        self.confirmed[at] = NEVER

    def _weigh(self, index: int, at: Places, stored: Bytes) -> None:
        is_confirmed = self.phase[at] == Phase.CONFIRMED
        again = at[is_confirmed]
        self.episode.positive[again] += stored[again] >= self.present_from
        self.episode.clear[again] += 1
        self._judge(index, at[~is_confirmed], stored)

    def _judge(self, index: int, at: Places, stored: Bytes) -> None:
        """Weigh one more look at what is not confirmed yet."""
        episode, probability, rule = self.episode.part(at), PROBABILITIES[stored[at]], self.policy.rule
        episode.add(np.ones(len(at), bool), probability, self.policy.present, self.policy.clip)
        self.episode.put(at, episode)
        confirmed = rule.confirmed(episode, probability >= self.policy.present)
        self.phase[at[~confirmed & rule.provisional(episode)]] = Phase.PROVISIONAL
        self.phase[at[confirmed]] = Phase.CONFIRMED
        self.confirmed[at[confirmed]] = index
        self._forget(at[~confirmed & rule.rejected(episode)])

    def _end(self, clear: Flags, present: Places) -> None:
        self.clean += clear
        self.clean[present] = 0
        over = clear & (self.clean >= self.policy.end_looks)
        self.phase[over & (self.phase == Phase.CONFIRMED)] = Phase.ENDED
        self.phase[over & (self.phase == Phase.INVENTORY)] = Phase.INVENTORY_ENDED

    def _expire(self, index: int) -> None:
        """Looks are in order of time: once those before `expired` are too old, only what waits since later ones is left."""
        expired = self.expired
        while expired < index and (self.times[index] - self.times[expired]).days > self.policy.expire_days:
            expired += 1
        if expired > self.expired:
            self._forget(np.flatnonzero(self._is_between(Phase.CANDIDATE, Phase.PROVISIONAL) & (self.first < expired)))
        self.expired = expired

    def _forget(self, at: Places) -> None:
        self.phase[at] = Phase.ABSENT
        self.first[at] = self.before[at] = self.last[at] = NEVER
        self.episode.reset(at)
