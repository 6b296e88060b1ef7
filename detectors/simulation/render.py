"""Land to surface reflectance: covers of the sub-grid mixed inside a pixel, with the texture of real ground."""

import numpy as np
import numpy.typing as npt

from jagawana.detectors.simulation.frame import SUB_M, Frame
from jagawana.detectors.simulation.noise import smooth, stream
from jagawana.detectors.simulation.paint import Covers
from jagawana.detectors.simulation.spectra import SOILS, Cover, Palette, band_index

Array = npt.NDArray[np.float32]
COVERS = len(Cover)
AXES = 3
WITHIN_WORLD = 0.45
"""Share of the measured between-place variation that is found within one world; the palette has the rest."""
OPEN = tuple(c for c in Cover if c not in (Cover.FOREST_DENSE, Cover.FOREST_LIGHT))


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
    return _shares_of(_in_blocks(ground, blocks(resolution_m)))


def _in_blocks(ground: Covers, n: int) -> Covers:
    """The sub-pixels of each pixel: uint8 (h * w, n * n)."""
    h, w = ground.shape[0] // n, ground.shape[1] // n
    return ground[: h * n, : w * n].reshape(h, n, w, n).swapaxes(1, 2).reshape(h * w, n * n)


def _shares_of(blocked: Covers) -> Array:
    """Shares (covers, pixels) of sub-pixels (pixels, n * n), counted in whole numbers."""
    pixels, per_pixel = blocked.shape
    out = np.zeros((COVERS, pixels), dtype=np.float32)
    for cover in np.flatnonzero(np.bincount(blocked.ravel(), minlength=COVERS)):
        out[cover] = np.count_nonzero(blocked == cover, axis=1) * np.float32(1 / per_pixel)
    return out


class Mixture:
    """Shares of covers at one resolution, brought up to date only where the ground has changed. Never changes a result, only its cost."""

    def __init__(self, resolution_m: int) -> None:
        self._n = blocks(resolution_m)
        self._blocked: Covers | None = None
        self._shares: Array = np.empty((COVERS, 0), dtype=np.float32)

    def of(self, ground: Covers) -> Array:
        """Shares of a ground, float32 (covers, h * w); valid until the next call."""
        blocked = _in_blocks(ground, self._n)
        if self._blocked is None:
            self._shares = _shares_of(blocked)
        else:
            changed = np.flatnonzero((blocked != self._blocked).any(axis=1))
            self._shares[:, changed] = _shares_of(blocked[changed])
        self._blocked = blocked
        return self._shares


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
        self._forest: dict[tuple[Cover, tuple[str, ...], int], Array] = {}
        self.relief = {r: (0.035 * _coarser(shade / shade.std(), r)).ravel().astype(np.float32) for r in (5, 10)}

    def at(self, palette: Palette, cover: Cover, index: list[int], resolution_m: int, where: npt.NDArray[np.int64] | slice) -> Array:
        """Log reflectance of a cover relative to its mean, float32 (bands, pixels)."""
        axes = np.concatenate([palette.place[cover][index] * np.float32(WITHIN_WORLD), palette.pixel[cover][index]], axis=1)
        fields = np.concatenate([self.place[resolution_m][:, where], self.pixel[resolution_m][:, where]])
        log: Array = axes @ fields + self.relief[resolution_m][where]
        return log

    def forest(self, palette: Palette, cover: Cover, bands: tuple[str, ...], resolution_m: int) -> Array:
        """Reflectance of forest relative to its mean, float32 (bands, h * w), kept: most of a world is forest on every date."""
        key = (cover, bands, resolution_m)
        if key not in self._forest:
            self._forest[key] = np.exp(self.at(palette, cover, band_index(bands), resolution_m, slice(None)))
        return self._forest[key]


def _coarser(field: Array, resolution_m: int) -> Array:
    if resolution_m == 5:
        return field
    h, w = field.shape[0] // 2, field.shape[1] // 2
    mean: Array = field[: 2 * h, : 2 * w].reshape(h, 2, w, 2).mean(axis=(1, 3), dtype=np.float32)
    return mean


def reflectance(
    cover_shares: Array,
    texture: Texture,
    palette: Palette,
    *,
    bands: tuple[str, ...],
    resolution_m: int,
    silt: float,
    wetness: float,
    season: float,
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
    wooded = cover_shares[Cover.FOREST_DENSE] + cover_shares[Cover.FOREST_LIGHT]
    out = np.zeros((len(index), cover_shares.shape[1]), dtype=np.float32)
    for cover in (Cover.FOREST_DENSE, Cover.FOREST_LIGHT):
        level = np.exp(palette.log_mean[cover][index] + wave)
        out += cover_shares[cover] * texture.forest(palette, cover, bands, resolution_m) * level[:, None]
    mixed = np.flatnonzero(wooded < 0.999)
    for cover in OPEN:
        where = mixed[cover_shares[cover][mixed] > 0]
        log = palette.log_mean[cover][index] + (damp if cover in SOILS else wave)
        if cover is Cover.RIVER:
            log = log + np.float32(silt) * palette.silt[index]
        out[:, where] += cover_shares[cover][where] * np.exp(texture.at(palette, cover, index, resolution_m, where) + log[:, None])
    return np.clip(out, 0.001, 1.0)
