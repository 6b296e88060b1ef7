"""What of a scene was really seen: cloud and shadow masks behind one port."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from jagawana.detectors.detector import Mask
from jagawana.schemas.errors import DataError, ErrorCode

Layer = npt.NDArray[np.float32]
Sky = npt.NDArray[np.uint8]
"""uint8 (H, W), values of SkyClass."""


class SkyClass(IntEnum):
    """What lies between the sensor and the ground."""

    FILL = 0  # nothing recorded
    CLEAR = 1
    CLOUD = 2
    SHADOW = 3


class CloudMask(Protocol):
    """One way of telling clear ground from cloud and shadow."""

    def __call__(self, bands: Mapping[str, Layer], valid: Mask, *, resolution_m: float, scene_class: Sky | None = None) -> Sky:
        """Sky of one window.

        Args:
            bands: reflectance 0..1 by STAC common name, float32 (H, W) each.
            valid: bool (H, W), False where the product holds no data.
            resolution_m: pixel size; margins are given in metres.
            scene_class: the Sentinel-2 scene classification (SCL), uint8 (H, W), on the same grid, where there is one.

        Raises:
            DataError: BANDS_MISSING when a band or the classification it needs is not given.
        """
        ...


SCL_FILL = (0, 1)
"""No data; saturated or defective."""
SCL_CLOUD = (8, 9, 10, 11)
"""Cloud medium and high probability, thin cirrus, snow. Snow hides the ground as a cloud does, and bright cloud tops are often
classified as snow, in May and in the tropics too: counted as clear, they were most of the false mining in docs/real-input.md."""
SCL_SHADOW = (3,)
"""Cloud shadow. 2 (dark features, cast shadow of hills) is ground and stays clear."""
SCL_KINDS = np.full(256, SkyClass.CLEAR, np.uint8)
"""SkyClass of every code, uint8 (256,)."""
for _codes, _kind in ((SCL_FILL, SkyClass.FILL), (SCL_CLOUD, SkyClass.CLOUD), (SCL_SHADOW, SkyClass.SHADOW)):
    SCL_KINDS[list(_codes)] = _kind
CLOUD_MARGIN_M = 30.0
"""Cloud edges are thin where SCL ends: 3 px at 10 m."""
SHADOW_MARGIN_M = 20.0


class SceneClassificationMask:
    """Sentinel-2 L2A: the producer's scene classification with wider margins (codes: ESA Sen2Cor, L2A product definition)."""

    def __call__(self, bands: Mapping[str, Layer], valid: Mask, *, resolution_m: float, scene_class: Sky | None = None) -> Sky:
        """See CloudMask."""
        if scene_class is None:
            raise DataError(
                ErrorCode.BANDS_MISSING, "the scene classification (SCL) is missing; choose another cloud mask for this product"
            )
        kinds = SCL_KINDS[scene_class]
        cloud = _grown(kinds == SkyClass.CLOUD, CLOUD_MARGIN_M, resolution_m)
        shadow = _grown(kinds == SkyClass.SHADOW, SHADOW_MARGIN_M, resolution_m)
        return _sky(valid & (kinds != SkyClass.FILL), cloud, shadow)


BRIGHT_BLUE = 0.18
"""Clouds scatter blue; dry sand and roofs rarely pass this together with WHITENESS. Raise to keep bright ground, and thin cloud with it."""
WHITENESS = 0.20
"""Summed departure of blue, green and red from their mean, over the mean. Clouds are white, laterite and clay are not
(the whiteness test of Fmask, Zhu and Woodcock 2012, which passes below 0.7 before its other tests)."""
DARK_NIR = 0.12
"""Vegetation in shadow is darker than this in the near infrared, and so is water."""
SHADOW_REACH_M = 1500.0
"""Shadows are looked for within this of a cloud only, so that lakes under a clear sky stay."""
MIN_CLOUD_M2 = 3600.0
"""Smaller white specks are roofs and tailings, not clouds."""


class BrightnessMask:
    """Any product with blue, green, red and NIR: white and bright is cloud, dark near a cloud is shadow.

    Weak: thin cloud is missed, large white sand is taken for cloud, and water near clouds for shadow. For products that bring
    no classification of their own, and where ukis-csmask is not installed.
    """

    def __call__(self, bands: Mapping[str, Layer], valid: Mask, *, resolution_m: float, scene_class: Sky | None = None) -> Sky:
        """See CloudMask; `scene_class` is not looked at."""
        blue, green, red, nir = _four(bands, valid)
        mean = (blue + green + red) / 3
        whiteness = (abs(blue - mean) + abs(green - mean) + abs(red - mean)) / np.maximum(mean, np.float32(1e-6))
        white = _without_specks((blue > BRIGHT_BLUE) & (whiteness < WHITENESS) & valid, max(1, round(MIN_CLOUD_M2 / resolution_m**2)))
        cloud = _grown(white, CLOUD_MARGIN_M, resolution_m)
        near = _grown(white, SHADOW_REACH_M, resolution_m)
        dark = ndimage.binary_opening((nir < DARK_NIR) & near & valid, np.ones((3, 3), bool))
        return _sky(valid, cloud, _grown(dark, SHADOW_MARGIN_M, resolution_m))


