"""Shares of counts, with intervals from resampling whole blocks: images of one block look alike."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from jagawana.detectors.model_card import Ratio

RESAMPLES = 1000
Numbers = npt.NDArray[Any]
"""One count or length per image or pair."""


def ratio(numerator: Numbers, denominator: Numbers, block: Sequence[str]) -> Ratio:
    """Sum over sum, with the central 95 % of the same on blocks drawn with replacement; no interval from a single block.

    Args:
        numerator: one count or length per image, never more than its denominator.
        denominator: one count or length per image.
        block: the block of each image.
    """
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    total = float(bottom.sum())
    if total == 0:
        return Ratio(share=None, n=0)
    share, n = _rounded(float(top.sum()) / total), max(1, round(total))
    _, member = np.unique(np.asarray(block), return_inverse=True)
    top_of, bottom_of = np.bincount(member, top), np.bincount(member, bottom)
    if len(top_of) == 1:
        return Ratio(share=share, n=n)
    drawn = _drawn(len(top_of))
    sums = drawn @ bottom_of
    shares = (drawn @ top_of)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(shares, [2.5, 97.5])
    return Ratio(share=share, n=n, low=_rounded(float(low)), high=_rounded(float(high)))


@lru_cache(maxsize=2)
def _drawn(blocks: int) -> npt.NDArray[np.float64]:
    """How often each block is in each resample, (RESAMPLES, blocks)."""
    draws = np.random.default_rng(0).integers(0, blocks, (RESAMPLES, blocks))
    row = np.arange(RESAMPLES)[:, None] * blocks
    return np.bincount((draws + row).ravel(), minlength=RESAMPLES * blocks).reshape(RESAMPLES, blocks).astype(np.float64)


def _rounded(share: float) -> float:
    return min(1.0, round(share, 3))
