"""Reading a layer of zones from a file: the whole layer, or a refusal that names the feature and the reason."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import CRS
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import ACCURACY_M, WGS84, Zone, project
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

MAX_FILE_BYTES = 2**30
"""Largest file that is opened. All of Indonesia's districts take 60 MB."""
MAX_VERTICES = 200_000
"""Most vertices of one feature; more make every overlay with it slow. Simplify such a feature or divide it."""
MAX_DEGREES_OUTSIDE = 15.0
"""Furthest from the area of use of its coordinate system; layers of a whole country are often kept in one UTM zone."""
MAX_TEXT = 200
"""Longest name, holder or stage kept, in characters."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "zone_id": ("zone_id",),
    "code": ("id", "code", "kode", "gid", "cd_cnuc", "terrai_cod"),
    "kind": ("kind",),
    "name": ("name", "nama", "namobj", "nome_uc", "terrai_nom"),
    "valid_from": ("valid_from", "start_date", "tgl_mulai", "tgl_berlak"),
    "valid_to": ("valid_to", "end_date", "tgl_akhir"),
    "holder": ("holder", "company", "pemegang", "nama_usaha"),
    "stage": ("stage", "tahapan", "kegiatan"),
    "accuracy_m": ("accuracy_m",),
}
"""Attribute of a zone: columns it is read from, the first that is present, upper or lower case."""
GEOJSON_CRS = re.compile(r"(?:urn:ogc:def:crs:)?(?:EPSG:[\d.]*:?\d{4,6}|OGC:(?:1\.3:)?CRS84)")
"""Names of coordinate systems that older GeoJSON may carry. Anything else could make the projection library open files."""


def read_zones(
    path: Path, *, kind: ZoneKind | None, layer: str, layer_version: str, name_field: str | None, source: str | None = None
) -> list[Zone]:
    """Zones of a GeoPackage, GeoJSON or Shapefile, in WGS 84 and in the order of the file.

    The format is told by the file's first bytes, never by its name, and no other format is opened. Geometry is never repaired.

    Args:
        path: a file, or a folder that holds one Shapefile with its sidecars.
        kind: the kind of all zones; without it each feature needs one in its attribute `kind`.
        layer: our name of the layer. Of a GeoPackage with several tables, the table of that name is read.
        layer_version: version or date of the layer, kept in every verdict.
        name_field: attribute that holds the zone's name; without it, COLUMNS.
        source: who published the layer; without it, the file's name.

    Raises:
        DataError: ZONES_INVALID for a whole layer when anything in it is wrong; nothing of it is used.
    """
    table = _read(_file(path), layer)
    columns = _columns(table, name_field)
    polygons = [_polygon(g, row) for row, g in enumerate(table.geometry)]
    moved = _to_wgs84(polygons, CRS.from_user_input(table.crs))
    records = cast(list[dict[str, Any]], table.drop(columns=table.geometry.name).to_dict("records"))
    zones = [
        _zone(row, record, geometry, columns, kind=kind, layer=layer, layer_version=layer_version, source=source or path.name)
        for row, (record, geometry) in enumerate(zip(records, moved, strict=True))
    ]
    _no_id_twice(zones)
    return zones


def _file(path: Path) -> Path:
    shapefiles = sorted(p for p in path.iterdir() if p.suffix.lower() == ".shp") if path.is_dir() else [path]
    if len(shapefiles) != 1:
        _refuse(f"{path.name} holds {len(shapefiles)} Shapefiles; name one of them")
    if not shapefiles[0].is_file():
        _refuse(f"{shapefiles[0].name} is not a file; give a GeoPackage, GeoJSON or Shapefile")
    if shapefiles[0].stat().st_size > MAX_FILE_BYTES:
        _refuse(f"{shapefiles[0].name} is larger than {MAX_FILE_BYTES} bytes; divide the layer")
    return shapefiles[0]


def _read(file: Path, layer: str) -> gpd.GeoDataFrame:
    """The features of a file of one of three formats, with a coordinate system."""
    with file.open("rb") as stream:
        head = stream.read(100)
    if head.startswith(b"SQLite format 3\x00") and head[68:70] == b"GP":  # application id of a GeoPackage: GPKG or GP10
        table = _read_with_gdal(file, "GPKG", layer)
    elif head.startswith(b"\x00\x00\x27\x0a"):  # file code 9994
        table = _read_with_gdal(file, "ESRI Shapefile", None)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        table = _read_geojson(file)
    else:
        _refuse(f"{file.name} is not a GeoPackage, GeoJSON or Shapefile; convert it to one of these")
    if table.empty:
        _refuse(f"{file.name} has no features")
    if table.crs is None:
        _refuse(f"{file.name} has no coordinate system; save it with one (a Shapefile needs its .prj)")
    return table


def _read_with_gdal(file: Path, driver: str, layer: str | None) -> gpd.GeoDataFrame:
    try:
        tables = [str(name) for name, kind in pyogrio.list_layers(file) if kind is not None]
        chosen = layer if layer in tables else tables[0] if len(tables) == 1 else None
        if chosen is None:
            _refuse(f"{file.name} holds the tables {', '.join(tables) or '(none with geometry)'}; give --layer the name of one")
        opened_by = pyogrio.read_info(file, layer=chosen)["driver"]
        if opened_by != driver:
            _refuse(f"{file.name} looks like {driver} but is read by {opened_by}")
        return gpd.read_file(file, engine="pyogrio", layer=chosen)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, shapely.errors.ShapelyError) as e:
        _refuse(f"{file.name} cannot be read as {driver}: {e}; export it again")


def _read_geojson(file: Path) -> gpd.GeoDataFrame:
    """Parsed here rather than by GDAL, where a JSON file can also be a pipeline of commands."""
    try:
        document = json.loads(file.read_text("utf-8-sig"), parse_constant=_not_a_number)
        if document.get("type") != "FeatureCollection":
            _refuse(f"{file.name} is JSON, but not a GeoJSON FeatureCollection")
        for row, feature in enumerate(document["features"]):
            _rings_are_closed(feature["geometry"], row)
        return gpd.GeoDataFrame.from_features(document["features"], crs=_geojson_crs(document, file))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, shapely.errors.ShapelyError) as e:
        _refuse(f"{file.name} cannot be read as GeoJSON: {type(e).__name__}: {e}; export it again")


def _geojson_crs(document: Mapping[str, Any], file: Path) -> str:
    """WGS 84 (RFC 7946), or what a `crs` member of the older specification names."""
    if document.get("crs") is None:
        return "OGC:CRS84"
    name = str(document["crs"]["properties"]["name"])
    if not GEOJSON_CRS.fullmatch(name):
        _refuse(f"{file.name} names the coordinate system {name[:80]!r}; use an EPSG code")
    return name


def _rings_are_closed(geometry: Mapping[str, Any] | None, row: int) -> None:
    """Shapely would close an open ring silently, and take numbers written as text."""
    if geometry is None or geometry["type"] not in ("Polygon", "MultiPolygon"):
        return
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for ring in (ring for polygon in polygons for ring in polygon):
        if len(ring) < 4 or ring[0] != ring[-1]:
            _refuse_feature(row, "a ring is not closed, or has fewer than four positions")
        if not all(isinstance(c, int | float) for position in ring for c in position):
            _refuse_feature(row, "a coordinate is not a number")


def _columns(table: gpd.GeoDataFrame, name_field: str | None) -> dict[str, str]:
    """Attribute of a zone to the column that holds it, for those there are."""
    present = {str(c).lower(): str(c) for c in reversed(list(table.columns)) if c != table.geometry.name}
    found = {a: present[n] for a, names in COLUMNS.items() for n in reversed(names) if n in present}
    if name_field is not None:
        if name_field not in table.columns:
            _refuse(f"there is no attribute {name_field!r}; there are {', '.join(sorted(present.values()))}")
        found["name"] = name_field
    return found


def _polygon(geometry: BaseGeometry | None, row: int) -> Polygon | MultiPolygon:
    """A valid polygon in two dimensions, as it was drawn."""
    if geometry is None or geometry.is_empty:
        _refuse_feature(row, "it has no geometry")
    if not isinstance(geometry, Polygon | MultiPolygon):
        _refuse_feature(row, f"it is a {geometry.geom_type}; a zone is a Polygon or MultiPolygon")
    if shapely.get_num_coordinates(geometry) > MAX_VERTICES:
        _refuse_feature(row, f"it has more than {MAX_VERTICES} vertices; simplify or divide it")
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        _refuse_feature(row, "a coordinate is not finite")
    if not geometry.is_valid:
        _refuse_feature(row, f"its outline is invalid: {shapely.is_valid_reason(geometry)}; mend it at the source")
    return shapely.force_2d(geometry)


def _to_wgs84(polygons: Sequence[Polygon | MultiPolygon], crs: CRS) -> list[Polygon | MultiPolygon]:
    drawn = np.array(polygons, dtype=object)
    moved = drawn if crs.is_geographic and crs.equals(WGS84, ignore_axis_order=True) else project(drawn, crs, WGS84)
    for row, (west, south, east, north) in enumerate(shapely.bounds(moved)):
        if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):  # written so that NaN is refused too
            _refuse_feature(row, f"it lies outside the world: {west:g}, {south:g}, {east:g}, {north:g}; are the axes swapped?")
        if not _belongs(shapely.box(west, south, east, north), crs):
            _refuse_feature(
                row, f"it lies at {west:.1f}, {south:.1f}, far from where {crs.name} is used; is it the right coordinate system?"
            )
    return list(moved)


def _belongs(extent: BaseGeometry, crs: CRS) -> bool:
    """Whether a place is where its coordinate system is used: a file labelled with a wrong UTM zone lands in the Antarctic."""
    used = crs.area_of_use
    if used is None or used.west > used.east:
        return True
    return bool(shapely.dwithin(extent, shapely.box(*used.bounds), MAX_DEGREES_OUTSIDE))


def _zone(
    row: int,
    record: Mapping[str, Any],
    geometry: Polygon | MultiPolygon,
    columns: Mapping[str, str],
    *,
    kind: ZoneKind | None,
    layer: str,
    layer_version: str,
    source: str,
) -> Zone:
    value = {attribute: record[column] for attribute, column in columns.items()}
    name = _text(value.get("name"))
    zone_id = _zone_id(value, name, geometry, layer)
    valid_from, valid_to = _day(value.get("valid_from"), row, "valid_from"), _day(value.get("valid_to"), row, "valid_to")
    if valid_from and valid_to and valid_to < valid_from:
        _refuse_feature(row, f"{zone_id} ends on {valid_to}, before it begins on {valid_from}")
    return Zone(
        zone_id=zone_id,
        kind=kind or _kind(value.get("kind"), row),
        name=name or zone_id,
        geometry=geometry,
        layer=layer,
        layer_version=layer_version,
        source=source,
        valid_from=valid_from,
        valid_to=valid_to,
        holder=_text(value.get("holder")),
        stage=_text(value.get("stage")),
        accuracy_m=_accuracy_m(value.get("accuracy_m"), row),
    )


def _zone_id(value: Mapping[str, Any], name: str | None, geometry: BaseGeometry, layer: str) -> str:
    """The feature's own `zone_id`; else layer and official code; else layer and a hash of layer, name and outline.

    Part of an alert's identity, so it must be unique over layers and stay the same in the next version of the layer.
    """
    given, code = _text(value.get("zone_id")), _text(value.get("code"))
    if given or code:
        return given or f"{layer}/{code}"
    outline = shapely.to_wkb(shapely.set_precision(geometry, 1e-7, mode="pointwise").normalize(), byte_order=1)
    return f"{layer}/{hashlib.sha256(f'{layer}|{name}|'.encode() + outline).hexdigest()[:12]}"


def _kind(value: object, row: int) -> ZoneKind:
    text = (_text(value) or "").lower().replace(" ", "_").replace("-", "_")
    try:
        return ZoneKind(text)
    except ValueError:
        _refuse_feature(row, f"its kind is {text!r}; give --kind, or an attribute kind that is one of {', '.join(ZoneKind)}")


def _day(value: object, row: int, attribute: str) -> date | None:
    if isinstance(value, datetime):  # before the test for missing: pandas' NaT is one too
        return None if pd.isna(value) else value.date()
    text = value.isoformat() if isinstance(value, date) else (_text(value) or "").replace("/", "-")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        _refuse_feature(row, f"{attribute} is {text!r}; write days as 2024-12-31")


def _accuracy_m(value: object, row: int) -> float:
    text = _text(value)
    if text is None:
        return ACCURACY_M
    try:
        accuracy_m = float(text)
    except ValueError:
        accuracy_m = -1.0
    if not 0 <= accuracy_m <= 100_000:
        _refuse_feature(row, f"accuracy_m is {text!r}; give metres")
    return accuracy_m


def _text(value: object) -> str | None:
    """An attribute as one line of printable text; None when missing. Names go into messages that people read."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    whole = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)  # codes with gaps arrive as 12.0
    printable = "".join(c if c.isprintable() else " " for c in whole)
    return " ".join(printable.split())[:MAX_TEXT] or None


def _no_id_twice(zones: Sequence[Zone]) -> None:
    first: dict[str, int] = {}
    for row, zone in enumerate(zones):
        if zone.zone_id in first:
            _refuse_feature(row, f"its id {zone.zone_id} is also that of feature {first[zone.zone_id] + 1}; ids must be unique")
        first[zone.zone_id] = row


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} where a number belongs")


def _refuse_feature(row: int, reason: str) -> NoReturn:
    _refuse(f"feature {row + 1}: {reason}")


def _refuse(reason: str) -> NoReturn:
    raise DataError(ErrorCode.ZONES_INVALID, reason)
