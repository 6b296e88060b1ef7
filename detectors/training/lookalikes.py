"""Fish ponds and fields painted onto real images: what looks most like mining and is labelled in only a few places.

Grids of rectangles with straight dikes, turned any way, filled with the water, bare ground and vegetation of real pixels. Informal
workings are irregular; ponds and fields are not, and that is what is to be learnt from them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.training.augment import Rng
from jagawana.detectors.training.labels import Images

FINE = 4
"""Every pixel is drawn as FINE x FINE parts and then averaged, so that dikes of a third of a pixel show as they do in reality."""
CELL_PX, DIKE_PX = (3.0, 14.0), (0.6, 2.0)
SPREAD = 0.04
"""Of the reflectance from pixel to pixel within one pond."""
FILLS = (LandClass.WATER, LandClass.BARE, LandClass.BACKGROUND)


@dataclass(frozen=True)
class Spectra:
    """Real pixels of each land class, float32 (N, B)."""

    of: dict[LandClass, npt.NDArray[np.float32]]

    def draw(self, land_class: LandClass, rng: Rng) -> npt.NDArray[np.float32]:
        """One of them."""
        pixels = self.of[land_class]
        pixel: npt.NDArray[np.float32] = pixels[int(rng.integers(len(pixels)))]
        return pixel


def spectra_of(images: Images) -> Spectra | None:
    """The labelled pixels of water, bare ground and background; None where one of them is not there."""
    pixels = images.reflectance.transpose(0, 2, 3, 1)
    seen = np.isfinite(pixels).all(axis=-1)
    of = {c: pixels[(images.labels == c) & seen] for c in FILLS}
    return Spectra(of) if all(len(found) for found in of.values()) else None


def lookalikes(images: Images, n: int, rng: Rng) -> Images:
    """`n` of the images, each with a grid of ponds or fields on it.

    Args:
        images: real ones.
        n: how many to make.
        rng: the only source of chance.

    Returns:
        Nothing in them is mining that was not there before; unsure pixels under a grid become sure. None at all where the images
        do not show water, bare ground and background somewhere.
    """
    spectra = spectra_of(images)
    if spectra is None:
        return Images(images.reflectance[:0], images.labels[:0])
    chosen = rng.integers(0, len(images), n)
    reflectance, labels = images.reflectance[chosen].copy(), images.labels[chosen].copy()
    for picture, label in zip(reflectance, labels, strict=True):
        _paint(picture, label, spectra, rng)
    return Images(reflectance, labels)


def _paint(picture: npt.NDArray[np.float32], label: npt.NDArray[np.uint8], spectra: Spectra, rng: Rng) -> None:
    side = label.shape[0]
    cell, inside = _grid(side, rng)
    fills, colours = _filling(int(cell.max()) + 1, spectra, rng)
    noise = 1 + SPREAD * rng.standard_normal((side, side), dtype=np.float32)
    drawn = colours[cell].reshape(side, FINE, side, FINE, -1).mean(axis=(1, 3)).transpose(2, 0, 1) * noise
    share = inside.reshape(side, FINE, side, FINE).mean(axis=(1, 3), dtype=np.float32)
    seen = np.isfinite(picture).all(axis=0)
    picture[:, seen] = (picture * (1 - share) + drawn * share)[:, seen]
    middle = cell[FINE // 2 :: FINE, FINE // 2 :: FINE]
    label[(share > 0.5) & seen] = fills[middle][(share > 0.5) & seen]
    label[(share > 0) & (share <= 0.5)] = NOT_OBSERVED


def _grid(side: int, rng: Rng) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Number of the cell of every fine pixel, 0 for dikes, and whether it lies within the grid, both (side * FINE, side * FINE)."""
    y, x = (np.mgrid[0 : side * FINE, 0 : side * FINE] + 0.5) / FINE - rng.uniform(0.2, 0.8, (2, 1, 1)) * side
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside = (np.abs(along) < rng.uniform(0.15, 0.7) * side) & (np.abs(across) < rng.uniform(0.15, 0.7) * side)
    length, width = rng.uniform(*CELL_PX, 2)
    dike = rng.uniform(*DIKE_PX)
    is_dike = (along % length < dike) | (across % width < dike)
    number = np.floor(along / length).astype(np.int64) * 1000 + np.floor(across / width).astype(np.int64)
    _, cell = np.unique(np.where(is_dike, np.iinfo(np.int64).min, number), return_inverse=True)
    return np.asarray(cell.reshape(number.shape), np.int64), np.asarray(inside)


def _filling(cells: int, spectra: Spectra, rng: Rng) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Class, uint8 (cells,), and reflectance, float32 (cells, B): dikes first. Ponds of one farm have a few colours between them."""
    wet = rng.choice([0.0, 0.5, 0.9], p=[0.25, 0.25, 0.5])
    chance = np.array([wet, (1 - wet) * 0.6, (1 - wet) * 0.4])
    fills = rng.choice(np.array(FILLS, np.uint8), cells, p=chance)
    fills[0] = rng.choice([LandClass.BARE, LandClass.BACKGROUND], p=[0.7, 0.3])
    kinds = {c: np.stack([_colour(c, spectra, rng) for _ in range(3)]) for c in FILLS}
    colours = np.stack([kinds[LandClass(f)][int(rng.integers(3))] for f in fills])
    return fills, colours.astype(np.float32)


def _colour(land_class: LandClass, spectra: Spectra, rng: Rng) -> npt.NDArray[np.float32]:
    """Of a real pixel; a third of the ponds carry silt, as water with some bare ground in its colour."""
    colour = spectra.draw(land_class, rng)
    if land_class is LandClass.WATER and rng.random() < 1 / 3:
        silt = np.float32(rng.uniform(0.1, 0.5))
        colour = colour * (1 - silt) + spectra.draw(LandClass.BARE, rng) * silt
    return colour
