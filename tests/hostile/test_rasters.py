"""Groups A, B and C through the whole chain: a bad scene, then a good one, and so on."""

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from chain import PIT, load_zones, service
from hostile import containers, files, meanings
from hostile.table import Accepted, Case, Target, numbers
from hostile.traps import SECRET, Traps, traps
from results import record
from scenes import Scene, write_scene
from sqlmodel import select

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.schemas.observation import AlertTense
from jagawana.services.detect import handler
from jagawana.services.raster import copies, decoding
from jagawana.services.replay import replay
from jagawana.services.store import log
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.store.tables import ObservationRow
from jagawana.services.wiring import Service

CASES = (*containers.CASES, *files.CASES, *meanings.CASES)
REFUSED = tuple(c for c in CASES if not isinstance(c.expected, Accepted))
ACCEPTED = tuple(c for c in CASES if isinstance(c.expected, Accepted))
SINGLE = (files.DEVICE_ALLOWED, files.SWAPPED, files.DENIED)
"""With a test of their own each."""
SLOWEST_S, LARGEST_BYTES = 10.0, 2 << 30
"""The goals for one refusal, and for the memory of its decoder."""
FIGURES: dict[str, object] = {}


@dataclass
class Run:
    """What came of a list of cases, each followed by a good scene. `dead` is code, detail and payload by scene."""

    chain: Service
    scenes: Mapping[Case, str]
    good: int
    dead: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    done: int = 0
    seconds: dict[Case, float] = field(default_factory=dict)
    child_bytes: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        with transaction(self.chain.engine) as session:
            return digest(session)

    @property
    def blobs(self) -> set[str]:
        return {path.name for path in self.chain.settings.blobs.rglob("*") if path.is_file()}

    def observations(self, scene_id: str) -> list[ObservationRow]:
        with transaction(self.chain.engine) as session:
            return list(session.exec(select(ObservationRow).where(ObservationRow.scene_id == scene_id).order_by(ObservationRow.tile)))


def run(
    folder: Path, cases: Sequence[Case], laid: Traps, *, spoilt: bool = True, bad: bool = True, zones: bool = True, **settings: object
) -> Run:
    """Good scene, case, good scene, case, … good scene, through one chain. Without zones nobody is told anything, which is faster."""
    archive, items, scenes = folder / "archive", list[Path](), dict[Case, str]()
    items.append(write_scene(archive, Scene(0)))
    for n, case in enumerate(cases):
        scene = case.made(2 * n + 1)
        made = write_scene(archive, scene) if bad else None
        if made:
            assets = [archive / "assets" / f"{scene.scene_id}_{key}.tif" for key in ("image", "scl")]
            if spoilt:
                case.spoil(Target(made, *assets, laid))
            items.append(made)
        scenes[case] = scene.scene_id
        items.append(write_scene(archive, Scene(2 * n + 2, mining=[PIT])))
    chain = service(folder / "data", **({"decoder_seconds": 20} | settings))
    if zones:
        load_zones(chain)
    result = Run(chain, scenes, len(cases) + 1)
    moments = [time.monotonic()]
    with patch.object(decoding, "kill", _weighing(result)), _kept_log(result.log):
        summary = replay(chain, items, order="given", tense=AlertTense.TEST, progress=lambda done, _: _note(moments, done))
    result.done = summary.scenes_done
    if bad:
        result.seconds = {case: moments[2 * n + 2] - moments[2 * n + 1] for n, case in enumerate(cases)}
    with transaction(chain.engine) as session:
        result.dead = {d.subject: (d.code, d.detail, d.payload) for d in log.dead_letters(session)}
    return result


def _note(moments: list[float], done: int) -> None:
    """The moment after the last step for each scene, that of assessment and notification included."""
    if done == len(moments):
        moments.append(0.0)
    moments[done] = time.monotonic()


@contextmanager
def _kept_log(lines: list[str]) -> Iterator[None]:
    class Keep(logging.Handler):
        def emit(self, entry: logging.LogRecord) -> None:
            lines.append(entry.getMessage())

    root, keep = logging.getLogger(), Keep()
    root.addHandler(keep)
    yield
    root.removeHandler(keep)


