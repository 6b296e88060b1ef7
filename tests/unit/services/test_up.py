"""Running until stopped: a scene dropped into the folder becomes an alert on the page, and SIGTERM ends it cleanly."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chain import PIT, load_zones, service
from scenes import Scene, write_archive

PATIENCE_S = 40.0
STOP_S = 8.0


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def until(what: str, ready: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.1)


class Page:
    """What `jagawana up` serves."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def health(self) -> dict[str, object]:
        try:
            found: dict[str, object] = json.loads(self.get("/health"))
        except (urllib.error.URLError, ConnectionError):
            return {}
        return found


@contextmanager
def up(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], Page]]:
    port = free_port()
    command = [sys.executable, "-m", "jagawana.services.cli", "up", "--port", str(port), "--data", str(data), "--tense", "test", *more]
    environment = {"JAGAWANA_MODEL": "spectral-6", "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, Page(port)
    finally:
        process.kill()
        process.communicate()


def drop(archive: Path, inbox: Path) -> None:
    """As a downloader does it: assets first, then the items."""
    shutil.copytree(archive / "assets", inbox / "assets", dirs_exist_ok=True)
    (inbox / "items").mkdir(parents=True, exist_ok=True)
    for item in sorted((archive / "items").iterdir()):
        shutil.copyfile(item, inbox / "items" / item.name)


def stopped(process: subprocess.Popen[str]) -> float:
    """Ask it to end; how long that took, in seconds."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=STOP_S)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return time.monotonic() - started


def test_scenes_dropped_into_the_folder_become_an_alert_on_the_page(tmp_path: Path) -> None:
    data, inbox = tmp_path / "data", tmp_path / "data" / "inbox"
    load_zones(service(data))
    drop(write_archive(tmp_path / "first", [Scene(0)]), inbox)
    with up(data) as (process, page):
        until("the first scene, there before it started", lambda: page.health().get("tiles") == 1, process)
        assert page.health() == {"status": "ok", "tiles": 1, "alerts": 0}
        drop(write_archive(tmp_path / "second", [Scene(10, mining=[PIT])]), inbox)
        until("the alert", lambda: page.health().get("alerts") == 1, process)
        (feature,) = json.loads(page.get("/alerts.geojson"))["features"]
        assert feature["properties"]["mining_ha"] == 1.44
        html = page.get("/")
        assert html.startswith("<!doctype html") and "possible mining" in html.lower() and "illegal" not in html.lower()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            page.get("/docs")
        assert stopped(process) < STOP_S
    assert (data / "messages" / "messages.jsonl").read_text().count("\n") == 2 and not list((data / "spool").glob("*"))


def test_it_ends_after_the_scene_in_hand_and_the_next_run_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    load_zones(service(data))
    drop(write_archive(tmp_path / "archive", [Scene(10 * n, mining=[PIT] if n else []) for n in range(150)]), data / "inbox")
    with up(data) as (process, page):
        until("a first scene", lambda: page.health().get("tiles") == 1, process)
        assert stopped(process) < STOP_S
    done = _scenes_done(data)
    assert 0 < done < 150, "it ended between two scenes"
    with up(data) as (process, page):
        until("more scenes", lambda: _scenes_done(data) > done, process)
        stopped(process)


def _scenes_done(data: Path) -> int:
    from jagawana.services.store.database import open_database, transaction
    from jagawana.services.store.log import count_outcomes

    engine = open_database(data / "jagawana.sqlite")
    with transaction(engine) as session:
        found = count_outcomes(session, "detect").get("done", 0)
    engine.dispose()
    return found


def test_a_second_one_on_the_same_folder_says_so(tmp_path: Path) -> None:
    with up(tmp_path / "data") as (first, page):
        until("the first", lambda: page.health().get("status") == "ok", first)
        with up(tmp_path / "data") as (second, _):
            out, err = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 1 and "STORE_BUSY: another process works on" in err and "Traceback" not in err
        stopped(first)
