"""Whether a mining probability of 0.7 is right seven times in ten."""

import numpy as np
import numpy.typing as npt

from jagawana.detectors.model_card import ReliabilityBin

BINS = 10
Reliability = npt.NDArray[np.float64]
"""float64 (BINS, 3): per bin of probability the pixels, the sum of their probabilities, and how many truly are mining."""


def reliability(probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> Reliability:
    """Counts of one image's labelled pixels, both 1-D; sums of these are again counts."""
    index = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    columns = [np.bincount(index, weights, minlength=BINS) for weights in (np.ones(len(index)), probability, truth)]
    return np.stack(columns, axis=1)


def curve(counts: Reliability) -> tuple[ReliabilityBin, ...]:
    """The reliability curve: the bins that hold pixels."""
    return tuple(
        ReliabilityBin(n=int(n), probability=min(1.0, round(said / n, 4)), frequency=round(so / n, 4))
        for n, said, so in counts.tolist()
        if n
    )


def calibration_error(counts: Reliability) -> float | None:
    """Expected calibration error: mean gap between probability and frequency, weighted by the pixels of each bin."""
    pixels = counts[:, 0].sum()
    return round(float(np.abs(counts[:, 1] - counts[:, 2]).sum() / pixels), 4) if pixels else None
