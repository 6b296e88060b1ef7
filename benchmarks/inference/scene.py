"""The benchmark's image: simulated ground as Sentinel-2 would see it on a clear day, the same bytes for the same side."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from network import SCALE
from rasterio.windows import Window

from jagawana.detectors.simulation.config import EPSG, TILE_CORNER, WorldConfig
from jagawana.detectors.simulation.world import Look, World
from jagawana.services.ingest.simulated_scene import digital_numbers

BANDS = ("blue", "green", "red", "nir")
SQUARE_PX, BLOCK_PX, DAY = 1_000, 512, 340.0


def write(path: Path, side: int) -> None:
    """One GeoTIFF of (4, side, side) uint16 in deflated blocks of 512 px; every pixel is ground, none is fill.

    Two squares of simulated ground, one of them with mining sites, are laid out with turns and mirror images.
    """
    with_mining, without = _ground(seed=101, sites=6), _ground(seed=102, sites=0)
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=len(BANDS), dtype="uint16", crs=f"EPSG:{EPSG}", nodata=0,
        transform=Affine(10, 0, TILE_CORNER[0], 0, -10, TILE_CORNER[1]), tiled=True, blockxsize=BLOCK_PX, blockysize=BLOCK_PX,
        compress="deflate", predictor=2, interleave="band",
    ) as file:  # fmt: skip
        file.descriptions, file.scales = BANDS, (SCALE,) * len(BANDS)
        for number, (top, left) in enumerate((t, c) for t in range(0, side, SQUARE_PX) for c in range(0, side, SQUARE_PX)):
            ground = _turned(without if number % 4 else with_mining, number)
            height, width = min(SQUARE_PX, side - top), min(SQUARE_PX, side - left)
            file.write(ground[:, :height, :width], window=Window(left, top, width, height))


def _ground(seed: int, sites: int) -> npt.NDArray[np.uint16]:
    world = World(WorldConfig(seed=seed, width_km=10, height_km=10, sites=sites, dates_10m=1, dates_5m=0, cloudiness=0.0))
    seen = world.scene(Look("s2", 0, DAY, world.time_of(DAY)), resolution_m=10)
    return digital_numbers(seen.reflectance[: len(BANDS)], np.ones_like(seen.valid), add=0)


def _turned(ground: npt.NDArray[np.uint16], number: int) -> npt.NDArray[np.uint16]:
    turned = np.rot90(ground, number % 4, axes=(1, 2))
    return turned[:, :, ::-1] if number // 4 % 2 else turned
