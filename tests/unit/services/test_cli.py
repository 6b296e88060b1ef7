"""The command line: what a person or a program types, and what comes back."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import typer
from affine import Affine
from chain import FAR_CONCESSION, PARK, PIT, STORY
from click.testing import Result
from scenes import DIGGINGS, FOREST, Scene, write_archive
from shapely.geometry import mapping
from typer.testing import CliRunner

from jagawana.schemas.errors import JagawanaError
from jagawana.services.cli import app, main

COMMANDS = (
    "demo", "simulate", "scene", "replay", "up", "detect", "train", "evaluate", "zones", "zones load",
    "zones list", "zones withdraw", "zones diff", "judge", "alerts", "dead", "dead list",
    "dead show", "dead replay", "digest", "doctor", "label", "label pictures", "label rasterise",
    "turbidity", "turbidity river", "turbidity calibrate", "timeline", "stats", "report",
    "kafka", "kafka apply", "kafka play", "kafka verify", "kafka keys", "kafka keys new", "kafka keys public", "work", "migrate",
)  # fmt: skip


def run(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "200", "NO_COLOR": "1"})
    if code == 0 and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def run_json(*args: object) -> Any:
    return json.loads(run(*args, "--json").stdout)


def refused(*args: object) -> JagawanaError:
    error = run(*args, code=1).exception
    assert isinstance(error, JagawanaError)
    return error


def zone_file(folder: Path) -> Path:
    features = [
        {"type": "Feature", "geometry": mapping(z.geometry), "properties": {"kind": z.kind.value, "name": z.name}}
        for z in (PARK, FAR_CONCESSION)
    ]
    path = folder / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which two pits have been told, and one scene has been refused."""
    folder = tmp_path_factory.mktemp("cli")
    archive = write_archive(folder / "archive", STORY)
    (archive / "items" / "bad.json").write_text("{ this is not json")
    run("zones", "load", zone_file(folder), "--data", folder / "data", "--layer-version", "2026")
    summary = run_json("replay", archive, "--data", folder / "data", "--model", "spectral-6")
    assert (summary["scenes_done"], summary["dead"]) == (len(STORY), {"MESSAGE_UNREADABLE": 1})
    return folder / "data"


# ---- every command -----------------------------------------------------------------------------------------------


def _all_commands(group: Any, before: tuple[str, ...] = ()) -> set[str]:
    names: set[str] = set()
    for name, command in group.commands.items():
        names.add(" ".join((*before, name)))
        names |= _all_commands(command, (*before, name)) if hasattr(command, "commands") else set()
    return names


def test_these_are_the_commands() -> None:
    assert _all_commands(typer.main.get_command(app)) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    text = run(*command.split(), "--help").stdout
    assert "Usage:" in text and len(text.splitlines()) > 5


def test_without_a_command_help_is_shown() -> None:
    assert "replay" in run(code=2).output


# ---- errors ------------------------------------------------------------------------------------------------------