def _weighing(result: Run):  # type: ignore[no-untyped-def]
    """Looks at a decoder's largest memory before it is ended."""

    def kill(pid: int) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):  # it died by itself
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            result.child_bytes = max([result.child_bytes, *(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))])
        end(pid)

    end = decoding.kill
    return kill


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traps]:
    with traps(tmp_path_factory.mktemp("traps")) as set_up:
        yield set_up


Runs = Mapping[str, Run]
"""By group."""


def _runs(folder: Path, cases: Sequence[Case], laid: Traps, **how: bool) -> Runs:
    groups = sorted({case.id[0] for case in cases})
    return {group: run(folder / group, [c for c in cases if c.id[0] == group], laid, **how) for group in groups}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, laid: Traps) -> Runs:
    return _runs(tmp_path_factory.mktemp("refused"), REFUSED, laid)


@pytest.fixture(scope="module")
def good_alone(tmp_path_factory: pytest.TempPathFactory, laid: Traps) -> Runs:
    return _runs(tmp_path_factory.mktemp("alone"), REFUSED, laid, bad=False)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory, laid: Traps) -> Runs:
    return _runs(tmp_path_factory.mktemp("accepted"), ACCEPTED, laid, zones=False)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, laid: Traps) -> Runs:
    return _runs(tmp_path_factory.mktemp("clean"), ACCEPTED, laid, spoilt=False, zones=False)


