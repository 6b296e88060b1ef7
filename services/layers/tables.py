"""A layer file as a table: one of four formats, told by its first bytes, with features and a coordinate system."""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import geopandas as gpd
import pyogrio
import shapely

from jagawana.schemas.errors import DataError, ErrorCode

DRIVERS = ("GPKG", "ESRI Shapefile", "LIBKML")
"""What GDAL may open; GeoJSON is parsed here."""
MAX_FILE_BYTES = 2**30
"""Largest file that is opened. All of Indonesia's districts take 60 MB."""
MAX_KML_BYTES = 100 << 20
GEOJSON_CRS = re.compile(r"(?:urn:ogc:def:crs:)?(?:EPSG:[\d.]*:?\d{4,6}|OGC:(?:1\.3:)?CRS84)")
"""Names of coordinate systems that older GeoJSON may carry. Anything else could make the projection library open files."""


def file_at(path: Path) -> Path:
    """The file to read: itself, or the one Shapefile of a folder.

    Raises:
        DataError: ZONES_INVALID when there is none, or it is too large to open.
    """
    shapefiles = sorted(p for p in path.iterdir() if p.suffix.lower() == ".shp") if path.is_dir() else [path]
    if len(shapefiles) != 1:
        refuse(f"{path.name} holds {len(shapefiles)} Shapefiles; name one of them")
    if not shapefiles[0].is_file():
        refuse(f"{shapefiles[0].name} is not a file; give a GeoPackage, GeoJSON, Shapefile or KML")
    if shapefiles[0].stat().st_size > MAX_FILE_BYTES:
        refuse(f"{shapefiles[0].name} is larger than {MAX_FILE_BYTES} bytes; divide the layer")
    if _is_open_elsewhere(shapefiles[0]):
        refuse(f"{shapefiles[0].name} has edits that are not yet in the file (its -wal); close the program that has it open")
    return shapefiles[0]


def _is_open_elsewhere(file: Path) -> bool:
    """Whether SQLite keeps later edits in a file beside it, which reading without writing cannot see."""
    waiting = Path(f"{file}-wal")
    return waiting.is_file() and waiting.stat().st_size > 0


def read_table(file: Path, layer: str, *, how: str = "give --layer the name of one") -> gpd.GeoDataFrame:
    """The features of a file of one of four formats, with a coordinate system.

    Args:
        file: GeoPackage, GeoJSON, Shapefile or KML.
        layer: the table to read, where it holds several.
        how: what a person does who must name a table.

    Raises:
        DataError: ZONES_INVALID.
    """
    with file.open("rb") as stream:
        head = stream.read(100)
    if head.startswith(b"SQLite format 3\x00") and head[68:70] == b"GP":  # application id of a GeoPackage: GPKG or GP10
        table = _read_with_gdal(file, "GPKG", layer, how)
    elif head.startswith(b"\x00\x00\x27\x0a"):  # file code 9994
        table = _read_with_gdal(file, "ESRI Shapefile", None, how)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        table = _read_geojson(file)
    elif _is_kml(head, file):
        table = _read_with_gdal(file, "LIBKML", layer, how)
    elif head.startswith(b"PK"):
        refuse(f"{file.name} is not a GeoPackage, GeoJSON, Shapefile or KML, but a ZIP (KMZ is one too); unpack it and give the folder")
    else:
        refuse(f"{file.name} is not a GeoPackage, GeoJSON, Shapefile or KML; convert it to one of these")
    if table.empty:
        refuse(f"{file.name} has no features")
    if table.crs is None:
        refuse(f"{file.name} has no coordinate system; save it with one (a Shapefile needs its .prj)")
    return table


