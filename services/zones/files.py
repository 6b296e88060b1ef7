"""Reading a layer of zones: the whole layer, or a refusal that names the feature and the reason.

The file is read in a child process under limits.
"""

from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.zone_mapping import ZoneMapping
from jagawana.services.layers.reader import LIMITS, ReaderLimits, Request, answer, ask


def read_zones(
    path: Path,
    *,
    kind: ZoneKind | None,
    layer: str,
    layer_version: str,
    name_field: str | None,
    source: str | None = None,
    mapping: ZoneMapping | None = None,
    limits: ReaderLimits = LIMITS,
) -> list[Zone]:
    """Zones of a GeoPackage, GeoJSON, Shapefile or KML, in WGS 84 and in the order of the file.

    The format is told by the file's first bytes, never by its name, and no other format is opened. Geometry is never repaired.

    Args:
        path: a file, or a folder that holds one Shapefile with its sidecars.
        kind: the kind of all zones; without it each feature needs one in its attribute `kind`.
        layer: our name of the layer. Of a GeoPackage with several tables, the table of that name is read.
        layer_version: version or date of the layer, kept in every verdict.
        name_field: attribute that holds the zone's name; without it, features.COLUMNS.
        source: who published the layer; without it, the mapping's, then the file's name.
        mapping: where the attributes are; then `kind` and `name_field` are not given.

    Raises:
        DataError: ZONES_INVALID for a whole layer when anything in it is wrong; nothing of it is used.
    """
    request = {
        "kind": kind, "layer": layer, "layer_version": layer_version, "name_field": name_field, "source": source,
        "mapping": mapping and mapping.model_dump_json(),
    }  # fmt: skip
    found, outlines = ask("jagawana.services.zones.files", path, request, limits)
    return [_zone(record, outline) for record, outline in zip(found["zones"], outlines, strict=True)]


def read_here(
    path: Path,
    *,
    kind: ZoneKind | None,
    layer: str,
    layer_version: str,
    name_field: str | None,
    source: str | None = None,
    mapping: ZoneMapping | None = None,
) -> list[Zone]:
    """Like `read_zones`, in this process and without limits.

    Raises:
        DataError: ZONES_INVALID.
    """
    from jagawana.services.layers.tables import file_at, read_table
    from jagawana.services.zones.features import zones_of
    from jagawana.services.zones.mapping import mapped

    table = read_table(file_at(path), layer)
    published = source or (mapping and mapping.source) or path.name
    zones = zones_of(
        mapped(table, mapping) if mapping else table,
        kind=kind, layer=layer, layer_version=layer_version, name_field=name_field, source=published,
    )  # fmt: skip
    return [replace(z, licence=mapping.licence, redistributable=mapping.redistributable) for z in zones] if mapping else zones


def _zone(record: dict[str, Any], outline: BaseGeometry) -> Zone:
    """A zone from the reader's answer."""
    days = {name: date.fromisoformat(record[name]) if record[name] else None for name in ("valid_from", "valid_to")}
    return Zone(**record | days | {"kind": ZoneKind(record["kind"]), "geometry": cast(Polygon | MultiPolygon, outline)})


def _read(path: Path, request: Request) -> tuple[dict[str, Any], list[Polygon | MultiPolygon]]:
    """The reader's side of `read_zones`."""
    kind, mapping = request.pop("kind"), request.pop("mapping")
    given = mapping and ZoneMapping.model_validate_json(mapping)
    zones = read_here(path, kind=kind and ZoneKind(kind), mapping=given, **request)
    records = [{f.name: getattr(zone, f.name) for f in fields(zone) if f.name != "geometry"} for zone in zones]
    return {"zones": records}, [z.geometry for z in zones]


if __name__ == "__main__":
    answer(_read)
