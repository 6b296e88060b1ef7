"""Full disks, failing disks and a locked database: the world's fault. Nothing is lost, nothing is buried, and it goes on.

JAGAWANA_FAULTS=all fails every write in turn; otherwise the first of each kind, and a disk that fills at every 37th moment.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from faults.life import Outcome, Time, built, hits, leftovers, live, outcome, told_twice, unsettled, write_life
from faults.warm import Warm, warm
from results import record

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.bus.handling import MAX_STARTS
from jagawana.services.failpoints import Failpoint, watched
from jagawana.services.notify import ledger

EVERYTHING = os.environ.get("JAGAWANA_FAULTS") == "all"
WRITES: tuple[Failpoint, ...] = (
    "spool.making", "spool.copying", "spool.writing",
    "blob.making_folder", "blob.creating", "blob.writing", "blob.written", "blob.synced", "blob.renamed",
    "message.making_folder", "message.creating", "message.created", "message.written", "message.synced", "message.renamed",
    "line.opening", "line.opened", "line.written", "line.synced",
)  # fmt: skip
"""Failpoints after which a disk is asked for something. The database's own writes fail on the real full disk below."""
FIGURES: dict[str, object] = {}


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Warm]:
    with warm() as made:
        yield made


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_life(tmp_path_factory.mktemp("life"))


