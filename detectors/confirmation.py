"""When is a change believed? Two published rules behind one interface, vectorised over pixels.

Both open an episode at the first clear look that shows the class and count clear looks only: cloud neither confirms nor
clears. Which one ships was chosen by measurement: docs/decisions/0005-confirmation-rule.md.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass
class Episode:
    """Running evidence of the open episode of each pixel; all arrays (N,)."""

    log_odds: Floats
    positive: npt.NDArray[np.int16]
    clear: npt.NDArray[np.int16]

    @classmethod
    def none(cls, n: int) -> "Episode":
        """No evidence yet."""
        return cls(np.zeros(n, np.float32), np.zeros(n, np.int16), np.zeros(n, np.int16))

    def add(self, where: Flags, probability: Floats, present: float, clip: float) -> None:
        """Count a clear look; a per-look probability is clipped to [clip, 1 - clip] so that no single scene decides."""
        p = np.clip(probability, clip, 1 - clip)
        self.log_odds += np.where(where, np.log(p / (1 - p)), 0).astype(np.float32)
        self.positive += where & (probability >= present)
        self.clear += where

    def part(self, at: npt.NDArray[np.int64]) -> "Episode":
        """The evidence of some pixels, apart from the rest."""
        return Episode(self.log_odds[at], self.positive[at], self.clear[at])

    def put(self, at: npt.NDArray[np.int64], part: "Episode") -> None:
        """The evidence of some pixels, weighed apart, put back."""
        self.log_odds[at], self.positive[at], self.clear[at] = part.log_odds, part.positive, part.clear

    def reset(self, where: Flags | npt.NDArray[np.int64]) -> None:
        """Forget: the episode was rejected or has ended."""
        self.log_odds[where] = 0
        self.positive[where] = 0
        self.clear[where] = 0

    @property
    def posterior(self) -> Floats:
        """Probability after all looks, prior 0.5, float32 (N,)."""
        return (1 / (1 + np.exp(-self.log_odds))).astype(np.float32)


class ConfirmationRule(Protocol):
    """Decides on open episodes after each clear look."""

    def provisional(self, episode: Episode) -> Flags:
        """Seen clearly enough to say so, once."""
        ...

    def confirmed(self, episode: Episode, present_now: Flags) -> Flags:
        """Seen again."""
        ...

    def rejected(self, episode: Episode) -> Flags:
        """Not believed any more."""
        ...


@dataclass(frozen=True)
class BayesianOdds:
    """RADD / bayts (Reiche et al. 2015, 2021): posterior odds over clear looks, thresholds on the posterior."""

    provisional_at: float = 0.88
    confirmed_at: float = 0.975
    rejected_below: float = 0.5

    def provisional(self, episode: Episode) -> Flags:
        """Posterior at or above `provisional_at`."""
        return episode.posterior >= self.provisional_at

    def confirmed(self, episode: Episode, present_now: Flags) -> Flags:
        """Posterior at or above `confirmed_at`, and the current look itself shows it."""
        return (episode.posterior >= self.confirmed_at) & present_now & (episode.positive >= 2)

    def rejected(self, episode: Episode) -> Flags:
        """Posterior below `rejected_below`."""
        return episode.posterior < self.rejected_below


@dataclass(frozen=True)
class AgreeingLooks:
    """GLAD (Hansen et al. 2016): confirmed when at least `agree` of the first `among` clear looks show it."""

    agree: int = 2
    among: int = 5
    strong_log_odds: float = 1.7346  # 0.85

    def provisional(self, episode: Episode) -> Flags:
        """One strong look, or two."""
        return (episode.log_odds >= self.strong_log_odds) | (episode.positive >= self.agree)

    def confirmed(self, episode: Episode, present_now: Flags) -> Flags:
        """`agree` looks, the current one among them."""
        return (episode.positive >= self.agree) & present_now

    def rejected(self, episode: Episode) -> Flags:
        """`among` clear looks have passed without `agree` of them showing it, or a single look was followed by two clean ones."""
        clean = episode.clear - episode.positive
        rejected: Flags = ((episode.clear >= self.among) & (episode.positive < self.agree)) | ((episode.positive == 1) & (clean >= 2))
        return rejected
