"""Simulated images: pieces of mined worlds, and of worlds that only look mined: sandbars, fields, villages, roads."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Literal

import numpy as np

from jagawana.detectors.classes import LandClass
from jagawana.detectors.simulation.chips import Labels, chips, scene_labels
from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.world import Look, World
from jagawana.detectors.training.augment import Rng
from jagawana.detectors.training.labels import Images
from jagawana.schemas.errors import DataError, ErrorCode

Sensor = Literal["s2", "rgbn"]
LOOKS, PER_LOOK = 4, 6
PER_WORLD = LOOKS * PER_LOOK
WANTED = ((LandClass.BARE, 0.5), (LandClass.WATER, 0.15), (LandClass.HUT, 0.1))
"""Shares of the pieces of unmined worlds that lie around a pixel of a class; the rest lies anywhere."""


def mined_images(first_seed: int, n: int, *, sensor: Sensor, resolution_m: int, chip_px: int) -> Images:
    """`n` chips of worlds full of mining, one seed per world.

    Raises:
        DataError: SETTINGS_INVALID when no world can be made.
    """
    parts: list[Images] = []
    for number in range(2 * n):
        if sum(len(part) for part in parts) >= n:
            break
        with suppress(DataError):  # a few small worlds have no room for their sites
            made = chips(seed=first_seed + number, n=PER_WORLD, resolution_m=resolution_m, bands=sensor, size=chip_px)
            parts.append(Images(made.reflectance, made.labels))
    return _first(parts, n)


def unmined_images(first_seed: int, n: int, *, sensor: Sensor, resolution_m: int, chip_px: int) -> Images:
    """`n` chips of worlds without any mining, one seed per world: everything bright in them is something else."""
    parts: list[Images] = []
    for number in range(-(-n // PER_WORLD)):
        parts += _pieces(first_seed + number, sensor=sensor, resolution_m=resolution_m, chip_px=chip_px)
    return _first(parts, n)


def _pieces(seed: int, *, sensor: Sensor, resolution_m: int, chip_px: int) -> Iterator[Images]:
    """One world, seen on a few random days."""
    world = World(WorldConfig(seed=seed, width_km=4.0, height_km=4.0, sites=0, cloudiness=0.08, dates_10m=1, dates_5m=0))
    rng = np.random.default_rng(seed)
    for number in range(LOOKS):
        day = float(rng.uniform(0, world.config.days))
        scene = world.scene(Look(sensor, number, day, world.config.starts_at + timedelta(days=day)), resolution_m=resolution_m)
        labels = scene_labels(scene, resolution_m)
        for _ in range(PER_LOOK):
            row, column = _corner(labels, chip_px, rng)
            window = (slice(row, row + chip_px), slice(column, column + chip_px))
            yield Images(scene.reflectance[None, :, *window].copy(), labels[None, *window].copy())


def _corner(labels: Labels, chip_px: int, rng: Rng) -> tuple[int, int]:
    """Upper left corner of a piece around a pixel of a class drawn by WANTED."""
    height, width = labels.shape
    row, column, draw = int(rng.integers(height)), int(rng.integers(width)), float(rng.random())
    for land_class, share in WANTED:
        if 0 <= draw < share and (labels == land_class).any():
            pixels = np.argwhere(labels == land_class)
            row, column = (int(v) for v in pixels[rng.integers(len(pixels))])
        draw -= share
    top, left = row - int(rng.integers(chip_px)), column - int(rng.integers(chip_px))
    return min(max(top, 0), height - chip_px), min(max(left, 0), width - chip_px)


def _first(parts: list[Images], n: int) -> Images:
    if sum(len(part) for part in parts) < n:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"only {sum(len(part) for part in parts)} of {n} simulated chips could be made")
    reflectance = np.concatenate([part.reflectance for part in parts])[:n]
    return Images(reflectance.astype(np.float32), np.concatenate([part.labels for part in parts])[:n].astype(np.uint8))
