"""`jagawana judge`: what a person gives, what comes back, and that a kept case says the same again."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from jagawana.rules.case import Case, read_case
from jagawana.rules.judge import judge
from jagawana.rules.pack import PERMISSIVE, shipped_pack
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError
from jagawana.services.assess.given_shapes import area_of, shapes_of
from jagawana.services.assess.judging import verdicts
from jagawana.services.cli import app
from jagawana.services.settings import load_settings
from jagawana.services.store import zones as stored
from jagawana.services.store.database import open_sqlite, transaction
from jagawana.services.wiring import build

IUP = Zone(
    "permits/1", ZoneKind.CONCESSION, "IUP Satu", shapely.box(110.50, -1.30, 110.60, -1.20), "permits", "2026-01", "ESDM",
    valid_from=date(2020, 1, 1), valid_to=date(2026, 1, 31), stage="IUP Operasi Produksi", code="503/1", commodity="Emas",
)  # fmt: skip
PARK = Zone("parks/1", ZoneKind.CONSERVATION, "Taman Satu", shapely.box(110.55, -1.30, 110.70, -1.20), "parks", "2025-12", "KLHK")
ACROSS = shapely.box(110.545, -1.255, 110.555, -1.250)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judging")
    with transaction(open_sqlite(folder / "jagawana.sqlite")) as session:
        for zone in (IUP, PARK):
            stored.activate(session, zone.layer, zone.layer_version, [zone], at=datetime(2026, 6, 1, tzinfo=UTC))
    return folder


def write(folder: Path, content: object) -> Path:
    path = folder / "shape.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["judge", *map(str, args)], env={"COLUMNS": "200", "NO_COLOR": "1"})


def judged(*args: object) -> list[dict[str, Any]]:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output or result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_a_shape_across_a_park_border_gets_both_verdicts_with_everything_they_rest_on(data: Path, tmp_path: Path) -> None:
    file = write(tmp_path, shapely.geometry.mapping(ACROSS))
    strict, soft = judged(file, "--date", "2026-01-15", "--data", data)
    assert (strict["category"], strict["rule"], strict["decisive_zone"]) == ("3", "id.cat3.conservation", "parks/1")
    assert strict["articles"] == [{"law": "UU 41/1999 jo. UU 6/2023", "article": "Pasal 38 ayat (1)"}]
    assert strict["article"] == "UU 41/1999 jo. UU 6/2023 Pasal 38 ayat (1)"
    assert (soft["category"], soft["rule"], soft["decisive_zone"]) == ("1", "id.cat1.concession", "permits/1")
    (zone,) = soft["zones"]
    assert (zone["layer"], zone["layer_version"], zone["share"], zone["near_boundary"]) == ("permits", "2026-01", 1.0, False)
    assert zone["overlap_ha"] == pytest.approx(soft["facts"]["size_ha"], abs=1e-3)
    assert zone["facts"]["commodity"] == "emas" and zone["facts"]["code"] == "503/1" and zone["facts"]["stage"] == "production"
    assert zone["grounds"] == ["concession"]
    assert soft["facts"]["kinds_loaded"] == ["concession", "conservation"] and soft["facts"]["pack"] == "indonesia"
    assert soft["trace"][-1]["fired"] and shapely.geometry.shape(soft["geometry"]).within(PARK.geometry.buffer(0.1))


def test_a_zone_of_which_only_the_edge_is_touched_is_near_its_boundary_however_far_the_shape_goes_on(data: Path, tmp_path: Path) -> None:
    beside = shapely.box(110.5999, -1.255, 110.605, -1.250)  # eleven metres of 570 lie in the permit, all of it in the park
    for shape in (beside, shapely.LineString([(110.5999, -1.252), (110.605, -1.252)])):
        (piece,) = judged(write(tmp_path, shapely.geometry.mapping(shape)), "--date", "2026-01-15", "--data", data)
        edge = {z["zone_id"]: (z["near_boundary"], z["boundary_margin_m"]) for z in piece["zones"]}
        assert edge["permits/1"] == (True, pytest.approx(11.1, abs=0.3)) and edge["parks/1"][0] is False


def test_the_day_after_a_permit_ends_the_verdict_is_another(data: Path, tmp_path: Path) -> None:
    file = write(tmp_path, {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(ACROSS)})
    rules = [[p["rule"] for p in judged(file, "--date", day, "--data", data)] for day in ("2026-01-31", "2026-02-01")]
    assert rules == [["id.cat3.conservation", "id.cat1.concession"], ["id.cat3.conservation", "id.cat3.outside_concession"]]


def test_the_page_for_people_names_the_law_the_zones_and_every_rule_asked(data: Path, tmp_path: Path) -> None:
    result = run(write(tmp_path, shapely.geometry.mapping(ACROSS)), "--date", "2026-01-15", "--data", data)
    for said in (
        "category 3",
        "UU 41/1999 jo. UU 6/2023 Pasal 38 ayat (1)",
        "Possible mining",
        "Taman Satu",
        "parks 2025-12",
        "-> id.cat3.conservation",
    ):
        assert said in result.output
    assert "illegal" not in result.output.lower()


def test_another_pack_is_asked_by_name_or_by_file(data: Path, tmp_path: Path) -> None:
    file, pack = write(tmp_path, shapely.geometry.mapping(ACROSS)), tmp_path / "own.json"
    pack.write_text(shipped_pack("brazil").model_copy(update={"version": "own"}).model_dump_json())
    for chosen, version in (("brazil", "1.0"), (pack, "own")):
        piece = judged(file, "--date", "2026-01-15", "--data", data, "--pack", chosen)[0]
        assert (piece["rule"], piece["facts"]["pack_version"]) == ("br.cat3.full_protection", version)


def test_a_kept_case_is_judged_again_without_the_layers(data: Path, tmp_path: Path) -> None:
    kept = tmp_path / "case.json"
    first = judged(write(tmp_path, shapely.geometry.mapping(ACROSS)), "--date", "2026-01-15", "--data", data, "--keep", kept)
    assert judged(kept, "--data", tmp_path / "elsewhere") == first
    with pytest.raises(DataError, match="was made for pack indonesia"):
        read_case(kept.read_bytes()).judge(shipped_pack("brazil"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: t[:-1], "case at"),
        (lambda t: t.replace('"epsg"', '"espg"'), "case at epsg: Field required"),
        (lambda t: t.replace('"shape":"01', '"shape":"zz'), "outline of the case cannot be read"),
    ],
)
def test_a_damaged_case_is_refused(data: Path, tmp_path: Path, spoil: Any, reason: str) -> None:
    kept = tmp_path / "case.json"
    judged(write(tmp_path, shapely.geometry.mapping(ACROSS)), "--date", "2026-01-15", "--data", data, "--keep", kept)
    with pytest.raises(DataError, match=reason) as e:
        read_case(spoil(kept.read_text()).encode())
    assert e.value.code is ErrorCode.SHAPE_INVALID


RING = [[110.0, -1.0], [110.1, -1.0], [110.1, -1.1], [110.0, -1.1], [110.0, -1.0]]
BAD_SHAPES = {
    "not JSON": ("{", "cannot be read as GeoJSON"),
    "a list": ([], "cannot be read as GeoJSON"),
    "no type": ({}, "cannot be read as GeoJSON"),
    "no feature": ({"type": "FeatureCollection", "features": []}, "it has 0 shapes"),
    "no geometry": ({"type": "Feature", "geometry": None}, "shape 1: it is a None"),
    "a collection": ({"type": "GeometryCollection", "geometries": []}, "shape 1: it is a GeometryCollection"),
    "an open ring": ({"type": "Polygon", "coordinates": [RING[:-1]]}, "a ring is not closed"),
    "numbers as text": ({"type": "Polygon", "coordinates": [[[str(x), y] for x, y in RING]]}, "is not a number"),
    "a bow-tie": ({"type": "Polygon", "coordinates": [[RING[0], RING[2], RING[1], RING[3], RING[0]]]}, "Self-intersection"),
    "NaN": ('{"type": "Point", "coordinates": [NaN, 1]}', "NaN where a number"),
    "1e999": ('{"type": "Point", "coordinates": [1e999, 1]}', "not finite"),
    "axes swapped": ({"type": "Polygon", "coordinates": [[[y, x] for x, y in RING]]}, "are the axes swapped"),
    "metres": ({"type": "Point", "coordinates": [450_000, 9_870_000]}, "outside the world"),
    "another system": (
        {"type": "Point", "coordinates": [1, 2], "crs": {"type": "name", "properties": {"name": "EPSG:32749"}}}, "project it first",
    ),
    "a country": ({"type": "Polygon", "coordinates": [[[100, -5], [110, -5], [110, 0], [100, 0], [100, -5]]]}, "divide it into parts"),
    "a line of nothing": ({"type": "LineString", "coordinates": []}, "it is empty"),
    "a line of one": ({"type": "LineString", "coordinates": [[110, -1]]}, "cannot be read"),
    "deep": ('{"type": "Polygon", "coordinates": ' + "[" * 5000 + "]" * 5000 + "}", ""),
}  # fmt: skip


def test_an_area_is_made_of_polygons_and_may_be_as_large_as_a_province() -> None:
    wide = shapely.box(100, -5, 110, 0)
    assert area_of(json.dumps(shapely.geometry.mapping(wide)).encode()).equals(wide)
    with pytest.raises(DataError, match="it is a Point; an area is a Polygon"):
        area_of(b'{"type": "Point", "coordinates": [110, -1]}')
    with pytest.raises(DataError, match="are the axes swapped"):
        area_of(json.dumps(shapely.geometry.mapping(shapely.box(-5, 100, 0, 110))).encode())


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_a_shape_that_cannot_be_judged_is_refused_with_the_reason(name: str) -> None:
    content, reason = BAD_SHAPES[name]
    with pytest.raises(DataError) as e:
        shapes_of((content if isinstance(content, str) else json.dumps(content)).encode())
    assert e.value.code is ErrorCode.SHAPE_INVALID and reason in e.value.detail


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "--date is missing"),
        (["--date", "31.01.2026"], "--date is '31.01.2026'; write"),
        (["--date", "2026-01-01", "--pack", "peru"], "there is no rule pack 'peru'"),
        (["--date", "2026-01-01", "--resolution-m", "nan"], "--resolution-m is nan"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_write(data: Path, tmp_path: Path, options: list[str], reason: str) -> None:
    error = run(write(tmp_path, shapely.geometry.mapping(ACROSS)), "--data", data, *options).exception
    assert isinstance(error, JagawanaError) and reason in error.detail


metres = st.integers(0, 3_000).map(float)
boxes = st.tuples(metres, metres, st.integers(20, 900), st.integers(20, 900)).map(
    lambda b: shapely.box(b[0], b[1], b[0] + b[2], b[1] + b[3])
)
records = st.fixed_dictionaries(
    {}, optional={"stage": st.sampled_from(["Eksplorasi", "Produksi"]), "method": st.sampled_from(["bawah tanah", "?"]),
                  "valid_to": st.dates(date(2025, 1, 1), date(2027, 1, 1)), "accuracy_m": st.floats(0, 500)},
)  # fmt: skip
zones = st.lists(st.tuples(st.sampled_from(ZoneKind), boxes, records), max_size=5).map(
    lambda found: [Zone(f"z{n}", kind, f"zone {n}", area, "l", "1", "s", **record) for n, (kind, area, record) in enumerate(found)]
)


@settings(deadline=None)
@given(boxes, zones, st.sampled_from(["indonesia", "brazil"]), st.frozensets(st.sampled_from(sorted(PERMISSIVE))))
def test_a_case_gives_the_verdicts_that_its_zones_gave_and_gives_them_again(shape: Any, near: Any, name: str, kinds: Any) -> None:
    """Also after a layer's worth of zones too far away to matter was left out, and after the way through JSON."""
    pack, on = shipped_pack(name), date(2026, 1, 1)
    far = Zone("far", ZoneKind.CONSERVATION, "far", shapely.box(90_000, 90_000, 91_000, 91_000), "l", "1", "s")
    lapsed = Zone("lapsed", ZoneKind.CONCESSION, "lapsed", shapely.box(-99, -99, 999, 999), "l", "1", "s", valid_to=date(2025, 12, 31))
    index = ZoneIndex([*near, far, lapsed], kinds_loaded=kinds)
    first = judge(shape, zones=index, on=on, pack=pack, pixel_m=10)
    case = Case.of(shape, index, epsg=32749, on=on, pack=pack, pixel_m=10)
    again = read_case(case.model_dump_json().encode())
    assert again == case and "far" not in {z.zone_id for z in again.zones}
    assert case.judge(pack) == again.judge(pack) == first
    assert verdicts(again, pack) == verdicts(case, pack)


