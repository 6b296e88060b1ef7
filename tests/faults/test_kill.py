"""kill -9 at random moments: resuming gives what an undisturbed run gives, and nothing is told twice under another key."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from chain import GROWN, PIT, load_zones, service
from results import record
from scenes import Scene, write_archive

KILLS = 20
ARCHIVE = tuple(
    Scene(10 * n, mining=[[], [PIT], [GROWN]][(n > 0) + (n > 5)], clouds=[(0, 0, 40, 40)] * (n % 4 == 3), east=453_000 + 960 * (n % 2))
    for n in range(30)
)  # fmt: skip


def _replay(archive: Path, data: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "jagawana.services.cli",
        "replay",
        str(archive),
        "--data",
        str(data),
        "--model",
        "spectral-6",
        "--json",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def _finish(archive: Path, data: Path) -> dict[str, object]:
    process = _replay(archive, data)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    summary: dict[str, object] = json.loads(out)
    return summary


def _is_at_work(process: subprocess.Popen[str], data: Path) -> bool:
    """Wait until a scene is in its hands; False when it ends without one."""
    while process.poll() is None:
        if any(data.glob("spool/scene-*/*.tif")):
            return True
        time.sleep(0.005)
    return False


def _lines(data: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (data / "messages" / "messages.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive"), ARCHIVE)


def test_twenty_kills_change_nothing(archive: Path, tmp_path: Path) -> None:
    load_zones(service(tmp_path / "straight"))
    undisturbed = _finish(archive, tmp_path / "straight")

    data, rng, landed = tmp_path / "killed", random.Random(20260101), 0
    load_zones(service(data))
    for _ in range(KILLS):
        process = _replay(archive, data)
        if _is_at_work(process, data):
            time.sleep(rng.uniform(0.0, 0.25))
            landed += process.poll() is None
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    resumed = _finish(archive, data)

    assert landed >= 15, "kills must fall while it works, or this proves nothing"
    assert resumed["digest"] == undisturbed["digest"] and resumed["scenes_dead"] == 0
    straight, killed = _lines(tmp_path / "straight"), _lines(data)
    told = Counter(line["idempotency_key"] for line in killed)
    assert {line["idempotency_key"] for line in straight} == set(told), "every record told, and no other"
    by_key = {(line["idempotency_key"], line["file"]) for line in killed}
    assert len(by_key) == len(told), "a repeat is the same message in the same file"
    assert not list(data.glob("spool/*"))
    figures = {"kills": KILLS, "fell_while_it_worked": landed, "scenes": len(ARCHIVE), "lost": 0, "digest_of_an_undisturbed_run": True}
    record("random_kills", figures | {"messages_told": len(told), "messages_repeated_under_the_same_key": len(killed) - len(told)})
