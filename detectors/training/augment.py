"""The same ground under another sky, from another side, at another scale: what a network must not care about."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from jagawana.detectors.classes import NOT_OBSERVED
from jagawana.detectors.training.labels import Places

Rng = np.random.Generator
HAZE_BY_WAVELENGTH = {"blue": 1.0, "green": 0.7, "red": 0.5, "nir": 0.25, "swir16": 0.08, "swir22": 0.05}
"""Haze added per band as a share of that in blue; Rayleigh to Mie scattering falls with wavelength."""
SHADOW_WAVES_PX = 8
"""Cloud shadows vary over about this many pixels, a cumulus of 100 m at 10 m."""


@dataclass(frozen=True)
class Augmentation:
    """How strongly to vary. Reflectance units are 0..1; `zoom` above 1 enlarges, so that a pixel covers less ground."""

    gain: float = 0.25
    gain_per_band: float = 0.12
    offset: float = 0.008
    haze: float = 0.04
    noise: float = 0.003
    zoom: tuple[float, float] = (0.9, 1.25)
    zoom_share: float = 0.4
    blur: float = 0.5
    blur_share: float = 0.15
    paste_share: float = 0.4
    shadow: tuple[float, float] = (0.2, 0.6)
    shadow_share: float = 0.15
    drop_share: float = 0.15


def augmented(places: Places, rng: Rng, *, bands: tuple[str, ...], how: Augmentation) -> Places:
    """One random variation of each place: one geometry for all its dates, another sky for each of them.

    Args:
        places: NaN where nothing was seen; left as they are.
        rng: the only source of chance.
        bands: STAC common names of the third axis.
        how: strengths.

    Returns:
        New places of the same shape.
    """
    places = turned(places, rng)
    places = rescaled(places, rng, zoom=how.zoom, share=how.zoom_share)
    places = pasted(places, rng, share=how.paste_share)
    places = blurred(places, rng, to=how.blur, share=how.blur_share)
    places = shadowed(places, rng, loss=how.shadow, share=how.shadow_share)
    return dropped(relit(places, rng, bands=bands, how=how), rng, share=how.drop_share)


def turned(places: Places, rng: Rng) -> Places:
    """Each place in one of its eight orientations."""
    reflectance, labels = places.reflectance.copy(), places.labels.copy()
    for i, (turns, flip) in enumerate(zip(rng.integers(0, 4, len(places)), rng.random(len(places)) < 0.5, strict=True)):
        picture, mask = np.rot90(reflectance[i], turns, axes=(-2, -1)), np.rot90(labels[i], turns, axes=(-2, -1))
        reflectance[i], labels[i] = (picture[..., ::-1], mask[..., ::-1]) if flip else (picture, mask)
    return Places(reflectance, labels)


def rescaled(places: Places, rng: Rng, *, zoom: tuple[float, float], share: float) -> Places:
    """A share of the places at another scale around a shifted centre (bilinear; labels nearest), mirrored at the edge.

    Sub-pixel shifts come with it: the new pixels fall between the old ones.
    """
    n = len(places)
    scale = np.where(rng.random(n) < share, np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1]), n)), 1.0)
    room = np.abs(1 - 1 / scale)[:, None] * rng.uniform(-1, 1, (n, 2))
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = room
    moved = scale != 1.0
    if not moved.any():
        return places
    reflectance, labels = places.reflectance.copy(), places.labels.copy()
    layers = reflectance[moved].reshape(int(moved.sum()), -1, *reflectance.shape[-2:])
    reflectance[moved] = _sampled(layers, theta[moved], "bilinear").reshape(reflectance[moved].shape)
    labels[moved] = _sampled(labels[moved].astype(np.float32), theta[moved], "nearest").astype(np.uint8)
    return Places(reflectance, labels)


def _sampled(layers: npt.NDArray[np.float32], theta: npt.NDArray[np.float32], mode: str) -> npt.NDArray[np.float32]:
    grid = functional.affine_grid(torch.from_numpy(theta), list(layers.shape), align_corners=False)
    sampled = functional.grid_sample(torch.from_numpy(layers), grid, mode=mode, padding_mode="reflection", align_corners=False)
    result: npt.NDArray[np.float32] = sampled.numpy()
    return result


def pasted(places: Places, rng: Rng, *, share: float) -> Places:
    """A share of the places gets one quarter from another place: context stops being a substitute for looking."""
    reflectance, labels = places.reflectance.copy(), places.labels.copy()
    half = places.labels.shape[-1] // 2
    for i in np.flatnonzero(rng.random(len(places)) < share):
        top, left = (int(v) * half for v in rng.integers(0, 2, 2))
        other, window = int(rng.integers(len(places))), (..., slice(top, top + half), slice(left, left + half))
        reflectance[i][window] = places.reflectance[other][window]
        labels[i][window] = places.labels[other][window]
    return Places(reflectance, labels)


def blurred(places: Places, rng: Rng, *, to: float, share: float) -> Places:
    """A share of the images as a coarser sensor saw them: averaged to `to` to 1 times as many pixels a side, and drawn large again."""
    reflectance = places.reflectance.copy()
    side = reflectance.shape[-1]
    for i, date in np.argwhere(rng.random(reflectance.shape[:2]) < share):
        small = max(1, round(side * float(rng.uniform(to, 1))))
        image = torch.from_numpy(reflectance[i, date][None])
        coarse = functional.interpolate(image, (small, small), mode="area")
        reflectance[i, date] = functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=False)[0].numpy()
    return Places(reflectance, np.where(np.isnan(reflectance).any(axis=2), NOT_OBSERVED, places.labels).astype(np.uint8))


def shadowed(places: Places, rng: Rng, *, loss: tuple[float, float], share: float) -> Places:
    """A share of the images under the soft shadow of a broken cloud that takes between the two `loss` shares of the light."""
    reflectance = places.reflectance.copy()
    side = reflectance.shape[-1]
    for i, date in np.argwhere(rng.random(reflectance.shape[:2]) < share):
        waves = rng.standard_normal((1, 1, side // SHADOW_WAVES_PX, side // SHADOW_WAVES_PX), dtype=np.float32)
        broad = functional.interpolate(torch.from_numpy(waves), (side, side), mode="bicubic", align_corners=False)[0, 0]
        shade = torch.sigmoid((broad - 0.5) * 6).numpy()
        reflectance[i, date] *= 1 - shade * np.float32(rng.uniform(*loss))
    return Places(reflectance, places.labels)


def relit(places: Places, rng: Rng, *, bands: tuple[str, ...], how: Augmentation) -> Places:
    """Another sun, sensor and sky: gain, gain per band, offset, haze and noise. Reflectance stays at or above zero."""
    n, d, b = places.reflectance.shape[:3]
    gain = np.exp(rng.normal(0, how.gain, (n, d, 1)) + rng.normal(0, how.gain_per_band, (n, d, b)))
    scatter = np.array([HAZE_BY_WAVELENGTH[band] for band in bands])
    veil = how.haze * rng.random((n, d, 1)) ** 2 * scatter + rng.normal(0, how.offset, (n, d, 1))
    noise = rng.standard_normal(places.reflectance.shape, dtype=np.float32) * np.float32(how.noise)
    lit = places.reflectance * gain[..., None, None].astype(np.float32) + veil[..., None, None].astype(np.float32) + noise
    return Places(np.maximum(lit, 0), places.labels)


def dropped(places: Places, rng: Rng, *, share: float) -> Places:
    """A share of the images loses a rectangle, as under a cloud: no reflectance and no label there."""
    reflectance, labels = places.reflectance.copy(), places.labels.copy()
    size = labels.shape[-1]
    for i, date in np.argwhere(rng.random(labels.shape[:2]) < share):
        height, width = rng.integers(size // 8, size // 2, 2)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        reflectance[i, date, :, top : top + height, left : left + width] = np.nan
        labels[i, date, top : top + height, left : left + width] = NOT_OBSERVED
    return Places(reflectance, labels)
