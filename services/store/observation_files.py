"""Observations as files: a sparse, tiled, compressed GeoTIFF that QGIS opens, byte for byte the same for the same content."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import rasterio
from affine import Affine
from rasterio.io import DatasetReader, MemoryFile

from jagawana.detectors.classes import LandClass
from jagawana.detectors.grid import Square
from jagawana.detectors.history import STORED_CLASSES, Bytes2D, Observation, sparse
from jagawana.schemas.base import iso_utc
from jagawana.schemas.errors import DataError, ErrorCode

SKY_BAND = len(STORED_CLASSES) + 1


@dataclass(frozen=True)
class ObservationLabel:
    """What is written into the file beside the pixels, so that it explains itself."""

    tile: str
    scene_id: str
    acquired_at: datetime
    fingerprint: str


def encode(
    probabilities: Bytes2D, sky: Bytes2D, *, square: Square, origin: tuple[int, int], resolution_m: int, label: ObservationLabel
) -> bytes:
    """The blob of one observation.

    Args:
        probabilities: uint8 (5, h, w), probability * 255 in the order of STORED_CLASSES.
        sky: uint8 (h, w), SkyClass codes.
        square: the tile's square.
        origin: row and column of the window in the tile.
        resolution_m: pixel size.
        label: see ObservationLabel.
    """
    west, north = square.east + origin[1] * resolution_m, square.north + square.side - origin[0] * resolution_m
    height, width = sky.shape
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=height, width=width, count=SKY_BAND, dtype="uint8", crs=f"EPSG:{square.epsg}",
            transform=Affine(resolution_m, 0, west, 0, -resolution_m, north), tiled=True, blockxsize=128, blockysize=128,
            compress="deflate", interleave="band", sparse_ok=True,
        ) as file:  # fmt: skip
            for band, land_class in enumerate(STORED_CLASSES, 1):
                file.set_band_description(band, f"P({LandClass(land_class).name.lower()}) x 255")
                file.write(probabilities[band - 1], band)
            file.set_band_description(SKY_BAND, "sky: 0 fill, 1 clear, 2 cloud, 3 shadow")
            file.write(sky, SKY_BAND)
            file.update_tags(TILE=label.tile, SCENE=label.scene_id, ACQUIRED=iso_utc(label.acquired_at), MODEL=label.fingerprint)
        return bytes(memory.read())


@contextmanager
def _opened(blob: bytes) -> Iterator[DatasetReader]:
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile(blob) as memory, memory.open(driver="GTiff") as file:
            yield file
    except rasterio.errors.RasterioError as e:
        raise DataError(ErrorCode.BLOB_DAMAGED, f"an observation blob cannot be read: {e}") from e


def decode(blob: bytes, *, square: Square, observation_id: str, scene_id: str, platform: str, acquired_at: datetime) -> Observation:
    """The observation in a blob.

    Raises:
        DataError: BLOB_DAMAGED.
    """
    with _opened(blob) as file:
        pixels = file.read()
        resolution_m = round(file.transform.a)
        column = round((file.transform.c - square.east) / resolution_m)
        row = round((square.north + square.side - file.transform.f) / resolution_m)
    positions, values = sparse(pixels[:-1], origin=(row, column), side=square.side // resolution_m)
    # a copy of the sky, since a view would keep all bands in memory as long as the observation
    return Observation(
        observation_id=observation_id, scene_id=scene_id, platform=platform, acquired_at=acquired_at, resolution_m=resolution_m,
        positions=positions, values=values, sky=pixels[-1].copy(), origin=(row, column),
    )  # fmt: skip
