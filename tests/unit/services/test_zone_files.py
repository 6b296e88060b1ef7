import json
import math
import sqlite3
from datetime import date

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.zones.files import read_here

A, B = box(113.0, -2.1, 113.1, -2.0), box(113.2, -2.1, 113.3, -2.0)
FORMATS = ["gpkg", "geojson", "shp"]


def frame(geometries=(A, B), crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame({k: list(v) for k, v in columns.items()}, geometry=list(geometries), crs=crs)


def write(folder, table, ext="gpkg", name="zones"):
    path = folder / f"{name}.{ext}"
    table.to_file(path, engine="pyogrio")
    return path


def read(path, *, kind=ZoneKind.CONCESSION, layer="permits", name_field=None, source=None):
    return read_here(path, kind=kind, layer=layer, layer_version="2024-01", name_field=name_field, source=source)


def refused(path, reason, **options):
    with pytest.raises(DataError, match=reason) as e:
        read(path, **options)
    assert e.value.code is ErrorCode.ZONES_INVALID


def raw(folder, geometry, properties=None, **document):
    feature = {"type": "Feature", "properties": properties or {}, "geometry": geometry}
    path = folder / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **document}))
    return path


@pytest.mark.parametrize("ext", FORMATS)
def test_everything_a_zone_has_is_read_from_each_format(tmp_path, ext):
    table = frame(
        zone_id=["c-1", "c-2"],
        kind=["concession", "Protected Forest"],
        name=["Tambang Satu", "Hutan Dua"],
        valid_from=["2020-01-01", None],
        valid_to=["2030/12/31", None],
        holder=["PT Contoh", None],
        stage=["IUP Operasi Produksi", None],
        accuracy_m=[50.0, None],
    )
    one, two = read(write(tmp_path, table, ext), kind=None, source="ESDM")
    assert (one.zone_id, one.kind, one.name, one.holder, one.stage) == (
        "c-1",
        "concession",
        "Tambang Satu",
        "PT Contoh",
        "IUP Operasi Produksi",
    )
    assert (one.valid_from, one.valid_to, one.accuracy_m) == (date(2020, 1, 1), date(2030, 12, 31), 50)
    assert (one.layer, one.layer_version, one.source) == ("permits", "2024-01", "ESDM")
    assert (two.kind, two.valid_from, two.valid_to, two.holder, two.stage, two.accuracy_m) == (
        "protected_forest",
        None,
        None,
        None,
        None,
        30,
    )
    assert one.geometry.equals(A) and two.geometry.equals(B)


def test_dates_of_the_file_format_are_read_too(tmp_path):
    table = frame(name=["a", "b"], valid_from=np.array(["2020-01-01", "NaT"], dtype="datetime64[ms]"))
    assert [z.valid_from for z in read(write(tmp_path, table))] == [date(2020, 1, 1), None]


def test_a_folder_with_one_shapefile_is_read_and_with_two_refused(tmp_path):
    write(tmp_path, frame(name=["a", "b"]), "shp")
    assert len(read(tmp_path)) == 2
    write(tmp_path, frame(name=["a", "b"]), "shp", name="more")
    refused(tmp_path, "holds 2 Shapefiles")


def test_of_several_tables_the_one_named_as_the_layer_is_read(tmp_path):
    path = tmp_path / "z.gpkg"
    frame(name=["a", "b"]).to_file(path, layer="permits", engine="pyogrio")
    frame([A], name=["c"]).to_file(path, layer="parks", engine="pyogrio")
    assert [z.name for z in read(path, layer="parks")] == ["c"]
    refused(path, "holds the tables permits, parks", layer="rivers")


@pytest.mark.parametrize("ext", FORMATS)
def test_other_coordinate_systems_become_wgs84(tmp_path, ext):
    (zone,) = read(write(tmp_path, frame([A], name=["a"]).to_crs(32749), ext))
    assert zone.geometry.hausdorff_distance(A) < 1e-6


def test_geojson_without_a_coordinate_system_is_wgs84(tmp_path):
    (zone,) = read(raw(tmp_path, A.__geo_interface__))
    assert zone.geometry.equals(A)


def test_heights_are_left_out(tmp_path):
    (zone,) = read(write(tmp_path, frame([Polygon([(113, -2, 5), (113.1, -2, 5), (113.1, -1.9, 5)])], name=["a"])))
    assert not zone.geometry.has_z


