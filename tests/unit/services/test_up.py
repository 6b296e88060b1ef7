"""Running until stopped: a scene dropped into the folder becomes an alert on the page, and SIGTERM ends it cleanly."""

import json
import os
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
from sqlmodel import select

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.ingest import inbox as inbox_module
from jagawana.services.ingest.inbox import PAUSE_SECONDS, Inbox
from jagawana.services.store import log
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import EventRow
from jagawana.services.wiring import Service

PATIENCE_S = 120.0
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


def test_it_ends_after_the_scene_in_hand_and_keeps_the_others_for_later(tmp_path: Path) -> None:
    data = tmp_path / "data"
    load_zones(chain := service(data))
    drop(write_archive(tmp_path / "archive", [Scene(n, size=48) for n in range(60)]), data / "inbox")
    with up(data) as (process, page):
        until("a first scene", lambda: page.health().get("tiles") == 1, process)
        assert stopped(process) < STOP_S
    with transaction(chain.engine) as session:
        assert 0 < log.count_outcomes(session, "detect")["done"] < 60, "it ended between two scenes"
        assert log.next_event(session, "detect", Topic.SCENES) is not None
        assert log.next_event(session, "assess", Topic.OBSERVATIONS) is None, "the scene in hand went all the way"


def test_a_second_one_on_the_same_folder_says_so(tmp_path: Path) -> None:
    with up(tmp_path / "data") as (first, page):
        until("the first", lambda: page.health().get("status") == "ok", first)
        with up(tmp_path / "data") as (second, _):
            _, err = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 1 and "STORE_BUSY: another process works on" in err and "Traceback" not in err
        stopped(first)


def _taken(watched: Inbox, chain: Service) -> None:
    watched.send(chain.engine, at=chain.clock.now())
    chain.drain()


def _dead(chain: Service) -> list[str]:
    with transaction(chain.engine) as session:
        return [letter.code for letter in log.dead_letters(session)]


def test_a_half_written_item_is_waited_for_and_one_that_stays_so_is_refused(tmp_path: Path) -> None:
    chain, inbox = service(tmp_path / "data"), tmp_path / "inbox"
    drop(write_archive(tmp_path / "archive", [Scene(0, size=48)]), inbox)
    (item,) = (inbox / "items").iterdir()
    whole = item.read_text()
    item.write_text(whole[: len(whole) // 2])
    watched = Inbox(inbox, AlertTense.TEST)
    _taken(watched, chain)
    _taken(watched, chain)
    assert _dead(chain) == []
    os.utime(item, (time.time() - 2 * PAUSE_SECONDS,) * 2)
    _taken(watched, chain)
    assert _dead(chain) == ["MESSAGE_UNREADABLE"]
    item.write_text(whole)
    _taken(watched, chain)
    _taken(watched, chain)
    with transaction(chain.engine) as session:
        assert log.count_outcomes(session, "detect") == {"dead": 1, "done": 1}


def test_items_that_could_not_be_sent_are_sent_when_the_store_answers_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, inbox = service(tmp_path / "data"), tmp_path / "inbox"
    drop(write_archive(tmp_path / "archive", [Scene(0, size=48)]), inbox)

    def busy(*_args: object, **_more: object) -> None:
        raise TransientError(ErrorCode.STORE_BUSY, "disk full")

    with monkeypatch.context() as patched:
        patched.setattr(inbox_module, "send", busy)
        watched = Inbox(inbox, AlertTense.TEST)
        with pytest.raises(TransientError):
            _taken(watched, chain)
    _taken(watched, chain)
    _taken(watched, chain)
    with transaction(chain.engine) as session:
        assert len(session.exec(select(EventRow).where(EventRow.topic == Topic.SCENES)).all()) == 1, "sent once, though looked at twice"
        assert log.count_outcomes(session, "detect") == {"done": 1}


def test_a_large_delivery_is_sent_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, inbox = service(tmp_path / "data"), tmp_path / "inbox"
    drop(write_archive(tmp_path / "archive", [Scene(day, size=48) for day in range(5)]), inbox)
    monkeypatch.setattr(inbox_module, "MOST_AT_ONCE", 2)
    watched = Inbox(inbox, AlertTense.TEST)
    assert [watched.send(chain.engine, at=chain.clock.now()) for _ in range(4)] == [True, True, False, False]
    with transaction(chain.engine) as session:
        assert len(session.exec(select(EventRow).where(EventRow.topic == Topic.SCENES)).all()) == 5


def test_one_process_does_not_work_beside_those_on_kafka(tmp_path: Path) -> None:
    chain = service(tmp_path / "data", kafka_servers=("localhost:9092",))
    with pytest.raises(DataError, match="JAGAWANA_KAFKA_SERVERS"), chain.working():
        raise AssertionError("it begins")
