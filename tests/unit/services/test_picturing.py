"""`jagawana timeline`, `stats` and `report` on what the chain has recorded."""

import csv
import json
import re
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from chain import records, service
from click.testing import Result
from PIL import Image
from scenes import EAST, EPSG, NORTH, Scene, write_archive
from shapely.geometry import mapping
from typer.testing import CliRunner

from jagawana.detectors.grid import reproject
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import ErrorCode, JagawanaError
from jagawana.schemas.ids import short_code
from jagawana.schemas.observation import AlertTense
from jagawana.services.cli import app
from jagawana.services.replay import replay
from jagawana.services.store import zones
from jagawana.services.store.database import transaction
from jagawana.services.timeline.place import connected

OLD, PIT, GROWN, SECOND = (4, 70, 8, 10), (30, 30, 12, 12), (30, 30, 24, 16), (75, 10, 10, 12)
SCENES = (
    Scene(0, mining=[OLD]),
    Scene(10, mining=[OLD, PIT]),
    Scene(20, mining=[OLD, PIT], clouds=[(0, 0, 96, 90)]),
    Scene(40, mining=[OLD, PIT, SECOND]),
    Scene(70, mining=[OLD, GROWN, SECOND]),
    Scene(80, mining=[OLD, GROWN, SECOND]),
)
"""What is there from the first look, a pit in a park that grows, a pit inside a concession, one look under cloud."""
PROVINCE = "Kalimantan Uji"
LETTERS = re.compile(r"\b(?:1[01]\d|-?1)\.\d{3,}")
"""What a coordinate of this place looks like."""


def degrees(row: int, stop: int) -> shapely.Polygon:
    """Rows of the scenes, across their whole width and beyond, in WGS 84."""
    box = shapely.box(EAST - 3_000, NORTH - stop * 10, EAST + 3_000, NORTH - row * 10)
    return reproject(box, EPSG, 4326)  # type: ignore[return-value]


def run(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "200", "NO_COLOR": "1"})
    if code == 0 and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def refused(*args: object) -> JagawanaError:
    error = run(*args, code=1).exception
    assert isinstance(error, JagawanaError)
    return error


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Archival scenes, zones, and what came of them."""
    folder = tmp_path_factory.mktemp("recorded")
    made = service(folder / "data")
    layers = (
        (ZoneKind.CONSERVATION, degrees(-100, 60), "Taman Nasional Uji"), (ZoneKind.CONCESSION, degrees(60, 300), "PT Uji"),
        (ZoneKind.PROVINCE, degrees(-1000, 1000), PROVINCE),
    )  # fmt: skip
    with transaction(made.engine) as session:
        for kind, geometry, name in layers:
            zone = Zone(kind.value, kind, name, geometry, kind.value, "1", "test")
            zones.activate(session, kind.value, "1", [zone], at=made.clock.now())
    write_archive(folder / "archive", SCENES)
    replay(made, [folder / "archive"], order="acquired", tense=AlertTense.ARCHIVAL)
    yield folder / "data"


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ground of the scenes, as a file."""
    path = tmp_path_factory.mktemp("area") / "lokasi.geojson"
    box = reproject(shapely.box(EAST, NORTH - 960, EAST + 960, NORTH), EPSG, 4326)
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": mapping(box)}]})
    )
    return path


