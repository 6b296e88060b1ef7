"""Which places train, calibrate and test: by whole 2-degree blocks, never by image."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Blocks:
    """Three sets of block ids without common members."""

    training: frozenset[str]
    calibration: frozenset[str]
    test: frozenset[str]


def split_blocks(block_of_pair: Sequence[str], *, seed: int, test_share: float, calibration_share: float) -> Blocks:
    """Test blocks first, then calibration blocks, the rest trains.

    Blocks are drawn in the order of a hash of (seed, block); one that would carry its part over the share asked for is passed
    over, because a few blocks hold a tenth of all pairs each.

    Args:
        block_of_pair: one block id per labelled pair.
        seed: of the order.
        test_share: of the pairs, 0..1.
        calibration_share: of the pairs, 0..1.
    """
    count = Counter(block_of_pair)
    order = sorted(count, key=lambda block: hashlib.sha256(f"{seed}|{block}".encode()).hexdigest())
    test = _filled(order, count, up_to=test_share * len(block_of_pair))
    left = [block for block in order if block not in test]
    calibration = _filled(left, count, up_to=calibration_share * len(block_of_pair))
    return Blocks(frozenset(left) - calibration, calibration, test)


def _filled(order: Iterable[str], count: Counter[str], *, up_to: float) -> frozenset[str]:
    taken, pairs = set(), 0
    for block in order:
        if pairs + count[block] <= up_to:
            taken.add(block)
            pairs += count[block]
    return frozenset(taken)
