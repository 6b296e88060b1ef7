"""Training chips: small pieces of many small worlds, with the class of every pixel."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.noise import stream
from jagawana.detectors.simulation.paint import Covers
from jagawana.detectors.simulation.render import Array, shares
from jagawana.detectors.simulation.spectra import CLASS_OF, Cover
from jagawana.detectors.simulation.world import Look, SceneArrays, Sensor, World

Labels = npt.NDArray[np.uint8]
"""uint8 (..., h, w), values of LandClass, or 255 where unsure or not seen."""
THIN_SHARE = 0.30
"""A road or a roof gives its name to a pixel of which it covers this much: less cannot be told from a mixed edge."""
SURE_SHARE = 0.45
"""Below this share of the most frequent class a pixel has no name."""
HUT_RESOLUTION_M = 5
"""Roofs have names at this pixel size and finer; a hut of 6 to 12 m is not seen at 10 m."""
CLOUDED = 0.15
"""Opacity or shadow from which a pixel counts as not seen."""
PER_LOOK, LOOKS = 6, 4
"""Chips from one look, looks from one world."""
WANTED = ((LandClass.MINING, 0.34), (LandClass.ROAD, 0.16), (LandClass.HUT, 0.12), (LandClass.WATER, 0.12), (LandClass.BARE, 0.14))
"""Shares of chips drawn around a pixel of a class; the rest lies anywhere, which is mostly forest."""


class Chips(NamedTuple):
    """float32 (n, B, size, size) reflectance 0..1.2 and uint8 (n, size, size) labels."""

    reflectance: Array
    labels: Labels


def labels_of(ground: Covers, resolution_m: int) -> Labels:
    """Class of every pixel, uint8 (h, w): the most frequent class, except that roads and roofs win from THIN_SHARE.

    At 10 m a pixel with that much roof is 255, and smaller shares of roof count as the bare ground around it.
    """
    covers = shares(ground, resolution_m)
    by_class = np.zeros((len(LandClass), covers.shape[1]), dtype=np.float32)
    for cover in Cover:
        by_class[CLASS_OF[cover]] += covers[cover]
    huts, road = by_class[LandClass.HUT].copy(), by_class[LandClass.ROAD]
    by_class[LandClass.BARE] += huts
    by_class[LandClass.HUT] = 0
    label: Labels = by_class.argmax(axis=0).astype(np.uint8)
    label[by_class.max(axis=0) < SURE_SHARE] = NOT_OBSERVED
    label[road >= THIN_SHARE] = LandClass.ROAD
    label[huts >= THIN_SHARE] = LandClass.HUT if resolution_m <= HUT_RESOLUTION_M else NOT_OBSERVED
    n = round(resolution_m / 2.5)
    return label.reshape(ground.shape[0] // n, ground.shape[1] // n)


def scene_labels(scene: SceneArrays, resolution_m: int) -> Labels:
    """Labels of a look, 255 where cloud, shadow or the swath's edge hide the ground."""
    label = labels_of(scene.ground, resolution_m)
    hidden = binary_dilation((scene.opacity > CLOUDED) | (scene.shadow > 2 * CLOUDED))
    label[hidden | ~scene.valid] = NOT_OBSERVED
    return label


def chips(seed: int, n: int, resolution_m: int, bands: Literal["s2", "rgbn"], size: int = 64) -> Chips:
    """`n` chips for training, from as many small worlds as it takes.

    Args:
        seed: chips of different seeds come from different worlds.
        n: number of chips.
        resolution_m: 10 or 5; "s2" is seen at 10 m only.
        bands: "s2" for six bands, "rgbn" for four.
        size: side of a chip in pixels.

    Returns:
        Reflectance and labels. Every class but background is drawn for in the shares of WANTED, where the world has it.
    """
    images: list[Array] = []
    names: list[Labels] = []
    number = 0
    while len(images) < n:
        for image, label in _from_world(seed, number, resolution_m, bands, size):
            images.append(image)
            names.append(label)
        number += 1
    return Chips(np.stack(images[:n]), np.stack(names[:n]))


def _from_world(seed: int, number: int, resolution_m: int, bands: Sensor, size: int) -> list[tuple[Array, Labels]]:
    rng = stream(seed, "chips", number)
    world = small_world(int(rng.integers(2**31)), side_m=max(2000.0, 2.2 * size * resolution_m))
    kept = []
    for k in range(LOOKS):
        day = float(rng.uniform(0.25, 1.0) * world.config.days)
        at = world.time_of(day)
        scene = world.scene(Look(bands, k, day, at), resolution_m=resolution_m)
        label = scene_labels(scene, resolution_m)
        for _ in range(PER_LOOK):
            row, col = _corner(rng, label, size)
            kept.append((scene.reflectance[:, row : row + size, col : col + size].copy(), label[row : row + size, col : col + size].copy()))
    return kept


def small_world(seed: int, *, side_m: float = 2000.0) -> World:
    """A small world full of mining: several sites of any age on two kilometres, hardly any cloud."""
    side_km = round(side_m / 100) / 10
    return World(
        WorldConfig(seed=seed, width_km=side_km, height_km=side_km, sites=6, zoned=False, cloudiness=0.08, dates_10m=1, dates_5m=0)
    )


def _corner(rng: np.random.Generator, label: Labels, size: int) -> tuple[int, int]:
    """Upper left corner of a chip, near a pixel of a class drawn by WANTED."""
    h, w = label.shape
    draw, row, col = float(rng.random()), int(rng.integers(h)), int(rng.integers(w))
    for kind, share in WANTED:
        if 0 <= draw < share:
            rows, cols = np.nonzero(label == kind)
            if rows.size:
                pick = int(rng.integers(rows.size))
                row, col = int(rows[pick]), int(cols[pick])
        draw -= share
    off = rng.integers(size // 8, size - size // 8, 2)
    return int(np.clip(row - off[0], 0, h - size)), int(np.clip(col - off[1], 0, w - size))