def _is_kml(head: bytes, file: Path) -> bool:
    """KML that refers to nothing outside itself; a file that defines entities or links to others is refused."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    if file.stat().st_size > MAX_KML_BYTES:
        refuse(f"{file.name} is larger than {MAX_KML_BYTES >> 20} MiB; save it as a GeoPackage")
    content = file.read_bytes()
    if b"<kml" not in content[:4096]:
        return False
    for word in (b"<!DOCTYPE", b"<!ENTITY", b"NetworkLink", b"\x00"):
        if word in content:
            refuse(f"{file.name} has {word.decode()!r}; save it as plain KML (UTF-8) that holds its zones itself")
    return True


def _read_with_gdal(file: Path, driver: str, layer: str | None, how: str) -> gpd.GeoDataFrame:
    try:
        tables = [str(name) for name, kind in pyogrio.list_layers(file) if kind is not None]
        chosen = layer if layer in tables else tables[0] if len(tables) == 1 else None
        if chosen is None:
            refuse(f"{file.name} holds the tables {', '.join(tables) or '(none with geometry)'}; {how}")
        opened_by = pyogrio.read_info(file, layer=chosen)["driver"]
        if opened_by != driver:
            refuse(f"{file.name} looks like {driver} but is read by {opened_by}")
        return _read_strictly(file, chosen)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, shapely.errors.ShapelyError) as e:
        refuse(f"{file.name} cannot be read as {driver}: {e}; export it again")


def _read_strictly(file: Path, table: str) -> gpd.GeoDataFrame:
    """Refuses an attribute of which GDAL would take the beginning, such as 5 of '5 0'."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = gpd.read_file(file, engine="pyogrio", layer=table)
    for message in (str(w.message) for w in said):
        if "parsed incompletely" in message:
            refuse(f"{file.name} has an attribute that is not what its column is for: {message[:200]}; mend it at the source")
    return found


def _read_geojson(file: Path) -> gpd.GeoDataFrame:
    """Parsed here rather than by GDAL, where a JSON file can also be a pipeline of commands."""
    try:
        document = json.loads(file.read_text("utf-8-sig"), parse_constant=_not_a_number)
        if document.get("type") != "FeatureCollection":
            refuse(f"{file.name} is JSON, but not a GeoJSON FeatureCollection; save it as one")
        for row, ring in _rings(document["features"]):
            _ring_is_closed(ring, row)
            _positions_are_numbers(ring, row)
        return gpd.GeoDataFrame.from_features(document["features"], crs=_geojson_crs(document, file))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, shapely.errors.ShapelyError) as e:
        refuse(f"{file.name} cannot be read as GeoJSON: {type(e).__name__}: {e}; export it again")


def _geojson_crs(document: Mapping[str, Any], file: Path) -> str:
    """WGS 84 (RFC 7946), or what a `crs` member of the older specification names."""
    if document.get("crs") is None:
        return "OGC:CRS84"
    name = str(document["crs"]["properties"]["name"])
    if not GEOJSON_CRS.fullmatch(name):
        refuse(f"{file.name} names the coordinate system {name[:80]!r}; use an EPSG code")
    return name


def _rings(features: list[Any]) -> Iterator[tuple[int, Any]]:
    """The rings of all polygons, with the number of their feature."""
    for row, feature in enumerate(features):
        geometry = feature["geometry"]
        if geometry is None or geometry["type"] not in ("Polygon", "MultiPolygon"):
            continue
        polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        yield from ((row, ring) for polygon in polygons for ring in polygon)


def _ring_is_closed(ring: list[Any], row: int) -> None:
    """Shapely would close an open ring silently."""
    if len(ring) < 4 or ring[0] != ring[-1]:
        refuse_feature(row, "a ring is not closed, or has fewer than four positions")


def _positions_are_numbers(ring: list[Any], row: int) -> None:
    """Shapely would take numbers written as text."""
    if not all(isinstance(c, int | float) for position in ring for c in position):
        refuse_feature(row, "a coordinate is not a number")


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} where a number belongs")


def refuse_feature(row: int, reason: str) -> NoReturn:
    """Refuse the layer for one feature; `row` counts from 0.

    Raises:
        DataError: ZONES_INVALID.
    """
    refuse(f"feature {row + 1}: {reason}")


def refuse(reason: str) -> NoReturn:
    """Refuse the layer.

    Raises:
        DataError: ZONES_INVALID.
    """
    raise DataError(ErrorCode.ZONES_INVALID, reason)
