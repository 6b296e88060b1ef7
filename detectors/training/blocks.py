"""Which places train and which test: by whole 2-degree blocks, never by image, because neighbouring images look alike."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence


def block_folds(block_of_pair: Sequence[str], *, folds: int, seed: int) -> dict[str, int]:
    """Each block's fold: the largest block first, each into the fold with the fewest pairs so far.

    Args:
        block_of_pair: one block id per labelled pair.
        folds: how many.
        seed: decides between blocks of equal size, through a hash of (seed, block).
    """
    count = Counter(block_of_pair)
    held = [0] * folds
    fold_of = {}
    for block in sorted(count, key=lambda b: (-count[b], _hash(seed, b))):
        fold_of[block] = held.index(min(held))
        held[fold_of[block]] += count[block]
    return fold_of


def stopping_blocks(block_of_pair: Sequence[str], *, seed: int, share: float) -> frozenset[str]:
    """The blocks that say when to stop: in the order of a hash of (seed, block), up to a share of the pairs.

    A block that would carry them over it is passed over: a few blocks hold a tenth of all pairs each.
    """
    count = Counter(block_of_pair)
    return _filled(sorted(count, key=lambda b: _hash(seed, b)), count, up_to=share * len(block_of_pair))


def _hash(seed: int, block: str) -> str:
    return hashlib.sha256(f"{seed}|{block}".encode()).hexdigest()


def _filled(order: Iterable[str], count: Counter[str], *, up_to: float) -> frozenset[str]:
    taken, pairs = set(), 0
    for block in order:
        if pairs + count[block] <= up_to:
            taken.add(block)
            pairs += count[block]
    return frozenset(taken)
