"""What computes a block: one small interface, two runtimes behind it (on_torch, on_openvino)."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from jagawana.detectors.detector import Mask, Probabilities, Reflectance, StoredBytes
from jagawana.detectors.history import STORED_CLASSES

Precision = Literal["fp32", "bf16"]
WHOLE = 255
STORED = [int(c) for c in STORED_CLASSES]


@dataclass(frozen=True)
class Scaling:
    """What is done to reflectance before the network and to logits after it; mean and std float32 (B,)."""

    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]
    temperature: float


@dataclass(frozen=True)
class Spare:
    """Pixels of a block that are not wanted, at each edge."""

    top: int
    bottom: int
    left: int
    right: int


class Runtime(Protocol):
    """Computes blocks. The same block always gives the same answer, whatever else is computed."""

    @property
    def name(self) -> str:
        """Library, version and device: part of the fingerprint."""
        ...

    def stored(self, pixels: Reflectance, seen: Mask, spare: Spare) -> StoredBytes:
        """What an observation keeps of a block.

        Args:
            pixels: reflectance, float32 (B, h, w), h and w on the pooling grid; anything where not seen.
            seen: bool (h, w).
            spare: edges that are left out of the answer.

        Returns:
            uint8 (5, h - spare, w - spare), probability * 255 in the order of STORED_CLASSES, 0 below FLOOR.
        """
        ...

    def probabilities(self, pixels: Reflectance, seen: Mask) -> Probabilities:
        """All class probabilities of a block, float32 (K, h, w)."""
        ...
