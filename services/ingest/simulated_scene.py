"""One look of a simulated world as GeoTIFFs and a STAC item."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_geom

from jagawana.detectors.simulation.frame import Frame
from jagawana.detectors.simulation.world import INSTRUMENTS, Look, SceneArrays, World
from jagawana.schemas.base import iso_utc
from jagawana.schemas.scene import MULTIHASH_SHA256, SceneItem

SCALE = 1e-4
S2_NAMES = ("B02", "B03", "B04", "B08", "B11", "B12")
S2_BASELINE = "05.10"
S2_ADD = 1000
"""Since processing baseline 04.00 Sentinel-2 adds 1000 to every number, so that dark water need not be negative."""
EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
)
GEOTIFF = "image/tiff; application=geotiff"


def write_scene(world: World, scene: SceneArrays, out: Path) -> Path:
    """Write a look's rasters to out/assets and its item to out/items; the item's path."""
    name, gear = scene_id(scene.look), INSTRUMENTS[scene.look.sensor]
    six = scene.look.sensor == "s2"
    names, add = (S2_NAMES, S2_ADD) if six else (gear.bands, 0)
    pixels = digital_numbers(scene.reflectance, scene.valid, add=add)
    data = out / "assets" / f"{name}.tif"
    _write_tif(data, pixels, names, world.frame, gear.resolution_m, add=add)
    bands = [_band(n, c, add) for n, c in zip(names, gear.bands, strict=True)]
    assets = {"data": _asset(data, bands, world.frame, pixels.shape[1:], gear.resolution_m, ["data", "reflectance"])}
    if scene.scl is not None:
        path = out / "assets" / f"{name}_SCL.tif"
        _write_tif(path, scene.scl[None], ("SCL",), world.frame, gear.resolution_m, add=None)
        scl = [{"name": "SCL", "eo:common_name": "scl"}]
        assets["scl"] = _asset(path, scl, world.frame, scene.scl.shape, gear.resolution_m, ["data", "data-mask"])
    item = SceneItem.model_validate(_item(name, scene, world.frame, assets))
    target = out / "items" / f"{name}.json"
    target.write_text(json.dumps(item.model_dump(mode="json", by_alias=True, exclude_none=True), indent=1) + "\n", encoding="utf-8")
    return target


def scene_id(look: Look) -> str:
    """Name of a look, after its sensor and time."""
    return f"{_platform(look).upper().replace('-', '')}_{look.acquired_at:%Y%m%dT%H%M%S}_SIM"


def digital_numbers(reflectance: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], *, add: int) -> npt.NDArray[np.uint16]:
    """Reflectance as uint16 = round(reflectance / SCALE) + add, at least 1; 0 outside the swath."""
    numbers: npt.NDArray[np.uint16] = np.clip(np.rint(reflectance / np.float32(SCALE)) + add, 1, 65_535).astype(np.uint16)
    numbers[:, ~valid] = 0
    return numbers


def _platform(look: Look) -> str:
    return "planetscope" if look.sensor == "rgbn" else f"sentinel-2{'ab'[look.number % 2]}"


def _write_tif(path: Path, pixels: npt.NDArray[Any], names: tuple[str, ...], frame: Frame, resolution_m: int, *, add: int | None) -> None:
    """A tiled, deflated GeoTIFF; `add` is None for classes, which have no scale."""
    profile = {
        "driver": "GTiff",
        "dtype": pixels.dtype.name,
        "count": pixels.shape[0],
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "crs": CRS.from_epsg(frame.epsg),
        "transform": Affine(resolution_m, 0.0, frame.west, 0.0, -resolution_m, frame.north),
        "nodata": 0,
    }
    packing = {
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 2,
        "interleave": "band",
    }
    with rasterio.open(path, "w", **profile, **packing) as file:
        file.write(pixels)
        file.descriptions = names
        if add is not None:
            file.scales = (SCALE,) * len(names)
            file.offsets = (-add * SCALE,) * len(names)


def _band(name: str, common_name: str, add: int) -> dict[str, Any]:
    return {"name": name, "eo:common_name": common_name, "raster:scale": SCALE, "raster:offset": -add * SCALE + 0.0}


def _asset(
    path: Path, bands: list[dict[str, Any]], frame: Frame, shape: tuple[int, ...], resolution_m: int, roles: list[str]
) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "href": f"../assets/{path.name}",
        "type": GEOTIFF,
        "roles": roles,
        "bands": bands,
        "file:size": len(content),
        "file:checksum": MULTIHASH_SHA256 + hashlib.sha256(content).hexdigest(),
        "proj:code": f"EPSG:{frame.epsg}",
        "proj:shape": list(shape),
        "proj:transform": [resolution_m, 0.0, frame.west, 0.0, -resolution_m, frame.north],
        "nodata": 0,
    }


def _item(name: str, scene: SceneArrays, frame: Frame, assets: dict[str, Any]) -> dict[str, Any]:
    look = scene.look
    ring = [(round(x, 7), round(y, 7)) for x, y in _footprint(frame)]
    xs, ys = [p[0] for p in ring], [p[1] for p in ring]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": name,
        "collection": "simulated-sentinel-2-l2a" if look.sensor == "s2" else "simulated-planetscope",
        "bbox": [min(xs), min(ys), max(xs), max(ys)],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": _properties(scene),
        "links": [],
        "assets": assets,
    }


def _footprint(frame: Frame) -> list[tuple[float, float]]:
    ring = transform_geom(f"EPSG:{frame.epsg}", "EPSG:4326", frame.extent.__geo_interface__)["coordinates"][0]
    return [(float(x), float(y)) for x, y in ring]


def _properties(scene: SceneArrays) -> dict[str, Any]:
    look = scene.look
    common = {
        "datetime": iso_utc(look.acquired_at),
        "platform": _platform(look),
        "gsd": INSTRUMENTS[look.sensor].resolution_m,
        "created": iso_utc(look.acquired_at + timedelta(hours=9)),
        "eo:cloud_cover": round(100 * float((scene.opacity > 0.2).mean()), 1),
    }
    if look.sensor == "rgbn":
        return common | {"constellation": "planetscope"}
    letter = _platform(look)[-1].upper()
    return common | {
        "constellation": "sentinel-2",
        "s2:processing_baseline": S2_BASELINE,
        "s2:datatake_id": f"GS2{letter}_{look.acquired_at:%Y%m%dT%H%M%S}_{44_000 + look.number * 143:06d}_N{S2_BASELINE}",
    }
