"""Mapping files: a publisher's columns and words become ours, or the layer is refused with the place and the reason."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely import LineString, Point, box
from typer.testing import CliRunner

from jagawana.rules.riparian import strip_width_m
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli import app
from jagawana.services.store import zones as stored
from jagawana.services.store.database import open_sqlite, transaction
from jagawana.services.zones.changes import with_ids_of, zone_changes
from jagawana.services.zones.files import read_here, read_zones
from jagawana.services.zones.mapping import read_mapping

FOREST = {
    "mapping": "1.0",
    "kind": {"column": "FUNGSI", "values": {"HL": "protected_forest", "HP": "production_forest", "APL": None}},
    "code": {"column": "KODE_KWS"},
    "name": {"column": "NAMA_KWS"},
    "valid_from": {"column": "TGL_SK", "date_format": "%d/%m/%Y"},
    "source": "KLHK", "licence": "for authorities only", "redistributable": False,
}  # fmt: skip
ROWS = {
    "FUNGSI": ["APL", "HL", "HP"], "KODE_KWS": [1, 2, 3], "NAMA_KWS": ["Lain", "Lindung", "Produksi"],
    "TGL_SK": ["01/02/2001", "31/12/2003", None], "ID": [7, 7, 7],
}  # fmt: skip
THREE = [box(113.0 + n, -2.1, 113.1 + n, -2.0) for n in range(3)]


def layer(folder: Path, geometries: list[Any] = THREE, ext: str = "gpkg", **columns: Any) -> Path:
    path = folder / f"layer.{ext}"
    gpd.GeoDataFrame(columns or ROWS, geometry=geometries, crs="EPSG:4326").to_file(path, engine="pyogrio")
    return path


def mapping(folder: Path, **changes: Any) -> Path:
    path = folder / "mapping.json"
    path.write_text(json.dumps({k: v for k, v in (FOREST | changes).items() if v is not None}))
    return path


def read(path: Path, by: Path, reader: Callable[..., list[Zone]] = read_here) -> list[Zone]:
    return reader(path, kind=None, layer="kws", layer_version="1", name_field=None, mapping=read_mapping(by))


@pytest.mark.parametrize("ext", ["gpkg", "geojson", "shp"])
def test_columns_and_words_of_a_publisher_become_ours_and_what_means_nothing_is_left_out(tmp_path: Path, ext: str) -> None:
    protected, production = read(layer(tmp_path, ext=ext), mapping(tmp_path))
    assert (protected.zone_id, protected.kind, protected.name, protected.code) == ("kws/2", ZoneKind.PROTECTED_FOREST, "Lindung", "2")
    assert (protected.valid_from, production.valid_from) == (date(2003, 12, 31), None)
    assert (protected.source, protected.licence, protected.redistributable) == ("KLHK", "for authorities only", False)
    assert production.kind is ZoneKind.PRODUCTION_FOREST and production.geometry.equals(THREE[2])


def test_constants_and_toml_and_the_reader_of_its_own(tmp_path: Path) -> None:
    by = tmp_path / "permits.toml"
    by.write_text(
        'mapping = "1.0"\nsource = "ESDM"\n[kind]\nvalue = "concession"\n[stage]\nvalue = "IUP Operasi Produksi"\n'
        '[code]\ncolumn = "sk_iup"\n[commodity]\ncolumn = "komoditas"\n[method]\nvalue = "tambang terbuka"\n[valid_to]\ncolumn = "akhir"\n'
    )
    table = {"sk_iup": ["503/1"], "komoditas": ["Emas"], "akhir": ["2026-01-31"]}
    (zone,) = read(layer(tmp_path, THREE[:1], **table), by, read_zones)
    assert (zone.kind, zone.stage, zone.code, zone.commodity, zone.method, zone.valid_to) == (
        ZoneKind.CONCESSION, "IUP Operasi Produksi", "503/1", "Emas", "tambang terbuka", date(2026, 1, 31),
    )  # fmt: skip


BAD_MAPPINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no kind": ({"kind": None}, "at kind: Field required"),
    "unknown kind": ({"kind": {"value": "park"}}, "kind 'park' is unknown; it is one of concession"),
    "unknown kind among the values": ({"kind": {"column": "FUNGSI", "values": {"HL": "park"}}}, "kind 'park' is unknown"),
    "unknown field": ({"colour": "red"}, "at colour: there is no such field"),
    "value and column": ({"name": {"value": "a", "column": "b"}}, "at name: give either"),
    "neither": ({"name": {}}, "at name: give either"),
    "a format for a name": ({"name": {"column": "NAMA_KWS", "date_format": "%Y"}}, "only valid_from and valid_to are days"),
    "another version": ({"mapping": "9.0"}, "at mapping"),
    "a strip of forest": ({"strip": {"lines": "banks"}}, "strips are zones of the kind riparian"),
    "a missing column": ({"name": {"column": "NAMA"}}, "reads name from column 'NAMA'; there are FUNGSI"),
    "a value of which it says nothing": ({"kind": {"column": "FUNGSI", "values": {"APL": None, "HL": "province"}}}, "feature 3: its"),
    "nothing left": ({"kind": {"column": "FUNGSI", "values": {"APL": None, "HL": None, "HP": None}}}, "leaves out every feature"),
    "days written otherwise": ({"valid_from": {"column": "TGL_SK", "date_format": "%Y-%m-%d"}}, "feature 1: valid_from is '01/02/2001'"),
    "ends before it begins": ({"valid_to": {"value": "2001-01-01"}}, "feature 2: it ends on 2001-01-01, before it begins on 2003-12-31"),
    "one id for all": ({"zone_id": {"value": "x"}}, "feature 3: its id x is also that of feature 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_MAPPINGS)
def test_a_mapping_that_does_not_fit_refuses_the_layer(tmp_path: Path, name: str) -> None:
    changes, reason = BAD_MAPPINGS[name]
    with pytest.raises(DataError) as e:
        read(layer(tmp_path), mapping(tmp_path, **changes))
    assert e.value.code is ErrorCode.ZONES_INVALID and reason in e.value.detail


def test_a_mapping_that_is_no_file_or_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "bad.toml").write_text("=")
    for name, reason in (("none.json", "is not a file"), ("bad.json", "(root): Invalid JSON"), ("bad.toml", "cannot be read as TOML")):
        with pytest.raises(DataError, match=reason.replace("(", r"\(").replace(")", r"\)")):
            read_mapping(tmp_path / name)


def test_a_layer_that_its_mapping_refuses_leaves_the_version_in_force(tmp_path: Path) -> None:
    load = ["zones", "load", str(layer(tmp_path)), "--layer", "kws", "--data", str(tmp_path / "data"), "--mapping"]
    assert CliRunner().invoke(app, [*load, str(mapping(tmp_path))]).exit_code == 0
    with transaction(open_sqlite(tmp_path / "data" / "jagawana.sqlite")) as session:
        before = stored.version(session)
    done = CliRunner().invoke(app, [*load, str(mapping(tmp_path, name={"column": "NAMA"})), "--layer-version", "2"])
    assert isinstance(done.exception, DataError) and done.exception.code is ErrorCode.ZONES_INVALID
    done = CliRunner().invoke(app, [*load, str(mapping(tmp_path)), "--kind", "riparian"])
    assert isinstance(done.exception, DataError) and done.exception.code is ErrorCode.SETTINGS_INVALID
    with transaction(open_sqlite(tmp_path / "data" / "jagawana.sqlite")) as session:
        assert stored.version(session) == before
        assert [z.licence for z in stored.active(session)] == ["for authorities only"] * 2


@pytest.mark.parametrize(
    ("river", "width_m"),
    [
        ({"is_urban": True, "depth_m": 3.0, "catchment_km2": None}, 10),
        ({"is_urban": True, "depth_m": 3.1, "catchment_km2": 9999}, 15),
        ({"is_urban": True, "depth_m": 20.0, "catchment_km2": None}, 15),
        ({"is_urban": True, "depth_m": 20.1, "catchment_km2": None}, 30),
        ({"is_urban": True, "depth_m": None, "catchment_km2": None}, 10),
        ({"is_urban": False, "depth_m": 30.0, "catchment_km2": 500}, 50),
        ({"is_urban": False, "depth_m": 1.0, "catchment_km2": 500.1}, 100),
        ({"is_urban": False, "depth_m": None, "catchment_km2": None}, 50),
    ],
)
def test_widths_are_those_of_the_regulation_and_the_least_where_a_measure_is_unknown(river: dict[str, Any], width_m: float) -> None:
    assert strip_width_m(**river) == width_m


RIVERS = {"mapping": "1.0", "kind": {"value": "riparian"}, "code": {"column": "no"}}
LINE = LineString([(113.0, -2.0), (113.02, -2.0)])


def strips(folder: Path, strip: dict[str, Any], geometries: list[Any], **columns: Any) -> list[Zone]:
    by = folder / "rivers.json"
    by.write_text(json.dumps(RIVERS | {"strip": strip}))
    return read(layer(folder, geometries, no=[str(n) for n in range(len(geometries))], **columns), by)


def test_a_centre_line_becomes_a_strip_by_rule_from_its_banks_and_is_flagged_approximate(tmp_path: Path) -> None:
    strip = {"lines": "centre", "half_channel_m": "half", "catchment_km2": "area"}
    small, large = strips(tmp_path, strip, [LINE, shapely.affinity.translate(LINE, 0, 1)], half=[20.0, 40.0], area=[None, 501.0])
    assert small.approximate and large.approximate and small.kind is ZoneKind.RIPARIAN
    metre = 1 / 110_574  # of latitude, at the equator
    for zone, reach_m in ((small, 70), (large, 140)):
        middle = zone.geometry.intersection(LineString([(113.01, -3), (113.01, 0)]))
        assert middle.length / metre == pytest.approx(2 * reach_m, rel=0.002)


def test_banks_and_areas_are_not_approximate(tmp_path: Path) -> None:
    bank, lake = strips(tmp_path, {"lines": "banks", "width_m": 50}, [LINE, THREE[1]])
    assert not bank.approximate and not lake.approximate and lake.geometry.contains(THREE[1])


@pytest.mark.parametrize(
    ("strip", "geometries", "columns", "reason"),
    [
        ({"lines": "banks", "width_m": "breite"}, [LINE], {}, "reads strip.width_m from column 'breite'"),
        ({"lines": "banks", "width_m": "w"}, [LINE], {"w": ["wide"]}, "feature 1: width_m is 'wide'"),
        ({"lines": "banks", "width_m": "w"}, [LINE, LINE], {"w": [50, -1]}, "feature 2: width_m is '-1'"),
        ({"lines": "banks", "width_m": 5000}, [LINE], {}, "5000 m wide; give metres, up to 2000"),
        ({"lines": "banks", "width_m": 0}, [LINE], {}, "0 m wide"),
        ({"lines": "banks", "width_m": 50}, [Point(113, -2)], {}, "it is a Point"),
        ({"lines": "banks", "width_m": 50}, [LineString([(100, -2), (121, -2)])], {}, "longer than 20 degrees"),
    ],
)
def test_a_strip_that_cannot_be_made_refuses_the_layer(
    tmp_path: Path, strip: dict[str, Any], geometries: list[Any], columns: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DataError) as e:
        strips(tmp_path, strip, geometries, **columns)
    assert reason in e.value.detail


def zone(zone_id: str, name: str, west: float, kind: ZoneKind = ZoneKind.CONSERVATION, version: str = "1", **more: Any) -> Zone:
    return Zone(zone_id, kind, name, box(west, -2.0, west + 0.1, -1.9), "parks", version, "test", **more)


MADE = "parks/0123456789ab"


def test_a_zone_without_a_code_keeps_its_id_when_it_is_drawn_anew() -> None:
    before = [zone(MADE, "Taman", 110.0), zone("parks/ba9876543210", "Taman", 111.0), zone("parks/7", "Cagar", 112.0)]
    after = [
        zone("parks/aaaaaaaaaaaa", "Taman", 110.01),
        zone("parks/bbbbbbbbbbbb", "Taman", 111.09),  # little in common
        zone("parks/8", "Cagar", 112.0),  # has a code of its own
        zone("parks/cccccccccccc", "Lain", 110.0),  # another name
    ]
    assert [z.zone_id for z in with_ids_of(before, after)] == [MADE, "parks/bbbbbbbbbbbb", "parks/8", "parks/cccccccccccc"]
    assert with_ids_of(before, before) == before and with_ids_of([], after) == after


def test_of_two_zones_on_the_same_ground_only_one_takes_the_id() -> None:
    after = [zone("parks/aaaaaaaaaaaa", "Taman", 110.02), zone("parks/bbbbbbbbbbbb", "Taman", 110.01)]
    ids = [z.zone_id for z in with_ids_of([zone(MADE, "Taman", 110.0)], after)]
    assert sorted(ids).count(MADE) == 1 and len(set(ids)) == 2


def test_what_became_of_each_zone_between_two_versions() -> None:
    same = zone("same", "Same", 109.0)
    before = [same, zone("moved", "Moved", 110.0), zone("gone", "Gone", 111.0), zone("ends", "Ends", 112.0)]
    after = [
        zone("same", "Same", 109.0, version="2"), zone("moved", "Moved", 110.05), zone("new", "New", 113.0),
        zone("ends", "Ends", 112.0, valid_to=date(2026, 1, 1)),
    ]  # fmt: skip
    found = {c.zone_id: (c.became, round(c.lost_ha), round(c.gained_ha)) for c in zone_changes(before, after)}
    whole, half = 12_300, 6_150
    assert {k: v[0] for k, v in found.items()} == {"moved": "drawn anew", "gone": "vanished", "new": "new", "ends": "another record"}
    assert found["moved"][1:] == (pytest.approx(half, rel=0.01), pytest.approx(half, rel=0.01))
    assert found["gone"][1:] == (pytest.approx(whole, rel=0.01), 0) and found["ends"][1:] == (0, 0)
