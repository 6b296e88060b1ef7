"""Land to surface reflectance: covers of the sub-grid mixed inside a pixel, with the texture of real ground."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from jagawana.detectors.simulation.frame import SUB_M, Frame
from jagawana.detectors.simulation.noise import smooth, stream
from jagawana.detectors.simulation.paint import Covers
from jagawana.detectors.simulation.spectra import SOILS, Cover, Palette, band_index

Array = npt.NDArray[np.float32]
COVERS = len(Cover)
AXES = 3


def blocks(resolution_m: float) -> int:
    """Sub-pixels along the side of a pixel."""
    return round(resolution_m / SUB_M)


def shares(ground: Covers, resolution_m: float) -> Array:
    """Share of each cover in each pixel.

    Args:
        ground: uint8 (H, W) sub-grid.
        resolution_m: a multiple of the sub-grid step.

    Returns:
        float32 (covers, h * w), summing to 1 over covers.
    """
    n = blocks(resolution_m)
    h, w = ground.shape[0] // n, ground.shape[1] // n
    counts = np.bincount((_block_base(h, w, n) + ground).ravel(), minlength=COVERS * h * w)
    return np.ascontiguousarray(counts.reshape(h * w, COVERS).T, dtype=np.float32) / np.float32(n * n)


@lru_cache(maxsize=4)
def _block_base(h: int, w: int, n: int) -> npt.NDArray[np.int32]:
    pixel = np.arange(h, dtype=np.int32)[:, None] * w + np.arange(w, dtype=np.int32)[None, :]
    return np.repeat(np.repeat(pixel * COVERS, n, axis=0), n, axis=1)


class Texture:
    """What does not change from date to date: how each pixel's ground differs from its cover's mean.

    The same fields are seen by every sensor: made at 5 m and averaged to 10 m, so both look at one piece of land.

    Attributes:
        place, pixel: dict of resolution to float32 (3, h * w), unit variance at 10 m; slow and fast variation.
        relief: dict of resolution to float32 (h * w), log brightness of slopes.
    """

    def __init__(self, seed: int, frame: Frame) -> None:
        rng = stream(seed, "texture")
        fine = (round(frame.height_m / 5), round(frame.width_m / 5))
        slow = [smooth(rng, fine, scale_px=110) for _ in range(AXES)]
        # Neighbouring 10 m pixels of real forest correlate 0.64, the next but one 0.23.
        quick = [0.8 * smooth(rng, fine, scale_px=2.6) + 0.6 * smooth(rng, fine, scale_px=1.0) for _ in range(AXES)]
        hills = smooth(rng, fine, scale_px=70) * 0.6 + smooth(rng, fine, scale_px=18) * 0.4
        shade = np.gradient(hills, axis=1) + 0.5 * np.gradient(hills, axis=0)
        self.place = {r: np.stack([_coarser(f, r).ravel() for f in slow]) for r in (5, 10)}
        sd = float(np.mean([_coarser(f, 10).std() for f in quick]))
        self.pixel = {r: np.stack([(_coarser(f, r) / sd).ravel() for f in quick]) for r in (5, 10)}
        self.relief = {r: (0.035 * _coarser(shade / shade.std(), r)).ravel().astype(np.float32) for r in (5, 10)}


def _coarser(field: Array, resolution_m: int) -> Array:
    if resolution_m == 5:
        return field
    h, w = field.shape[0] // 2, field.shape[1] // 2
    mean: Array = field[: 2 * h, : 2 * w].reshape(h, 2, w, 2).mean(axis=(1, 3), dtype=np.float32)
    return mean


def reflectance(
    cover_shares: Array, texture: Texture, palette: Palette, *, bands: tuple[str, ...], resolution_m: int, silt: float, wetness: float, season: float
) -> Array:
    """Surface reflectance under a clear sky.

    Args:
        cover_shares: float32 (covers, h * w).
        silt: load of the river, 0..1. wetness: soil after rain, 0..1. season: -1 driest to 1 wettest canopy.

    Returns:
        float32 (bands, h * w), 0..1.
    """
    index = band_index(bands)
    wave = np.array([0, 0, 0, 0.04, -0.05, -0.07], dtype=np.float32)[index] * np.float32(season)
    damp = -np.float32(wetness) * np.array([0.10, 0.12, 0.14, 0.16, 0.24, 0.28], dtype=np.float32)[index]
    out = np.zeros((len(index), cover_shares.shape[1]), dtype=np.float32)
    for cover in Cover:
        share = cover_shares[cover]
        where = np.flatnonzero(share)
        if where.size == 0:
            continue
        log = palette.log_mean[cover][index].copy()
        if cover is Cover.RIVER:
            log += np.float32(silt) * palette.silt[index]
        log += damp if cover in SOILS else wave
        axes = np.concatenate([palette.place[cover][index] * np.float32(0.45), palette.pixel[cover][index]], axis=1)
        fields = np.concatenate([texture.place[resolution_m][:, where], texture.pixel[resolution_m][:, where]])
        value = np.exp(axes @ fields + log[:, None] + texture.relief[resolution_m][where])
        out[:, where] += share[where] * value
    return np.clip(out, 0.001, 1.0)
