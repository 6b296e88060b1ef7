"""The rules for zones: a table's features become zones, all of them, or the layer is refused with the feature and the reason."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import ACCURACY_M, WGS84, Zone, project
from jagawana.schemas.alert import ZoneKind
from jagawana.services.layers.tables import refuse, refuse_feature

MAX_RING_VERTICES = 100_000
"""Most vertices of one ring. The coast of a district at 1:50,000 has about 30,000."""
MAX_VERTICES = 200_000
"""Most vertices of one feature; more make every overlay with it slow. Simplify such a feature or divide it."""
MAX_LAYER_VERTICES = 10_000_000
"""Most vertices of one layer. All of Indonesia's districts have about four million."""
MAX_DEGREES_OUTSIDE = 15.0
"""Furthest from the area of use of its coordinate system; layers of a whole country are often kept in one UTM zone."""
MAX_PILE, PILE_DEGREES = 60, 0.00225
"""Most zones of a layer that come within 250 m of a point inside one of them."""
MEND = "; mend it at the source, or let a GIS do so (QGIS: Fix geometries; ogr2ogr -makevalid) and look at what came out"
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
    "official_code": ("official_code", "code", "kode"),
    "commodity": ("commodity", "komoditas", "substancia", "subs"),
    "designation": ("designation",),
    "method": ("method", "metode"),
    "approximate": ("approximate",),
}
"""Attribute of a zone: columns it is read from, the first that is present, upper or lower case."""


def zones_of(
    table: gpd.GeoDataFrame, *, kind: ZoneKind | None, layer: str, layer_version: str, name_field: str | None, source: str
) -> list[Zone]:
    """Zones in WGS 84, in the order of the table. Geometry is never repaired: that can take minutes and gigabytes for 200 vertices.

    Args:
        table: features with a coordinate system.
        kind, layer, layer_version, name_field, source: see `files.read_zones`.

    Raises:
        DataError: ZONES_INVALID.
    """
    columns = _columns(table, name_field)
    _few_vertices_in_all(table)
    rows = [int(number) for number in table.index]  # a mapping may have left features out
    polygons = [_polygon(g, row) for row, g in zip(rows, table.geometry, strict=True)]
    moved = _to_wgs84(polygons, _crs_of(table), rows)
    _not_piled_up(moved, rows)
    records = cast(list[dict[str, Any]], table.drop(columns=table.geometry.name).to_dict("records"))
    zones = [
        _zone(row, record, geometry, columns, kind=kind, layer=layer, layer_version=layer_version, source=source)
        for row, record, geometry in zip(rows, records, moved, strict=True)
    ]
    _no_id_twice(zones, rows)
    return zones


def _crs_of(table: gpd.GeoDataFrame) -> CRS:
    try:
        return CRS.from_user_input(table.crs)
    except ProjError as e:
        refuse(f"its coordinate system is not understood ({str(e)[:200]}); save it in WGS 84")


def _columns(table: gpd.GeoDataFrame, name_field: str | None) -> dict[str, str]:
    """Attribute of a zone to the column that holds it, for those there are."""
    present = {str(c).lower(): str(c) for c in reversed(list(table.columns)) if c != table.geometry.name}
    found = {a: present[n] for a, names in COLUMNS.items() for n in reversed(names) if n in present}
    if name_field is not None:
        if name_field not in table.columns:
            refuse(f"there is no attribute {name_field!r}; there are {', '.join(sorted(present.values()))}")
        found["name"] = name_field
    return found


def _has_outline(geometry: BaseGeometry | None, row: int) -> None:
    if geometry is None or geometry.is_empty:
        refuse_feature(row, "it has no geometry")


def _is_area(geometry: BaseGeometry, row: int) -> None:
    if not isinstance(geometry, Polygon | MultiPolygon):
        refuse_feature(row, f"it is a {geometry.geom_type}; a zone is a Polygon or MultiPolygon")


def _few_vertices(geometry: BaseGeometry, row: int) -> None:
    if shapely.get_num_coordinates(geometry) > MAX_VERTICES:
        refuse_feature(row, f"it has more than {MAX_VERTICES} vertices; simplify or divide it")


def _short_rings(geometry: BaseGeometry, row: int) -> None:
    if shapely.get_num_coordinates(shapely.get_rings(shapely.get_parts(geometry))).max() > MAX_RING_VERTICES:
        refuse_feature(row, f"one of its rings has more than {MAX_RING_VERTICES} vertices; simplify or divide it")


def _is_finite(geometry: BaseGeometry, row: int) -> None:
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        refuse_feature(row, "a coordinate is not finite")


def _does_not_cross_itself(geometry: BaseGeometry, row: int) -> None:
    if not geometry.is_valid:
        refuse_feature(row, f"its outline is invalid: {shapely.is_valid_reason(geometry)}{MEND}")


OUTLINE_RULES = (_has_outline, _is_area, _few_vertices, _short_rings, _is_finite, _does_not_cross_itself)
"""In this order; later ones rely on earlier ones."""


