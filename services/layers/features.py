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
    """Those with a geometry, in WGS 84 without heights, in the order of the file.

    `names` are empty, and `people` None, where nothing is said.
    """

    geometries: Sequence[BaseGeometry]
    names: Sequence[str]
    people: Sequence[float | None]


def read_features(path: Path, *, dimensions: frozenset[int], table: str | None = None, limits: ReaderLimits = LIMITS) -> Features:
    """The features of a GeoPackage, GeoJSON, Shapefile or KML, or a refusal.

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
    columns = {str(c).lower(): c for c in table.columns}
    name, people = (next((columns[c] for c in known if c in columns), None) for known in (NAME, POPULATION))
    names = table[name] if name is not None else [None] * len(table)
    numbers = pd.to_numeric(table[people], errors="coerce") if people is not None else [np.nan] * len(table)
    found: dict[str, list[Any]] = {"names": [], "people": []}
    geometries = []
    for row, (g, word, number) in enumerate(zip(table.geometry, names, numbers, strict=True), 1):
        if _is_drawn(g, row, path, request["dimensions"], has_people=number > 0):
            geometries.append(shapely.force_2d(g))
            found["names"].append("" if word is None or pd.isna(word) else str(word))
            found["people"].append(None if np.isnan(number) else float(number))
    return found, geometries


def _is_drawn(geometry: BaseGeometry | None, row: int, path: Path, dimensions: Sequence[int], *, has_people: bool) -> bool:
    """Whether a feature says anything; one without geometry is left out, but never its people."""
    wanted = " or ".join(DIMENSIONS[d] for d in dimensions)
    if geometry is None or geometry.is_empty:
        if has_people:
            raise _refused(path, f"feature {row} has people but no geometry; draw it, or take its people out")
        return False
    if int(shapely.get_dimensions(geometry)) not in dimensions:
        raise _refused(path, f"feature {row} is a {geometry.geom_type}; {wanted} are read here")
    if not np.isfinite(geometry.bounds).all():
        raise _refused(path, f"feature {row} lies nowhere in WGS 84; is the coordinate system of the file right?")
    return True


def _refused(path: Path, why: str) -> DataError:
    return DataError(ErrorCode.ZONES_INVALID, f"{path.name}: {why}")


if __name__ == "__main__":
    answer(read_here)