FOUR_BANDS = ("blue", "green", "red", "nir")
CSMASK_RESOLUTION_M = 10.0
"""Its makers advise about 30 m; on the 140 Romanian scenes of 1 km it found more cloud at 10 m (docs/detector.md)."""


class LearnedMask:
    """The network of the optional package ukis-csmask (Apache-2.0; Wieland, Li and Martinis 2019), on blue, green, red and NIR.

    Pixels finer than CSMASK_RESOLUTION_M are averaged for it and its answer is enlarged again.
    """

    def __call__(self, bands: Mapping[str, Layer], valid: Mask, *, resolution_m: float, scene_class: Sky | None = None) -> Sky:
        """See CloudMask; `scene_class` is not looked at.

        Raises:
            DataError: also SETTINGS_INVALID when ukis-csmask is not installed.
        """
        try:
            from ukis_csmask.mask import CSmask
        except ImportError as error:
            advice = "install jagawana[csmask], or choose the brightness mask"
            raise DataError(ErrorCode.SETTINGS_INVALID, f"ukis-csmask is not installed; {advice}") from error
        factor = max(1, round(CSMASK_RESOLUTION_M / resolution_m))
        picture = np.stack([_coarser(layer, factor) for layer in _four(bands, valid)], axis=-1)
        found = CSmask(picture, band_order=list(FOUR_BANDS), product_level="l2a", intra_op_num_threads=1).csm
        codes = _finer(np.asarray(found).reshape(picture.shape[:2]), factor, valid.shape)
        cloud = _grown(codes == _CSMASK_CLOUD, CLOUD_MARGIN_M, resolution_m)
        return _sky(valid, cloud, _grown(codes == _CSMASK_SHADOW, SHADOW_MARGIN_M, resolution_m))


_CSMASK_CLOUD, _CSMASK_SHADOW = 1, 2
"""Its codes; 0 is neither."""


def _four(bands: Mapping[str, Layer], valid: Mask) -> list[Layer]:
    if missing := [name for name in FOUR_BANDS if name not in bands]:
        raise DataError(ErrorCode.BANDS_MISSING, f"the cloud mask needs {', '.join(FOUR_BANDS)}; missing: {', '.join(missing)}")
    return [np.where(valid & np.isfinite(bands[name]), bands[name], 0).astype(np.float32) for name in FOUR_BANDS]


def _sky(seen: Mask, cloud: Mask, shadow: Mask) -> Sky:
    """Fill wins over cloud, cloud over shadow, shadow over clear."""
    sky = np.full(seen.shape, SkyClass.CLEAR, np.uint8)
    sky[shadow] = SkyClass.SHADOW
    sky[cloud] = SkyClass.CLOUD
    sky[~seen] = SkyClass.FILL
    return sky


def _grown(mask: Mask, margin_m: float, resolution_m: float) -> Mask:
    """Everything within the margin of the mask."""
    if not mask.any():
        return mask
    reach = margin_m / resolution_m
    if reach <= SMALL_DISC_PX:
        return _disc_grown(mask, reach)
    return np.asarray(ndimage.distance_transform_edt(~mask) * resolution_m <= margin_m)


SMALL_DISC_PX = 8
"""Up to this radius a disc is laid over a mask row by row; beyond it, distances are quicker."""


def _disc_grown(mask: Mask, radius_px: float) -> Mask:
    """Everything within the radius of the mask: for each row of the disc, the mask widened by the disc's width there, moved by the row."""
    height, r = mask.shape[0], int(radius_px)
    grown = np.zeros_like(mask)
    widened = {reach: _widened(mask, reach) for reach in {int((radius_px**2 - dy**2) ** 0.5) for dy in range(r + 1)}}
    for dy in range(-r, r + 1):
        row = widened[int((radius_px**2 - dy**2) ** 0.5)]
        grown[max(0, dy) : height + min(0, dy)] |= row[max(0, -dy) : height - max(0, dy)]
    return grown


def _widened(mask: Mask, reach_px: int) -> Mask:
    """Every row grown to both sides."""
    width, wide = mask.shape[1], mask.copy()
    for dx in range(1, reach_px + 1):
        wide[:, dx:] |= mask[:, : width - dx]
        wide[:, : width - dx] |= mask[:, dx:]
    return wide


def _without_specks(mask: Mask, min_px: int) -> Mask:
    """Only the connected parts (8 neighbours) of at least `min_px`."""
    labels, _ = ndimage.label(mask, np.ones((3, 3), bool))
    keep = np.bincount(labels.ravel()) >= min_px
    keep[0] = False
    return np.asarray(keep[labels])


def _coarser(layer: Layer, factor: int) -> Layer:
    """Means of factor x factor pixels; the edge is repeated to fill the last ones."""
    height, width = layer.shape
    padded = np.pad(layer, ((0, -height % factor), (0, -width % factor)), mode="edge")
    rows, columns = padded.shape[0] // factor, padded.shape[1] // factor
    return np.asarray(padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3)), np.float32)


def _finer(codes: npt.NDArray[np.generic], factor: int, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    return codes.repeat(factor, axis=0).repeat(factor, axis=1)[: shape[0], : shape[1]]
