"""The small natural-colour picture kept of every observation, from which the cutouts of alerts are taken."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

BRIGHTEST = 0.22
"""Reflectance shown as white: bare ground is bright, forest stays readable."""
GAMMA = 1.4
JPEG_QUALITY = 88


def quicklook(rgb: npt.NDArray[np.float32]) -> bytes:
    """A JPEG.

    Args:
        rgb: reflectance, float32 (3, H, W), red first; NaN where there is no data becomes black.
    """
    scaled = np.clip(np.nan_to_num(rgb) / BRIGHTEST, 0, 1) ** (1 / GAMMA)
    picture = Image.fromarray(np.rint(scaled * 255).astype(np.uint8).transpose(1, 2, 0))
    out = BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def read_quicklook(jpeg: bytes) -> npt.NDArray[np.uint8]:
    """The picture as uint8 (H, W, 3)."""
    return np.asarray(Image.open(BytesIO(jpeg)).convert("RGB"))
