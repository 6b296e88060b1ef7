"""What a detector promises: bands, resolution and classes declared as data, one pure call."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from jagawana.detectors.decision import LIKELIEST, Decision
from jagawana.schemas.observation import ModelRef

Reflectance = npt.NDArray[np.float32]
"""Surface reflectance 0..1, float32 (B, H, W)."""
Probabilities = npt.NDArray[np.float32]
"""Class probabilities, float32 (6, H, W) in the order of LandClass, summing to 1."""
Mask = npt.NDArray[np.bool_]
"""bool (H, W)."""
StoredBytes = npt.NDArray[np.uint8]
"""What an observation keeps: uint8 (5, H, W), probability * 255 in the order of history.STORED_CLASSES."""


@dataclass(frozen=True)
class Window:
    """Pixels around a part of a tile, and which of them an answer is wanted for.

    Attributes:
        reflectance: float32 (B, H, W), 0..1, finite where valid; anything where not.
        valid: bool (H, W), False where nothing was recorded.
        keep: rows and columns that are wanted; the rest is halo.
        clear: bool (H, W), True where the ground was seen; elsewhere nothing is stored, and nothing is compared with it.
    """

    reflectance: Reflectance
    valid: Mask
    keep: tuple[slice, slice]
    clear: Mask


@dataclass(frozen=True)
class DetectorSpec:
    """What a detector reads. `bands` are STAC common names in the order of the first axis."""

    ref: ModelRef
    bands: tuple[str, ...]
    min_resolution_m: float
    max_resolution_m: float
    halo_px: int
    calibrated: bool
    decision: Decision = LIKELIEST


class Detector(Protocol):
    """Reflectance in, class probabilities out; the same input always gives the same output."""

    @property
    def spec(self) -> DetectorSpec:
        """The declaration."""
        ...

    def __call__(self, reflectance: Reflectance, valid: Mask) -> Probabilities:
        """Class probabilities of one window.

        Args:
            reflectance: float32 (B, H, W), 0..1, any H and W of at least 48.
            valid: bool (H, W); where False the reflectance is meaningless and is replaced by a neutral value.

        Returns:
            float32 (6, H, W). Pixels closer to a window edge than `spec.halo_px` depend on the window.
        """
        ...

    def stored(self, window: Window) -> StoredBytes:
        """What an observation keeps of a window: 0 where not clear, and below history.FLOOR."""
        ...

    def check(self) -> None:
        """Nothing, while it still answers as it should.

        Raises:
            DataError: MODEL_INVALID.
        """
        ...
