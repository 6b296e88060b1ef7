"""Alerts for the programs people have: GeoJSON (RFC 7946), GPX 1.1, KML 2.2, CSV and table rows. Pure: records in, text out.

Every name from outside is sanitised first; the writers escape what remains. The same records give the same bytes.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import gpxpy.gpx
import simplekml

from jagawana.schemas.alert import AlertPublished, AlertShape
from jagawana.schemas.base import iso_utc
from jagawana.schemas.geometry import MultiLineString, MultiPolygon, Position
from jagawana.schemas.ids import short_code
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.coordinates import DECIMALS, dms, spaced_cell
from jagawana.services.notify.wording import Language, compact
from jagawana.services.notify.wording.facts import leading_shape, telling_zone
from jagawana.services.notify.wording.names import safe_id, safe_name

Properties = dict[str, str | float | int | None]
CSV_FIELDS = (
    "code",
    "alert_id",
    "record_number",
    "alert_type",
    "tense",
    "state",
    "stage",
    "category",
    "severity",
    "zone_kind",
    "zone_name",
    "rule_id",
    "mining_ha",
    "road_m",
    "huts",
    "probability",
    "calibrated",
    "near_boundary",
    "first_seen_at",
    "last_seen_at",
    "latitude",
    "longitude",
    "dms",
    "cell",
    "tile",
    "province",
    "scene_ids",
)
TABLE_HEADER = ("code", "state", "category", "severity", "what", "zone", "place", "cell", "seen", "P")
_TENSE_WORD = {AlertTense.CURRENT: "", AlertTense.TEST: "TEST ", AlertTense.ARCHIVAL: "ARCHIVE ", AlertTense.INJECTION: "EXERCISE "}
_MINING_COLOUR, _ROAD_COLOUR, _HUT_COLOUR = "ff2a1fd6", "ff00a5e6", "ffb27200"
"""KML colours are aabbggrr."""


def properties_of(record: AlertPublished) -> Properties:
    """What a GIS shows of an alert: flat, named as in CSV_FIELDS, times in RFC 3339."""
    content, verdict = record.content, record.content.verdict
    zone, leading = telling_zone(verdict), leading_shape(content)
    longitude, latitude = content.place.coordinates
    return {
        "code": short_code(content.alert_id),
        "alert_id": str(content.alert_id),
        "record_number": record.record_number,
        "alert_type": record.alert_type,
        "tense": record.alert_tense,
        "state": content.state,
        "stage": content.stage,
        "category": verdict.category,
        "severity": content.severity.total if content.severity else None,
        "zone_kind": zone.kind if zone else None,
        "zone_name": safe_name(zone.name) if zone else None,
        "rule_id": safe_id(verdict.rule_id),
        "mining_ha": round(content.mining_ha, 3),
        "road_m": round(content.road_m, 1),
        "huts": content.huts,
        "probability": round(leading.probability, 3),
        "calibrated": content.evidence.calibrated,
        "near_boundary": verdict.near_boundary,
        "first_seen_at": iso_utc(content.first_seen_at),
        "last_seen_at": iso_utc(content.last_seen_at),
        "latitude": round(latitude, DECIMALS),
        "longitude": round(longitude, DECIMALS),
        "dms": dms(content.place),
        "cell": content.cell,
        "tile": content.tile,
        "province": safe_name(content.province) if content.province else None,
        "scene_ids": " ".join(safe_id(s) for s in content.evidence.scene_ids),
    }


def to_geojson(records: Iterable[AlertPublished]) -> str:
    """A FeatureCollection: one feature per shape, each with the alert's properties and its own."""
    features = [_feature(r, n, s) for r in records for n, s in enumerate(r.content.shapes, start=1)]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _feature(record: AlertPublished, number: int, shape: AlertShape) -> dict[str, Any]:
    own = {
        "change_class": shape.change_class,
        "shape_state": shape.state,
        "area_ha": shape.area_ha,
        "length_m": shape.length_m,
        "count": shape.count,
        "shape_probability": round(shape.probability, 3),
    }
    return {
        "type": "Feature",
        "id": f"{record.content.alert_id}/{number}",
        "geometry": shape.geometry.model_dump(mode="json"),
        "properties": {**properties_of(record), **own},
    }


def to_gpx(records: Iterable[AlertPublished], *, lang: Language = Language.INDONESIAN) -> str:
    """For a hand-held GPS: a waypoint per alert, tracks along outlines and roads, a waypoint per hut. Latitude and longitude WGS 84."""
    gpx = gpxpy.gpx.GPX()
    gpx.creator = "jagawana"
    for record in records:
        longitude, latitude = record.content.place.coordinates
        gpx.waypoints.append(_waypoint(latitude, longitude, _title(record), compact(record, lang)))
        for name, line in _lines(record):
            points = [gpxpy.gpx.GPXTrackPoint(latitude=lat, longitude=lon) for lon, lat in line]
            track = gpxpy.gpx.GPXTrack(name=name)
            track.segments.append(gpxpy.gpx.GPXTrackSegment(points=points))
            gpx.tracks.append(track)
        gpx.waypoints.extend(_waypoint(lat, lon, f"{_title(record)} hut", "") for lon, lat in _huts(record))
    return str(gpx.to_xml(version="1.1", prettyprint=True))


