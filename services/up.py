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
"""How often owed messages are looked at when no scene comes."""
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
    """Everything in the folder once, then whatever changes in it. A half-written item is taken when it is whole."""
    again = _take(service, inbox, tense, None, stop)
    for changes in watch(inbox, stop_event=stop, rust_timeout=round(PAUSE_SECONDS * 1000), yield_on_timeout=True):
        changed = {Path(path).resolve() for _, path in changes}
        again = _take(service, inbox, tense, changed | again, stop)


def _take(service: Service, inbox: Path, tense: AlertTense, changed: set[Path] | None, stop: threading.Event) -> set[Path]:
    """Send the changed items, or all of them, and work until nothing is left.

    Returns:
        Item files to look at again: those half written, and all of these when the store was busy.
    """
    found = find_items([inbox], tense) if changed is None or changed else []
    found = [i for i in found if changed is None or i.path.resolve() in changed]
    items = [i for i in found if _is_whole(i.path)]
    try:
        with transaction(service.engine) as session:
            send(session, items, [inbox], at=service.clock.now())
        service.drain(stopped=stop.is_set)
    except JagawanaError as e:
        logger.error("%s; trying again", e)
        items = []
    return {i.path.resolve() for i in found} - {i.path.resolve() for i in items}


def _is_whole(path: Path) -> bool:
    """A writer may not be done: JSON that does not end yet is left for the next change, unless it has been still for a while."""
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return time.time() - path.stat().st_mtime > PAUSE_SECONDS
    return True


def _serve(app: FastAPI, port: int) -> uvicorn.Server:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True, name="page").start()
    return server
