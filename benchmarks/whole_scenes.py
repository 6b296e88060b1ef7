"""Two whole Sentinel-2-like scenes, 10980 x 10980, for measurements: simulated ground, repeated as a mosaic.

    python benchmarks/whole_scenes.py OUT [--bands 4|6] [--compress deflate|zstd] [--rows 10980]

Four squares of simulated ground (one of them with mining sites) are laid out with turns and mirror images, so that about one
square in eight has mining; the second scene is taken when the sites have grown. Simulated, and only good for timing.
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

from jagawana.detectors.grid import transformer
from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.world import Look, World
from jagawana.schemas.base import iso_utc
from jagawana.services.ingest.simulated_scene import S2_ADD, S2_NAMES, SCALE, digital_numbers

SIDE = 10_980
SQUARE_PX = 1_000
WEST, NORTH, EPSG = 199_980.0, 9_900_040.0, 32750
"""A granule's corner is not on the 10 km grid; neither is this one."""
COMMON = dict(zip(S2_NAMES, ("blue", "green", "red", "nir", "swir16", "swir22"), strict=True))


@dataclass(frozen=True)
class Ground:
    """One square of ground at one date: numbers uint16 (6, 1000, 1000) and the scene classification uint8 (1000, 1000)."""

    numbers: np.ndarray
    scl: np.ndarray


def _ground(seed: int, sites: int, day: float) -> Ground:
    world = World(WorldConfig(seed=seed, width_km=10, height_km=10, sites=sites, dates_10m=2, dates_5m=0, cloudiness=0.03))
    seen = world.scene(Look("s2", 0, day, world.time_of(day)), resolution_m=10)
    scl = np.full(seen.valid.shape, 4, np.uint8) if seen.scl is None else seen.scl
    return Ground(digital_numbers(seen.reflectance, seen.valid, add=S2_ADD), scl)


def _turned(pixels: np.ndarray, number: int) -> np.ndarray:
    turned = np.rot90(pixels, number % 4, axes=(-2, -1))
    return turned[..., ::-1] if number // 4 % 2 else turned


def write(folder: Path, *, day: float, name: str, bands: int, compress: str, rows: int = SIDE) -> Path:
    """One scene: B02 B03 B04 B08 (and B11 B12) in one tiled GeoTIFF, SCL in another, and the item. Returns the item's path."""
    for part in ("assets", "items"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    kinds = [_ground(101, 6, day), *(_ground(seed, 0, day) for seed in (102, 103, 104))]
    names = S2_NAMES[:bands]
    image, scl = folder / "assets" / f"{name}.tif", folder / "assets" / f"{name}_SCL.tif"
    with _tiff(image, bands, "uint16", rows, compress) as data, _tiff(scl, 1, "uint8", rows, compress) as classes:
        data.descriptions, data.scales, data.offsets = names, (SCALE,) * bands, (-S2_ADD * SCALE,) * bands
        for top in range(0, rows, SQUARE_PX):
            for left in range(0, SIDE, SQUARE_PX):
                number = (top // SQUARE_PX) * 11 + left // SQUARE_PX
                ground = kinds[0 if number % 8 == 3 else 1 + number % 3]
                height, width = min(SQUARE_PX, rows - top), min(SQUARE_PX, SIDE - left)
                window = Window(left, top, width, height)
                data.write(_turned(ground.numbers[:bands], number)[:, :height, :width], window=window)
                classes.write(_turned(ground.scl, number)[None, :height, :width], window=window)
    item = _item(name, day, rows, {"data": (image, names), "scl": (scl, ("SCL",))})
    path = folder / "items" / f"{name}.json"
    path.write_text(json.dumps(item))
    return path


def _tiff(path: Path, count: int, dtype: str, rows: int, compress: str) -> Any:
    return rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=rows, count=count, dtype=dtype, crs=f"EPSG:{EPSG}", nodata=0,
        transform=Affine(10, 0, WEST, 0, -10, NORTH), tiled=True, blockxsize=512, blockysize=512, compress=compress, predictor=2,
        interleave="band", num_threads=2, BIGTIFF="IF_SAFER",
    )  # fmt: skip


def _item(name: str, day: float, rows: int, files: dict[str, tuple[Path, tuple[str, ...]]]) -> dict[str, Any]:
    at = WorldConfig().starts_at + timedelta(days=day)
    to_degrees = transformer(EPSG, 4326)
    edge = [(WEST, NORTH - rows * 10), (WEST + SIDE * 10, NORTH - rows * 10), (WEST + SIDE * 10, NORTH), (WEST, NORTH)]
    ring = [list(to_degrees.transform(*corner)) for corner in edge]
    lons, lats = zip(*ring, strict=True)
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": name,
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, "bbox": [min(lons), min(lats), max(lons), max(lats)],
        "properties": {
            "datetime": iso_utc(at), "created": iso_utc(at + timedelta(hours=6)), "platform": "sentinel-2a", "gsd": 10,
            "s2:processing_baseline": "05.10",
        },
        "links": [], "assets": {key: _asset(path, names, rows) for key, (path, names) in files.items()},
    }  # fmt: skip


def _asset(path: Path, names: tuple[str, ...], rows: int) -> dict[str, Any]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "href": f"../assets/{path.name}", "bands": [_band(name) for name in names], "file:size": path.stat().st_size,
        "file:checksum": "1220" + digest, "proj:code": f"EPSG:{EPSG}", "proj:shape": [rows, SIDE],
        "proj:transform": [10, 0, WEST, 0, -10, NORTH], "nodata": 0,
    }  # fmt: skip


def _band(name: str) -> dict[str, Any]:
    if name == "SCL":
        return {"name": name, "eo:common_name": "scl"}
    return {"name": name, "eo:common_name": COMMON[name], "raster:scale": SCALE, "raster:offset": -S2_ADD * SCALE}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--bands", type=int, choices=(4, 6), default=4)
    parser.add_argument("--compress", choices=("deflate", "zstd"), default="deflate")
    parser.add_argument("--rows", type=int, default=SIDE)
    given = parser.parse_args()
    for number, when in enumerate((20.0, 340.0)):
        print(write(given.out, day=when, name=f"S2_WHOLE_{number}", bands=given.bands, compress=given.compress, rows=given.rows))
