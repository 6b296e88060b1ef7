"""`jagawana turbidity` on real files: scenes, river lines and tables in; CSV, JSON and a picture out."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from chain import PIT, STORY, load_zones, records, service, told
from PIL import Image
from real.geotiffs import header_reader
from shapely import LineString, Point, box
from shapely.geometry import mapping
from typer.testing import CliRunner

from jagawana.detectors.grid import reproject, transformer
from jagawana.detectors.turbidity.calibration import load_calibration, shipped_calibration
from jagawana.schemas.errors import ErrorCode, JagawanaError, TransientError
from jagawana.schemas.ids import short_code
from jagawana.schemas.scene import SceneItem
from jagawana.services.cli import app
from jagawana.services.ingest.describe import SceneFacts, describe_scene
from jagawana.services.notify.wording import Language
from jagawana.services.turbidity import scenes as scenes_read
from jagawana.services.turbidity.mined import mined_around, site_of_alert
from jagawana.services.turbidity.rivers import Site
from jagawana.services.turbidity.words import words_of

EPSG, EAST, NORTH = 32749, 453_000, 9_871_000
ROWS, COLUMNS, BED = 200, 60, slice(25, 35)
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
FOREST = (0.025, 0.045, 0.025, 0.30, 0.14, 0.06)
CLOUD = (0.45, 0.46, 0.47, 0.50, 0.40, 0.30)
SITE_ROW = 100
FIRST = date(2026, 1, 5)


def water(turbid: float) -> tuple[float, ...]:
    """A spectrum that reddens with `turbid`, 0..1."""
    return (0.04, 0.08, 0.05 + 0.09 * turbid, 0.03 + 0.04 * turbid, 0.008, 0.006)


def fnu(turbid: float) -> float:
    _, green, red, _, swir16, _ = (np.array([v]) for v in water(turbid))
    return float(shipped_calibration().fnu(green, red, swir16)[0])


def write_scene(
    archive: Path, day: date, above: float, below: float, *, clouds: Sequence[slice] = (), bands: Sequence[str] = BANDS
) -> Path:
    """A scene of 2 km of river through forest, flowing south, turbid to another degree below SITE_ROW."""
    values = np.tile(np.array(FOREST)[:, None, None], (1, ROWS, COLUMNS))
    values[:, :SITE_ROW, BED], values[:, SITE_ROW:, BED] = (np.array(water(t))[:, None, None] for t in (above, below))
    scl = np.full((1, ROWS, COLUMNS), 4, np.uint8)
    scl[:, :, BED] = 6
    for rows in clouds:
        values[:, rows], scl[:, rows] = np.array(CLOUD)[:, None, None], 9
    chosen = values[[BANDS.index(b) for b in bands]]
    files = [_tif(archive, f"{day:%Y%m%d}_image.tif", np.rint(chosen * 1e4 + 1000).astype(np.uint16), bands)]
    files.append(_tif(archive, f"{day:%Y%m%d}_scl.tif", scl, ["SCL"]))
    facts = SceneFacts(
        datetime(day.year, day.month, day.day, 2, 40, tzinfo=UTC), "sentinel-2a", baseline="05.10", scene_id=f"s{day:%Y%m%d}"
    )
    return describe_scene(files, facts, archive, headers_of=header_reader())


def _tif(archive: Path, name: str, pixels: np.ndarray, bands: Sequence[str]) -> Path:
    path = archive / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", height=ROWS, width=COLUMNS, count=len(pixels), dtype=pixels.dtype, crs=f"EPSG:{EPSG}",
                       transform=Affine(10, 0, EAST, 0, -10, NORTH), nodata=0, compress="deflate") as file:  # fmt: skip
        file.write(pixels)
        file.descriptions = tuple(bands)
    return path


def write_lines(path: Path, *, against: bool = False) -> Path:
    line = LineString([(EAST + 300, NORTH - 5), (EAST + 300, NORTH - 1995)])
    shape = reproject(line.reverse() if against else line, EPSG, 4326)
    features = [{"type": "Feature", "properties": {"name": "Sungai Uji"}, "geometry": mapping(shape)}]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def site_text() -> str:
    longitude, latitude = transformer(EPSG, 4326).transform(EAST + 320, NORTH - SITE_ROW * 10)
    return f"{longitude:.7f},{latitude:.7f}"


def run(*args: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["turbidity", *map(str, args)], env={"COLUMNS": "200", "NO_COLOR": "1"})
    if code == 0 and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def refused(*args: object) -> str:
    result = CliRunner().invoke(app, ["turbidity", *map(str, args)])
    assert isinstance(result.exception, JagawanaError), result.output
    return str(result.exception)


TRUTH = [(0.3 + 0.02 * (k % 3), 0.3 + 0.02 * (k % 3) + (0.5 if k >= 8 else 0.0)) for k in range(14)]
"""Turbid above and below the site at each look: rain moves both, and from the ninth look on the reaches below are browner."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen looks ten days apart; the fourth has cloud over the upper reaches below the site, the sixth is all cloud."""
    folder = tmp_path_factory.mktemp("river")
    for k, (above, below) in enumerate(TRUTH):
        clouds = {3: [slice(100, 150)], 5: [slice(0, ROWS)]}.get(k, [])
        write_scene(folder / "archive", FIRST + timedelta(days=10 * k), above, below, clouds=clouds)
    write_lines(folder / "river.geojson")
    with (folder / "mined.csv").open("w") as file:
        file.write("date,mining_ha\n")
        file.writelines(f"{FIRST + timedelta(days=10 * k)},{1 if k < 8 else 6}\n" for k in range(14))
    return folder