def test_the_option_is_stronger_than_the_attribute(tmp_path):
    path = write(tmp_path, frame(kind=["riparian", "riparian"], name=["a", "b"]))
    assert {z.kind for z in read(path, kind=ZoneKind.CONSERVATION)} == {ZoneKind.CONSERVATION}


def test_the_name_comes_from_the_field_asked_for(tmp_path):
    path = write(tmp_path, frame(name=["a", "b"], park=["P", "Q"]))
    assert [z.name for z in read(path, name_field="park")] == ["P", "Q"]
    refused(path, "no attribute 'title'; there are name, park", name_field="title")


def test_names_are_one_line_of_printable_text(tmp_path):
    (zone,) = read(raw(tmp_path, A.__geo_interface__, {"name": "Taman\r\nBcc: x\u202e\x00  Nasional" + "x" * 500}))
    assert zone.name.startswith("Taman Bcc: x Nasional") and len(zone.name) == 200


def test_an_official_code_is_an_id_within_its_layer(tmp_path):
    path = write(tmp_path, frame(KODE=[7.0, 12.0], name=["a", "b"]))
    assert [z.zone_id for z in read(path)] == ["permits/7", "permits/12"]


def test_without_a_code_the_id_comes_from_layer_name_and_outline(tmp_path):
    turned = Polygon([*A.exterior.coords[2:], *A.exterior.coords[1:3]])
    first = [z.zone_id for z in read(write(tmp_path, frame([A, B], name=["a", "b"]), name="one"))]
    again = [z.zone_id for z in read(write(tmp_path, frame([B, turned], name=["b", "a"]), name="two"))]
    assert first == again[::-1] and first[0] != first[1]
    assert first[0] != read(write(tmp_path, frame([A], name=["other"]), name="three"))[0].zone_id


BOW_TIE = Polygon([(113, -2), (113.1, -1.9), (113.1, -2), (113, -1.9)])


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (BOW_TIE, "outline is invalid: Self-intersection"),
        (None, "no geometry"),
        (Polygon(), "no geometry"),
        (Point(113, -2), "it is a Point"),
        (LineString([(113, -2), (114, -2)]), "it is a LineString"),
        (GeometryCollection([A]), "it is a GeometryCollection"),
        (box(-2.1, 113.0, -2.0, 113.1), "outside the world.*axes swapped"),
        (MultiPolygon([A, box(113.05, -2.1, 113.2, -2.0)]), "outline is invalid"),
    ],
)
def test_one_bad_feature_refuses_the_whole_layer_by_number_and_reason(tmp_path, second, reason):
    refused(write(tmp_path, frame([A, second], name=["a", "b"])), f"feature 2: .*{reason}")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"kind": ["concession", "park"]}, "feature 2: its kind is 'park'"),
        ({"kind": ["concession", None]}, "feature 2: its kind is ''"),
        ({"name": ["a", "b"]}, "feature 1: its kind is ''"),
        ({"kind": ["riparian"] * 2, "zone_id": ["x", "x"]}, "feature 2: its id x is also that of feature 1"),
        ({"kind": ["riparian"] * 2, "valid_from": ["2024-01-02", None], "valid_to": ["2024-01-01", None]}, "feature 1: .*before it begins"),
        ({"kind": ["riparian"] * 2, "valid_from": ["soon", None]}, "feature 1: valid_from is 'soon'"),
        ({"kind": ["riparian"] * 2, "accuracy_m": ["30", "-1"]}, "feature 2: accuracy_m is '-1'"),
    ],
)
def test_wrong_attributes_refuse_the_whole_layer(tmp_path, columns, reason):
    refused(write(tmp_path, frame(**columns)), reason, kind=None)


def test_the_same_outline_twice_without_ids_is_refused(tmp_path):
    refused(write(tmp_path, frame([A, A], name=["a", "a"])), "ids must be unique")


@pytest.mark.parametrize("ext", ["gpkg", "shp"])
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_layer_without_a_coordinate_system_is_refused(tmp_path, ext):
    refused(write(tmp_path, frame(crs=None, name=["a", "b"]), ext), "no coordinate system")


