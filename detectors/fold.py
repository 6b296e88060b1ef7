"""The fold: a tile's observations, in order of acquisition, into what is believed of each pixel and class.

Pure and order-free: the result depends on the set of observations, never on their arrival. Sparse: only pixels in which
an alertable class was ever stored are touched. Semantics after GLAD, RADD and DIST-ALERT (docs/concepts.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import ALERTABLE
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.confirmation import BayesianOdds, ConfirmationRule, Episode
from jagawana.detectors.history import Observation, passes

NEVER = np.int16(-1)
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int16]


class Phase(IntEnum):
    """What is believed of one pixel and class."""

    ABSENT = 0
    CANDIDATE = 1  # internal: one weak look
    PROVISIONAL = 2
    CONFIRMED = 3
    ENDED = 4  # was confirmed; regrown or flooded since
    INVENTORY = 5  # already there at the first clear look
    INVENTORY_ENDED = 6


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
    unique = {o.observation_id: o for o in observations}
    looks = passes(unique.values())
    if len({o.resolution_m for o in unique.values()}) != 1:
        raise ValueError("a fold needs at least one observation, all of one resolution")
    return _Folding(looks, policy or FoldPolicy()).run()


class _Folding:
    """The running state of one fold; `_step` is applied to one look at a time."""

    def __init__(self, looks: Sequence[Sequence[Observation]], policy: FoldPolicy) -> None:
        self.looks, self.policy = looks, policy
        sample = looks[0][0]
        self.resolution_m, self.side = sample.resolution_m, sample.side
        self.positions = _ever_stored(looks, self.side, round(policy.inventory * 255))
        n = len(self.positions)
        self.phase = np.zeros(n, np.uint8)
        self.first, self.before, self.confirmed, self.last, self.seen_last = (np.full(n, NEVER) for _ in range(5))
        self.episode = Episode.none(n)
        self.clean = np.zeros(n, np.int16)

    def run(self) -> TileState:
        """Apply every look in order."""
        pixels = self.positions % (self.side * self.side)
        rows, columns = pixels // self.side, pixels % self.side
        for index, group in enumerate(self.looks):
            clear, probability = _seen_in(group, self.positions, rows, columns)
            self._step(index, clear, probability)
        return TileState(
            self.resolution_m, self.side, self.looks, self.positions, self.phase, self.first, self.before, self.confirmed, self.last,
            self.episode.positive, self.episode.clear, self.episode.posterior,
        )  # fmt: skip

    def _step(self, index: int, clear: Flags, probability: npt.NDArray[np.float32]) -> None:
        present = clear & (probability >= self.policy.present)
        baseline = clear & (self.seen_last == NEVER) & (probability >= self.policy.inventory)
        self.phase[baseline] = Phase.INVENTORY
        self._expire(index)
        self._open(index, present & ~baseline & self._closed())
        self._weigh(index, clear & self._is(Phase.CANDIDATE, Phase.PROVISIONAL, Phase.CONFIRMED) & ~baseline, present, probability)
        self._end(clear, present)
        shown = present & ~self._is(Phase.ABSENT, Phase.ENDED, Phase.INVENTORY_ENDED)
        self.last[shown] = index
        self.seen_last[clear] = index

    def _is(self, *phases: Phase) -> Flags:
        return np.isin(self.phase, phases)

    def _closed(self) -> Flags:
        return self._is(Phase.ABSENT, Phase.ENDED, Phase.INVENTORY_ENDED)

    def _open(self, index: int, where: Flags) -> None:
        self.episode.reset(where)
        self.phase[where] = Phase.CANDIDATE
        self.first[where] = index
        self.before[where] = self.seen_last[where]
        self.confirmed[where] = NEVER

    def _weigh(self, index: int, where: Flags, present: Flags, probability: npt.NDArray[np.float32]) -> None:
        unconfirmed = where & ~self._is(Phase.CONFIRMED)
        self.episode.add(unconfirmed, probability, self.policy.present, self.policy.clip)
        self.episode.positive += where & ~unconfirmed & present
        self.episode.clear += where & ~unconfirmed
        rule = self.policy.rule
        confirmed = unconfirmed & rule.confirmed(self.episode, present)
        self.phase[confirmed] = Phase.CONFIRMED
        self.confirmed[confirmed] = index
        self.phase[unconfirmed & self._is(Phase.CANDIDATE) & rule.provisional(self.episode)] = Phase.PROVISIONAL
        self._forget(unconfirmed & ~confirmed & rule.rejected(self.episode))

    def _end(self, clear: Flags, present: Flags) -> None:
        self.clean = np.where(present, 0, self.clean + clear).astype(np.int16)
        over = clear & (self.clean >= self.policy.end_looks)
        self.phase[over & self._is(Phase.CONFIRMED)] = Phase.ENDED
        self.phase[over & self._is(Phase.INVENTORY)] = Phase.INVENTORY_ENDED

    def _expire(self, index: int) -> None:
        waiting = self._is(Phase.CANDIDATE, Phase.PROVISIONAL)
        if not waiting.any():
            return
        now = min(o.acquired_at for o in self.looks[index])
        times = [min(o.acquired_at for o in group) for group in self.looks[:index]]
        old = np.array([(now - t).days > self.policy.expire_days for t in times] + [False])
        self._forget(waiting & old[self.first])

    def _forget(self, where: Flags) -> None:
        self.phase[where] = Phase.ABSENT
        self.first[where] = self.before[where] = self.last[where] = NEVER
        self.episode.reset(where)


def _ever_stored(looks: Sequence[Sequence[Observation]], side: int, at_least: int) -> npt.NDArray[np.int64]:
    alertable = np.array(sorted(ALERTABLE.values()))
    parts = [o.positions[(o.values >= at_least) & np.isin(o.positions // (side * side), alertable)] for group in looks for o in group]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _seen_in(
    group: Sequence[Observation], positions: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> tuple[Flags, npt.NDArray[np.float32]]:
    """Where a look was clear, and its probabilities; the first granule that is clear at a pixel speaks for the pass."""
    clear = np.zeros(len(positions), bool)
    probability = np.zeros(len(positions), np.float32)
    for o in group:
        fresh = (o.sky_at(rows, columns) == SkyClass.CLEAR) & ~clear
        probability[fresh] = o.values_at(positions)[fresh] / np.float32(255)
        clear |= fresh
    return clear, probability