def command(archive: Path, out: Path, *more: object) -> tuple[object, ...]:
    return (
        "river", archive / "archive", "--lines", archive / "river.geojson", "--site", site_text(), "--out", out, "--reach-m", 250,
        "--downstream-km", 1, "--upstream-km", 0.75, "--half-width-m", 60, "--data", out / "none", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    text = run(*command(archive, out, "--mining", archive / "mined.csv", "--language", "id", "--name", "Pos 7"))
    assert "Sungai di hilir Pos 7" in text and "Bersamaan bukan berarti sebab" in text and "2026-01-05" in text
    return out


def rows_of(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "turbidity.csv").read_text().splitlines()))


def test_every_reach_has_the_turbidity_of_its_water(made: Path) -> None:
    rows = rows_of(made)
    names = [r["reach"] for r in rows[:7]]
    assert names == ["-0.75", "-0.50", "-0.25", "+0.00", "+0.25", "+0.50", "+0.75"] and len(rows) == 14 * 7
    for row in (r for r in rows if not r["gap"] and r["reach"] not in ("-0.25", "+0.00")):
        k = (date.fromisoformat(row["date"]) - FIRST).days // 10
        assert float(row["turbidity_fnu"]) == pytest.approx(fnu(TRUTH[k][row["reach"].startswith("+")]), rel=0.01), row
        assert float(row["low_95_fnu"]) < float(row["turbidity_fnu"]) < float(row["high_95_fnu"])
        assert row["saturated"] == "False" and int(row["pixels"]) > 100 and row["scenes"].startswith("s2026")


def test_cloud_makes_gaps_with_a_reason_and_no_number(made: Path) -> None:
    gaps = [(r["date"], r["reach"], r["gap"]) for r in rows_of(made) if r["gap"]]
    fourth, sixth = (str(FIRST + timedelta(days=d)) for d in (30, 50))
    assert {g[2] for g in gaps} == {"cloud"}
    assert {g[1] for g in gaps if g[0] == fourth} == {"+0.00", "+0.25"} and sum(g[0] == sixth for g in gaps) == 7
    assert all(not r[c] for r in rows_of(made) if r["gap"] for c in ("ndti", "turbidity_fnu", "low_95_fnu", "extrapolated"))


def test_the_document_holds_everything_behind_the_picture(made: Path) -> None:
    document = json.loads((made / "turbidity.json").read_text())
    assert document["refused"] == [] and len(document["looks"]) == 98 and len(document["mined"]) == 14
    longitudes = [p[0] for r in document["reaches"] for p in r["geometry"]["coordinates"]]
    assert all(110 < x < 111 for x in longitudes)
    at_once = document["correlation"]["below_against_above"][0]
    assert at_once["lag_days"] == 0 and at_once["level"]["rho"] > 0.7 and at_once["level"]["low"] > 0 and at_once["level"]["n"] == 13
    contrast = [p["contrast"] for p in document["series"]["looks"] if p["contrast"] is not None]
    assert max(contrast) - min(contrast) == pytest.approx(np.log(fnu(0.8) / fnu(0.3)), rel=0.05)
    assert document["calibration"]["name"] == "parana-l2a" and "Kalimantan" in document["calibration"]["provenance"]["limits"]


def test_the_picture_is_a_picture_in_both_languages(archive: Path, made: Path, tmp_path: Path) -> None:
    with Image.open(made / "turbidity.png") as picture:
        assert picture.format == "PNG" and picture.width > 1000 and len(picture.convert("RGB").getcolors(1 << 20) or ()) > 200
    assert words_of(Language.INDONESIAN).gaps.keys() == words_of(Language.ENGLISH).gaps.keys()
    for words in map(words_of, Language):
        assert "{" not in words.no_cause and not {"illegal", "ilegal"} & set(" ".join(map(str, vars(words).values())).lower().split())


