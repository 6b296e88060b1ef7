"""A scene that kills its decoder, however: tried three times, buried, nothing left behind, and the next scene goes on."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chain import PIT, load_zones, service
from faults.hostile_nursery import DEEDS, marked
from results import record
from scenes import Scene, describe, edit_item, write_archive, write_scene

from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.failpoints import Failpoint, watched
from jagawana.services.raster import nursery
from jagawana.services.replay import replay
from jagawana.services.store import log
from jagawana.services.store.database import transaction

GOOD = (Scene(0, size=64), Scene(20, size=64, mining=[PIT]))
BAD = Scene(10, size=64, mining=[(4, 4, 9, 9)])
LIMIT_S, ATTEMPTS = 1.5, 3
HOSTILE = "faults.hostile_nursery"
FIGURES: dict[str, dict[str, float]] = {}


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> Iterator[None]:
    yield
    record("decoder", {"attempts": ATTEMPTS, "limit_s": LIMIT_S, "left_behind": 0, "deaths": FIGURES})


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoders come from the hostile nursery; none of it is left afterwards."""
    popen = subprocess.Popen

    def start(command: list[str], *, env: dict[str, str], **options: Any) -> "subprocess.Popen[bytes]":
        command = [HOSTILE if part == "jagawana.services.raster.nursery" else part for part in command]
        return popen(command, env=env | {"PYTHONPATH": str(Path(__file__).parents[1])}, **options)

    before = list(nursery._the_nursery)
    nursery._the_nursery.clear()
    monkeypatch.setattr(nursery.subprocess, "Popen", start)
    yield
    for made in nursery._the_nursery:
        made.close()
    nursery._the_nursery[:] = before


def alive() -> list[str]:
    """Hostile nurseries and their decoders, wherever they hang in the tree of processes; the dead that nobody reaps do not count."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if HOSTILE in (folder / "cmdline").read_text() and "State:\tZ" not in (folder / "status").read_text():
                found.append(folder.name)
        except OSError:
            continue
    return found


def open_handles() -> list[str]:
    """What this process has open: sockets and memory by kind, files by name. What tests before left to the collector is not counted."""
    gc.collect()
    links = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
    return sorted(link.partition("[")[0] if link.startswith("socket") else link for link in links)


def archive_with(folder: Path, deed: str) -> Path:
    write_archive(folder, GOOD)
    item = write_scene(folder, BAD)
    image = folder / "assets" / f"{BAD.scene_id}_image.tif"
    image.write_bytes(marked(image.read_bytes(), deed))
    edit_item(item, lambda d: d["assets"]["image"].update(describe(image)))
    return folder


def settle(expected: int) -> list[str]:
    """Processes that were killed need a moment to be gone."""
    until = time.monotonic() + 10
    while len(alive()) > expected and time.monotonic() < until:
        time.sleep(0.02)
    return alive()


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("deed", [*DEEDS, "babble"])
def test_a_scene_that_kills_its_decoder_is_tried_three_times_and_buried(deed: str, tmp_path: Path) -> None:
    load_zones(by := service(tmp_path / "data", decoder_seconds=LIMIT_S, decoder_bytes=128 << 20))
    replay(by, [write_archive(tmp_path / "first", [Scene(5, size=64)])], order="acquired", tense=AlertTense.TEST)
    handles, forks, began = open_handles(), 0, time.monotonic()

    def count(name: Failpoint) -> None:
        nonlocal forks
        forks += name == "decoder.forking"

    with watched(count):
        summary = replay(by, [archive_with(tmp_path / "archive", deed)], order="acquired", tense=AlertTense.TEST)
    seconds = time.monotonic() - began
    with transaction(by.engine) as session:
        (letter,) = log.dead_letters(session)
    assert (summary.scenes_done, summary.dead) == (2, {ErrorCode.DECODER_DIED: 1}) and letter.subject == BAD.scene_id
    assert f"tried {ATTEMPTS} times" in letter.detail and forks == ATTEMPTS + len(GOOD)
    assert len(settle(1)) == 1, "only the nursery stays"
    assert open_handles() == handles
    assert not [p for p in (tmp_path / "data" / "spool").rglob("*") if p.is_file()]
    assert deed not in ("loop", "fork", "kill-nursery") or seconds <= ATTEMPTS * LIMIT_S + 15, "no stall beyond the limit"
    FIGURES[deed] = {"seconds": round(seconds, 2), "attempts": forks - len(GOOD)}


PARENT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from chain import service
from jagawana.schemas.observation import AlertTense
from jagawana.services.raster import nursery
from jagawana.services.replay import replay
popen = nursery.subprocess.Popen
def start(command, *, env, **options):
    command = [{HOSTILE!r} if part == "jagawana.services.raster.nursery" else part for part in command]
    return popen(command, env=env | {{"PYTHONPATH": sys.path[0]}}, **options)
nursery.subprocess.Popen = start
replay(service(Path(sys.argv[1]), decoder_seconds=300.0), [Path(sys.argv[2])], order="acquired", tense=AlertTense.TEST)
"""


@pytest.mark.parametrize("deed", ["loop", "fork"])
def test_a_killed_parent_leaves_no_orphan_at_work(deed: str, tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "archive", deed)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "data", archive], stderr=subprocess.DEVNULL)
    until, wanted = time.monotonic() + 60, 2 if deed == "loop" else 7
    while len(alive()) < wanted and time.monotonic() < until:
        time.sleep(0.02)
    assert len(alive()) >= wanted, "it must be at work"
    time.sleep(0.3)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert not settle(0)
    FIGURES[f"parent killed, {deed}"] = {"orphans": 0}
