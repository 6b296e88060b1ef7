"""What hints are read from: the mining of a place, the water in it, its colours, and which part of it is newest."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

EIGHT = np.ones((3, 3), bool)
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]
Reflectance = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ground:
    """One window of a place, north up; all arrays of the same height and width.

    Attributes:
        pixel_m: pixel size in metres.
        mining: bool (H, W), everything that is mining here, old and new.
        water: bool (H, W), what looks like water, inside mining and beside it.
        front: bool (H, W), the newest mining; all of it where nothing is known of its age.
        colours: float32 (3, H, W), reflectance of red, green and blue; NaN where the ground was not seen. None without a picture.
    """

    pixel_m: float
    mining: Flags
    water: Flags
    front: Flags
    colours: Reflectance | None = None

    @property
    def pixel_ha(self) -> float:
        """Hectares of one pixel."""
        return self.pixel_m**2 * 1e-4


def groups(mask: Flags, pixel_m: float, *, at_least_ha: float) -> tuple[Labels, npt.NDArray[np.float64]]:
    """What hangs together, also over corners, and is large enough.

    Returns:
        Labels int32 (H, W), 0 elsewhere, and the hectares of each label from 1 on.
    """
    found, n = ndimage.label(mask, EIGHT)
    area = np.bincount(found.ravel(), minlength=n + 1).astype(np.float64) * (pixel_m**2 * 1e-4)
    large = area >= at_least_ha - 1e-9
    large[0] = False
    renumbered = np.where(large, np.cumsum(large), 0).astype(np.int32)
    labels: Labels = renumbered[found]
    return labels, area[large]
