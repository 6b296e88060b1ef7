"""Values that no sensor has seen on Earth: a wrong scale, an undeclared fill value, a made-up image."""

import numpy as np

from jagawana.detectors.detector import Mask, Reflectance
from jagawana.schemas.errors import DataError, ErrorCode

BRIGHTEST = 10.0
"""Snow, cloud tops and sun glint reach 2; the largest 16-bit number with the usual scale is 6.6."""
DARKEST = 2e-4
"""Of the brightest pixel in any band. Black water is a hundred times brighter; reflectance that is scaled twice is not."""
ENOUGH_PX = 4096
"""Fewer pixels may be all alike, or all black, by chance."""


def check_values(reflectance: Reflectance, valid: Mask, *, where: str) -> None:
    """Refuse a window whose valid pixels cannot be reflectance of a place on Earth. The order of bands cannot be told from values.

    Args:
        where: what errors call the window.

    Raises:
        DataError: VALUES_IMPLAUSIBLE.
    """
    if not valid.any() or _clearly_fine(reflectance, valid):
        return
    lowest = np.min(reflectance, axis=(1, 2), where=valid, initial=np.inf)
    highest = np.max(reflectance, axis=(1, 2), where=valid, initial=-np.inf)
    if max(-lowest.min(), highest.max()) > BRIGHTEST:
        raise _implausible(
            where, f"reflectance from {lowest.min():g} to {highest.max():g}; correct the scale, or declare the fill value as nodata"
        )
    if np.count_nonzero(valid) < ENOUGH_PX:
        return
    if (lowest == highest).all():
        raise _implausible(where, "every pixel has the same values; no sensor does that")
    if highest.max() <= DARKEST:
        raise _implausible(
            where, f"no pixel reflects more than {highest.max():g}; correct raster:scale and raster:offset, is one applied twice?"
        )


def _clearly_fine(reflectance: Reflectance, valid: Mask) -> bool:
    """A quick look that can say yes, but never no: extremes with the fill among them, and one pixel of every 64."""
    if reflectance.max() > BRIGHTEST or reflectance.min() < -BRIGHTEST:
        return False
    sample = reflectance[:, ::8, ::8][:, valid[::8, ::8]]
    return bool(sample.size and sample.max() > DARKEST and (sample.min(axis=1) < sample.max(axis=1)).any())


def _implausible(where: str, why: str) -> DataError:
    return DataError(ErrorCode.VALUES_IMPLAUSIBLE, f"{where}: {why}")