def _waypoint(latitude: float, longitude: float, name: str, description: str) -> gpxpy.gpx.GPXWaypoint:
    return gpxpy.gpx.GPXWaypoint(latitude=latitude, longitude=longitude, name=name, description=description or None)


def to_kml(records: Iterable[AlertPublished], *, lang: Language = Language.INDONESIAN) -> str:
    """For Google Earth and its like: a folder per alert with outlines, roads, huts and the ranger's short message."""
    simplekml.Kml.resetidcounter()  # the library numbers elements per process; the same records must give the same bytes
    kml = simplekml.Kml(name="jagawana")
    for record in records:
        folder = kml.newfolder(name=_title(record))
        folder.newpoint(name=_title(record), description=compact(record, lang), coords=[record.content.place.coordinates])
        for shape in record.content.shapes:
            _draw_kml(folder, f"{_title(record)} {shape.change_class}", shape)
    return str(kml.kml())


def _draw_kml(folder: simplekml.Folder, name: str, shape: AlertShape) -> None:
    geometry = shape.geometry
    if isinstance(geometry, MultiPolygon):
        for outer, *holes in geometry.coordinates:
            polygon = folder.newpolygon(name=name, outerboundaryis=list(outer), innerboundaryis=[list(h) for h in holes])
            polygon.style.linestyle.color, polygon.style.linestyle.width, polygon.style.polystyle.fill = _MINING_COLOUR, 2, 0
    elif isinstance(geometry, MultiLineString):
        for line in geometry.coordinates:
            drawn = folder.newlinestring(name=name, coords=list(line))
            drawn.style.linestyle.color, drawn.style.linestyle.width = _ROAD_COLOUR, 3
    else:
        for place in geometry.coordinates:
            folder.newpoint(name=name, coords=[place]).style.iconstyle.color = _HUT_COLOUR


def to_csv(records: Iterable[AlertPublished]) -> str:
    """One line per alert under CSV_FIELDS (RFC 4180, UTF-8, newline). An apostrophe precedes text a spreadsheet would run as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    for record in records:
        properties = properties_of(record)
        writer.writerow([_cell(properties[field]) for field in CSV_FIELDS])
    return out.getvalue()


def _cell(value: str | float | int | None) -> str | float | int:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else str(value)
    return "" if value is None else value


def to_table_rows(records: Iterable[AlertPublished]) -> list[tuple[str, ...]]:
    """Rows under TABLE_HEADER for a terminal; the first cell carries the tense where it is not current."""
    return [_row(r) for r in records]


def _row(record: AlertPublished) -> tuple[str, ...]:
    content = record.content
    zone = telling_zone(content.verdict)
    longitude, latitude = content.place.coordinates
    return (
        _title(record),
        content.state,
        content.verdict.category,
        str(content.severity.total) if content.severity else "-",
        _amounts(record),
        f"{zone.kind}: {safe_name(zone.name)}" if zone else "-",
        f"{latitude:.5f}, {longitude:.5f}",
        spaced_cell(content.cell),
        f"{content.first_seen_at:%Y-%m-%d} to {content.last_seen_at:%Y-%m-%d}",
        f"{leading_shape(content).probability:.2f}",
    )


def _amounts(record: AlertPublished) -> str:
    content = record.content
    amounts = (
        f"{content.mining_ha:.2f} ha" if content.mining_ha > 0 else "",
        f"{content.road_m:.0f} m road" if content.road_m > 0 else "",
        f"{content.huts} huts" if content.huts else "",
    )
    return ", ".join(filter(None, amounts)) or "-"


def _title(record: AlertPublished) -> str:
    return f"{_TENSE_WORD[record.alert_tense]}{short_code(record.content.alert_id)} r{record.record_number}"


def _lines(record: AlertPublished) -> Iterable[tuple[str, Sequence[Position]]]:
    for shape in record.content.shapes:
        name, geometry = f"{_title(record)} {shape.change_class}", shape.geometry
        if isinstance(geometry, MultiPolygon):
            yield from ((name, rings[0]) for rings in geometry.coordinates)
        elif isinstance(geometry, MultiLineString):
            yield from ((name, line) for line in geometry.coordinates)


def _huts(record: AlertPublished) -> Iterable[Position]:
    for shape in record.content.shapes:
        if not isinstance(shape.geometry, MultiPolygon | MultiLineString):
            yield from shape.geometry.coordinates
