"""What a layer's next version changes: by area, by zones, and when it waits for a person."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli import app
from jagawana.services.settings import load_settings
from jagawana.services.store import zones as store
from jagawana.services.store.database import open_sqlite, transaction
from jagawana.services.zones.changes import change_of, refuse_unreviewed, zone_changes

SIDE = 0.1


def park(number: int, *, side: float = SIDE, east: float = 0.0) -> Zone:
    west = 110.0 + number / 5 + east
    return Zone(f"park-{number}", ZoneKind.CONSERVATION, "n", shapely.box(west, -1.0, west + side, -1.0 + side), "parks", "1", "test")


TEN = [park(n) for n in range(10)]


def test_the_same_layer_changes_nothing() -> None:
    change = change_of(TEN, TEN[::-1])
    assert (change.lost_ha, change.gained_ha, change.zones_vanished, change.zones_new) == (0, 0, 0, 0) and not change.is_held


def test_hectares_are_true_on_the_ground() -> None:
    """A tenth of a degree at 1 degree south: 11.13 km by 11.06 km."""
    assert change_of([park(0)], []).before_ha == pytest.approx(12_305, rel=1e-3)


def test_a_layers_first_version_is_never_held() -> None:
    change = change_of([], TEN)
    assert not change.is_held and change.zones_new == 10
    refuse_unreviewed("parks", "1", change)


@pytest.mark.parametrize(
    ("after", "held"),
    [
        (TEN[:8], False),
        (TEN[:7], True),
        ([*TEN, park(10), park(11)], False),
        ([*TEN, park(10), park(11), park(12)], True),
        ([*TEN[2:], park(0, east=0.01), park(1, east=0.01)], False),
        ([park(n, east=0.015) for n in range(10)], False),
        ([park(n, east=0.03) for n in range(10)], True),
        ([replace(z, kind=ZoneKind.CONCESSION) for z in TEN[:3]] + TEN[3:], True),
        ([replace(z, name="renamed", layer_version="2") for z in TEN], False),
    ],
    ids=["two go", "three go", "two come", "three come", "two shift", "all shift a little", "all shift much", "another kind", "names"],
)
def test_more_than_a_fifth_is_held(after: list[Zone], held: bool) -> None:
    assert change_of(TEN, after).is_held is held


def test_many_small_zones_that_vanish_are_held_too() -> None:
    """They make little area, but whoever was told of them is told otherwise."""
    small = [park(20 + n, side=0.001) for n in range(10)]
    change = change_of([*TEN, *small], TEN)
    assert change.lost_ha < 0.001 * change.before_ha and change.zones_vanished == 10 and change.is_held


def test_the_refusal_says_by_how_much_and_what_to_do() -> None:
    with pytest.raises(DataError) as held:
        refuse_unreviewed("parks", "2", change_of(TEN, TEN[:7]))
    assert held.value.code is ErrorCode.ZONES_HELD
    for said in ("parks 2 loses 36,9", "ha (30.0%)", "3 of 10 zones vanish", "--accept-change"):
        assert said in held.value.detail


def test_the_command_holds_a_version_until_it_is_accepted(tmp_path: Path) -> None:
    def load(zones: list[Zone], version: str, *more: str) -> str:
        path = tmp_path / f"{version}.gpkg"
        gpd.GeoDataFrame({"zone_id": [z.zone_id for z in zones]}, geometry=[z.geometry for z in zones], crs="EPSG:4326").to_file(path)
        command = ["zones", "load", str(path), "--layer", "parks", "--layer-version", version, "--kind", "conservation"]
        done = CliRunner().invoke(app, [*command, "--data", str(tmp_path / "data"), *more])
        return f"{done.exit_code} {done.output} {done.exception}"

    def in_force() -> set[str]:
        with transaction(open_sqlite(load_settings(data=tmp_path / "data").database)) as session:
            return {f"{z.zone_id} {z.layer_version}" for z in store.of_layer(session, "parks")}

    assert load(TEN, "1").startswith("0")
    held = load(TEN[:5], "2")
    assert not held.startswith("0") and "ZONES_HELD" in held and "50.0%" in held
    assert in_force() == {f"park-{n} 1" for n in range(10)}
    accepted = load(TEN[:5], "2", "--accept-change")
    assert accepted.startswith("0") and "5 of 10 zones vanish (50.0%)" in accepted
    assert in_force() == {f"park-{n} 2" for n in range(5)}


def test_what_a_format_rounds_away_was_not_drawn_anew_and_touches_no_alert() -> None:
    rounded = replace(park(0), geometry=shapely.transform(park(0).geometry, lambda xy: xy + 1e-11))
    assert zone_changes([park(0)], [rounded]) == []
    (moved,) = zone_changes([park(0)], [park(0, side=SIDE + 1e-6)])
    assert moved.became == "drawn anew" and 0.1 < moved.gained_ha < 0.3 and moved.lost_ha == 0
    (renamed,) = zone_changes([park(0)], [replace(rounded, name="renamed")])
    assert renamed.became == "another record" and renamed.lost.is_empty and renamed.gained.is_empty


def test_a_version_that_verdicts_cite_never_gets_other_content(tmp_path: Path) -> None:
    def load(zones: list[Zone], *more: str) -> str:
        path = tmp_path / "parks.gpkg"
        path.unlink(missing_ok=True)
        gpd.GeoDataFrame({"zone_id": [z.zone_id for z in zones]}, geometry=[z.geometry for z in zones], crs="EPSG:4326").to_file(path)
        command = ["zones", "load", str(path), "--kind", "conservation", "--data", str(tmp_path / "data"), "--json", *more]
        done = CliRunner().invoke(app, command)
        return json.loads(done.output)["layer_version"] if done.exit_code == 0 else str(done.exception)

    first = load(TEN)
    assert date.fromisoformat(first)
    assert load(TEN) == first and load(TEN[1:]) == f"{first}.2" and load(TEN[2:]) == f"{first}.3"
    assert load(TEN, "--accept-change") == first, "the same content is the same version"
    assert load(TEN, "--layer-version", "of-2026") == "of-2026" == load(TEN, "--layer-version", "of-2026")
    assert "loaded before with other zones" in load(TEN[1:], "--layer-version", "of-2026")
    listed = json.loads(CliRunner().invoke(app, ["zones", "list", "--data", str(tmp_path / "data"), "--json"]).output)
    assert {v["layer_version"]: (v["active"], v["kinds"]) for v in listed} == {
        first: (False, {"conservation": 10}), f"{first}.2": (False, {"conservation": 9}), f"{first}.3": (False, {"conservation": 8}),
        "of-2026": (True, {"conservation": 10}),
    }  # fmt: skip


def test_a_layer_that_is_withdrawn_is_out_of_force_until_it_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "parks.gpkg"
    gpd.GeoDataFrame({"zone_id": [z.zone_id for z in TEN]}, geometry=[z.geometry for z in TEN], crs="EPSG:4326").to_file(path)
    data = ["--data", str(tmp_path / "data")]
    load = ["zones", "load", str(path), "--kind", "conservation", "--layer-version", "1", *data]

    def in_force() -> tuple[int, frozenset[ZoneKind]]:
        with transaction(open_sqlite(load_settings(data=tmp_path / "data").database)) as session:
            return len(store.active(session)), store.kinds_loaded(session)

    assert CliRunner().invoke(app, load).exit_code == 0 and in_force() == (10, {ZoneKind.CONSERVATION})
    done = CliRunner().invoke(app, ["zones", "withdraw", "parks", *data])
    assert done.exit_code == 0 and "parks 1 is no longer in force" in done.output and in_force() == (0, frozenset())
    again = CliRunner().invoke(app, ["zones", "withdraw", "parks", *data])
    assert isinstance(again.exception, DataError) and "layers in force are none" in again.exception.detail
    assert CliRunner().invoke(app, load).exit_code == 0 and in_force() == (10, {ZoneKind.CONSERVATION})
