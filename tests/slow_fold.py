"""The fold again, one pixel and one look at a time, in plain words: what the fast one is held to, bit for bit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from jagawana.detectors.classes import ALERTABLE
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.confirmation import Episode
from jagawana.detectors.fold import FoldPolicy, Phase
from jagawana.detectors.history import Observation, passes

ONE = np.ones(1, bool)
CLOSED = (Phase.ABSENT, Phase.ENDED, Phase.INVENTORY_ENDED)


@dataclass
class Pixel:
    """What is believed of one pixel and class; looks by index, -1 = never."""

    policy: FoldPolicy
    episode: Episode
    phase: Phase = Phase.ABSENT
    first: int = -1
    before: int = -1
    confirmed: int = -1
    last: int = -1
    seen_last: int = -1
    clean: int = 0

    def see(self, index: int, stored: int, *, has_expired: bool) -> None:
        """A clear look at the pixel."""
        chance = np.float32(stored) / np.float32(255)
        present = bool(chance >= self.policy.present)
        if self.seen_last == -1 and chance >= self.policy.inventory:
            self.phase = Phase.INVENTORY
        if has_expired:
            self.forget()
        if present and self.phase in CLOSED:
            self.open(index)
        if self.phase in (Phase.CANDIDATE, Phase.PROVISIONAL):
            self.weigh(index, chance, present)
        elif self.phase is Phase.CONFIRMED:
            self.episode.positive += present
            self.episode.clear += 1
        self.clean = 0 if present else self.clean + 1
        if self.clean >= self.policy.end_looks:
            self.phase = {Phase.CONFIRMED: Phase.ENDED, Phase.INVENTORY: Phase.INVENTORY_ENDED}.get(self.phase, self.phase)
        if present and self.phase not in CLOSED:
            self.last = index
        self.seen_last = index

    def open(self, index: int) -> None:
        self.episode.reset(ONE)
        self.phase, self.first, self.before, self.confirmed = Phase.CANDIDATE, index, self.seen_last, -1

    def weigh(self, index: int, chance: np.float32, present: bool) -> None:
        rule = self.policy.rule
        self.episode.add(ONE, np.array([chance]), self.policy.present, self.policy.clip)
        if rule.confirmed(self.episode, np.array([present]))[0]:
            self.phase, self.confirmed = Phase.CONFIRMED, index
            return
        if rule.provisional(self.episode)[0]:
            self.phase = Phase.PROVISIONAL
        if rule.rejected(self.episode)[0]:
            self.forget()

    def forget(self) -> None:
        self.phase, self.first, self.before, self.last = Phase.ABSENT, -1, -1, -1
        self.episode.reset(ONE)

    def told(self) -> list[object]:
        """Phase, first, before, confirmed, last, positive, clear, posterior."""
        counted = [int(self.episode.positive[0]), int(self.episode.clear[0]), float(self.episode.posterior[0])]
        return [int(self.phase), self.first, self.before, self.confirmed, self.last, *counted]


def slow_fold(observations: Sequence[Observation], policy: FoldPolicy) -> dict[int, list[object]]:
    """What is believed of each position, as `Pixel.told`."""
    looks = passes(observations)
    return {position: _history(position, looks, policy).told() for position in _ever_stored(observations, policy)}


def _ever_stored(observations: Iterable[Observation], policy: FoldPolicy) -> list[int]:
    enough = round(policy.inventory * 255)
    pairs = [(int(p), int(v), o.side**2) for o in observations for p, v in zip(o.positions, o.values, strict=True)]
    return sorted({p for p, v, area in pairs if v >= enough and p // area in ALERTABLE.values()})


def _history(position: int, looks: Sequence[Sequence[Observation]], policy: FoldPolicy) -> Pixel:
    pixel, times = Pixel(policy, Episode.none(1)), [min(o.acquired_at for o in group) for group in looks]
    for index, group in enumerate(looks):
        waiting = pixel.phase in (Phase.CANDIDATE, Phase.PROVISIONAL)
        has_expired = waiting and (times[index] - times[pixel.first]).days > policy.expire_days
        granule = next((o for o in group if _is_clear(o, position)), None)
        if granule is not None:
            pixel.see(index, _stored(granule, position), has_expired=has_expired)
        elif has_expired:
            pixel.forget()
    return pixel


def _is_clear(o: Observation, position: int) -> bool:
    row, column = divmod(position % o.side**2, o.side)
    row, column = row - o.origin[0], column - o.origin[1]
    inside = 0 <= row < o.sky.shape[0] and 0 <= column < o.sky.shape[1]
    return inside and o.sky[row, column] == SkyClass.CLEAR


def _stored(o: Observation, position: int) -> int:
    at = np.flatnonzero(o.positions == position)
    return int(o.values[at[0]]) if len(at) else 0
