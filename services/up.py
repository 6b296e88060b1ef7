"""Run until stopped: a watched folder, the pipeline, and a read-only page on this machine."""

import json
import logging
import signal
import threading
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from watchfiles import watch

from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items, send
from jagawana.services.settings import Settings
from jagawana.services.store.database import transaction
from jagawana.services.web.pages import pages
from jagawana.services.web.view import ReportSource
from jagawana.services.wiring import Service, build

PAUSE_SECONDS = 30.0
"""How often the folder and the owed messages are looked at when nothing is told of a change."""
logger = logging.getLogger(__name__)


def run_until_stopped(settings: Settings, *, inbox: Path, tense: AlertTense, port: int) -> None:
    """Watch `inbox` for item files and work on them; SIGTERM and Ctrl-C end after the scene in hand.

    Raises:
        TransientError: STORE_BUSY when another process works on the data folder.
    """
    service, stop = build(settings), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    inbox.mkdir(parents=True, exist_ok=True)
    with service.working():
        server = _serve(pages(ReportSource(service.engine, service.blobs, service.assess.histories), service.clock.now), port)
        try:
            _work(service, inbox, tense, stop)
        finally:
            server.should_exit = True


def _work(service: Service, inbox: Path, tense: AlertTense, stop: threading.Event) -> None:
    """Look into the folder at once, whenever it changes, and now and then: a change may fall between two looks and not be told."""
    watched = Inbox(inbox, tense)
    watched.take(service, stop)
    for _ in watch(inbox, stop_event=stop, rust_timeout=round(PAUSE_SECONDS * 1000), yield_on_timeout=True):
        watched.take(service, stop)


class Inbox:
    """A watched folder. Write an item's assets first and the item last."""

    def __init__(self, folder: Path, tense: AlertTense) -> None:
        self._folder, self._tense = folder, tense
        self._taken: dict[Path, tuple[int, int]] = {}

    def take(self, service: Service, stop: threading.Event) -> None:
        """Send items that are new or have changed and are whole, and work until nothing is left or `stop` is set.

        What could not be sent is not taken, and is looked at again next time; so is an item that is half written.
        """
        state = {path: _state(path) for path in self._folder.rglob("*.json")}
        fresh = {path for path, now in state.items() if now != self._taken.get(path) and _is_whole(path)}
        try:
            items = find_items([self._folder], self._tense, wanted=fresh.__contains__)
            with transaction(service.engine) as session:
                send(session, items, [self._folder], at=service.clock.now())
            self._taken |= {path: state[path] for path in fresh}
            service.drain(stopped=stop.is_set)
        except JagawanaError as e:
            logger.error("%s; trying again", e)


def _state(path: Path) -> tuple[int, int]:
    """Tells a changed file; a file that has gone is as good as none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _is_whole(path: Path) -> bool:
    """A writer may not be done: JSON that does not end yet is left for the next change, unless it has been still for a while."""
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (ValueError, RecursionError):
        return time.time() - path.stat().st_mtime > PAUSE_SECONDS
    return True


def _serve(app: FastAPI, port: int) -> uvicorn.Server:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True, name="page").start()
    return server
