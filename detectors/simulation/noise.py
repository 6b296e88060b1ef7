"""Seeded randomness: one stream per purpose, and smooth random fields."""

import zlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

Field = npt.NDArray[np.float32]
"""float32 (H, W), mean 0 and standard deviation 1."""


def stream(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """The generator of one purpose. Streams are independent, so adding a site does not move a cloud."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()), index)))


@lru_cache(maxsize=16)
def _frequencies(rows: int, cols: int) -> Field:
    """Radial frequency in cycles per pixel of the half plane that `rfft2` returns."""
    y = fft.fftfreq(rows)[:, None]
    x = fft.rfftfreq(cols)[None, :]
    radius: Field = np.hypot(y, x).astype(np.float32)
    return radius


def _filtered(rng: np.random.Generator, shape: tuple[int, int], gain: Field) -> Field:
    """White noise through a spectral gain, standardised. Computed on a periodic canvas."""
    white = rng.standard_normal(shape, dtype=np.float32)
    spectrum = fft.rfft2(white) * gain
    spectrum[0, 0] = 0
    field = fft.irfft2(spectrum, s=shape)
    result: Field = (field / max(float(field.std()), 1e-12)).astype(np.float32)
    return result


def _canvas(shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """A size the FFT likes, with a margin so that opposite edges of the result do not match."""
    return fft.next_fast_len(shape[0] + margin, real=True), fft.next_fast_len(shape[1] + margin, real=True)


def smooth(rng: np.random.Generator, shape: tuple[int, int], *, scale_px: float) -> Field:
    """Noise with one scale: correlation falls to 1/e at about `scale_px` pixels."""
    size = _canvas(shape, int(2 * scale_px) + 1)
    gain: Field = np.exp(-0.5 * (np.float32(np.pi * scale_px) * _frequencies(*size)) ** 2)
    return _filtered(rng, size, gain)[: shape[0], : shape[1]]


def fractal(rng: np.random.Generator, shape: tuple[int, int], *, scale_px: float, roughness: float = 1.6) -> Field:
    """Noise with all scales up to `scale_px`, amplitude falling as frequency^-roughness (clouds: about 1.6)."""
    size = _canvas(shape, int(scale_px) + 1)
    gain: Field = (np.hypot(_frequencies(*size), np.float32(1 / scale_px)) ** np.float32(-roughness)).astype(np.float32)
    return _filtered(rng, size, gain)[: shape[0], : shape[1]]
