"""The hand-labelled Sentinel-2 pairs of the Amazon, read from the folders `s2_amazon_pairs` and `s2_amazon_labels`."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED
from jagawana.detectors.model_card import TrainingSource
from jagawana.detectors.training.labels import Images, Pairs
from jagawana.schemas.errors import DataError, ErrorCode

PAIRS, LABELS = "s2_amazon_pairs", "s2_amazon_labels"
DRAWN = 5
"""The interpreter's 0..4 are the first five land classes. Huts cannot be seen at 10 m and were not labelled; villages are bare."""


def read_amazon_pairs(folder: Path) -> Pairs:
    """All labelled pairs: B02 B03 B04 B08 B11 B12 at 10 m.

    Args:
        folder: holds `s2_amazon_pairs` and `s2_amazon_labels`.

    Raises:
        DataError: SETTINGS_INVALID when the folders are not there.
    """
    needed = [folder / LABELS / "labels.npz", folder / PAIRS / "pairs.npz", folder / PAIRS / "pairs.csv"]
    if missing := [str(path) for path in needed if not path.is_file()]:
        raise DataError(
            ErrorCode.SETTINGS_INVALID, f"no labelled images: {missing[0]} is missing; give the folder that holds {PAIRS} and {LABELS}"
        )
    with np.load(needed[0], allow_pickle=False) as hand, np.load(needed[1], allow_pickle=False) as pairs:
        row = {name: i for i, name in enumerate(pairs["sample_id"])}
        index = np.array([row[name] for name in hand["sample_id"]])
        before, after = (_images(pairs[date][index], hand[date]) for date in ("t0", "t1"))
        block = _blocks(needed[2])
        places = tuple(block[str(name)] for name in hand["sample_id"])
        return Pairs(before, after, places, hand["change"] == "none", sources=(_source(2 * len(places)),))


def _source(images: int) -> TrainingSource:
    return TrainingSource(
        name=f"{PAIRS} with {LABELS}",
        licence="pixels: Copernicus Sentinel data, free with attribution; labels: CC BY 4.0",
        images=images,
        remarks="Amazon, both dates of each pair, 10 m",
    )


def _images(counts: npt.NDArray[np.int16], hand: npt.NDArray[np.uint8]) -> Images:
    """Counts (N, H, W, B), reflectance times 10,000, zero where nothing was recorded."""
    reflectance = np.ascontiguousarray(counts.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(10_000)
    empty = (counts <= 0).all(axis=-1)
    reflectance.transpose(0, 2, 3, 1)[empty] = np.nan
    return Images(reflectance, np.where(empty | (hand >= DRAWN), NOT_OBSERVED, hand).astype(np.uint8))


def _blocks(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["sample_id"]: row["block"] for row in csv.DictReader(file)}
