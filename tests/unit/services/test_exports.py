"""Exports open in the programs they are for, and carry nothing that acts."""

import csv
import io
import json
import xml.etree.ElementTree as etree
from pathlib import Path

import geopandas
import gpxpy
import pytest
from alert_examples import LAT, LON, all_records, content, evidence, record, shape, zone

from jagawana.schemas.alert import AlertPublished, ChangeClass
from jagawana.schemas.ids import short_code
from jagawana.services.notify.exports import CSV_FIELDS, TABLE_HEADER, to_csv, to_geojson, to_gpx, to_kml, to_table_rows

RECORDS = list(all_records().values())
EVERYTHING = record(content((shape(), shape(ChangeClass.ROAD), shape(ChangeClass.HUT))))
HOSTILE = record(content(zones=(zone(name='=HYPERLINK("http://evil.example")<script>&amp;]]>'),)))
WRITERS = (to_geojson, to_gpx, to_kml, to_csv)
KML = {"k": "http://www.opengis.net/kml/2.2"}


def parsed_kml(records: list[AlertPublished]) -> "etree.Element[str]":
    return etree.fromstring(to_kml(records).encode())


@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_records_give_the_same_text(writer: object) -> None:
    assert callable(writer)
    assert writer(RECORDS) == writer(RECORDS)


@pytest.mark.parametrize("writer", WRITERS)
def test_no_records_is_still_a_valid_file(writer: object, tmp_path: Path) -> None:
    assert callable(writer)
    assert writer([])


def test_geojson_has_a_feature_per_shape_and_opens_in_a_gis(tmp_path: Path) -> None:
    path = tmp_path / "alerts.geojson"
    path.write_text(to_geojson([EVERYTHING]), encoding="utf-8")
    frame = geopandas.read_file(path)
    assert list(frame.geom_type) == ["MultiPolygon", "MultiLineString", "MultiPoint"]
    assert list(frame["change_class"]) == ["mining", "road", "hut"]
    assert frame.crs.to_epsg() == 4326 and frame["mining_ha"].iloc[0] == pytest.approx(0.84)


def test_geojson_ids_are_unique() -> None:
    ids = [f["id"] for f in json.loads(to_geojson([EVERYTHING]))["features"]]
    assert len(set(ids)) == 3


def test_gpx_has_waypoints_for_the_alert_and_every_hut_and_tracks_for_lines() -> None:
    gpx = gpxpy.parse(to_gpx([EVERYTHING]))
    first = gpx.waypoints[0]
    assert (first.latitude, first.longitude) == (pytest.approx(LAT), pytest.approx(LON))
    assert first.name == f"{short_code(EVERYTHING.content.alert_id)} r1" and "KAT3" in first.description
    assert len(gpx.waypoints) == 1 + 3 and len(gpx.tracks) == 2 + 1


def test_kml_draws_every_shape_at_its_place() -> None:
    tree = parsed_kml([EVERYTHING])
    assert [len(tree.findall(f".//k:{tag}", KML)) for tag in ("Polygon", "LineString", "Point")] == [2, 1, 1 + 3]
    longitude, latitude, *_ = tree.findtext(".//k:Point/k:coordinates", namespaces=KML).split(",")
    assert (float(longitude), float(latitude)) == (pytest.approx(LON), pytest.approx(LAT))


def test_what_is_not_current_is_marked_in_the_name_of_every_mark() -> None:
    shown = all_records()["test"]
    assert gpxpy.parse(to_gpx([shown])).waypoints[0].name.startswith("TEST ")
    assert all(e.text.startswith("TEST ") for e in parsed_kml([shown]).findall(".//k:Placemark/k:name", KML))
    assert to_table_rows([shown])[0][0].startswith("TEST ")
    assert json.loads(to_geojson([shown]))["features"][0]["properties"]["tense"] == "test"


def test_csv_has_one_line_per_alert_and_numbers_stay_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(RECORDS))))
    assert len(rows) == len(RECORDS) and tuple(rows[0]) == CSV_FIELDS
    assert float(rows[0]["latitude"]) == pytest.approx(LAT) and float(rows[0]["mining_ha"]) == pytest.approx(0.84)


def test_a_hostile_zone_name_neither_runs_nor_breaks_a_file() -> None:
    assert etree.fromstring(to_gpx([HOSTILE]).encode()) is not None and parsed_kml([HOSTILE]) is not None
    for text in (writer([HOSTILE]) for writer in WRITERS):
        assert "<script" not in text and "http://evil" not in text
    assert not next(csv.DictReader(io.StringIO(to_csv([HOSTILE]))))["zone_name"].startswith("=")


def test_table_rows_have_a_cell_per_column() -> None:
    rows = to_table_rows(RECORDS)
    assert {len(r) for r in rows} == {len(TABLE_HEADER)}
    assert rows[2][TABLE_HEADER.index("zone")] == "-", "outside every zone"


def test_an_identifier_that_looks_like_a_formula_is_defused_for_spreadsheets() -> None:
    shown = record(content(evidence=evidence(scene_ids=("-2-3|calc",))))
    assert next(csv.DictReader(io.StringIO(to_csv([shown]))))["scene_ids"] == "'-2-3|calc"