def test_an_error_is_one_line_on_stderr_and_exit_code_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["jagawana", "scene", "no.tif", "--datetime", "2026-01-05T02:40:00Z", "--platform", "x", "--out", "o"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert out == "" and err == "jagawana: ASSET_MISSING: no.tif does not exist\n"


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    tif = loose(tmp_path / "a.tif", 6)
    base = ("scene", tif, "--platform", "sentinel-2a", "--out", tmp_path / "o", "--datetime")
    for word in ("yesterday", "2026-01-05", "2026-01-05T02:40:00"):
        assert refused(*base, word).code == "SETTINGS_INVALID", word
    assert refused("replay", tmp_path, "--order", "newest", "--data", tmp_path / "d").code == "SETTINGS_INVALID"
    assert refused("replay", tmp_path / "no", "--data", tmp_path / "d").code == "ASSET_MISSING"
    assert refused("detect", tif, "--out", tmp_path / "o", "--model", "yolo").code == "SETTINGS_INVALID"
    assert refused("dead", "show", 7, "--data", tmp_path / "d").code == "SETTINGS_INVALID"
    assert refused("evaluate", "--world", tmp_path).code in ("ASSET_MISSING", "ZONES_INVALID")
    run("replay", code=2)
    run("alerts", "--format", "shapefile", code=2)


def test_a_setting_in_the_environment_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAGAWANA_DEVICE", "quantum")
    error = refused("digest", "--data", tmp_path)
    assert error.code == "SETTINGS_INVALID" and "device" in error.detail


# ---- scene, then replay ------------------------------------------------------------------------------------------


def loose(
    path: Path, bands: int, *, pixel_m: float = 10.0, mining: bool = False, scale: tuple[float, float] | None = None, side: int = 96
) -> Path:
    """A plain GeoTIFF of forest, with a pit where asked."""
    values = np.array(FOREST[:bands])[:, None, None] * np.random.default_rng(0).normal(1, 0.02, (1, side, side))
    if mining:
        values[:, 30:54, 30:54] = np.array(DIGGINGS[:bands])[:, None, None]
    factor, offset = scale or (1e-4, 0.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", width=side, height=side, count=bands, dtype="uint16", crs="EPSG:32749", nodata=0,
                       transform=Affine(pixel_m, 0, 453_000, 0, -pixel_m, 9_871_000)) as file:  # fmt: skip
        file.write(np.rint((values - offset) / factor).astype(np.uint16))
        if scale is not None:
            file.scales, file.offsets = (factor,) * bands, (offset,) * bands
    return path


@pytest.mark.parametrize(
    ("bands", "pixel_m", "platform", "scale", "model"),
    [(6, 10.0, "sentinel-2b", (1e-4, -0.1), "spectral-6"), (4, 5.0, "planetscope", None, "spectral-4")],
    ids=["six bands", "four bands"],
)
def test_plain_geotiffs_become_scenes_and_scenes_become_an_alert(
    bands: int, pixel_m: float, platform: str, scale: tuple[float, float] | None, model: str, tmp_path: Path
) -> None:
    run("zones", "load", zone_file(tmp_path), "--data", tmp_path / "data")
    for day, mining in ((5, False), (15, True), (25, True)):
        tif = loose(tmp_path / f"look-{day}.tif", bands, pixel_m=pixel_m, mining=mining, scale=scale)
        options = ("--datetime", f"2026-01-{day:02}T02:40:00Z", "--platform", platform, "--out", tmp_path / "archive")
        made = run_json("scene", tif, *options, *(("--baseline", "05.10") if scale else ()))
        assert Path(made["item"]).is_file()
    summary = run_json("replay", tmp_path / "archive", "--data", tmp_path / "data", "--model", model, "--tense", "archival")
    assert (summary["scenes_done"], summary["dead"]) == (3, {}) and summary["alerts"]["initial"] == 1
    (alert,) = run_json("alerts", "--data", tmp_path / "data")
    assert alert["content"]["state"] == "confirmed" and alert["alert_tense"] == "archival"
    assert alert["content"]["mining_ha"] == pytest.approx(24 * 24 * pixel_m**2 / 10_000)


def test_a_sentinel_2_file_that_says_nothing_needs_its_baseline(tmp_path: Path) -> None:
    for name, baseline in (("with", ("--baseline", "05.10")), ("without", ())):
        options = ("--datetime", "2026-01-05T02:40:00Z", "--platform", "sentinel-2a", "--out", tmp_path / name)
        run("scene", loose(tmp_path / "a.tif", 6), *options, *baseline)
        summary = run_json("replay", tmp_path / name, "--data", tmp_path / f"data-{name}", "--model", "spectral-6")
        assert summary["dead"] == ({} if baseline else {"RADIOMETRY_UNKNOWN": 1})


# ---- looking -----------------------------------------------------------------------------------------------------


def test_alerts_in_every_format_are_the_same_alerts(data: Path) -> None:
    records = run_json("alerts", "--data", data)
    assert run("alerts", "--format", "json", "--data", data).stdout == run("alerts", "--json", "--data", data).stdout
    assert [(r["record_number"], r["content"]["state"]) for r in records] == [(4, "confirmed")]
    table = run("alerts", "--data", data).stdout
    assert "Alerts" in table and "confirmed" in table and "Taman Nasional Uji" in table
    geojson = json.loads(run("alerts", "--format", "geojson", "--data", data).stdout)
    assert geojson["type"] == "FeatureCollection" and {f["properties"]["alert_id"] for f in geojson["features"]} == {
        r["content"]["alert_id"] for r in records
    }
    rows = list(csv.DictReader(io.StringIO(run("alerts", "--format", "csv", "--data", data).stdout)))
    assert sorted(float(r["mining_ha"]) for r in rows) == sorted(r["content"]["mining_ha"] for r in records)
    for form, root in (("gpx", "gpx"), ("kml", "kml")):
        assert ElementTree.fromstring(run("alerts", "--format", form, "--data", data).stdout).tag.endswith(root)


def test_withdrawn_alerts_are_shown_when_asked_for(tmp_path: Path) -> None:
    run("zones", "load", zone_file(tmp_path), "--data", tmp_path / "data")
    archive = write_archive(tmp_path / "archive", [Scene(0), Scene(10, mining=[PIT]), Scene(20), Scene(30)])
    run("replay", archive, "--data", tmp_path / "data", "--model", "spectral-6")
    assert run_json("alerts", "--data", tmp_path / "data") == []
    (gone,) = run_json("alerts", "--retracted", "--data", tmp_path / "data")
    assert gone["alert_type"] == "retraction"


def test_nothing_yet_is_an_empty_answer(tmp_path: Path) -> None:
    assert run_json("alerts", "--data", tmp_path / "data") == [] == run_json("dead", "list", "--data", tmp_path / "data")
    for form in ("table", "geojson", "gpx", "kml", "csv"):
        run("alerts", "--format", form, "--data", tmp_path / "data")


def test_a_digest_is_one_word_and_replaying_does_not_change_it(data: Path) -> None:
    word = run("digest", "--data", data).stdout.strip()
    assert len(word) == 64 and int(word, 16) >= 0 and run_json("digest", "--data", data) == {"digest": word}
    again = run_json("replay", data.parent / "archive", "--data", data, "--model", "spectral-6", "--order", "shuffle:1")
    assert again["digest"] == word and sum(again["alerts"].values()) == 0


def test_a_replay_for_people_says_what_came_of_it(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", [Scene(0, size=48)])
    text = run("replay", archive, "--data", tmp_path / "data", "--model", "spectral-6").stdout
    assert "scenes done" in text and "digest" in text


def test_dead_letters_are_listed_shown_and_replayed(data: Path, tmp_path: Path) -> None:
    (letter, *_) = run_json("dead", "list", "--data", data)
    assert letter["code"] == "MESSAGE_UNREADABLE" and letter["room"] == "detect" and letter["replayed_at"] is None
    assert "MESSAGE_UNREADABLE" in run("dead", "list", "--data", data).stdout
    shown = run_json("dead", "show", letter["id"], "--data", data)
    assert shown["payload"] == "{ this is not json" and shown["detail"]

    archive = write_archive(tmp_path / "archive", [Scene(0, size=48)])
    image = archive / "assets" / f"{Scene(0).scene_id}_image.tif"
    hidden = image.rename(tmp_path / "hidden.tif")
    mine = ("--data", tmp_path / "data")
    run("replay", archive, *mine, "--model", "spectral-6")
    (missing,) = run_json("dead", "list", *mine)
    assert missing["code"] == "ASSET_MISSING"
    assert run_json("dead", "replay", missing["id"], *mine) == {"replayed": 1, "dead_again": 1}
    hidden.rename(image)
    assert run_json("dead", "replay", *mine) == {"replayed": 1, "dead_again": 0}
    assert run_json("dead", "replay", *mine) == {"replayed": 0, "dead_again": 0}
    assert all(d["replayed_at"] for d in run_json("dead", "list", *mine))


def test_zones_are_counted_when_they_are_loaded(tmp_path: Path) -> None:
    loaded = run_json("zones", "load", zone_file(tmp_path), "--data", tmp_path / "d", "--layer", "forest", "--layer-version", "7")
    assert loaded == {"layer": "forest", "layer_version": "7", "zones": 2, "kinds": {"concession": 1, "conservation": 1}}
    (tmp_path / "no.geojson").write_text("{}")
    assert refused("zones", "load", tmp_path / "no.geojson", "--data", tmp_path / "d").code == "ZONES_INVALID"


def test_the_doctor_says_what_is_installed_and_whether_it_is_well(data: Path, tmp_path: Path) -> None:
    facts = run_json("doctor", "--data", data)
    assert facts["database"].endswith(": ok") and facts["python"] and "torch" in facts
    assert all(facts[f"model {m}"].startswith("known answer given") for m in ("s2", "rgbn"))
    assert run_json("doctor", "--data", tmp_path / "none")["database"].startswith("none yet")


def test_the_doctor_finds_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jagawana.services.detect import models

    real = models._packaged
    monkeypatch.setattr(models, "_packaged", lambda name: real(name)[:-1] + b"!" if name == "s2.safetensors" else real(name))
    result = run("doctor", "--json", "--data", tmp_path, code=1)
    assert "WRONG: MODEL_INVALID" in json.loads(result.stdout)["model s2"]


# ---- detect ------------------------------------------------------------------------------------------------------


def test_detect_is_quiet_about_images_without_a_place(tmp_path: Path) -> None:
    """As a user runs it: nothing but results on stdout, no warning of a library on stderr."""
    pixels = np.full((6, 48, 48), 400, np.uint16)
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "plain.tif", "w", driver="GTiff", width=48, height=48, count=6, dtype="uint16") as file,
    ):
        file.write(pixels)
    command = [
        sys.executable,
        "-m",
        "jagawana.services.cli",
        "detect",
        tmp_path / "plain.tif",
        "--out",
        tmp_path / "out",
        "--model",
        "spectral-6",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr and "Warning" not in done.stdout
    (row,) = json.loads(done.stdout)
    assert Path(row["mask"]).is_file() and row["model"] == "spectral-6"


def test_detect_for_people_and_for_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        loose(tmp_path / "in" / f"{name}.tif", 6, mining=True, side=64)
    text = run("detect", tmp_path / "in", "--out", tmp_path / "out", "--model", "spectral-6", "--probabilities").stdout
    assert text.count("mining 14.06%") == 2 and "a.mask.tif" in text
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.mask.tif", "a.prob.tif", "b.mask.tif", "b.prob.tif"]


def test_the_bands_choose_the_model(tmp_path: Path) -> None:
    made = [run_json("detect", loose(tmp_path / f"{n}.tif", n, side=48), "--out", tmp_path / "out")[0]["model"] for n in (6, 4)]
    assert made == ["s2", "rgbn"]
