"""The hand-labelled Sentinel-2 pairs of the Amazon, read from the folders `s2_amazon_pairs` and `s2_amazon_labels`."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED
from jagawana.schemas.errors import DataError, ErrorCode

PAIRS, LABELS = "s2_amazon_pairs", "s2_amazon_labels"
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""B02 B03 B04 B08 B11 B12 of the pairs."""
RESOLUTION_M = 10.0
DRAWN = 5
"""The interpreter's 0..4 are the first five land classes. Huts cannot be seen at 10 m and were not labelled; villages are bare."""


@dataclass(frozen=True)
class Images:
    """Labelled images: `reflectance` float32 (N, B, H, W), 0..1; `labels` uint8 (N, H, W), LandClass or 255."""

    reflectance: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Pairs:
    """The same places at two dates. `before` and `after` in one order with `block` and `unchanged`."""

    before: Images
    after: Images
    block: tuple[str, ...]
    unchanged: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.block)

    def within(self, blocks: frozenset[str]) -> "Pairs":
        """The pairs inside these blocks."""
        keep = np.array([b in blocks for b in self.block], dtype=bool)
        parts = [Images(i.reflectance[keep], i.labels[keep]) for i in (self.before, self.after)]
        return Pairs(parts[0], parts[1], tuple(b for b in self.block if b in blocks), self.unchanged[keep])

    def with_bands(self, bands: tuple[str, ...]) -> "Pairs":
        """Only these bands, by STAC common name."""
        index = [BANDS.index(b) for b in bands]
        parts = [Images(i.reflectance[:, index], i.labels) for i in (self.before, self.after)]
        return Pairs(parts[0], parts[1], self.block, self.unchanged)

    def images(self) -> Images:
        """Both dates, one after the other."""
        return Images(
            np.concatenate([self.before.reflectance, self.after.reflectance]), np.concatenate([self.before.labels, self.after.labels])
        )


def read_pairs(folder: Path) -> Pairs:
    """All labelled pairs.

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
        return Pairs(before, after, tuple(block[str(name)] for name in hand["sample_id"]), hand["change"] == "none")


def _images(counts: npt.NDArray[np.int16], hand: npt.NDArray[np.uint8]) -> Images:
    """Counts (N, H, W, B), reflectance times 10,000, zero where nothing was recorded."""
    reflectance = np.ascontiguousarray(counts.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(10_000)
    empty = (counts <= 0).all(axis=-1)
    reflectance.transpose(0, 2, 3, 1)[empty] = np.nan
    return Images(reflectance, np.where(empty | (hand >= DRAWN), NOT_OBSERVED, hand).astype(np.uint8))


def _blocks(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["sample_id"]: row["block"] for row in csv.DictReader(file)}
