"""The honest baseline: no weights, only what a textbook says of vegetation, water and bare ground, pixel by pixel."""

import numpy as np
import numpy.typing as npt
from pydantic import Field

from jagawana.detectors.classes import LandClass
from jagawana.detectors.detector import DetectorSpec, Mask, Probabilities, Reflectance, StoredBytes, Window
from jagawana.detectors.history import quantised
from jagawana.schemas.base import Model
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import ModelRef

Layer = npt.NDArray[np.float32]
BANDS_4 = ("blue", "green", "red", "nir")
BANDS_6 = (*BANDS_4, "swir16", "swir22")


class Slope(Model):
    """A soft threshold: 0.5 at `middle`, 0.88 at `middle` + 2 `width`; a negative width turns it round."""

    middle: float
    width: float


class SpectralDefinition(Model):
    """The thresholds. Set by hand from the quantiles of the training blocks of the hand-labelled Amazon pairs."""

    bands: tuple[str, ...]
    vegetation: Slope = Field(default=Slope(middle=0.50, width=0.06), description="of NDVI (Rouse et al. 1974)")
    water: Slope = Field(description="of MNDWI (Xu 2006), or of NDWI (McFeeters 1996) where there is no SWIR")
    dark_water: Slope = Field(
        default=Slope(middle=0.14, width=-0.02), description="of NIR reflectance: lakes are dark, mining ponds rarely"
    )
    bright: Slope = Field(
        default=Slope(middle=0.10, width=0.02), description="of visible reflectance: washed sand and tailings are brighter"
    )
    raw: Slope = Field(description="of red over blue: laterite and clay, opened, are red")
    version: str = "1"


DEFINITIONS = {
    "spectral-6": SpectralDefinition(bands=BANDS_6, water=Slope(middle=0.20, width=0.06), raw=Slope(middle=1.45, width=0.12)),
    "spectral-4": SpectralDefinition(bands=BANDS_4, water=Slope(middle=0.15, width=0.06), raw=Slope(middle=1.45, width=0.12)),
}


class SpectralDetector:
    """Soft thresholds on indices. Roads and huts are never called: a pixel alone does not show them."""

    def __init__(self, definition: SpectralDefinition, *, model_id: str, min_resolution_m: float, max_resolution_m: float) -> None:
        self._definition = definition
        digest = sha256_of(definition)
        fingerprint = f"{model_id}-{definition.version}/{digest[:8]}/fp32/numpy/halo0"
        self._spec = DetectorSpec(
            ref=ModelRef(model_id=model_id, sha256=digest, fingerprint=fingerprint),
            bands=definition.bands,
            min_resolution_m=min_resolution_m,
            max_resolution_m=max_resolution_m,
            halo_px=0,
            calibrated=False,
        )

    @property
    def spec(self) -> DetectorSpec:
        """What it reads; `sha256` is that of its definition."""
        return self._spec

    def __call__(self, reflectance: Reflectance, valid: Mask) -> Probabilities:
        """Class probabilities, float32 (6, H, W); see detector.Detector. Pixels never seen are background.

        Raises:
            DataError: BANDS_MISMATCH for other bands than declared.
        """
        if reflectance.shape != (len(self._definition.bands), *valid.shape):
            raise DataError(ErrorCode.BANDS_MISMATCH, f"a window of shape {reflectance.shape}; {self._definition.bands} are read")
        seen = valid & np.isfinite(reflectance).all(axis=0)
        return scores(np.where(seen, reflectance, 0).astype(np.float32), seen, self._definition)

    def stored(self, window: Window) -> StoredBytes:
        """What an observation keeps of a window; see detector.Detector."""
        rows, columns = window.keep
        return quantised(self(window.reflectance[:, rows, columns], window.valid[rows, columns]), window.clear[rows, columns])

    def check(self) -> None:
        """Thresholds do not wear."""


def spectral_detector(model_id: str) -> SpectralDetector:
    """`spectral-6` (Sentinel-2 bands at 10 m) or `spectral-4` (blue, green, red, NIR).

    Raises:
        DataError: SETTINGS_INVALID for another name.
    """
    if model_id not in DEFINITIONS:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"no spectral detector {model_id!r}; there are {', '.join(DEFINITIONS)}")
    finest = 9.0 if model_id == "spectral-6" else 2.5
    return SpectralDetector(DEFINITIONS[model_id], model_id=model_id, min_resolution_m=finest, max_resolution_m=11.0)


def scores(reflectance: Reflectance, seen: Mask, definition: SpectralDefinition) -> Probabilities:
    """A tree of soft questions: plants? open water? worked ground? The answers multiply, so they sum to 1.

    Args:
        reflectance: float32 (B, H, W), finite.
        seen: bool (H, W).
        definition: the thresholds.
    """
    band = dict(zip(definition.bands, reflectance, strict=True))
    blue, green, red, nir = (band[name] for name in BANDS_4)
    plants = _soft(_index(nir, red), definition.vegetation)
    water_index = _index(green, band["swir16"]) if "swir16" in band else _index(green, nir)
    wet = _soft(water_index, definition.water) * _soft(nir, definition.dark_water)
    worked = np.sqrt(_soft((blue + green + red) / 3, definition.bright) * _soft(red / (blue + _TINY), definition.raw))
    result = np.zeros((len(LandClass), *seen.shape), np.float32)
    open_ground = (1 - plants) * (1 - wet)
    result[LandClass.BACKGROUND] = plants * (1 - wet)
    result[LandClass.WATER] = wet
    result[LandClass.MINING] = open_ground * worked
    result[LandClass.BARE] = open_ground * (1 - worked)
    result[:, ~seen] = 0
    result[LandClass.BACKGROUND, ~seen] = 1
    return result


_TINY = np.float32(1e-6)


def _index(a: Layer, b: Layer) -> Layer:
    """Normalised difference, -1..1; 0 where both are 0."""
    return np.asarray((a - b) / np.maximum(a + b, _TINY), np.float32)


def _soft(value: Layer, slope: Slope) -> Layer:
    scaled = np.clip((value - slope.middle) / slope.width, -30, 30)
    return np.asarray(1 / (1 + np.exp(-scaled)), np.float32)
