"""What lies between the land and the sensor: seasons, clouds and their shadows, haze, and the sensor itself."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy.ndimage import zoom

from jagawana.detectors.simulation.noise import Field, fractal, smooth, stream
from jagawana.detectors.simulation.paint import Mask
from jagawana.detectors.simulation.spectra import band_index

Array = npt.NDArray[np.float32]
GRID_M = 10
"""Skies are made on a 10 m grid and refined for finer sensors."""
MARGIN_M = 1500
"""Clouds beyond the frame still throw shadows into it."""
PATH = np.array([0.055, 0.040, 0.028, 0.014, 0.006, 0.003], dtype=np.float32)
"""Reflectance that full haze adds, strongest in blue (Rayleigh and fine aerosol). Assumed."""
CLOUD = np.array([0.62, 0.61, 0.60, 0.63, 0.48, 0.38], dtype=np.float32)
"""Reflectance of thick cloud; lower in the short-wave infrared, where droplets and ice absorb. Assumed."""
SKYLIGHT = np.array([0.62, 0.52, 0.45, 0.36, 0.30, 0.28], dtype=np.float32)
"""Share of light left in full cloud shadow: blue sky only. Assumed."""


@dataclass(frozen=True)
class Weather:
    """State of a day. wet: -1 driest to 1 wettest time of the year; level: of the river; silt, wetness: 0..1."""

    wet: float
    level: float
    silt: float
    wetness: float


def weather(seed: int, at: datetime) -> Weather:
    """Weather of a day in southern Borneo: wettest in January, driest in July and August, with rain of the last days on top."""
    rng = stream(seed, "weather", at.toordinal())
    wet = float(np.cos(2 * np.pi * (at.timetuple().tm_yday - 20) / 365.25))
    rain = float(rng.normal())
    return Weather(
        wet=wet,
        level=float(np.clip(0.86 + 0.30 * wet + 0.05 * rain, 0.5, 1.25)),
        silt=float(np.clip(0.45 + 0.30 * wet + 0.18 * rain, 0, 1)),
        wetness=float(np.clip(0.40 + 0.35 * wet + 0.25 * rain, 0, 1)),
    )


@dataclass(frozen=True)
class Sky:
    """Everything between land and sensor, float32 (h, w): opacity and shadow 0..1, haze in units of PATH."""

    opacity: Array
    shadow: Array
    haze: Array
    tone: Array


def cloud_cover(rng: np.random.Generator, mean: float, wet: float) -> float:
    """Share of a look under cloud: mostly nearly clear or nearly overcast, as over tropical forest; more in the wet season."""
    if mean <= 0:
        return 0.0
    centre = float(np.clip(mean * (1 + 0.45 * wet), 0.02, 0.95))
    return float(rng.beta(1.1 * centre, 1.1 * (1 - centre)))


def sky(rng: np.random.Generator, shape: tuple[int, int], *, cover: float, resolution_m: int) -> Sky:
    """Clouds, shadows and haze of one look.

    Args:
        shape: rows, columns at `resolution_m`.
        cover: share under cloud, 0..1.
    """
    h, w = -(-shape[0] * resolution_m // GRID_M), -(-shape[1] * resolution_m // GRID_M)
    pad = MARGIN_M // GRID_M
    opacity = _clouds(rng, (h + 2 * pad, w + 2 * pad), cover)
    distance = float(rng.uniform(500, 2200)) * 0.55 / GRID_M
    azimuth = float(rng.uniform(0.9, 2.1))  # sun in the east: shadows fall to the west
    dy, dx = round(distance * np.cos(azimuth)), round(distance * np.sin(azimuth))
    here = (slice(pad, pad + h), slice(pad, pad + w))
    thrown = opacity[pad - dy : pad - dy + h, pad + dx : pad + dx + w]
    shadow = np.clip(thrown * 1.3, 0, 1) * (1 - opacity[here])
    load = float(rng.gamma(1.6, 0.22)) + 0.35 * cover
    haze = np.clip(load * (1 + 0.35 * smooth(rng, (h, w), scale_px=120)), 0, 3)
    tone = 1 + 0.10 * smooth(rng, (h, w), scale_px=15)
    return Sky(*(_refine(f, shape, resolution_m) for f in (opacity[here], shadow, haze, tone)))


def _clouds(rng: np.random.Generator, shape: tuple[int, int], cover: float) -> Array:
    """Opacity 0..1: fields of cumulus (scale 0.5 to 1.5 km) or decks (3 to 8 km), soft at the edges, sometimes veiled by cirrus."""
    if cover <= 0.002:
        return np.zeros(shape, dtype=np.float32)
    deck = cover > 0.6 or rng.random() < 0.3
    scale = float(rng.uniform(300, 800) if deck else rng.uniform(50, 150))
    field: Field = fractal(rng, shape, scale_px=scale, roughness=float(rng.uniform(1.6, 1.9)))
    level = float(np.quantile(field[::4, ::4], 1 - min(cover, 0.999)))
    opacity = np.clip((field - level) / float(rng.uniform(0.12, 0.4)), 0, 1)
    if rng.random() < 0.25:
        veil = np.clip(smooth(rng, shape, scale_px=100) - 0.8, 0, 1) * float(rng.uniform(0.1, 0.3))
        opacity = np.maximum(opacity, veil)
    result: Array = opacity.astype(np.float32)
    return result


def _refine(field: Array, shape: tuple[int, int], resolution_m: int) -> Array:
    if resolution_m == GRID_M:
        return np.ascontiguousarray(field[: shape[0], : shape[1]], dtype=np.float32)
    fine: Array = zoom(field, GRID_M / resolution_m, order=1, grid_mode=True, mode="nearest").astype(np.float32)
    return fine[: shape[0], : shape[1]]


def through(surface: Array, air: Sky, bands: tuple[str, ...]) -> Array:
    """What a sensor sees of a surface through the air, after an imperfect atmosphere correction.

    Args:
        surface: float32 (B, h, w).
    """
    index = band_index(bands)
    seen = np.empty_like(surface)
    for k, b in enumerate(index):
        lit = surface[k] * (1 - air.shadow * (1 - SKYLIGHT[b]))
        lit = lit * (1 - 1.5 * PATH[b] * air.haze) + PATH[b] * 0.5 * air.haze
        seen[k] = lit + air.opacity * (CLOUD[b] * air.tone - lit)
    return seen


def sensed(rng: np.random.Generator, image: Array, *, blur: float, shift_px: float, gain: float, noise: float, share_noise: float) -> Array:
    """Optics and electronics: blur (variance in px2 along each axis), misregistration, band gains and noise.

    Args:
        image: float32 (B, h, w); gain, share_noise: standard deviations relative to the signal; noise: in reflectance.
    """
    dy, dx = (float(np.clip(rng.normal(0, shift_px), -0.45, 0.45)) for _ in range(2))
    soft = _taps(_taps(image, blur, dy, axis=1), blur, dx, axis=2)
    gains = 1 + gain * (0.7 * rng.normal() + 0.7 * rng.normal(size=(image.shape[0], 1, 1)))
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    out: Array = soft * gains.astype(np.float32) + grain * (np.float32(noise) + np.float32(share_noise) * soft)
    return np.clip(out, 0.0005, 1.2)


def _taps(image: Array, variance: float, shift: float, *, axis: int) -> Array:
    """A three-tap kernel with the given variance and mean, edges repeated."""
    spread = variance + shift * shift
    before, after = np.float32((spread - shift) / 2), np.float32((spread + shift) / 2)
    padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
    left, right = [slice(None)] * 3, [slice(None)] * 3
    left[axis], right[axis] = slice(0, -2), slice(2, None)
    out: Array = (1 - before - after) * image
    out += before * padded[tuple(left)]
    out += after * padded[tuple(right)]
    return out


def swath(rng: np.random.Generator, shape: tuple[int, int]) -> Mask:
    """Which pixels the sensor passed over: all, or, once in ten looks, one side of a slanted swath edge."""
    if rng.random() >= 0.1:
        return np.ones(shape, dtype=bool)
    y, x = np.arange(shape[0])[:, None] / shape[0], np.arange(shape[1])[None, :] / shape[1]
    edge = float(rng.uniform(0.25, 0.75)) + 0.2 * (y - 0.5)
    west: Mask = x < edge
    return west if rng.random() < 0.5 else ~west
