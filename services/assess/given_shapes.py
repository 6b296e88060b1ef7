"""Shapes that a person gives to be judged: GeoJSON, read here and never repaired, in the UTM zone they lie in."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import shapely
from shapely.geometry import shape as shape_of
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject, utm_epsg
from jagawana.schemas.errors import DataError, ErrorCode

MAX_FILE_BYTES = 20 << 20
MAX_SHAPES = 1_000
MAX_VERTICES = 100_000
MAX_EXTENT_M = 100_000.0
"""Longest side of a shape: measures in a UTM zone stay true to a thousandth."""
SINGLES = {"Polygon", "LineString", "Point"}
WGS84_NAMES = {"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "OGC:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"}


def read_document(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        DataError: SHAPE_INVALID when there is none, or it is too large.
    """
    if not path.is_file():
        refuse(f"{path.name} is not a file; give a GeoJSON file")
    if path.stat().st_size > MAX_FILE_BYTES:
        refuse(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB; judge fewer shapes at once")
    return path.read_bytes()


def shapes_of(data: bytes) -> list[tuple[BaseGeometry, int]]:
    """Shapes in metres with the EPSG code of their UTM zone, in the order of the document: mining areas, roads or huts.

    Args:
        data: GeoJSON in WGS 84: a FeatureCollection, Feature or geometry; polygons, lines or points.

    Raises:
        DataError: SHAPE_INVALID, naming the shape and the reason.
    """
    return [_in_utm(shape, number) for number, shape in enumerate(_read(data), start=1)]


def area_of(data: bytes) -> BaseGeometry:
    """An area of interest in degrees: all polygons of a GeoJSON document as one.

    Raises:
        DataError: SHAPE_INVALID.
    """
    shapes = _read(data)
    for number, shape in enumerate(shapes, start=1):
        if shapely.get_dimensions(shape) != 2:
            _refuse_shape(number, f"it is a {shape.geom_type}; an area is a Polygon or MultiPolygon")
        _in_the_world(shape, number)
    return shapely.union_all(shapes)


def _read(data: bytes) -> list[BaseGeometry]:
    """Valid geometries in degrees."""
    try:
        document = json.loads(data, parse_constant=_not_a_number)
        _is_wgs84(document)
        geometries = list(_geometries(document))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as e:
        refuse(f"it cannot be read as GeoJSON: {type(e).__name__}: {e}; give a FeatureCollection, a Feature or a geometry")
    if not 1 <= len(geometries) <= MAX_SHAPES:
        refuse(f"it has {len(geometries)} shapes; give 1 to {MAX_SHAPES}")
    return [_shape(geometry, number) for number, geometry in enumerate(geometries, start=1)]


def _geometries(document: Mapping[str, Any]) -> Iterator[Any]:
    kind = document["type"]
    if kind == "FeatureCollection":
        yield from (feature["geometry"] for feature in document["features"])
    else:
        yield document["geometry"] if kind == "Feature" else document


def _is_wgs84(document: Mapping[str, Any]) -> None:
    named = document.get("crs")
    if named is not None and (name := str(named["properties"]["name"])) not in WGS84_NAMES:
        refuse(f"it names the coordinate system {name[:80]!r}; GeoJSON is in WGS 84 (longitude, latitude): project it first")


def _shape(geometry: Any, number: int) -> BaseGeometry:
    """A valid geometry in degrees."""
    try:
        kind = str(geometry["type"]) if geometry is not None else None
        if kind is None or kind.removeprefix("Multi") not in SINGLES:
            _refuse_shape(number, f"it is a {kind}; give a Polygon (mining), LineString (road) or Point (huts), or several in one")
        _written_out(geometry["coordinates"], number)
        if kind.endswith("Polygon"):
            _closed(geometry["coordinates"], number, 2 if kind.startswith("Multi") else 1)
        found = shapely.force_2d(shape_of(geometry))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError) as e:
        _refuse_shape(number, f"its coordinates cannot be read: {e}")
    if found.is_empty or not np.isfinite(shapely.get_coordinates(found)).all():
        _refuse_shape(number, "it is empty, or a coordinate is not finite")
    if shapely.get_num_coordinates(found) > MAX_VERTICES:
        _refuse_shape(number, f"it has more than {MAX_VERTICES} vertices; simplify it")
    if not found.is_valid:
        _refuse_shape(number, f"its outline is invalid: {shapely.is_valid_reason(found)}; mend it at the source")
    return found


def _written_out(coordinates: Any, number: int) -> None:
    """Shapely would take numbers written as text."""
    if isinstance(coordinates, list):
        for part in coordinates:
            _written_out(part, number)
    elif isinstance(coordinates, bool) or not isinstance(coordinates, int | float):
        _refuse_shape(number, "a coordinate is not a number")


def _closed(coordinates: list[Any], number: int, depth: int) -> None:
    """Shapely would close an open ring silently."""
    if depth:
        for part in coordinates:
            _closed(part, number, depth - 1)
    elif len(coordinates) < 4 or coordinates[0] != coordinates[-1]:
        _refuse_shape(number, "a ring is not closed, or has fewer than four positions")


def _in_the_world(shape: BaseGeometry, number: int) -> None:
    west, south, east, north = shape.bounds
    if not (west >= -180 and east <= 180 and south >= -80 and north <= 84):
        _refuse_shape(number, f"it lies outside the world or near a pole: {west:g}, {south:g}, {east:g}, {north:g}; are the axes swapped?")


def _in_utm(shape: BaseGeometry, number: int) -> tuple[BaseGeometry, int]:
    _in_the_world(shape, number)
    middle = shape.representative_point()
    epsg = utm_epsg(middle.x, middle.y)
    moved = reproject(shape, 4326, epsg)
    left, bottom, right, top = moved.bounds
    if max(right - left, top - bottom) > MAX_EXTENT_M:
        _refuse_shape(number, f"it is {max(right - left, top - bottom) / 1000:,.0f} km long; divide it into parts of at most 100 km")
    if not moved.is_valid:
        _refuse_shape(number, "its outline is invalid once projected; simplify it")
    return moved, epsg


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} where a number belongs")


def _refuse_shape(number: int, reason: str) -> NoReturn:
    refuse(f"shape {number}: {reason}")


def refuse(reason: str) -> NoReturn:
    """Refuse what was given.

    Raises:
        DataError: SHAPE_INVALID.
    """
    raise DataError(ErrorCode.SHAPE_INVALID, reason)
