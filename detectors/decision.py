"""From calibrated probabilities to one class per pixel.

The likeliest class would hardly ever be a road: they are thin and rare, and a pixel beside one is as likely. And a patch of mining or road
in which no pixel is sure of it is more often a look-alike. Bonus and peaks are chosen on places the network never saw.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from jagawana.detectors.classes import NOT_OBSERVED, LandClass

Classes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
EIGHT = np.ones((3, 3), bool)
"""Pixels that touch at a corner belong to one patch."""
PEAKED = (LandClass.MINING, LandClass.ROAD)
"""Classes whose patches need a pixel that is sure."""


@dataclass(frozen=True)
class Decision:
    """How classes are decided.

    Attributes:
        bonus: one per LandClass, added to the logarithm of its probability before the largest wins.
        mining_peak, road_peak: a patch of it is one only if some pixel of it has at least this probability of it.
    """

    bonus: tuple[float, ...] = (0.0,) * len(LandClass)
    mining_peak: float = 0.0
    road_peak: float = 0.0

    @property
    def peaks(self) -> npt.NDArray[np.float32]:
        """One per LandClass; 0 where patches need none."""
        of = {LandClass.MINING: self.mining_peak, LandClass.ROAD: self.road_peak}
        return np.array([of.get(c, 0.0) for c in LandClass], np.float32)


LIKELIEST = Decision()
"""The likeliest class wins."""


@dataclass(frozen=True)
class Votes:
    """What pixels say before they are looked at together; can be collected window by window.

    Attributes:
        first: uint8 (H, W), the class that wins, 255 where nothing was seen.
        other: uint8 (H, W), the class that wins where it is neither mining nor road.
        sure: bool (H, W), where the probability of the winning class reaches its peak.
    """

    first: Classes
    other: Classes
    sure: Flags

    @classmethod
    def none(cls, shape: tuple[int, int]) -> "Votes":
        """Of an image nothing of which was seen yet."""
        return cls(np.full(shape, NOT_OBSERVED, np.uint8), np.full(shape, NOT_OBSERVED, np.uint8), np.zeros(shape, bool))

    def put(self, window: tuple[slice, slice], probabilities: npt.NDArray[np.float32], seen: Flags, decision: Decision) -> None:
        """The votes of a window.

        Args:
            window: rows and columns of it.
            probabilities: float32 (6, h, w).
            seen: bool (h, w).
            decision: how to decide.
        """
        weighed = probabilities * np.exp(np.array(decision.bonus, np.float32))[:, None, None]
        first = weighed.argmax(axis=0)
        self.first[window] = np.where(seen, first, NOT_OBSERVED)
        self.sure[window] = seen & (np.take_along_axis(probabilities, first[None], axis=0)[0] >= decision.peaks[first])
        weighed[[*PEAKED]] = -1
        self.other[window] = np.where(seen, weighed.argmax(axis=0), NOT_OBSERVED)

    def classes(self) -> Classes:
        """uint8 (H, W): patches of mining or road that nobody is sure of become what else they are like."""
        result = self.first.copy()
        for land_class in PEAKED:
            patch, n = ndimage.label(self.first == land_class, structure=EIGHT)
            doubtful = np.ones(n + 1, bool)
            doubtful[patch[self.sure]] = False
            doubtful[0] = False
            result = np.where(doubtful[patch], self.other, result)
        return result.astype(np.uint8)


def decided(probabilities: npt.NDArray[np.float32], seen: Flags, decision: Decision) -> Classes:
    """Classes of a whole image, uint8 (H, W), 255 where nothing was seen; see Votes.put."""
    votes = Votes.none(seen.shape)
    votes.put((slice(None), slice(None)), probabilities, seen, decision)
    return votes.classes()
