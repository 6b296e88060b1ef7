"""Real pixels written as a scene of an archive: a GeoTIFF with its place on Earth, described by the service itself."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

from jagawana.services.ingest.describe import SceneFacts, describe_scene
from jagawana.services.raster.headers import HeadersOf, headers_of
from jagawana.services.settings import load_settings

SCALE = 1e-4


def header_reader() -> HeadersOf:
    """Reads headers through the guarded decoder."""
    return headers_of(load_settings())


def write_geotiff(
    path: Path, pixels: npt.NDArray[np.uint8 | np.uint16], names: Sequence[str], *, epsg: int, transform: Affine, reflectance: bool
) -> Path:
    """A GeoTIFF with named bands.

    Args:
        pixels: (bands, H, W); 0 is no data.
        names: one per band.
        reflectance: whether the numbers are reflectance times 10,000 with zero at 0, which the file then states.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(pixels), height=pixels.shape[1], width=pixels.shape[2], dtype=pixels.dtype,
        crs=f"EPSG:{epsg}", transform=transform, nodata=0, compress="deflate",
    ) as file:  # fmt: skip
        file.write(pixels)
        file.descriptions = tuple(names)
        if reflectance:
            file.scales, file.offsets = (SCALE,) * len(pixels), (0.0,) * len(pixels)
    return path


def describe(files: Sequence[Path], scene_id: str, acquired_at: datetime, platform: str, out: Path, read: HeadersOf) -> Path:
    """The scene's STAC item, written where a replay finds it. No processing baseline: the sources name none."""
    return describe_scene(files, SceneFacts(acquired_at, platform, scene_id=scene_id), out, headers_of=read)
