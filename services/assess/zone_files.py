"""Reading a layer of zones: the whole layer, or a refusal that names the feature and the reason.

The file is read in a child process under limits, in which GDAL knows three formats only; its answer is JSON and WKB.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import shapely
from shapely import MultiPolygon, Polygon

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.zone_mapping import ZoneMapping
from jagawana.services.raster.confinement import confine
from jagawana.services.raster.nursery import KEPT_VARIABLES

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReaderLimits:
    """What reading one layer may use: wall clock and processor time in seconds, and memory in bytes."""

    seconds: int = 600
    extra_bytes: int = 6 << 30


LIMITS = ReaderLimits()
"""The largest layer that the rules allow takes about a tenth of both."""


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
        name_field: attribute that holds the zone's name; without it, zone_features.COLUMNS.
        source: who published the layer; without it, the mapping's, then the file's name.
        mapping: where the attributes are; then `kind` and `name_field` are not given.

    Raises:
        DataError: ZONES_INVALID for a whole layer when anything in it is wrong; nothing of it is used.
    """
    request = {
        "path": str(path.absolute()), "kind": kind, "layer": layer, "layer_version": layer_version, "name_field": name_field,
        "source": source, "mapping": mapping and mapping.model_dump_json(), "seconds": limits.seconds, "extra_bytes": limits.extra_bytes,
    }  # fmt: skip
    head, _, outlines = _ask(request, path.name, limits).partition(b"\n")
    answer = json.loads(head)
    if "error" in answer:
        raise DataError(ErrorCode(answer["error"]), answer["detail"])
    return [_zone(record, outlines) for record in answer["zones"]]


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
    from jagawana.services.assess.zone_features import zones_of
    from jagawana.services.assess.zone_mapping import mapped
    from jagawana.services.assess.zone_tables import file_at, read_table

    table = read_table(file_at(path), layer)
    published = source or (mapping and mapping.source) or path.name
    zones = zones_of(
        mapped(table, mapping) if mapping else table,
        kind=kind, layer=layer, layer_version=layer_version, name_field=name_field, source=published,
    )  # fmt: skip
    return [replace(z, licence=mapping.licence, redistributable=mapping.redistributable) for z in zones] if mapping else zones


def _ask(request: Mapping[str, object], name: str, limits: ReaderLimits) -> bytes:
    command = [sys.executable, "-P", "-m", "jagawana.services.assess.zone_files"]
    try:
        done = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, env=_environment(), timeout=limits.seconds, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise DataError(ErrorCode.ZONES_INVALID, f"{name} was not read within {limits.seconds} s; simplify or divide the layer") from e
    if done.returncode or b"\n" not in done.stdout:
        logger.warning("the reader of %s ended with %d: %r", name, done.returncode, done.stderr[-300:])
        room = f"{limits.extra_bytes >> 20} MiB and {limits.seconds} s"
        raise DataError(ErrorCode.ZONES_INVALID, f"{name} broke its reader, or needs more than {room}; export it again, or divide it")
    return done.stdout


def _environment() -> dict[str, str]:
    """No secrets, no drivers but the three, no network, and no threads: the reader makes its namespaces while it has one."""
    import pyogrio

    from jagawana.services.assess.zone_tables import DRIVERS

    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    others = ",".join(name for name in pyogrio.list_drivers() if name not in DRIVERS)
    closed = {"PROJ_NETWORK": "OFF", "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none", "OGR_SQLITE_LOAD_EXTENSIONS": ""}
    return kept | closed | {"GDAL_SKIP": others, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _zone(record: Mapping[str, Any], outlines: bytes) -> Zone:
    """A zone from the reader's answer; `outline` is where its WKB lies."""
    start, stop = record["outline"]
    days = {name: date.fromisoformat(record[name]) if record[name] else None for name in ("valid_from", "valid_to")}
    geometry = cast(Polygon | MultiPolygon, shapely.from_wkb(outlines[start:stop]))
    plain = {name: value for name, value in record.items() if name not in ("outline", *days)}
    return Zone(**plain | days | {"kind": ZoneKind(record["kind"]), "geometry": geometry})


def _answer(request: dict[str, Any]) -> bytes:
    """The reader's side: a line of JSON, then the WKB of all zones."""
    confine(request.pop("extra_bytes"), request.pop("seconds"))
    kind, mapping = request.pop("kind"), request.pop("mapping")
    given = mapping and ZoneMapping.model_validate_json(mapping)
    try:
        zones = read_here(Path(request.pop("path")), kind=kind and ZoneKind(kind), mapping=given, **request)
    except DataError as e:
        return json.dumps({"error": e.code, "detail": e.detail}).encode() + b"\n"
    outlines, records, start = [shapely.to_wkb(z.geometry) for z in zones], [], 0
    for zone, outline in zip(zones, outlines, strict=True):
        record = {f.name: getattr(zone, f.name) for f in fields(zone) if f.name != "geometry"}
        records.append(record | {"outline": (start, start + len(outline))})
        start += len(outline)
    return json.dumps({"zones": records}, default=str).encode() + b"\n" + b"".join(outlines)


if __name__ == "__main__":
    sys.stdout.buffer.write(_answer(json.load(sys.stdin)))
