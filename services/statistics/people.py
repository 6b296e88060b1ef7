"""How many people live within a piece of ground: from a population raster, settlement points or census polygons."""

from collections.abc import Callable, Iterator
from math import ceil, floor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from pyproj import CRS
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import WGS84, project
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster.decoding import DecoderLimits, RasterHeader, RasterUse, decoder
from jagawana.services.settings import Settings
from jagawana.services.statistics.layers import Layer, read_layer

RASTER_ENDINGS = (".tif", ".tiff")
READ_AT_ONCE = 4_000_000
"""Cells of a raster that are in memory at a time."""
PeopleIn = Callable[[BaseGeometry], float]


def people_source(path: Path, settings: Settings) -> PeopleIn:
    """A function from ground in WGS 84 (which must overlap nowhere) to the number of people on it.

    Args:
        path: a GeoTIFF of people per cell, or a layer of points or polygons with a population.

    Raises:
        DataError: why the file cannot be used.
    """
    if path.suffix.lower() in RASTER_ENDINGS:
        limits = DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)
        return lambda ground: people_in_raster(path, ground, limits)
    layer = read_layer(path, dimensions=frozenset({0, 2}))
    if np.isnan(layer.people).all():
        raise DataError(ErrorCode.ZONES_INVALID, f"{path.name} has no population in it; call the attribute population")
    return lambda ground: people_in_layer(layer, ground)


def people_in_layer(layer: Layer, ground: BaseGeometry) -> float:
    """People of the points inside, and of polygons in proportion to what of them lies inside."""
    features = np.fromiter(layer.geometries, dtype=object, count=len(layer.geometries))
    people, areas = np.nan_to_num(layer.people), shapely.area(features)
    shapely.prepare(ground)
    touched = np.flatnonzero(shapely.intersects(ground, features) & (people > 0))
    inside = np.ones(len(touched))
    polygon = areas[touched] > 0
    inside[polygon] = shapely.area(shapely.intersection(features[touched[polygon]], ground)) / areas[touched[polygon]]
    return float((people[touched] * inside).sum())


def people_in_raster(path: Path, ground: BaseGeometry, limits: DecoderLimits) -> float:
    """People of the cells whose centre lies inside; read by the guarded decoder, each part of the ground in strips of its own.

    Raises:
        DataError: of the rule that refuses; CRS_UNSUPPORTED, GRID_UNSUPPORTED.
    """
    with decoder({path.name: path}, limits, use=RasterUse.COUNTS) as pixels:
        header = pixels.header(path.name)
        there = _in_crs_of(ground, header, path.name)
        people = 0.0
        for part in shapely.get_parts(there):
            for window in _strips(part.bounds, header):
                cells = pixels.read(path.name, bands=[1], window=window)[0].astype(np.float64)
                people += float(_counted(cells, header)[_centres_inside(part, window, header.transform)].sum())
    return people


def _in_crs_of(ground: BaseGeometry, header: RasterHeader, name: str) -> BaseGeometry:
    if header.epsg is None:
        raise DataError(ErrorCode.CRS_UNSUPPORTED, f"{name} names no coordinate system by an EPSG code; save it in WGS 84")
    t = header.transform
    if t.b or t.d or t.a <= 0 or t.e >= 0:
        raise DataError(ErrorCode.GRID_UNSUPPORTED, f"{name} is rotated or upside down; save it north up")
    try:
        target = CRS.from_epsg(header.epsg)
    except ProjError as e:
        raise DataError(ErrorCode.CRS_UNSUPPORTED, f"{name}: EPSG:{header.epsg} is not known; save it in WGS 84") from e
    moved = project(np.array([ground], dtype=object), WGS84, target)[0]
    if not np.isfinite(moved.bounds).all():
        raise DataError(ErrorCode.CRS_UNSUPPORTED, f"{name}: the place does not fit EPSG:{header.epsg}; give a raster of the place")
    return moved if isinstance(moved, BaseGeometry) else shapely.MultiPolygon()


def _strips(bounds: tuple[float, float, float, float], header: RasterHeader) -> Iterator[tuple[int, int, int, int]]:
    """Row, column, rows, columns of windows that together hold the bounds, as far as the raster reaches."""
    t, (height, width) = header.transform, header.shape
    left, right = max(0, floor((bounds[0] - t.c) / t.a)), min(width, ceil((bounds[2] - t.c) / t.a))
    top, bottom = max(0, floor((bounds[3] - t.f) / t.e)), min(height, ceil((bounds[1] - t.f) / t.e))
    if left >= right:
        return
    step = max(1, READ_AT_ONCE // (right - left))
    for row in range(top, bottom, step):
        yield row, left, min(step, bottom - row), right - left


def _counted(cells: npt.NDArray[np.float64], header: RasterHeader) -> npt.NDArray[np.float64]:
    """People per cell; what is declared as no data, negative or not a number is nobody."""
    counted = np.where(np.isfinite(cells) & (cells > 0), cells, 0.0)
    return counted if header.nodata is None else np.where(cells == header.nodata, 0.0, counted)


def _centres_inside(ground: BaseGeometry, window: tuple[int, int, int, int], t: Affine) -> npt.NDArray[np.bool_]:
    row, column, rows, columns = window
    x, y = t.c + (np.arange(column, column + columns) + 0.5) * t.a, t.f + (np.arange(row, row + rows) + 0.5) * t.e
    shapely.prepare(ground)
    return np.asarray(shapely.contains_xy(ground, *np.meshgrid(x, y)), bool)
