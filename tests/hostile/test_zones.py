"""Group E: a hostile layer is refused as a whole, quickly, and the layer that was active stays active."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from chain import PIT, load_zones, records, service
from hostile import zones as table
from hostile.table import Accepted
from hostile.traps import SECRET, Traps, traps
from hostile.zones import CONSERVED, LAYERS, BadLayer
from results import record
from scenes import Scene, write_archive

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.layers import tables
from jagawana.services.layers.reader import ReaderLimits, environment
from jagawana.services.replay import replay
from jagawana.services.store import zones as store
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.zones import features as zone_features
from jagawana.services.zones.changes import change_of, refuse_unreviewed
from jagawana.services.zones.files import read_here, read_zones

MOST_SECONDS = 10.0
"""Of wall clock, the start of the reader included, on a busy machine."""
MOST_PROCESSOR_SECONDS = 2.0
APART = ("E01", "E11", "E12", "E17")
"""Read as in production, in a reader of their own; the others by the same code in this process, which is quicker."""
Read = Callable[..., list[Zone]]


@dataclass(frozen=True)
class Loading:
    """What came of a layer: the refusal or None, what was read, wall clock."""

    refusal: DataError | None
    read: str
    seconds: float


def _load(layer: BadLayer, folder: Path, set_up: Traps, read: Read = read_zones) -> Loading:
    folder.mkdir(exist_ok=True)
    options = {"kind": None if layer.before is CONSERVED else ZoneKind.CONSERVATION, "layer": "parks", "name_field": None}
    before = read_here(layer.before(folder, set_up), layer_version="1", **options) if layer.before else []
    path = layer.make(folder, set_up)
    began = time.perf_counter()
    try:
        found = read(path, layer_version="2", **options)
        refuse_unreviewed("parks", "2", change_of(before, found))
    except DataError as e:
        return Loading(e, "", time.perf_counter() - began)
    return Loading(None, str(found), time.perf_counter() - began)


@pytest.fixture(scope="module")
def loadings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loading]:
    folder = tmp_path_factory.mktemp("layers")
    with traps(folder) as set_up:
        found = {
            str(layer): _load(layer, folder / str(number), set_up, read_zones if layer.id in APART else read_here)
            for number, layer in enumerate(LAYERS)
        }
        assert set_up.visits == []
    assert not list(folder.parent.rglob("escaped*"))
    return found


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_it_comes_to_what_the_table_says(layer: BadLayer, loadings: dict[str, Loading]) -> None:
    loading = loadings[str(layer)]
    if isinstance(layer.expected, ErrorCode):
        assert loading.refusal is not None and loading.refusal.code is layer.expected and layer.why in loading.refusal.detail
    else:
        assert loading.refusal is None and loading.read and layer.note
    told = f"{loading.read} {loading.refusal}"
    assert loading.seconds < MOST_SECONDS and SECRET not in told


def test_the_active_layer_stays_active_when_a_new_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the command that people use."""
    from typer.testing import CliRunner

    from jagawana.services.cli import app

    archive = write_archive(tmp_path / "archive", [Scene(0), Scene(10, mining=[PIT])])
    load_zones(chain := service(tmp_path / "data"))
    replay(chain, [archive], order="acquired", tense=AlertTense.TEST)
    with transaction(chain.engine) as session:
        before = store.version(session), digest(session)
    told = records(chain)
    with traps(tmp_path) as set_up:
        path = table.package(table.star(200))(tmp_path, set_up)
    command = ["zones", "load", str(path), "--layer", "parks", "--kind", "conservation", "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code != 0 and "ZONES_INVALID" in f"{done.output}{done.exception}"
    with transaction(chain.engine) as session:
        assert (store.version(session), digest(session)) == before
    assert records(chain) == told


def test_a_reader_that_needs_too_much_is_ended_and_the_layer_refused(tmp_path: Path) -> None:
    with traps(tmp_path) as set_up:
        path = table.package(table.A)(tmp_path, set_up)
    options = {"kind": ZoneKind.CONSERVATION, "layer": "parks", "layer_version": "2", "name_field": None}
    with pytest.raises(DataError, match="broke its reader"):
        read_zones(path, limits=ReaderLimits(extra_bytes=64 << 20), **options)
    monkey = ReaderLimits(seconds=0)
    with pytest.raises(DataError, match="was not read within 0 s"):
        read_zones(path, limits=monkey, **options)


def test_the_reader_knows_three_formats_and_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAGAWANA_AUDIENCE", "secret")
    closed = environment()
    assert "JAGAWANA_AUDIENCE" not in closed
    command = [sys.executable, "-c", "import pyogrio; print(*pyogrio.list_drivers(), sep=',')"]
    listed = subprocess.run(command, env=closed, capture_output=True, check=True)
    assert set(listed.stdout.decode().strip().split(",")) == set(tables.DRIVERS)


def test_hostile_outlines_are_refused_without_repair(tmp_path: Path) -> None:
    """In this process, so that only the reading counts: repairing the star took 30 s, joining the strips 25 s and 1.5 GB."""
    spent = {}
    with traps(tmp_path) as set_up:
        for number, layer in enumerate(x for x in LAYERS if x.id in ("E10", "E11", "E12")):
            (folder := tmp_path / str(number)).mkdir()
            path = layer.make(folder, set_up)
            began = time.process_time()
            with pytest.raises(DataError):
                read_here(path, kind=ZoneKind.CONSERVATION, layer="x", layer_version="1", name_field=None)
            spent[str(layer)] = time.process_time() - began
    assert max(spent.values()) < MOST_PROCESSOR_SECONDS, spent


def test_every_number_is_there_and_the_figures_are_kept(loadings: dict[str, Loading]) -> None:
    assert {x.id for x in LAYERS} == {f"E{n:02}" for n in range(1, 19)} and len(loadings) == len(LAYERS)
    refused = sum(x.refusal is not None for x in loadings.values())
    accepted = sum(x.expected is Accepted.AS_IT_IS for x in LAYERS)
    slowest = max(loadings, key=lambda name: loadings[name].seconds)
    figures = {
        "numbers": 18, "inputs": len(LAYERS), "refused": refused, "accepted_with_a_reason": accepted,
        "slowest_s": round(loadings[slowest].seconds, 2), "slowest": slowest,
    }  # fmt: skip
    record("bad_zones", figures)
    assert refused + accepted == len(LAYERS)


def _anything(*_: object) -> None:
    return None


def _rules_without(name: str) -> tuple[object, ...]:
    return tuple(rule for rule in zone_features.OUTLINE_RULES if rule.__name__ != name)


RULES: dict[str, tuple[object, str, object, str]] = {
    "vertices of a feature": (zone_features, "OUTLINE_RULES", _rules_without("_few_vertices"), "E10 250,000 vertices in rings of five"),
    "vertices of a ring": (zone_features, "OUTLINE_RULES", _rules_without("_short_rings"), "E10 one ring of 150,000"),
    "crossing": (zone_features, "OUTLINE_RULES", _rules_without("_does_not_cross_itself"), "E02 a bow-tie"),
    "piles": (zone_features, "_not_piled_up", _anything, "E12 1,200 crossing strips"),
    "ids": (zone_features, "_no_id_twice", _anything, "E14 an id twice"),
    "days": (zone_features, "_ends_after_it_begins", _anything, "E18 ends before it begins"),
    "place": (zone_features, "_belongs", lambda *_: True, "E16 another hemisphere's zone"),
    "world": (zone_features, "_in_the_world", _anything, "E09 east of the date line"),
    "closed rings": (tables, "_ring_is_closed", _anything, "E03 an open ring in JSON"),
    "numbers": (tables, "_positions_are_numbers", _anything, "E07 numbers as text"),
}


@pytest.mark.parametrize("name", RULES)
def test_only_this_rule_refuses_its_sample(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, instead, sample = RULES[name]
    (layer,) = (x for x in LAYERS if str(x) == sample)
    with traps(tmp_path) as set_up:
        assert _load(layer, tmp_path / "with", set_up, read_here).refusal is not None
        monkeypatch.setattr(module, attribute, instead)
        assert _load(layer, tmp_path / "without", set_up, read_here).refusal is None


def test_a_layer_may_have_only_so_many_vertices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_features, "MAX_LAYER_VERTICES", 9)
    with traps(tmp_path) as set_up:
        path = table.package(table.A, table.B)(tmp_path, set_up)
    options = {"kind": ZoneKind.CONSERVATION, "layer": "x", "layer_version": "1", "name_field": None}
    with pytest.raises(DataError, match="the layer has 10 vertices"):
        read_here(path, **options)
    monkeypatch.setattr(zone_features, "MAX_LAYER_VERTICES", 10)
    assert len(read_here(path, **options)) == 2


def test_edits_that_are_not_yet_in_the_file_are_not_passed_over(tmp_path: Path) -> None:
    with traps(tmp_path) as set_up:
        path = table.package(table.A)(tmp_path, set_up)
    Path(f"{path}-wal").write_bytes(b"x")
    with pytest.raises(DataError, match="close the program"):
        read_here(path, kind=ZoneKind.CONSERVATION, layer="x", layer_version="1", name_field=None)