def _polygon(geometry: BaseGeometry | None, row: int) -> Polygon | MultiPolygon:
    """A valid polygon in two dimensions, as it was drawn."""
    for rule in OUTLINE_RULES:
        rule(geometry, row)  # type: ignore[arg-type]  # the first one refuses None
    return cast(Polygon | MultiPolygon, shapely.force_2d(geometry))


def _few_vertices_in_all(table: gpd.GeoDataFrame) -> None:
    total = int(shapely.get_num_coordinates(np.asarray(table.geometry)).sum())
    if total > MAX_LAYER_VERTICES:
        refuse(f"the layer has {total} vertices; the limit is {MAX_LAYER_VERTICES}; simplify it, or load it in parts under two names")


def _to_wgs84(polygons: Sequence[Polygon | MultiPolygon], crs: CRS, rows: Sequence[int]) -> list[Polygon | MultiPolygon]:
    drawn = np.array(polygons, dtype=object)
    try:
        moved = drawn if crs.is_geographic and crs.equals(WGS84, ignore_axis_order=True) else project(drawn, crs, WGS84)
    except ProjError as e:
        refuse(f"its coordinate system {crs.name[:80]!r} cannot be turned into WGS 84 ({str(e)[:200]}); save it in WGS 84")
    for row, (west, south, east, north) in zip(rows, shapely.bounds(moved), strict=True):
        _in_the_world(west, south, east, north, row)
        if not _belongs(shapely.box(west, south, east, north), crs):
            refuse_feature(
                row, f"it lies at {west:.1f}, {south:.1f}, far from where {crs.name} is used; is it the right coordinate system?"
            )
    return list(moved)


def _in_the_world(west: float, south: float, east: float, north: float, row: int) -> None:
    if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):  # written so that NaN is refused too
        refuse_feature(row, f"it lies outside the world: {west:g}, {south:g}, {east:g}, {north:g}; are the axes swapped?")


def _not_piled_up(outlines: Sequence[Polygon | MultiPolygon], rows: Sequence[int]) -> None:
    """Cutting one small shape along hundreds of zones takes minutes; such layers are exports gone wrong."""
    tree = shapely.STRtree(outlines)
    for row, point in zip(rows, shapely.point_on_surface(np.array(outlines, dtype=object)), strict=True):
        around = shapely.box(point.x - PILE_DEGREES, point.y - PILE_DEGREES, point.x + PILE_DEGREES, point.y + PILE_DEGREES)
        if tree.query(around).size > MAX_PILE and tree.query(around, predicate="intersects").size > MAX_PILE:
            refuse_feature(row, f"it is one of more than {MAX_PILE} zones within 250 m; are they parts of one, or copies? Dissolve them")


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
    _ends_after_it_begins(valid_from, valid_to, row)
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
        code=_text(value.get("official_code")),
        commodity=_text(value.get("commodity")),
        designation=_text(value.get("designation")),
        method=_text(value.get("method")),
        approximate=(_text(value.get("approximate")) or "").lower() in ("1", "true"),
    )


def _ends_after_it_begins(valid_from: date | None, valid_to: date | None, row: int) -> None:
    if valid_from and valid_to and valid_to < valid_from:
        refuse_feature(row, f"it ends on {valid_to}, before it begins on {valid_from}; mend one of the days at the source")


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
        refuse_feature(row, f"its kind is {text!r}; give --kind, or an attribute kind that is one of {', '.join(ZoneKind)}")


def _day(value: object, row: int, attribute: str) -> date | None:
    if isinstance(value, datetime):  # before the test for missing: pandas' NaT is one too
        return None if pd.isna(value) else value.date()
    text = value.isoformat() if isinstance(value, date) else _text(value) or ""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("/", "-")).date()
    except ValueError:
        refuse_feature(row, f"{attribute} is {text!r}; write days as 2024-12-31, or say in a mapping how they are written (date_format)")


def _accuracy_m(value: object, row: int) -> float:
    text = _text(value)
    if text is None:
        return ACCURACY_M
    try:
        accuracy_m = float(text)
    except ValueError:
        accuracy_m = -1.0
    if not 0 <= accuracy_m <= 100_000:
        refuse_feature(row, f"accuracy_m is {text!r}; give metres")
    return accuracy_m


def _text(value: object) -> str | None:
    """An attribute as one line of printable text; None when missing. Names go into messages that people read."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    whole = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)  # codes with gaps arrive as 12.0
    printable = "".join(c if c.isprintable() else " " for c in whole)
    return " ".join(printable.split())[:MAX_TEXT] or None


def _no_id_twice(zones: Sequence[Zone], rows: Sequence[int]) -> None:
    first: dict[str, int] = {}
    for row, zone in zip(rows, zones, strict=True):
        if zone.zone_id in first:
            refuse_feature(row, f"its id {zone.zone_id} is also that of feature {first[zone.zone_id] + 1}; ids must be unique")
        first[zone.zone_id] = row
