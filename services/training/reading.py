"""Labelled folders of either kind, as what a network learns from."""

from collections.abc import Sequence
from pathlib import Path

from jagawana.detectors.training.labels import Pairs, joined
from jagawana.services.training.amazon_pairs import read_amazon_pairs


def read_labelled(folders: Sequence[Path], *, chip_px: int) -> Pairs:
    """All labelled pairs of these folders.

    Args:
        folders: each holds `s2_amazon_pairs` and `s2_amazon_labels`, or images beside their masks (docs/labelling.md).
        chip_px: side of a training chip; larger images are cut.

    Raises:
        DataError: SETTINGS_INVALID when a folder is not what it should be.
    """
    return joined([read_amazon_pairs(folder) for folder in folders])