def test_nothing_but_the_three_files_is_left(made: Path) -> None:
    assert sorted(p.name for p in made.iterdir()) == ["turbidity.csv", "turbidity.json", "turbidity.png"]


def test_lines_drawn_upstream_are_turned(archive: Path, tmp_path: Path) -> None:
    few = tmp_path / "archive"
    write_scene(few, FIRST, 0.2, 0.8)
    write_lines(tmp_path / "river.geojson", against=True)
    plain = (*command(tmp_path, tmp_path / "out", "--no-picture"), "--json")
    assert json.loads(run(*plain))["values"] == 7
    wrong = {r["reach"]: float(r["turbidity_fnu"]) for r in rows_of(tmp_path / "out")}
    run(*plain, "--against-flow")
    right = {r["reach"]: float(r["turbidity_fnu"]) for r in rows_of(tmp_path / "out")}
    assert wrong["+0.50"] == pytest.approx(fnu(0.2), rel=0.01) and right["+0.50"] == pytest.approx(fnu(0.8), rel=0.01)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["turbidity.csv", "turbidity.json"]


def test_a_bad_scene_is_named_and_the_others_are_read_and_without_swir_there_is_the_index(archive: Path, tmp_path: Path) -> None:
    four = ("B02", "B03", "B04", "B08")
    for k in range(2):
        write_scene(tmp_path / "archive", FIRST + timedelta(days=k), 0.2, 0.8, bands=four)
    (tmp_path / "archive" / "assets" / f"s{FIRST:%Y%m%d}_{FIRST:%Y%m%d}_image.tif").write_bytes(b"MM\0*")
    (tmp_path / "archive" / "items" / "bad.json").write_text("{ no item")
    write_lines(tmp_path / "river.geojson")
    summary = json.loads(run(*command(tmp_path, tmp_path / "out", "--no-picture"), "--json"))
    assert {r["code"] for r in summary["refused"]} == {"MESSAGE_UNREADABLE", "SIZE_MISMATCH"} and summary["looks"] == 1
    assert summary["quantity"] == "ndti" and summary["below"] == []
    assert all(r["ndti"] and not r["turbidity_fnu"] and not r["extrapolated"] for r in rows_of(tmp_path / "out"))


def test_a_scene_that_kills_its_decoder_does_not_end_the_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = scenes_read._look

    def dies_once(item: SceneItem, *rest: Any) -> scenes_read.RiverLook:
        if item.acquired_at.date() == FIRST:
            raise TransientError(ErrorCode.DECODER_FAILED, "the decoder died")
        return real(item, *rest)

    monkeypatch.setattr(scenes_read, "_look", dies_once)
    for k in range(2):
        write_scene(tmp_path / "archive", FIRST + timedelta(days=k), 0.2, 0.8)
    write_lines(tmp_path / "river.geojson")
    summary = json.loads(run(*command(tmp_path, tmp_path / "out", "--no-picture"), "--json"))
    assert [r["code"] for r in summary["refused"]] == ["DECODER_FAILED"] and summary["looks"] == 1
    monkeypatch.setattr(scenes_read, "_look", lambda *_: (_ for _ in ()).throw(TransientError(ErrorCode.STORE_BUSY, "disk full")))
    assert "STORE_BUSY" in refused(*command(tmp_path, tmp_path / "out", "--no-picture"))


def test_how_the_line_was_followed_is_said_in_the_readers_language(archive: Path, tmp_path: Path) -> None:
    write_scene(tmp_path / "archive", FIRST, 0.2, 0.8)
    write_lines(tmp_path / "river.geojson")
    plan = [20 if a == 1 else a for a in command(tmp_path, tmp_path / "out", "--no-picture")]
    assert "The river's line ends at 1.0 km from the site." in run(*plan)
    assert "Garis sungai berakhir pada 1,0 km dari lokasi." in run(*plan, "--language", "id")


