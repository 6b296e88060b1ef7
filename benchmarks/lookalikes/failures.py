"""A picture of the worst calls: python benchmarks/lookalikes/failures.py --data DIR --calls s2.calls.npz --out FILE.png

Four images each: mining called where none is, and mining missed or taken for something else. Every one as it is, as it was labelled and
as it was called by a network that had not seen its block (red mining, orange road, blue water, sand bare, grey unsure).
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.quicklook import quicklook, read_quicklook
from jagawana.services.evaluation.dataset.pictures import COLOURS, UNSURE
from jagawana.services.training.amazon_pairs import read_amazon_pairs

EACH, ENLARGED, GAP = 5, 4, 6
Classes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds s2_amazon_pairs and s2_amazon_labels")
    parser.add_argument("--calls", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    images = read_amazon_pairs(given.data).with_bands(("red", "green", "blue")).places().images()
    with np.load(given.calls) as stored:
        called = stored["classes"].reshape(images.labels.shape)
    known = images.labels != NOT_OBSERVED
    true, said = ((of == LandClass.MINING) & known for of in (images.labels, called))
    rows = [worst(said & ~true), worst(true & ~said)]
    sheet = np.concatenate(
        [np.concatenate([trio(images.reflectance[i], images.labels[i], called[i]) for i in row], axis=1) for row in rows]
    )
    Image.fromarray(sheet).save(given.out, optimize=True)


def worst(wrong: Flags) -> list[int]:
    """The images with most wrong pixels, one of a place: (N, H, W) with both dates of a place next to each other."""
    count = wrong.sum(axis=(1, 2))
    chosen: list[int] = []
    for i in np.argsort(-count, kind="stable"):
        if all(i // 2 != j // 2 for j in chosen):
            chosen.append(int(i))
        if len(chosen) == EACH:
            break
    return chosen


def trio(reflectance: npt.NDArray[np.float32], truth: Classes, called: Classes) -> npt.NDArray[np.uint8]:
    """Image, labels and calls, one below the other, with a white rim."""
    parts = [read_quicklook(quicklook(reflectance)), coloured(truth), coloured(np.where(truth == NOT_OBSERVED, NOT_OBSERVED, called))]
    rim = ((GAP, GAP), (GAP, GAP), (0, 0))
    return np.concatenate([np.pad(enlarged(part), rim, constant_values=255) for part in parts])


def coloured(classes: Classes) -> npt.NDArray[np.uint8]:
    """(H, W) to (H, W, 3)."""
    palette = np.full((256, 3), UNSURE, np.uint8)
    for land_class, colour in COLOURS.items():
        palette[land_class] = colour
    return palette[classes]


def enlarged(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Every pixel as a square."""
    return picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


if __name__ == "__main__":
    main()
