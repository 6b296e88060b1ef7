"""What a detector calls on labelled images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import LandClass
from jagawana.detectors.detector import Mask, Probabilities, Reflectance
from jagawana.detectors.scoring.pixels import Classes
from jagawana.detectors.training.labels import Images

Predict = Callable[[Reflectance, Mask], Probabilities]


@dataclass(frozen=True)
class Called:
    """Labelled images with what was called on them; one entry per image in each of the four, images of one pixel size.

    `truth` and `classes` are uint8 (H, W), `mining` is the float32 (H, W) probability of mining; arrays of (N, H, W) do as well.
    """

    truth: Sequence[Classes] | Classes
    classes: Sequence[Classes] | Classes
    mining: Sequence[npt.NDArray[np.float32]] | npt.NDArray[np.float32]
    block: tuple[str, ...]
    resolution_m: float = 10.0

    def __len__(self) -> int:
        return len(self.block)


def called(predict: Predict, images: Images, block: Sequence[str]) -> Called:
    """Every image through the detector; highest probability wins."""
    classes, mining = [], []
    for picture in images.reflectance:
        probabilities = predict(picture, np.isfinite(picture).all(axis=0))
        classes.append(probabilities.argmax(axis=0).astype(np.uint8))
        mining.append(probabilities[LandClass.MINING])
    return Called(images.labels, np.stack(classes), np.stack(mining), tuple(block))
