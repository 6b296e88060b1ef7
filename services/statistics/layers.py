"""Layers that people bring: settlements, roads, rivers, and where people live. Points may come as CSV; the rest as the zone formats."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.assess.zone_tables import file_at, read_table

LONGITUDE, LATITUDE = ("lon", "longitude", "bujur"), ("lat", "latitude", "lintang")
NAME, POPULATION = ("name", "nama", "namobj"), ("population", "penduduk", "jumlah_penduduk")
MOST_FEATURES = 2_000_000


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
        path: CSV, GeoPackage, GeoJSON or Shapefile. Of a GeoPackage with several tables the one called like the file.
        dimensions: what may be in it: 0 points, 1 lines, 2 polygons.

    Raises:
        DataError: ZONES_INVALID, naming the line or feature.
    """
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    table = read_table(file_at(path), path.stem).to_crs(4326)
    geometries = [shapely.force_2d(g) for g in table.geometry]
    for row, g in enumerate(geometries, 1):
        if g is None or g.is_empty or int(shapely.get_dimensions(g)) not in dimensions or not np.isfinite(g.bounds).all():
            raise _refused(path, f"feature {row} is {'empty' if g is None or g.is_empty else g.geom_type}, which cannot be used here")
    columns = {str(c).lower(): c for c in table.columns}
    name, people = (next((columns[c] for c in known if c in columns), None) for known in (NAME, POPULATION))
    names = ["" if name is None or pd.isna(v) else str(v) for v in (table[name] if name is not None else [""] * len(table))]
    numbers = pd.to_numeric(table[people], errors="coerce") if people is not None else [np.nan] * len(table)
    return _layer(path, geometries, names, numbers)


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
