"""Labelled folders of either kind, as what a network learns from."""

from collections.abc import Sequence
from pathlib import Path

from jagawana.detectors.training.labels import Pairs, joined
from jagawana.services.raster.decoding import DecoderLimits
from jagawana.services.training.amazon_pairs import LABELS, read_amazon_pairs
from jagawana.services.training.labelled_folder import read_labelled_folder


def read_labelled(folders: Sequence[Path], *, chip_px: int, limits: DecoderLimits) -> Pairs:
    """All labelled pairs of these folders, with the bands they have in common.

    Args:
        folders: each holds `s2_amazon_pairs` and `s2_amazon_labels`, or images beside their masks (docs/evaluation.md).
        chip_px: side of a training chip; larger images are cut.
        limits: of the decoder that reads images.

    Raises:
        DataError: SETTINGS_INVALID when a folder is not what it should be; else what is wrong with a file.
    """
    parts = [
        read_amazon_pairs(folder) if (folder / LABELS).is_dir() else read_labelled_folder(folder, chip_px=chip_px, limits=limits)
        for folder in folders
    ]
    common = tuple(band for band in parts[0].bands if all(band in part.bands for part in parts))
    return joined([part.with_bands(common) for part in parts])
