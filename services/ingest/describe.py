"""GeoTIFFs described as one scene: a STAC item that says all the pipeline needs to refuse or trust them."""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely
from pydantic import ValidationError

from jagawana.detectors.grid import reproject
from jagawana.schemas.base import iso_utc
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault
from jagawana.schemas.scene import MULTIHASH_SHA256, SceneItem
from jagawana.services.raster.bands import band_names, known, reflectance_scale
from jagawana.services.raster.decoding import RasterHeader
from jagawana.services.raster.headers import HeadersOf

EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json" for name in ("projection/v2.0.0", "file/v2.1.0", "raster/v2.0.0", "eo/v2.0.0")
)


@dataclass(frozen=True)
class SceneFacts:
    """What no GeoTIFF says reliably."""

    acquired_at: datetime
    platform: str
    baseline: str | None = None
    scene_id: str | None = None


def describe_scene(files: Sequence[Path], facts: SceneFacts, out: Path, *, headers_of: HeadersOf) -> Path:
    """Copy the files into the archive `out`, write the item, return its path.

    Raises:
        DataError: what is wrong with a file, or BANDS_MISSING, CRS_UNSUPPORTED, MESSAGE_INVALID.
    """
    missing = [f for f in files if not f.is_file()]
    if missing:
        raise DataError(ErrorCode.ASSET_MISSING, f"{missing[0]} does not exist")
    headers = headers_of(files)
    scene_id = facts.scene_id or re.sub(r"[^\w.\-]+", "_", files[0].stem)
    for folder in ("assets", "items"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    assets = {f"asset{n}" if len(files) > 1 else "image": _asset(f, headers[f], facts, scene_id, out) for n, f in enumerate(files)}
    document = _item(scene_id, facts, list(headers.values()), assets)
    try:
        SceneItem.model_validate(document)
    except ValidationError as e:
        raise DataError(ErrorCode.MESSAGE_INVALID, f"item {first_fault(e)}") from e
    path = out / "items" / f"{scene_id}.json"
    path.write_text(json.dumps(document, indent=1))
    return path


def _asset(file: Path, header: RasterHeader, facts: SceneFacts, scene_id: str, out: Path) -> dict[str, Any]:
    if header.epsg is None:
        raise DataError(ErrorCode.CRS_UNSUPPORTED, f"{file.name} has no coordinate system; give it one with gdal_edit or warp it")
    target = out / "assets" / (file.name if file.name.startswith(scene_id) else f"{scene_id}_{file.name}")
    if file.resolve() != target.resolve():
        shutil.copyfile(file, target)
    names = band_names(header, file.name)
    if not known(names):
        raise DataError(ErrorCode.BANDS_MISSING, f"{file.name}: no band has a name this service knows")
    content = target.read_bytes()
    return {
        "href": f"../assets/{target.name}", "type": "image/tiff; application=geotiff", "roles": ["data"],
        "bands": [_band(header, n, name, facts) for n, name in enumerate(names)],
        "file:size": len(content), "file:checksum": MULTIHASH_SHA256 + hashlib.sha256(content).hexdigest(),
        "proj:code": f"EPSG:{header.epsg}", "proj:shape": list(header.shape), "proj:transform": list(header.transform)[:6],
        **({} if header.nodata is None else {"nodata": header.nodata}),
    }  # fmt: skip


def _band(header: RasterHeader, number: int, name: str | None, facts: SceneFacts) -> dict[str, Any]:
    """Scale and offset are the file's own; a Sentinel-2 file without them is left to its processing baseline."""
    band: dict[str, Any] = {"name": header.descriptions[number] or name or f"band{number + 1}"}
    if name is None:
        return band
    band["eo:common_name"] = name
    silent = (header.scales[number], header.offsets[number]) == (1.0, 0.0)
    if name != "scl" and not (silent and facts.platform.lower().startswith("sentinel-2")):
        band["raster:scale"], band["raster:offset"] = reflectance_scale(header, number)
    return band


def _item(scene_id: str, facts: SceneFacts, headers: Sequence[RasterHeader], assets: dict[str, Any]) -> dict[str, Any]:
    outlines = [reproject(_outline(h), int(h.epsg or 0), 4326) for h in headers]
    footprint = shapely.union_all(outlines).convex_hull
    properties: dict[str, Any] = {
        "datetime": iso_utc(facts.acquired_at), "platform": facts.platform, "gsd": min(h.transform.a for h in headers),
    }  # fmt: skip
    if facts.baseline is not None:
        properties["s2:processing_baseline"] = facts.baseline
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": list(EXTENSIONS), "id": scene_id,
        "geometry": shapely.geometry.mapping(footprint), "bbox": list(footprint.bounds), "properties": properties, "links": [],
        "assets": assets,
    }  # fmt: skip


def _outline(header: RasterHeader) -> shapely.Polygon:
    t, (height, width) = header.transform, header.shape
    return shapely.box(t.c, t.f + height * t.e, t.c + width * t.a, t.f)