@pytest.fixture(scope="module")
def villages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A village beside the pit, one 9.9 km north of the middle of the scenes, one far away."""
    path = tmp_path_factory.mktemp("villages") / "desa.csv"
    places = [("Dekat", EAST + 200, NORTH - 400, 120), ("Utara", EAST + 400, NORTH + 9_000, 500), ("Jauh", EAST, NORTH + 60_000, 9_000)]
    points = [(n, *reproject(shapely.Point(x, y), EPSG, 4326).coords[0], p) for n, x, y, p in places]
    path.write_text("name,lon,lat,population\n" + "".join(f"{n},{x},{y},{p}\n" for n, x, y, p in points))
    return path


@pytest.fixture(scope="module")
def timeline(data: Path, area: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("timeline")
    run("timeline", "--area", area, "--out", out, "--data", data)
    return out


@pytest.fixture(scope="module")
def stats(data: Path, villages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stats")
    run("stats", "--by", "province", "--out", out, "--data", data, "--population", villages, "--settlements", villages)
    return out


def test_a_look_under_cloud_is_a_gap_and_the_others_have_their_hectares(timeline: Path) -> None:
    found = rows(timeline / "timeline.csv")
    assert [r["date"] for r in found] == [f"{s.acquired_at:%Y-%m-%d}" for s in SCENES]
    assert [r["is_gap"] for r in found] == ["False", "False", "True", "False", "False", "False"]
    gap = found[2]
    assert not any(gap[c] for c in ("mining_ha", "mining_known_ha", "mining_new_ha", "mining_dated_back_ha", "road_new_m", "huts_new"))
    assert float(gap["clear_share"]) < 0.1 and {r["clear_share"] for r in found} - {gap["clear_share"]} == {"1.0"}
    assert {float(r["mining_known_ha"]) for r in found if r["mining_ha"]} == {0.8}
    new = [float(r["mining_new_ha"]) for r in found if r["mining_ha"]]
    assert new[0] == 0 and new[-1] == pytest.approx(24 * 16 * 0.01 + 1.2, rel=0.02) and new == sorted(new)
    assert float(found[1]["mining_dated_back_ha"]) == pytest.approx(0.8 + 1.44, rel=0.02)


def test_a_place_of_which_no_look_shows_enough_is_all_gaps_and_says_what_to_do(data: Path, tmp_path: Path) -> None:
    wide = reproject(shapely.box(EAST - 2_000, NORTH - 2_960, EAST + 2_960, NORTH), EPSG, 4326)
    path = tmp_path / "wide.geojson"
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": mapping(wide)}]})
    )
    said = run("timeline", "--area", path, "--out", tmp_path / "out", "--data", data).output
    found = rows(tmp_path / "out" / "timeline.csv")
    assert len(found) == len(SCENES) and all(r["is_gap"] == "True" and not r["mining_ha"] for r in found)
    assert "no look shows 80% of the place" in said and "--least-clear" in said
    assert (tmp_path / "out" / "timeline.png").read_bytes().startswith(b"\x89PNG") and not list((tmp_path / "out").glob("*.gif"))


def test_every_row_says_which_network_and_which_scene(timeline: Path) -> None:
    found = rows(timeline / "timeline.csv")
    assert {r["scenes"] for r in found} == {s.scene_id for s in SCENES}
    assert {(r["model"], r["tense"], r["platform"]) for r in found} == {("spectral-6", "archival", "sentinel-2a")}
    assert all(r["fingerprint"].startswith("spectral-6") for r in found)


def test_the_film_has_a_frame_for_every_look_with_a_value_in_the_outlines_own_colours(timeline: Path) -> None:
    with Image.open(timeline / "timeline-spectral-6.gif") as film:
        assert film.n_frames == 5 and film.info["loop"] == 0
        film.seek(4)
        last = np.asarray(film.convert("RGB")).reshape(-1, 3)
    for colour in ((213, 43, 30), (204, 121, 167)):
        assert (last == colour).all(axis=1).sum() > 50, colour


def test_the_files_are_the_same_every_time(timeline: Path, data: Path, area: Path, tmp_path: Path) -> None:
    run("timeline", "--area", area, "--out", tmp_path, "--data", data)
    for name in ("timeline.csv", "timeline.png", "timeline-spectral-6.gif"):
        assert (tmp_path / name).read_bytes() == (timeline / name).read_bytes(), name
    assert b"<svg" in (timeline / "timeline.svg").read_bytes()
    with Image.open(timeline / "timeline.png") as plot:
        assert plot.size[0] > 600


def test_a_site_is_the_cells_that_hang_together(data: Path, tmp_path: Path) -> None:
    told = records(service(data))[-1]
    result = json.loads(run("timeline", "--site", short_code(told.content.alert_id), "--out", tmp_path, "--data", data, "--json").stdout)
    assert [s["model"] for s in result["streams"]] == ["spectral-6"] and len(result["files"]) == 4
    assert refused("timeline", "--site", "NOBODY", "--out", tmp_path, "--data", data).code is ErrorCode.SETTINGS_INVALID
    assert refused("timeline", "--out", tmp_path, "--data", data).code is ErrorCode.SETTINGS_INVALID
    assert [s.east % 10_000 for s in connected("50MKD3170", ["50MKD3271", "50MKD3371", "50MKD3571", "50MKD3169"])] == [
        1000,
        1000,
        2000,
        3000,
    ]


def test_a_place_without_scenes_is_refused(data: Path, tmp_path: Path) -> None:
    assert "no scene" in refused("timeline", "--site", "50MKD3170", "--out", tmp_path, "--data", data).detail


def document(folder: Path) -> Any:
    return json.loads((folder / "stats.json").read_text())


def test_told_and_merely_recorded_findings_are_counted_by_category(stats: Path) -> None:
    by = document(stats)["by_category"]
    grown_ha, second_ha = 24 * 16 * 0.01, 1.2
    assert by["3"]["new_ha"] == pytest.approx(grown_ha, rel=0.02) and by["3"]["told"] == by["3"]["findings"] > 0
    assert by["1"]["new_ha"] == pytest.approx(second_ha, rel=0.02) and by["1"]["told"] == 0 and by["1"]["findings"] > 0
    assert by["3"]["known_ha"] == pytest.approx(0.8, rel=0.02) and by["1"]["known_ha"] == 0
    assert by["2"]["mining_ha"] == by["undetermined"]["mining_ha"] == 0
    total = document(stats)["total"]
    assert total["mining_ha"] == pytest.approx(sum(c["mining_ha"] for c in by.values()))


def test_grounds_and_months_add_up_to_the_same_hectares(stats: Path) -> None:
    total, found = document(stats)["total"], document(stats)
    grounds = {(g["concession"], g["restricted"]): g["mining_ha"] for g in found["by_ground"]}
    assert set(grounds) == {("inside", None), ("outside", "conservation")}
    assert sum(grounds.values()) == pytest.approx(total["mining_ha"], rel=1e-3)
    months = {m["month"]: m["category_3_ha"] + m["category_1_ha"] for m in found["months"]}
    assert sum(months.values()) == pytest.approx(total["new_ha"], rel=1e-6)
    assert min(months) == f"{SCENES[1].acquired_at:%Y-%m}"
    assert {r["province"] for r in rows(stats / "areas.csv")} == {PROVINCE}


def test_people_near_two_sites_are_counted_once(stats: Path) -> None:
    assert [(r["province"], r["people"]) for r in rows(stats / "people.csv")] == [("*", "620"), (PROVINCE, "620")]
    found = rows(stats / "findings.csv")
    assert {r["nearest_settlement"] for r in found} == {"Dekat"} and all(0 < float(r["settlement_km"]) < 1 for r in found)
    assert {r["road_km"] for r in found} == {""}


def test_the_pictures_are_pictures(stats: Path) -> None:
    for name in ("overview.png", "provinces.png"):
        with Image.open(stats / name) as picture:
            assert picture.size[0] > 1000 and len(picture.convert("RGB").getcolors(1 << 24) or []) > 50
    assert b"<svg" in (stats / "overview.svg").read_bytes()


def test_a_period_bounds_what_began_in_it(data: Path, tmp_path: Path) -> None:
    second = SCENES[3].acquired_at.date()
    out = json.loads(run("stats", "--out", tmp_path, "--data", data, "--from", second, "--no-known", "--json").stdout)
    assert out["by_category"]["1"]["new_ha"] > 0 and out["total"]["known_ha"] == 0
    assert all(date.fromisoformat(f["first_seen_on"]) >= second for f in out["findings"])
    before = json.loads(run("stats", "--out", tmp_path, "--data", data, "--to", SCENES[0].acquired_at.date(), "--json").stdout)
    assert before["total"]["findings"] == 0 and before["total"]["known_ha"] == pytest.approx(0.8, rel=0.02)


@pytest.mark.parametrize("command", [("stats",), ("report", "--province", PROVINCE)])
def test_a_period_that_ends_before_it_begins_is_refused(data: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    error = refused(*command, "--out", tmp_path / "out", "--data", data, "--from", "2026-03-02", "--to", "2026-03-01")
    assert error.code is ErrorCode.SETTINGS_INVALID and "--to 2026-03-01 is before --from 2026-03-02" in error.detail


def test_what_was_already_there_is_judged_by_the_pack_of_the_settings(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strictest in Indonesia by its own rules; a pack whose rules never applied leaves everything undetermined."""
    pack = json.loads(files("jagawana.rules").joinpath("packs/indonesia.json").read_bytes())
    pack["rules"], pack["pack"] = pack["rules"][-1:], "none"
    (tmp_path / "none.json").write_text(json.dumps(pack))

    def known_ha() -> dict[str, float]:
        run("stats", "--out", tmp_path / "out", "--data", data)
        return {r["category"]: float(r["known_ha"]) for r in rows(tmp_path / "out" / "areas.csv")}

    assert known_ha()["undetermined"] == 0 and sum(known_ha().values()) > 0
    monkeypatch.setenv("JAGAWANA_RULES", str(tmp_path / "none.json"))
    assert known_ha()["undetermined"] == sum(known_ha().values()) > 0


