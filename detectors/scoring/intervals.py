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


def auc(value: Numbers, positive: npt.NDArray[np.bool_], block: Sequence[str]) -> Ratio:
    """Share of pairs of a positive and a negative image in which the positive one has the higher value; equal values count half.

    The interval is of blocks drawn with replacement, where both kinds were drawn; none from a single block.

    Args:
        value: one finite number per image.
        positive: bool, which images should rank high.
        block: the block of each image.
    """
    high, low = np.asarray(value, np.float64)[positive], np.asarray(value, np.float64)[~positive]
    if not len(high) or not len(low):
        return Ratio(share=None, n=0)
    won = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    share, n = _rounded(float(won.mean())), won.size
    names, member = np.unique(np.asarray(block), return_inverse=True)
    if len(names) == 1:
        return Ratio(share=share, n=n)
    of_high, of_low = (np.eye(len(names))[member[kind]] for kind in (positive, ~positive))
    drawn = _drawn(len(names))
    pairs = (drawn @ of_high.sum(axis=0)) * (drawn @ of_low.sum(axis=0))
    wins = ((drawn @ (of_high.T @ won @ of_low)) * drawn).sum(axis=1)
    bottom, top = np.percentile(wins[pairs > 0] / pairs[pairs > 0], [2.5, 97.5])
    return Ratio(share=share, n=n, low=_rounded(float(bottom)), high=_rounded(float(top)))


@lru_cache(maxsize=2)
def _drawn(blocks: int) -> npt.NDArray[np.float64]:
    """How often each block is in each resample, (RESAMPLES, blocks)."""
    draws = np.random.default_rng(0).integers(0, blocks, (RESAMPLES, blocks))
    row = np.arange(RESAMPLES)[:, None] * blocks
    return np.bincount((draws + row).ravel(), minlength=RESAMPLES * blocks).reshape(RESAMPLES, blocks).astype(np.float64)


def _rounded(share: float) -> float:
    return min(1.0, round(share, 3))