def test_what_changed_between_two_versions_of_a_layer(data: Path) -> None:
    moved = replace(PARK, layer_version="2026-06", geometry=shapely.box(110.60, -1.30, 110.70, -1.20))
    with transaction(open_sqlite(data / "jagawana.sqlite")) as session:
        stored.activate(session, "parks", "2026-06", [moved], at=datetime(2026, 6, 2, tzinfo=UTC))
        stored.activate(session, "parks", "2025-12", [PARK], at=datetime(2026, 6, 3, tzinfo=UTC))
    result = CliRunner().invoke(app, ["zones", "diff", "parks", "2025-12", "2026-06", "--data", str(data), "--json"])
    found = json.loads(result.stdout)
    assert [(z["zone_id"], z["became"], z["gained_ha"]) for z in found["zones"]] == [("parks/1", "drawn anew", 0.0)]
    assert found["zones"][0]["lost_ha"] == pytest.approx(6150, rel=0.01) and found["alerts"] == []
    error = CliRunner().invoke(app, ["zones", "diff", "parks", "2025-12", "1999", "--data", str(data)]).exception
    assert isinstance(error, DataError) and "no version '1999' of 'parks'; loaded were 2026-06, 2025-12" in error.detail


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: p["grounds"]["concession"].update(when="stage == 3"), "compares the fact stage with the constant"),
        (lambda p: p["grounds"]["concession"].update(when="stge == 'a'"), "names 'stge'"),
        (lambda p: p.update(colour="red"), "colour: there is no such field"),
        (lambda p: p["rules"][3]["where"].update(unless_inside=["conservation"]), "a restricted zone"),
    ],
)
def test_a_pack_that_is_wrong_is_refused_before_anything_is_judged(data: Path, tmp_path: Path, spoil: Any, reason: str) -> None:
    pack = json.loads(shipped_pack("indonesia").model_dump_json())
    spoil(pack)
    (tmp_path / "pack.json").write_text(json.dumps(pack))
    options = ["--date", "2026-01-01", "--data", data, "--pack", tmp_path / "pack.json"]
    error = run(write(tmp_path, shapely.geometry.mapping(ACROSS)), *options).exception
    assert isinstance(error, DataError) and error.code is ErrorCode.RULES_INVALID and reason in error.detail


def test_a_service_is_not_built_with_a_pack_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no rule pack 'peru'"):
        build(load_settings(data=tmp_path, rules="peru"))
