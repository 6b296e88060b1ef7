"""A labelled image through a detector: read by the guarded decoder, as `jagawana detect` reads it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.decision import Votes
from jagawana.detectors.detector import Detector, DetectorSpec
from jagawana.detectors.scoring.pixels import Classes
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.detect.single_image import WINDOW_PX, SingleImage
from jagawana.services.labelled.blocks import block_at
from jagawana.services.labelled.masks import read_mask
from jagawana.services.labelled.places import Labelled
from jagawana.services.labelled.tables import MaskValues
from jagawana.services.raster.decoding import Decoder, DecoderLimits, decoder
from jagawana.services.settings import Settings

SHOWN = ("red", "green", "blue")


@dataclass(frozen=True)
class Looked:
    """What one image shows and what was called: uint8 `truth` and `classes`, float32 `mining` probability, all (H, W)."""

    truth: Classes
    classes: Classes
    mining: npt.NDArray[np.float32]
    resolution_m: float
    grid: tuple[int | None, Affine, tuple[int, int]]
    block: str | None


class Looker:
    """Looks at labelled images with one detector, loaded once.

    Args:
        settings: model, device and the decoder's limits.
        values: what the masks mean.
    """

    def __init__(self, settings: Settings, values: MaskValues) -> None:
        self._settings, self._values = settings, values
        self._limits = DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)
        self._loaded: dict[str, Detector] = {}

    @property
    def spec(self) -> DetectorSpec:
        """The detector that looked."""
        return next(iter(self._loaded.values())).spec

    def look(self, labelled: Labelled) -> Looked:
        """One image and its mask.

        Raises:
            DataError: what is wrong with one of the two, with both together, or with the model for this image.
        """
        with self._open(labelled) as pixels:
            image = self._image(labelled, pixels)
            truth = read_mask(labelled, pixels, image.header, self._values)
            votes, mining = Votes.none(image.header.shape), np.zeros(truth.shape, np.float32)
            for rows, columns, found, seen in image.windows():
                votes.put((rows, columns), found, seen, image.detector.spec.decision)
                mining[rows, columns] = found[LandClass.MINING]
                truth[rows, columns][~seen] = NOT_OBSERVED
        header = image.header
        return Looked(truth, votes.classes(), mining, image.resolution_m, (header.epsg, header.transform, header.shape), block_at(header))

    def picture(self, labelled: Labelled, *, at_most_px: int) -> npt.NDArray[np.float32]:
        """Red, green and blue reflectance, float32 (3, h, w); every so many pixels of a large image. NaN where nothing was recorded."""
        with self._open(labelled) as pixels:
            image = self._image(labelled, pixels)
            if missing := set(SHOWN) - set(image.names):
                raise DataError(ErrorCode.BANDS_MISSING, f"{labelled.image.name}: pictures also need {', '.join(sorted(missing))}")
            height, width = image.header.shape
            step = thinning(image.header.shape, at_most_px)
            rows = step * max(1, WINDOW_PX // step)
            parts = [(top, 0, min(rows, height - top), width) for top in range(0, height, rows)]
            return np.concatenate([image.reflectance(SHOWN, part)[:, ::step, ::step] for part in parts], axis=1)

    def _open(self, labelled: Labelled) -> AbstractContextManager[Decoder]:
        return decoder({labelled.image.name: labelled.image, labelled.mask.name: labelled.mask}, self._limits)

    def _image(self, labelled: Labelled, pixels: Decoder) -> SingleImage:
        image = SingleImage(labelled.image, pixels, self._settings, self._loaded, "none")
        if len(self._loaded) > 1:
            both = " and ".join(self._loaded)
            raise DataError(
                ErrorCode.SETTINGS_INVALID, f"{labelled.image.name} needs another model than those before it ({both}); give --model"
            )
        spec = image.detector.spec
        if not spec.min_resolution_m <= round(image.resolution_m, 3) <= spec.max_resolution_m:
            raise DataError(
                ErrorCode.GRID_UNSUPPORTED,
                f"{labelled.image.name}: pixels of {image.resolution_m:g} m; model {image.model_id} reads "
                f"{spec.min_resolution_m:g}-{spec.max_resolution_m:g} m; resample the image, or give another --model",
            )
        return image


def thinning(shape: tuple[int, ...], at_most_px: int) -> int:
    """Every how many pixels an image is drawn."""
    return -(-max(shape) // at_most_px)
