"""The same ground under another sky, from another side, at another scale: what a network must not care about."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from jagawana.detectors.classes import NOT_OBSERVED
from jagawana.detectors.training.labels import Images

Rng = np.random.Generator
HAZE_BY_WAVELENGTH = {"blue": 1.0, "green": 0.7, "red": 0.5, "nir": 0.25, "swir16": 0.08, "swir22": 0.05}
"""Haze added per band as a share of that in blue; Rayleigh to Mie scattering falls with wavelength."""


@dataclass(frozen=True)
class Augmentation:
    """How strongly to vary. Reflectance units are 0..1; `zoom` above 1 enlarges, so that a pixel covers less ground."""

    gain: float = 0.15
    gain_per_band: float = 0.05
    offset: float = 0.008
    haze: float = 0.04
    noise: float = 0.003
    zoom: tuple[float, float] = (0.9, 1.25)
    zoom_share: float = 0.4
    paste_share: float = 0.3
    drop_share: float = 0.15


def augmented(images: Images, rng: Rng, *, bands: tuple[str, ...], how: Augmentation) -> Images:
    """One random variation of each image.

    Args:
        images: float32 (N, B, S, S), NaN where nothing was seen, and uint8 (N, S, S); left as they are.
        rng: the only source of chance.
        bands: STAC common names of the second axis.
        how: strengths.

    Returns:
        New images of the same shape.
    """
    images = turned(images, rng)
    images = rescaled(images, rng, zoom=how.zoom, share=how.zoom_share)
    images = pasted(images, rng, share=how.paste_share)
    return dropped(relit(images, rng, bands=bands, how=how), rng, share=how.drop_share)


def turned(images: Images, rng: Rng) -> Images:
    """Each image in one of its eight orientations."""
    reflectance, labels = images.reflectance.copy(), images.labels.copy()
    for i, (turns, flip) in enumerate(zip(rng.integers(0, 4, len(images)), rng.random(len(images)) < 0.5, strict=True)):
        picture, mask = np.rot90(reflectance[i], turns, axes=(1, 2)), np.rot90(labels[i], turns)
        reflectance[i], labels[i] = (picture[:, :, ::-1], mask[:, ::-1]) if flip else (picture, mask)
    return Images(reflectance, labels)


def rescaled(images: Images, rng: Rng, *, zoom: tuple[float, float], share: float) -> Images:
    """A share of the images at another scale around a shifted centre (bilinear; labels nearest), mirrored at the edge.

    Sub-pixel shifts come with it: the new pixels fall between the old ones.
    """
    n = len(images)
    scale = np.where(rng.random(n) < share, np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1]), n)), 1.0)
    room = np.abs(1 - 1 / scale)[:, None] * rng.uniform(-1, 1, (n, 2))
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = room
    moved = scale != 1.0
    if not moved.any():
        return images
    reflectance, labels = images.reflectance.copy(), images.labels.copy()
    reflectance[moved] = _sampled(reflectance[moved], theta[moved], "bilinear")
    labels[moved] = _sampled(labels[moved][:, None].astype(np.float32), theta[moved], "nearest")[:, 0].astype(np.uint8)
    return Images(reflectance, labels)


def _sampled(layers: npt.NDArray[np.float32], theta: npt.NDArray[np.float32], mode: str) -> npt.NDArray[np.float32]:
    grid = functional.affine_grid(torch.from_numpy(theta), list(layers.shape), align_corners=False)
    sampled = functional.grid_sample(torch.from_numpy(layers), grid, mode=mode, padding_mode="reflection", align_corners=False)
    result: npt.NDArray[np.float32] = sampled.numpy()
    return result


def pasted(images: Images, rng: Rng, *, share: float) -> Images:
    """A share of the images gets one quarter from another image: context stops being a substitute for looking."""
    reflectance, labels = images.reflectance.copy(), images.labels.copy()
    half = images.labels.shape[1] // 2
    for i in np.flatnonzero(rng.random(len(images)) < share):
        top, left = (int(v) * half for v in rng.integers(0, 2, 2))
        other, window = int(rng.integers(len(images))), (slice(top, top + half), slice(left, left + half))
        reflectance[i][:, *window] = images.reflectance[other][:, *window]
        labels[i][window] = images.labels[other][window]
    return Images(reflectance, labels)


def relit(images: Images, rng: Rng, *, bands: tuple[str, ...], how: Augmentation) -> Images:
    """Another sun, sensor and sky: gain, gain per band, offset, haze and noise. Reflectance stays at or above zero."""
    n, b = images.reflectance.shape[:2]
    gain = np.exp(rng.normal(0, how.gain, (n, 1)) + rng.normal(0, how.gain_per_band, (n, b)))
    scatter = np.array([HAZE_BY_WAVELENGTH[band] for band in bands])
    veil = how.haze * rng.random((n, 1)) ** 2 * scatter + rng.normal(0, how.offset, (n, 1))
    noise = rng.standard_normal(images.reflectance.shape, dtype=np.float32) * np.float32(how.noise)
    lit = images.reflectance * gain[:, :, None, None].astype(np.float32) + veil[:, :, None, None].astype(np.float32) + noise
    return Images(np.maximum(lit, 0), images.labels)


def dropped(images: Images, rng: Rng, *, share: float) -> Images:
    """A share of the images loses a rectangle, as under a cloud: no reflectance and no label there."""
    reflectance, labels = images.reflectance.copy(), images.labels.copy()
    size = images.labels.shape[1]
    for i in np.flatnonzero(rng.random(len(images)) < share):
        height, width = rng.integers(size // 8, size // 2, 2)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        reflectance[i, :, top : top + height, left : left + width] = np.nan
        labels[i, top : top + height, left : left + width] = NOT_OBSERVED
    return Images(reflectance, labels)
