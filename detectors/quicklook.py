"""The small natural-colour picture kept of every observation, from which the cutouts of alerts are taken."""

from functools import lru_cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

BRIGHTEST = 0.22
"""Reflectance shown as white: bare ground is bright, forest stays readable."""
GAMMA = 1.4
JPEG_QUALITY = 88
LEVELS = 4095
"""Steps of reflectance told apart before the curve: finer than the picture's 256."""


def quicklook(rgb: npt.NDArray[np.float32]) -> bytes:
    """A JPEG.

    Args:
        rgb: reflectance, float32 (3, H, W), red first; NaN where there is no data becomes black.
    """
    picture = Image.merge("RGB", [_brightness(layer) for layer in rgb])
    out = BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def _brightness(layer: npt.NDArray[np.float32]) -> Image.Image:
    levels = layer * np.float32(LEVELS / BRIGHTEST)
    np.clip(np.nan_to_num(levels, copy=False), 0, LEVELS, out=levels)
    return Image.fromarray(_curve()[levels.astype(np.uint16)])


@lru_cache(maxsize=1)
def _curve() -> npt.NDArray[np.uint8]:
    """Brightness of every level, uint8 (LEVELS + 1,)."""
    return np.asarray(np.rint((np.arange(LEVELS + 1) / LEVELS) ** (1 / GAMMA) * 255), np.uint8)


def read_quicklook(jpeg: bytes) -> npt.NDArray[np.uint8]:
    """The picture as uint8 (H, W, 3)."""
    return np.asarray(Image.open(BytesIO(jpeg)).convert("RGB"))


def reflectance(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What brightness stands for, float32 of the picture's shape; 255 stands for BRIGHTEST and all above it."""
    return _reflectance_of_brightness()[picture]


@lru_cache(maxsize=1)
def _reflectance_of_brightness() -> npt.NDArray[np.float32]:
    return np.asarray(BRIGHTEST * (np.arange(256) / 255) ** GAMMA, np.float32)