@pytest.fixture(scope="module", autouse=True)
def _figures(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    record("bad_inputs", FIGURES)


def test_every_number_of_the_three_groups_is_there() -> None:
    wanted = {f"A{n:02}" for n in range(1, 35)} | {f"B{n:02}" for n in range(1, 11)} | {f"C{n:02}" for n in range(1, 27)}
    assert {case.id for case in (*CASES, *SINGLE)} == wanted and numbers() >= wanted
    assert len({str(case) for case in CASES}) == len(CASES), "a name for each"


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_it_is_refused_at_once_and_with_its_own_code(case: Case, refused: Runs) -> None:
    done = refused[case.id[0]]
    assert done.scenes[case] in done.dead, "it was accepted"
    code, detail, payload = done.dead[done.scenes[case]]
    assert code == case.expected, detail
    assert len(detail) < 1_000 and payload and done.seconds[case] < SLOWEST_S


@pytest.mark.parametrize("group", "ABC")
def test_nothing_but_dead_letters_is_left_of_them(group: str, refused: Runs, good_alone: Runs) -> None:
    ours, alone = refused[group], good_alone[group]
    assert len(ours.dead) == len(ours.scenes) and ours.done == ours.good == alone.done, "every good scene was processed"
    assert ours.digest == alone.digest
    assert ours.blobs == alone.blobs, "a blob was left behind"
    assert not list(ours.chain.settings.spool.glob("*")), "a copy was left behind"


def test_the_slowest_and_the_largest_keep_the_promise(refused: Runs, accepted: Runs) -> None:
    seconds = {case: done.seconds[case] for done in refused.values() for case in done.scenes}
    slowest = max(REFUSED, key=lambda c: seconds[c])
    right = sum(done.dead.get(name, ("",))[0] == case.expected for done in refused.values() for case, name in done.scenes.items())
    largest = max(done.child_bytes for done in (*refused.values(), *accepted.values()))
    FIGURES.update(refused=len(REFUSED), right_code=right, slowest=str(slowest), slowest_seconds=round(seconds[slowest], 2))
    FIGURES.update(largest_child_mib=largest >> 20)
    assert seconds[slowest] < SLOWEST_S and 20 << 20 < largest < LARGEST_BYTES


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_it_is_accepted_for_what_it_is(case: Case, accepted: Runs, clean: Runs) -> None:
    done = accepted[case.id[0]]
    assert done.scenes[case] not in done.dead and case.note
    ours, theirs = (_seen(case, runs) for runs in (accepted, clean))
    assert ours and [o.tile for o in ours] == [o.tile for o in theirs] and done.seconds[case] < SLOWEST_S
    if case.expected is Accepted.AS_CLEAN:
        assert [(o.blob, o.quicklook) for o in ours] == [(o.blob, o.quicklook) for o in theirs]


def test_accepted_inputs_hold_up_nobody(accepted: Runs) -> None:
    assert all(done.dead == {} and done.done == done.good + len(done.scenes) for done in accepted.values())
    FIGURES.update(accepted=len(ACCEPTED), numbers=len({case.id for case in (*CASES, *SINGLE)}))


def _seen(case: Case, runs: Runs) -> list[ObservationRow]:
    done = runs[case.id[0]]
    return done.observations(done.scenes[case])


def _named(name: str) -> Case:
    (case,) = (c for c in ACCEPTED if c.name == name)
    return case


def test_what_is_hidden_or_fill_is_not_taken_for_ground(accepted: Runs) -> None:
    (cloud,) = _seen(_named("nothing but cloud"), accepted)
    assert cloud.clear_share == 0 < cloud.cloud_share
    for name in ("not a number for nothing", "infinity for nothing"):
        (seen,) = _seen(_named(name), accepted)
        assert seen.footprint_share == pytest.approx(96 * 87 / 1e6), "without the stripe"


def test_at_the_edge_of_a_zone_both_grids_see_the_scene(accepted: Runs) -> None:
    assert {o.tile[:3] for o in _seen(_named("at the edge of a zone"), accepted)} == {"49M", "50M"}


def test_a_device_in_an_allowed_folder_is_still_no_file(tmp_path: Path, laid: Traps) -> None:
    done = run(tmp_path, [files.DEVICE_ALLOWED], laid, scene_roots=(Path("/dev"), tmp_path / "archive"))
    assert [code for code, _, _ in done.dead.values()] == [files.DEVICE_ALLOWED.expected] and done.done == done.good


def test_a_file_exchanged_between_check_and_use_is_not_what_is_read(tmp_path: Path, laid: Traps, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = run(tmp_path / "clean", [files.SWAPPED], laid)
    start = handler.decoder

    def swapping(found, limits):  # type: ignore[no-untyped-def]
        for image in (tmp_path / "swapped" / "archive" / "assets").glob("*_image.tif"):
            image.write_bytes(b"another file")
        return start(found, limits)

    monkeypatch.setattr(handler, "decoder", swapping)
    swapped = run(tmp_path / "swapped", [files.SWAPPED], laid)
    assert len(swapped.dead) == 2, "the later ones are found changed before they are used"
    monkeypatch.setattr(handler, "decoder", start)
    first = swapped.observations(Scene(0).scene_id)
    assert first and [o.blob for o in first] == [o.blob for o in clean.observations(Scene(0).scene_id)]


def test_a_file_that_may_not_be_read_for_now_is_tried_again_and_never_buried(
    tmp_path: Path, laid: Traps, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = run(tmp_path / "clean", [files.DENIED], laid)
    denials, really_open = [0], os.open

    def denied(path, flags, *more, **named):  # type: ignore[no-untyped-def]
        if str(path).endswith("_image.tif") and denials[0] > 0:
            denials[0] -= 1
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, flags, *more, **named)

    monkeypatch.setattr(copies.os, "open", denied)  # root is denied nothing, so nobody is
    denials[0] = 2
    patient = run(tmp_path / "twice", [files.DENIED], laid)
    assert patient.dead == {} and patient.digest == clean.digest
    denials[0] = 3
    with pytest.raises(TransientError) as caught:
        run(tmp_path / "always", [files.DENIED], laid)
    assert caught.value.code is ErrorCode.STORE_BUSY and "Permission denied" in caught.value.detail
    again = service(tmp_path / "always" / "data")
    with again.working():
        again.drain()
    assert Run(again, {}, 0).digest == clean.digest, "nothing was lost"


def test_nobody_stepped_into_a_trap(refused: Runs, accepted: Runs, laid: Traps) -> None:
    """After all of the above: no connection, nothing run, and the secret nowhere."""
    hits = list(laid.visits)
    assert not laid.secret.with_name("ran").exists()
    for done in (*refused.values(), *accepted.values()):
        for path in done.chain.settings.data.rglob("*"):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                hits.append(str(path))
        assert done.log or not done.dead, "the log is looked at"
        hits += [line for line in done.log if SECRET in line]
    FIGURES.update(canary_hits=len(hits))
    assert hits == []


def test_the_traps_work(tmp_path: Path) -> None:
    from urllib.request import urlopen

    with traps(tmp_path) as set_up:
        for url in set_up.urls:
            with pytest.raises(OSError, match="404"):
                urlopen(f"{url}/x.tif", timeout=5)
        assert len(set_up.visits) == 2
