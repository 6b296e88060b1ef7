"""Which probability makes mining news: python benchmarks/fold_thresholds.py --data DIR --calls s2.calls.npz

Two looks at each hand-labelled pair, through the rule that ships (fold.FoldPolicy): what is `inventory` at the first look is not news,
what reaches `provisional_at` at the second is. `--calls` is what `jagawana train` wrote: every place called by a network that had not
seen its block. An event is a connected patch of at least 0.3 ha of news; it is true when labelled new mining of that size touches it.
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from scipy import ndimage

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.services.training.amazon_pairs import read_amazon_pairs

INVENTORY = (0.2, 0.3, 0.4, 0.5)
PROVISIONAL = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
PATCH_PX = 30
EIGHT = np.ones((3, 3), bool)
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds s2_amazon_pairs and s2_amazon_labels")
    parser.add_argument("--calls", type=Path, required=True)
    given = parser.parse_args()
    pairs = read_amazon_pairs(given.data)
    with np.load(given.calls) as stored:
        mining = stored["mining"].astype(np.float32)
    labels = pairs.places().labels
    known = (labels != NOT_OBSERVED).all(axis=1)
    true = [large((after == LandClass.MINING) & (before != LandClass.MINING) & k) for (before, after), k in zip(labels, known, strict=True)]
    quiet = pairs.unchanged & ~np.array([t.any() for t in true])
    print("| inventory | provisional_at | patches told, right | true patches found | F1 | unchanged pairs with a patch |")
    print("|---" * 6 + "|")
    for inventory, provisional in product(INVENTORY, PROVISIONAL):
        news = [large((p[1] >= provisional) & (p[0] < inventory) & k) for p, k in zip(mining, known, strict=True)]
        told, right = counted(news, true)
        real, found = counted(true, news)
        precision, recall = right / max(told, 1), found / max(real, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        alarmed = sum(bool(n.any()) for n, q in zip(news, quiet, strict=True) if q)
        told_right, real_found = f"{right} of {told} ({precision:.2f})", f"{found} of {real} ({recall:.2f})"
        print(f"| {inventory} | {provisional} | {told_right} | {real_found} | {f1:.3f} | {alarmed} of {quiet.sum()} |")


def large(mask: Flags) -> Flags:
    """The connected patches of a mask that are large enough to be told."""
    patch, n = ndimage.label(mask, EIGHT)
    size = np.bincount(patch.ravel(), minlength=n + 1)
    size[0] = 0
    return np.asarray((size >= PATCH_PX)[patch])


def counted(masks: list[Flags], others: list[Flags]) -> tuple[int, int]:
    """Patches in all masks, and how many of them share a pixel with the other mask."""
    patches = touched = 0
    for mask, other in zip(masks, others, strict=True):
        patch, n = ndimage.label(mask, EIGHT)
        patches += n
        touched += len(set(np.unique(patch[other])) - {0})
    return patches, touched


if __name__ == "__main__":
    main()
