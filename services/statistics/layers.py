"""Layers that people bring: settlements, roads, rivers, and where people live. Points may come as CSV; the rest as the zone formats."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.layers.features import MOST_FEATURES, NAME, POPULATION, read_features

LONGITUDE, LATITUDE = ("lon", "longitude", "bujur"), ("lat", "latitude", "lintang")


@dataclass(frozen=True)
class Layer:
    """Features in WGS 84 with their names (empty where they have none) and people (NaN where nothing is said)."""

    source: str
    geometries: Sequence[BaseGeometry]
    names: Sequence[str]
    people: npt.NDArray[np.float64]


def read_layer(path: Path, *, dimensions: frozenset[int]) -> Layer:
    """A layer of points (CSV with lon, lat, or a zone format), lines or polygons.

    Args:
        path: CSV, GeoPackage, GeoJSON, Shapefile or KML. Of a GeoPackage with several tables the one called like the file, or FILE:TABLE.
        dimensions: what may be in it: 0 points, 1 lines, 2 polygons.

    Raises:
        DataError: ZONES_INVALID, naming the line or feature.
    """
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    found = read_features(path, dimensions=dimensions)
    return _layer(path, found.geometries, found.names, [np.nan if n is None else n for n in found.people])


def _read_csv(path: Path) -> Layer:
    points, names, people = [], [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            fields = {(f or "").strip().lower(): f for f in table.fieldnames or ()}
            lon, lat, name, number = (
                next((fields[c] for c in known if c in fields), None) for known in (LONGITUDE, LATITUDE, NAME, POPULATION)
            )
            if lon is None or lat is None:
                raise ValueError("its first line has no lon and lat")
            for row in table:
                points.append(_point(row[lon], row[lat], table.line_num))
                names.append((row.get(name) or "").strip() if name else "")
                people.append(float(row.get(number) or "nan") if number else float("nan"))
    except (OSError, ValueError, TypeError, csv.Error) as e:
        raise _refused(path, f"{e}; write lon,lat,name,population in its first line, degrees with a point") from e
    return _layer(path, points, names, people)


def _point(longitude: str, latitude: str, line: int) -> BaseGeometry:
    x, y = float(longitude), float(latitude)
    if not (-180 <= x <= 180 and -90 <= y <= 90):
        raise ValueError(f"line {line}: {x}, {y} is no place; longitude is lon, latitude is lat")
    return shapely.Point(x, y)


def _layer(path: Path, geometries: Sequence[BaseGeometry], names: Sequence[str], people: object) -> Layer:
    numbers = np.asarray(people, np.float64)
    if not geometries:
        raise _refused(path, "it has no features")
    if len(geometries) > MOST_FEATURES:
        raise _refused(path, f"it has more than {MOST_FEATURES} features; cut it to the country")
    if (numbers < 0).any() or np.isinf(numbers).any():
        raise _refused(path, f"a population is {numbers[(numbers < 0) | np.isinf(numbers)][0]:g}")
    return Layer(path.name, geometries, names, numbers)


def _refused(path: Path, why: str) -> DataError:
    return DataError(ErrorCode.ZONES_INVALID, f"{path.name}: {why}")