def test_a_layer_labelled_with_a_wrong_utm_zone_is_refused(tmp_path):
    table = frame([A], name=["a"]).to_crs(32749).set_crs(32721, allow_override=True)
    shifted = table.set_geometry(table.translate(yoff=-9_700_000))  # southern northings start at 10,000,000 m
    refused(write(tmp_path, shifted), "far from where WGS 84 / UTM zone 21S is used")


def test_a_feature_of_too_many_vertices_is_refused(tmp_path):
    turns = np.linspace(0, 2 * math.pi, 200_001)
    refused(
        write(tmp_path, frame([Polygon(np.c_[113 + np.cos(turns) / 10, -2 + np.sin(turns) / 10])], name=["a"])), "more than 200000 vertices"
    )


@pytest.mark.parametrize(
    ("ring", "reason"),
    [
        ([[113, -2], [113.1, -2], [113.1, -1.9], [113, -1.9]], "not closed"),
        ([[113, -2], [113.1, -2], [113, -2]], "fewer than four"),
        ([["113", "-2"], ["113.1", "-2"], ["113.1", "-1.9"], ["113", "-2"]], "not a number"),
        ([[113, -2], [1e999, -2], [113.1, -1.9], [113, -2]], "cannot be read as GeoJSON: ValueError: Infinity"),
        ([[113, -2], [10**400, -2], [113.1, -1.9], [113, -2]], "cannot be read as GeoJSON: OverflowError"),
        ([[113, -2], [1e308, -2], [113.1, -1.9], [113, -2]], "feature 1"),
        ([], "not closed"),
        (7, "cannot be read as GeoJSON"),
    ],
)
def test_geojson_outlines_that_shapely_would_take_are_refused(tmp_path, ring, reason):
    refused(raw(tmp_path, {"type": "Polygon", "coordinates": [ring]}), reason)


def test_geojson_numbers_that_overflow_are_refused(tmp_path):
    path = raw(tmp_path, {"type": "Polygon", "coordinates": [[[113, -2], [777, -2], [113.1, -1.9], [113, -2]]]})
    path.write_text(path.read_text().replace("777", "1e400"))
    refused(path, "feature 1: a coordinate is not finite")


@pytest.mark.parametrize("name", ["/etc/passwd", "+proj=pipeline +step", "EPSG:32749\n"])
def test_geojson_cannot_name_a_file_as_its_coordinate_system(tmp_path, name):
    refused(raw(tmp_path, A.__geo_interface__, crs={"type": "name", "properties": {"name": name}}), "names the coordinate system")


VRT = '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


@pytest.mark.parametrize("name", ["zones.gpkg", "zones.geojson", "zones.shp"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (VRT.encode(), "not a GeoPackage, GeoJSON, Shapefile or KML"),
        (b"PK\x03\x04", "not a GeoPackage"),
        (b"", "not a GeoPackage"),
        (b'{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /etc/passwd"}', "not a GeoJSON FeatureCollection"),
        (b'{"type": "FeatureCollection"}', "cannot be read as GeoJSON"),
        (b'{"type": "FeatureCollection", "features": []}', "no features"),
        (b'{"type": "FeatureCollection", "features": [{"type": "Feature"}]}', "cannot be read as GeoJSON"),
        (b'{"a":' * 100_000, "cannot be read as GeoJSON"),
        (b"\x00\x00\x27\x0a" + b"\x00" * 60, "cannot be read as ESRI Shapefile"),
    ],
)
def test_the_content_decides_the_format_and_other_formats_are_not_opened(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, reason)


def test_a_database_that_is_no_geopackage_is_not_opened(tmp_path):
    path = tmp_path / "zones.gpkg"
    connection = sqlite3.connect(path)
    connection.execute("create table t (a)")
    connection.close()
    refused(path, "not a GeoPackage")


def test_a_truncated_geopackage_is_refused(tmp_path):
    path = write(tmp_path, frame(name=["a", "b"]))
    path.write_bytes(path.read_bytes()[:5000])
    refused(path, "cannot be read as GPKG")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    refused(tmp_path / "nothing.gpkg", "is not a file")


def test_a_file_that_another_driver_would_read_is_refused(tmp_path, monkeypatch):
    """No such file is known: the first bytes leave no other driver a chance today, and new drivers come with every GDAL."""
    monkeypatch.setattr(pyogrio, "read_info", lambda *_, **__: {"driver": "OGR_VRT"})
    refused(write(tmp_path, frame(name=["a", "b"])), "looks like GPKG but is read by OGR_VRT")
