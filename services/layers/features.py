"""Features that people bring beside zones: settlements, roads, rivers, census areas; geometry, name and population."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.layers.reader import LIMITS, ReaderLimits, Request, answer, ask

NAME, POPULATION = ("name", "nama", "namobj"), ("population", "penduduk", "jumlah_penduduk")
DIMENSIONS = ("points", "lines", "polygons")
MOST_FEATURES = 2_000_000


@dataclass(frozen=True)
class Features:
    """In WGS 84, without heights, in the order of the file. `names` are empty, and `people` None, where nothing is said."""

    geometries: Sequence[BaseGeometry]
    names: Sequence[str]
    people: Sequence[float | None]


def read_features(path: Path, *, dimensions: frozenset[int], table: str | None = None, limits: ReaderLimits = LIMITS) -> Features:
    """The features of a GeoPackage, GeoJSON, Shapefile or KML; all of them or a refusal.

    Args:
        path: the file. FILE.gpkg:TABLE names a table of a GeoPackage that holds several.
        dimensions: what may be in it: 0 points, 1 lines, 2 polygons.
        table: the table, where `path` names none; by default the one called like the file.

    Raises:
        DataError: ZONES_INVALID, naming the feature and the reason.
    """
    file, named = _file_and_table(path)
    request: Request = {"table": named or table or file.stem, "dimensions": sorted(dimensions)}
    found, geometries = ask("jagawana.services.layers.features", file, request, limits)
    return Features(geometries, found["names"], found["people"])


def _file_and_table(path: Path) -> tuple[Path, str | None]:
    file, colon, table = path.name.rpartition(":")
    return (path.with_name(file), table) if colon and not path.exists() else (path, None)


def read_here(path: Path, request: Request) -> tuple[dict[str, Any], list[BaseGeometry]]:
    """The reader's side of `read_features`.

    Raises:
        DataError: ZONES_INVALID.
    """
    import pandas as pd

    from jagawana.services.layers.tables import file_at, read_table

    table = read_table(file_at(path), request["table"], how="write FILE:TABLE").to_crs(4326)
    if len(table) > MOST_FEATURES:
        raise _refused(path, f"it has more than {MOST_FEATURES} features; cut it to the country")
    geometries = [shapely.force_2d(g) for g in table.geometry]
    for row, g in enumerate(geometries, 1):
        _fits(g, row, path, request["dimensions"])
    columns = {str(c).lower(): c for c in table.columns}
    name, people = (next((columns[c] for c in known if c in columns), None) for known in (NAME, POPULATION))
    names = ["" if v is None or pd.isna(v) else str(v) for v in (table[name] if name is not None else [None] * len(table))]
    numbers = pd.to_numeric(table[people], errors="coerce").tolist() if people is not None else [np.nan] * len(table)
    return {"names": names, "people": [None if np.isnan(n) else float(n) for n in numbers]}, geometries


def _fits(geometry: BaseGeometry | None, row: int, path: Path, dimensions: Sequence[int]) -> None:
    wanted = " or ".join(DIMENSIONS[d] for d in dimensions)
    if geometry is None or geometry.is_empty:
        raise _refused(path, f"feature {row} has no geometry; remove it, or draw it")
    if int(shapely.get_dimensions(geometry)) not in dimensions:
        raise _refused(path, f"feature {row} is a {geometry.geom_type}; {wanted} are read here")
    if not np.isfinite(geometry.bounds).all():
        raise _refused(path, f"feature {row} lies nowhere in WGS 84; is the coordinate system of the file right?")


def _refused(path: Path, why: str) -> DataError:
    return DataError(ErrorCode.ZONES_INVALID, f"{path.name}: {why}")


if __name__ == "__main__":
    answer(read_here)