def test_what_makes_no_sense_is_refused_with_a_hint(archive: Path, tmp_path: Path) -> None:
    good = command(archive, tmp_path / "out", "--no-picture")
    swap = lambda old, new: [new if a == old else a for a in good]  # noqa: E731
    assert "give either --site" in refused(*good, "--alert", "ABCDE")
    assert "longitude comes first" in refused(*swap(site_text(), "-1.2,113.9"))
    assert "113.92,-1.53" in refused(*swap(site_text(), "here"))
    assert "no river line within 2 km" in refused(*swap(site_text(), "111.5,-1.2"))
    assert "ASSET_MISSING" in refused(*swap(archive / "archive", tmp_path))
    assert "turbidity calibrate" in refused(*good, "--calibration", tmp_path / "no.json")
    (tmp_path / "c.json").write_text("{}")
    assert "c.json: name" in refused(*good, "--calibration", tmp_path / "c.json")
    outline = gpd.GeoDataFrame(geometry=[box(110.5, -1.2, 110.6, -1.1)], crs="EPSG:4326")
    outline.to_file(tmp_path / "outline.gpkg")
    assert "feature 1 is a Polygon; lines are read here" in refused(*swap(archive / "river.geojson", tmp_path / "outline.gpkg"))
    (tmp_path / "m.csv").write_text("date,mining_ha\n2026-01-05,much\n")
    assert "line 2" in refused(*good, "--mining", tmp_path / "m.csv")


def test_a_picture_without_its_library_is_refused_before_anything_is_read(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert "jagawana[pictures]" in refused(*command(archive, tmp_path / "out")) and not (tmp_path / "out").exists()


# ---- the store ---------------------------------------------------------------------------------------------------


def test_the_store_knows_the_site_and_its_mined_area(tmp_path: Path) -> None:
    s = service(tmp_path / "data")
    load_zones(s)
    told(s, STORY[:4], tmp_path / "archive")
    code = short_code(records(s)[-1].content.alert_id)
    site = site_of_alert(s.engine, code.lower())
    pit = reproject(Point(EAST + 10 * (PIT[1] + PIT[3] / 2), NORTH - 10 * (PIT[0] + PIT[2] / 2)), EPSG, site.epsg)
    assert site.name == code and site.point.distance(pit) < 100
    mined = mined_around(s.engine, s.assess.histories, site, 2000)
    assert mined.at(STORY[2].acquired_at.date()) == mined.at(STORY[1].acquired_at.date()) > 0, "cloud takes no mining away"
    assert mined.mining_ha[0] == 0 and mined.mining_ha[-1] == pytest.approx(PIT[2] * PIT[3] / 100)
    assert mined_around(s.engine, s.assess.histories, Site(112.5, -2.5, "far"), 2000).days == ()
    with pytest.raises(JagawanaError, match="no alert 'ZZZZZ'"):
        site_of_alert(s.engine, "ZZZZZ")


# ---- a calibration of one's own ----------------------------------------------------------------------------------


def test_a_table_becomes_a_calibration_that_the_command_takes(archive: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    with (tmp_path / "samples.csv").open("w") as file:
        file.write("place,date,green,red,swir16,turbidity_fnu\n")
        for k in range(40):
            turbid = rng.random()
            _, green, red, _, swir, _ = water(turbid)
            file.write(f"p,{FIRST + timedelta(days=k // 5)},{green},{red},{swir},{3 * fnu(turbid):.5f}\n")
    text = run("calibrate", tmp_path / "samples.csv", "--out", tmp_path / "own.json", "--name", "own", "--source", "a test")
    assert "dates left out" in text and "spearman" in text
    own = load_calibration((tmp_path / "own.json").read_text(), where="own.json")
    assert own.name == "own" and len(own.dates) == 8 and own.dates_left_out.spearman > 0.99
    write_scene(tmp_path / "archive", FIRST, 0.3, 0.8)
    write_lines(tmp_path / "river.geojson")
    run(*command(tmp_path, tmp_path / "out", "--no-picture", "--calibration", tmp_path / "own.json"))
    last = rows_of(tmp_path / "out")[-1]
    assert float(last["turbidity_fnu"]) == pytest.approx(3 * fnu(0.8), rel=0.02)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2026-01-05,1800,0.1,0.01,30", "line 2: reflectance"),
        ("2026-01-05,0.1,0.1,0.01,0", "line 2: turbidity must be above 0"),
        ("yesterday,0.1,0.1,0.01,30", "line 2"),
        ("2026-01-05,0.1,0.1,nan,30", "line 2: reflectance"),
        ("2026-01-05,0.1", "line 2"),
        ("2026-01-05,0.1,0.1,0.01,30", "a calibration needs 20 of 4 dates"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(line: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"date,green,red,swir16,turbidity_fnu\n{line}\n")
    assert reason in refused("calibrate", tmp_path / "t.csv", "--out", tmp_path / "c.json", "--name", "x", "--source", "y")
    assert not (tmp_path / "c.json").exists()
    (tmp_path / "t.csv").write_text("day,value\n")
    assert "no column date" in refused("calibrate", tmp_path / "t.csv", "--out", tmp_path / "c.json", "--name", "x", "--source", "y")
