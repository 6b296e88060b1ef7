"""Which Decision serves best: tried out on places the network never saw."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.decision import Classes, Decision, decided
from jagawana.detectors.scoring.changes import pixels_of
from jagawana.detectors.scoring.evaluation import SHOWN_HA
from jagawana.detectors.scoring.roads import near
from jagawana.detectors.training.labels import Pairs

ROADS = tuple(product(np.arange(0, 3, 0.5).tolist(), (0.0, 0.3, 0.4, 0.5, 0.6, 0.7)))
"""Bonus and peak of roads."""
MINING_PEAKS = (0.0, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
EVENT_HA = 0.3
RESOLUTION_M = 10.0
Counts = npt.NDArray[np.float64]


def with_roads(bonus: float, peak: float, *, mining_peak: float = 0.0) -> Decision:
    """The decision when only roads get a bonus."""
    return Decision(tuple(bonus if c is LandClass.ROAD else 0.0 for c in LandClass), mining_peak, peak)


@dataclass(frozen=True)
class Trials:
    """What every candidate does to every pair.

    Attributes:
        roads: float64 (ROADS, N, 4): called pixels, those near a labelled road, labelled pixels, those near a called one.
        mining: float64 (peaks, N, 7): pixels in both masks, in either; events in both, called, labelled; images without mining
            that are called mining, images without mining.
    """

    roads: Counts
    mining: Counts

    def best(self, among: npt.NDArray[np.bool_]) -> Decision:
        """The decision that is best on some of the pairs.

        Bonus and peak of roads are those with the largest F1 within 2 px. The peak of mining is that with the largest sum of IoU,
        F1 of new-mining events and share of images without mining that are left alone.
        """
        called, right, labelled, found = self.roads[:, among].sum(axis=1).T
        roads = _f1(right / np.maximum(called, 1), found / np.maximum(labelled, 1))
        both, either, event, said, true, alarm, free = self.mining[:, among].sum(axis=1).T
        mining = both / np.maximum(either, 1) + 2 * event / np.maximum(said + true, 1) - alarm / np.maximum(free, 1)
        return with_roads(*ROADS[int(roads.argmax())], mining_peak=MINING_PEAKS[int(mining.argmax())])


def trials(probabilities: npt.NDArray[np.float32], pairs: Pairs) -> Trials:
    """Try every candidate on every pair.

    Args:
        probabilities: calibrated, float32 (N, 2, 6, S, S), in the order of the pairs.
        pairs: 10 m.
    """
    truth = pairs.places().labels
    roads = [[_road_counts(t, _each(p, with_roads(*r))) for p, t in zip(probabilities, truth, strict=True)] for r in ROADS]
    mining = [
        [_mining_counts(t, _each(p, Decision(mining_peak=peak))) for p, t in zip(probabilities, truth, strict=True)]
        for peak in MINING_PEAKS
    ]
    return Trials(np.array(roads, np.float64), np.array(mining, np.float64))


def _each(dates: npt.NDArray[np.float32], decision: Decision) -> Classes:
    return np.stack([decided(p, np.ones(p.shape[1:], bool), decision) for p in dates])


def _road_counts(truth: Classes, called: Classes) -> tuple[int, ...]:
    true, said = (((of == LandClass.ROAD) & (truth != NOT_OBSERVED)) for of in (truth, called))
    by_true, by_said = (np.stack([near(date) for date in of]) for of in (true, said))
    return int(said.sum()), int((said & by_true).sum()), int(true.sum()), int((true & by_said).sum())


def _mining_counts(truth: Classes, called: Classes) -> tuple[int, ...]:
    known = truth != NOT_OBSERVED
    true, said = (((of == LandClass.MINING) & known) for of in (truth, called))
    enough = pixels_of(EVENT_HA, RESOLUTION_M)
    event, event_said = (int((of[1] & ~of[0] & known.all(axis=0)).sum()) >= enough for of in (true, said))
    free, shown = ~true.any(axis=(1, 2)), said.sum(axis=(1, 2)) >= pixels_of(SHOWN_HA, RESOLUTION_M)
    return (
        int((true & said).sum()),
        int((true | said).sum()),
        int(event and event_said),
        int(event_said),
        int(event),
        int((free & shown).sum()),
        int(free.sum()),
    )


def _f1(precision: Counts, recall: Counts) -> Counts:
    return 2 * precision * recall / np.maximum(precision + recall, 1e-9)
