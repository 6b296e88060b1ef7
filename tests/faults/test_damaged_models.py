"""A network that is not the pinned one, or answers nonsense: refused, and no scene is consumed until it has been mended."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chain import GROWN, PIT, load_zones, service
from results import record
from scenes import Scene, write_archive

from jagawana.detectors.detector import Detector
from jagawana.detectors.inference.on_torch import TorchRuntime
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.bus.handling import MAX_STARTS
from jagawana.services.detect import models
from jagawana.services.failpoints import Failpoint, watched
from jagawana.services.replay import ReplaySummary, replay
from jagawana.services.store import log, observations
from jagawana.services.store.database import transaction
from jagawana.services.wiring import Service

FLIPS = 300
SCENES = (Scene(0, size=64), Scene(10, size=64, mining=[PIT]), Scene(20, size=64, mining=[GROWN]))
FIGURES: dict[str, object] = {}
_packaged = models._packaged


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive"), SCENES)


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    made = started(tmp_path_factory.mktemp("straight"))
    return worked(made, archive).digest


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> Iterator[None]:
    yield
    record("models", FIGURES)


def started(data: Path) -> Service:
    """A service that reads with the shipped network of six bands."""
    made = service(data, model="s2", runtime="torch", precision="fp32", threads=1)
    load_zones(made)
    return made


def worked(by: Service, archive: Path) -> ReplaySummary:
    return replay(by, [archive], order="acquired", tense=AlertTense.TEST)


def refused(by: Service, archive: Path) -> str:
    with pytest.raises(DataError) as caught:
        worked(by, archive)
    assert caught.value.code is ErrorCode.MODEL_INVALID
    return caught.value.detail


def consumed(by: Service) -> int:
    """Scenes that are no longer waiting: observed, passed or buried; and starts that were counted."""
    with transaction(by.engine) as session:
        first = log.next_event(session, "detect", "scenes.acquired.v1")
        assert first is not None
        started_before = log.begin_attempt(session, "detect", first) - 1
        log.end_attempt(session, "detect", first)
        passed = log.count_outcomes(session, "detect")
        return len(observations.current(session)) + sum(passed.values()) + len(log.dead_letters(session)) + started_before


def installed(weights: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_packaged", lambda name: weights if name == "s2.safetensors" else _packaged(name))


def flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def test_no_flipped_bit_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, rng = _packaged("s2.safetensors"), random.Random(17)
    for _ in range(FLIPS):
        installed(flipped(weights, rng), monkeypatch)
        with pytest.raises(DataError, match="MODEL_INVALID"):
            models.load_detector("s2", runtime="torch")
    FIGURES["flipped_weights_refused"] = FLIPS


@pytest.mark.parametrize(
    "damage",
    [
        lambda weights: flipped(weights, random.Random(1)),
        lambda weights: weights[:-100],
        lambda weights: b"",
        lambda _: _packaged("rgbn.safetensors"),
        lambda _: b"\x80\x04\x95cposix\nsystem\n.",
    ],
    ids=["flipped", "cut", "empty", "another", "pickle"],
)
def test_a_damaged_installation_consumes_nothing_however_often_it_is_started(
    damage: Callable[[bytes], bytes], archive: Path, undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = started(tmp_path)
    installed(damage(_packaged("s2.safetensors")), monkeypatch)
    for _ in range(MAX_STARTS + 2):
        assert "not the pinned ones" in refused(by, archive)
    assert consumed(by) == 0
    monkeypatch.setattr(models, "_packaged", _packaged)
    mended = worked(by, archive)
    assert (mended.digest, mended.scenes_done, mended.scenes_dead) == (undisturbed, len(SCENES), 0)
    FIGURES["damaged_installations_refused"] = int(str(FIGURES.get("damaged_installations_refused", 0))) + 1


def _not_a_number(runtime: TorchRuntime) -> None:
    runtime._downs[0][0][1].fill_(float("nan"))


def _huge(runtime: TorchRuntime) -> None:
    runtime._downs[0][0][0][0, 0, 0, 0] = 1e30


def _zeroed(runtime: TorchRuntime) -> None:
    runtime._downs[0][1][0].zero_()


@pytest.mark.parametrize("moment", ["between scenes", "during a scene"])
@pytest.mark.parametrize("damage", [_not_a_number, _huge, _zeroed])
def test_memory_that_fails_in_a_running_service_leaves_no_observation(
    damage: Callable[[TorchRuntime], None], moment: str, archive: Path, undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Detector] = []
    load = models.load_detector
    monkeypatch.setattr(models, "load_detector", lambda *a, **k: loaded.append(load(*a, **k)) or loaded[-1])
    by = started(tmp_path)
    at: Failpoint = "event.handling" if moment == "between scenes" else "blob.writing"
    wanted = 3 if moment == "between scenes" else 1  # the second scene comes after the first one's observation

    def fail(name: Failpoint) -> None:
        hits.append(name)
        if name == at and hits.count(at) == wanted:
            damage(loaded[0]._runtime)  # type: ignore[attr-defined]

    hits: list[Failpoint] = []
    with watched(fail):
        refused(by, archive)
    expected = 1 if moment == "between scenes" else 0
    with transaction(by.engine) as session:
        assert len(observations.current(session)) == expected and not log.dead_letters(session)
    mended = worked(started(tmp_path), archive)
    assert mended.digest == undisturbed and mended.scenes_dead == 0
    FIGURES["failures_in_memory_noticed"] = int(str(FIGURES.get("failures_in_memory_noticed", 0))) + 1
