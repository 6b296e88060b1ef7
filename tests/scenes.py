"""Small scenes made by code: a Sentinel-2-like product with forest, water, bare diggings and cloud where a test wants them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from jagawana.detectors.grid import transformer

EPSG = 32749
EAST, NORTH = 453_000, 9_871_000  # Central Kalimantan, inside one MGRS 10 km tile
DAY_ONE = datetime(2026, 1, 5, 2, 40, tzinfo=UTC)
S2_BANDS = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16", "B12": "swir22"}
RGBN_BANDS = {"blue": "blue", "green": "green", "red": "red", "nir": "nir"}
FOREST = (0.025, 0.045, 0.025, 0.30, 0.14, 0.06)
DIGGINGS = (0.14, 0.18, 0.24, 0.30, 0.38, 0.32)
CLOUD = (0.45, 0.46, 0.47, 0.50, 0.40, 0.30)
Patch = tuple[int, int, int, int]
"""Row, column, height, width in pixels."""


@dataclass(frozen=True)
class Scene:
    """What a test wants to see."""

    day: int
    mining: Sequence[Patch] = ()
    clouds: Sequence[Patch] = ()
    size: int = 96
    resolution_m: float = 10.0
    epsg: int = EPSG
    east: float = EAST
    north: float = NORTH
    platform: str = "sentinel-2a"
    bands: dict[str, str] = field(default_factory=lambda: dict(S2_BANDS))
    baseline: str | None = "05.10"
    nodata: Sequence[Patch] = ()
    seed: int = 0

    @property
    def scene_id(self) -> str:
        return f"{self.platform}_{self.acquired_at:%Y%m%dT%H%M%S}_{self.east:.0f}_{self.north:.0f}"

    @property
    def acquired_at(self) -> datetime:
        return DAY_ONE + timedelta(days=self.day)

    @property
    def is_s2(self) -> bool:
        return self.platform.startswith("sentinel-2")

    @property
    def offset(self) -> float:
        return -0.1 if self.is_s2 and self.baseline and self.baseline >= "04.00" else 0.0


def write_scene(folder: Path, scene: Scene, **changes: Any) -> Path:
    """Write assets and item; `changes` are top-level changes to the item's properties. Returns the item's path."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "items").mkdir(parents=True, exist_ok=True)
    assets = {"image": _write(folder, scene, "image", _reflectance(scene))}
    if scene.is_s2:
        assets["scl"] = _write(folder, scene, "scl", _scl(scene))
    path = folder / "items" / f"{scene.scene_id}.json"
    path.write_text(json.dumps(_item(scene, assets, changes)))
    return path


def write_archive(folder: Path, scenes: Sequence[Scene]) -> Path:
    for scene in scenes:
        write_scene(folder, scene)
    return folder


def edit_item(path: Path, edit: Any) -> Path:
    """Change an item file in place through a function on its dictionary."""
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    return path


def describe(path: Path) -> dict[str, Any]:
    """file:size and file:checksum of a file."""
    content = path.read_bytes()
    return {"file:size": len(content), "file:checksum": "1220" + hashlib.sha256(content).hexdigest()}


def _reflectance(scene: Scene) -> np.ndarray:
    noise = np.random.default_rng([scene.seed, scene.day]).normal(0, 0.002, (len(scene.bands), scene.size, scene.size))
    values = np.array(FOREST[: len(scene.bands)])[:, None, None] + noise
    for patches, cover in ((scene.mining, DIGGINGS), (scene.clouds, CLOUD)):
        for row, column, height, width in patches:
            values[:, row : row + height, column : column + width] = np.array(cover[: len(scene.bands)])[:, None, None]
    numbers = np.clip(np.rint((values - scene.offset) / 1e-4), 1, 65535).astype(np.uint16)
    for row, column, height, width in scene.nodata:
        numbers[:, row : row + height, column : column + width] = 0
    return numbers


def _scl(scene: Scene) -> np.ndarray:
    codes = np.full((1, scene.size, scene.size), 4, np.uint8)
    for row, column, height, width in scene.clouds:
        codes[:, row : row + height, column : column + width] = 9
    return codes


def _write(folder: Path, scene: Scene, key: str, pixels: np.ndarray) -> dict[str, Any]:
    path = folder / "assets" / f"{scene.scene_id}_{key}.tif"
    transform = Affine(scene.resolution_m, 0, scene.east, 0, -scene.resolution_m, scene.north)
    with rasterio.open(
        path, "w", driver="GTiff", height=scene.size, width=scene.size, count=len(pixels), dtype=pixels.dtype, crs=f"EPSG:{scene.epsg}",
        transform=transform, nodata=0, compress="deflate", tiled=True, blockxsize=256, blockysize=256,
    ) as file:  # fmt: skip
        file.write(pixels)
    bands = [{"name": "SCL", "eo:common_name": "scl"}] if key == "scl" else [_band(scene, n, c) for n, c in scene.bands.items()]
    return {
        "href": f"../assets/{path.name}", "type": "image/tiff; application=geotiff", "roles": ["data"], "bands": bands,
        "proj:code": f"EPSG:{scene.epsg}", "proj:shape": [scene.size, scene.size], "proj:transform": list(transform)[:6], "nodata": 0,
        **describe(path),
    }  # fmt: skip


def _band(scene: Scene, name: str, common: str) -> dict[str, Any]:
    return {"name": name, "eo:common_name": common, "raster:scale": 1e-4, "raster:offset": scene.offset}


def _item(scene: Scene, assets: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    side = scene.size * scene.resolution_m
    to_degrees = transformer(scene.epsg, 4326)
    corners = [
        (scene.east, scene.north - side),
        (scene.east + side, scene.north - side),
        (scene.east + side, scene.north),
        (scene.east, scene.north),
    ]
    ring = [list(to_degrees.transform(*corner)) for corner in corners]
    lons, lats = [p[0] for p in ring], [p[1] for p in ring]
    properties: dict[str, Any] = {
        "datetime": scene.acquired_at.isoformat().replace("+00:00", "Z"), "platform": scene.platform, "gsd": scene.resolution_m,
        "created": (scene.acquired_at + timedelta(hours=6)).isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    if scene.is_s2 and scene.baseline:
        properties["s2:processing_baseline"] = scene.baseline
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": scene.scene_id,
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "bbox": [min(lons), min(lats), max(lons), max(lats)], "properties": properties | changes, "links": [], "assets": assets,
    }  # fmt: skip