def test_tests_are_counted_only_when_asked_for(tmp_path: Path) -> None:
    made = service(tmp_path / "data")
    write_archive(tmp_path / "archive", SCENES[:2] + SCENES[3:4])
    replay(made, [tmp_path / "archive"], order="acquired", tense=AlertTense.TEST)
    real = json.loads(run("stats", "--out", tmp_path / "a", "--data", tmp_path / "data", "--json").stdout)
    assert real["total"]["mining_ha"] == 0 and real["selection"]["tense"] == ["current", "archival"]
    assert any(re.search(r"left out as of another tense: [1-9]", s) for s in real["said"])
    tests = json.loads(run("stats", "--out", tmp_path / "b", "--data", tmp_path / "data", "--tense", "test", "--json").stdout)
    assert tests["total"]["mining_ha"] > 1 and tests["by_category"]["undetermined"]["mining_ha"] == tests["total"]["mining_ha"]
    assert (
        b"not news from the field" in (tmp_path / "b" / "overview.svg").read_bytes()
        or b"Test" in (tmp_path / "b" / "overview.svg").read_bytes()
    )


@pytest.mark.parametrize("lang", ["id", "en"])
def test_a_report_names_cells_and_no_coordinates(data: Path, villages: Path, tmp_path: Path, lang: str) -> None:
    run(
        "report",
        "--province",
        PROVINCE,
        "--out",
        tmp_path,
        "--data",
        data,
        "--lang",
        lang,
        "--settlements",
        villages,
        "--population",
        villages,
    )
    page = (tmp_path / "report.html").read_text()
    text = re.sub(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", "", page)
    assert {"id": "Kemungkinan tambang", "en": "Possible mining"}[lang] in text and f'lang="{lang}"' in text
    assert not re.search("illegal|ilegal|liar|<script|https?://", text, re.IGNORECASE)
    assert not LETTERS.search(re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)), "no coordinates"
    assert "Dekat" in text and "620" in text and page.count("data:image/jpeg") >= 2
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_exact_places_only_when_asked_for(data: Path, tmp_path: Path) -> None:
    run("report", "--province", PROVINCE, "--out", tmp_path, "--data", data, "--lang", "en", "--coordinates", "--no-pdf")
    text = re.sub(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", "", (tmp_path / "report.html").read_text())
    assert LETTERS.search(text) and not (tmp_path / "report.pdf").exists()
    assert "Nearest village" not in text, "a column that nothing was given for"


def test_a_province_nobody_has_is_refused_with_those_there_are(data: Path, tmp_path: Path) -> None:
    assert PROVINCE in refused("report", "--province", "Atlantis", "--out", tmp_path, "--data", data).detail