@pytest.fixture(scope="module")
def undisturbed(interpreter: Warm, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    data = tmp_path_factory.mktemp("straight")
    assert interpreter.life(data, archive).status == 0
    return outcome(data)


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> Iterator[None]:
    yield
    record("disk", FIGURES)


def test_a_write_that_fails_is_done_again_in_the_same_process(
    interpreter: Warm, archive: Path, undisturbed: Outcome, tmp_path: Path
) -> None:
    failed: Counter[str] = Counter()
    for name, hit, fault in faults(hits(tmp_path / "counted", archive)):
        data, where = tmp_path / f"{name}-{hit}-{fault}", f"{fault} at {name}:{hit}"
        first = interpreter.life(data, archive, f"{name}:{hit}={fault}")
        assert first.status == 0, f"{where}: {first}"
        if "line" in name or "message" in name:
            assert unsettled(data) == {"owed": 1}, where
            assert interpreter.life(data, archive, days_later=1).status == 0, "what was owed, is told later"
        assert outcome(data) == undisturbed, where
        assert not unsettled(data) and not leftovers(data), (where, unsettled(data), leftovers(data))
        failed[fault] += 1
    FIGURES.update(writes_failed=dict(failed), writes_failed_matches=sum(failed.values()))


def faults(reached: Counter[str]) -> Iterator[tuple[str, int, str]]:
    """Failpoint, hit and what goes wrong there: each hit of every write both ways, or the first hit one way and the other in turn."""
    for number, name in enumerate(WRITES):
        assert reached[name], f"{name} is not reached"
        for hit in range(1, reached[name] + 1) if EVERYTHING else (1,):
            for fault in ("enospc", "eio") if EVERYTHING else (("enospc", "eio")[number % 2],):
                yield name, hit, fault


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB that can really be full."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here ({done.stderr.strip()}); it takes root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class Ballast:
    """Fills a disk to the last block when its moment has come: the n-th failpoint that is reached."""

    def __init__(self, folder: Path, moment: int) -> None:
        self.file, self.moment, self.moments = folder / "ballast", moment, 0

    def __call__(self, _name: Failpoint) -> None:
        self.moments += 1
        if self.moments == self.moment:
            with open(self.file, "wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(1 << 12))

    @property
    def fell(self) -> bool:
        return self.moments >= self.moment

    def remove(self) -> None:
        self.file.unlink(missing_ok=True)


def test_a_disk_that_is_really_full_stops_nothing_for_good(
    small_disk: Path, archive: Path, undisturbed: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    _draw_once(monkeypatch)
    stopped: Counter[str] = Counter()
    for number, moment in enumerate(count(1, 1 if EVERYTHING else 37)):
        data, ballast, clock = small_disk / f"data-{moment}", Ballast(small_disk, moment), Time()
        service = built(data, clock)
        with watched(ballast):
            try:
                live(service, archive)
            except TransientError as e:
                stopped[e.code] += 1
        if not ballast.fell:
            break
        ballast.remove()
        clock.days_later = 1
        if number % 2:
            service.engine.dispose()
            service = built(data, clock)
        live(service, archive)
        service.engine.dispose()
        assert outcome(data) == undisturbed, f"full at moment {moment}"
        assert not unsettled(data) and not leftovers(data), (moment, unsettled(data), leftovers(data))
        told_twice(data)
        subprocess.run(["rm", "-r", data], check=True)
    assert sum(stopped.values()) >= 5, "the disk must have been full when it was needed, or this proves nothing"
    FIGURES.update(disk_filled=number, stopped_by_it=dict(stopped), disk_filled_matches=number)


def test_a_disk_that_stays_full_buries_nothing_however_often_it_is_tried(archive: Path, undisturbed: Outcome, tmp_path: Path) -> None:
    full = built(tmp_path, failpoints="blob.creating:1+=enospc")
    for _ in range(MAX_STARTS + 2):
        with pytest.raises(TransientError) as caught:
            live(full, archive)
        assert caught.value.code is ErrorCode.STORE_BUSY
    full.engine.dispose()
    assert unsettled(tmp_path) == {"attempts": 1} and not leftovers(tmp_path)
    live(roomy := built(tmp_path, failpoints=""), archive)
    roomy.engine.dispose()
    assert outcome(tmp_path) == undisturbed and not unsettled(tmp_path)


def _draw_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing writes nothing; what was drawn in an earlier life need not be drawn again."""
    drawn, seen = ledger.before_and_after, {}
    monkeypatch.setattr(
        ledger, "before_and_after", lambda c, blobs: seen.get(c.model_dump_json()) or seen.setdefault(c.model_dump_json(), drawn(c, blobs))
    )


HOLD = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("begin immediate")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
held.execute("rollback")
"""


def hold(database: Path, seconds: float) -> "subprocess.Popen[str]":
    """Another process that has the database for itself for a while."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, database, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_database_that_another_process_holds_for_a_moment_is_waited_for(archive: Path, undisturbed: Outcome, tmp_path: Path) -> None:
    service = built(tmp_path, busy_seconds=20.0)
    began = time.monotonic()
    with hold(service.settings.database, 1.0):
        live(service, archive)
    service.engine.dispose()
    assert time.monotonic() - began >= 1.0 and outcome(tmp_path) == undisturbed
    FIGURES["locks_waited_for"] = 1


@pytest.mark.parametrize("moment", [3, 60, 200])
def test_a_database_held_for_longer_stops_the_work_and_buries_nothing(
    moment: int, archive: Path, undisturbed: Outcome, tmp_path: Path
) -> None:
    clock = Time()
    service = built(tmp_path, clock, busy_seconds=0.05)
    holders: list[subprocess.Popen[str]] = []

    def lock(_name: Failpoint) -> None:
        seen.append(_name)
        if len(seen) >= moment and not holders and _name == "store.beginning":
            holders.append(hold(service.settings.database, 600.0))

    seen: list[Failpoint] = []
    with watched(lock), pytest.raises(TransientError) as caught:
        live(service, archive)
    assert caught.value.code is ErrorCode.STORE_BUSY and "locked" in caught.value.detail
    for holder in holders:
        holder.kill()
        holder.communicate()
    clock.days_later = 1
    live(service, archive)
    service.engine.dispose()
    assert outcome(tmp_path) == undisturbed and not unsettled(tmp_path)
    FIGURES["locks_given_up_on"] = int(str(FIGURES.get("locks_given_up_on", 0))) + 1
