"""Pixels that look alike and lie together, numbered, so that an interpreter can name them."""

import numpy as np
import numpy.typing as npt
from skimage.segmentation import slic

COMPACTNESS = 0.12
"""Weight of nearness against likeness; bands are spread to 0..1. Higher makes squares, lower makes threads."""
LEAST_SPAN = 0.05
"""Reflectance between 0 and 1 at least, so that the noise of even forest outlines nothing."""
SMALLEST = 0.25
"""Pieces below this share of an even segment are joined to a neighbour."""
SPREAD = (2.0, 98.0)
"""Percentiles of a band that become 0 and 1."""


def segments(layers: npt.NDArray[np.float32], about: int) -> npt.NDArray[np.uint16]:
    """SLIC superpixels, uint16 (H, W), numbered 1, 2, … from the north-west; 0 where no layer has data.

    The same layers give the same numbers. Both dates of a pair are given together, so that a place that did not change has one outline.

    Args:
        layers: reflectance of every band and date, float32 (B, H, W); NaN where there is no data.
        about: how many segments to aim at.
    """
    seen = np.isfinite(layers).any(axis=0)
    if not seen.any():
        return np.zeros(seen.shape, np.uint16)
    spread = np.stack([_spread(layer) for layer in layers if np.isfinite(layer).any()], axis=-1)
    found = slic(
        spread, n_segments=about, compactness=COMPACTNESS * np.sqrt(spread.shape[-1]), start_label=1, convert2lab=False,
        min_size_factor=SMALLEST, mask=None if seen.all() else seen, channel_axis=-1,
    )  # fmt: skip
    return _numbered(np.where(seen, found, 0))


def _spread(layer: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    low, high = np.nanpercentile(layer, SPREAD)
    filled = np.nan_to_num(layer, nan=float(np.nanmedian(layer)))
    return np.asarray(np.clip((filled - low) / max(high - low, LEAST_SPAN), 0, 1), np.float32)


def _numbered(found: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    """The same pieces in the order of their first pixel, 0 staying 0."""
    values, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    order = np.argsort(np.where(values == 0, -1, first), kind="stable")
    number = np.empty(len(values), np.uint16)
    number[order] = np.arange(len(values)) + (0 if values[0] == 0 else 1)
    return number[inverse].reshape(found.shape)
