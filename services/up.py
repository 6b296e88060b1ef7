"""Run until stopped: a watched folder, the pipeline, and a read-only page on this machine."""

import logging
import signal
import threading
from pathlib import Path

from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.inbox import Inbox, changes
from jagawana.services.observing.start import Observation, observation
from jagawana.services.settings import Settings
from jagawana.services.web.pages import pages
from jagawana.services.web.serving import serve
from jagawana.services.web.view import ReportSource
from jagawana.services.wiring import Service, build

ALIVE_SECONDS = 30 * 60.0
"""Longer than any scene."""
logger = logging.getLogger(__name__)


def run_until_stopped(settings: Settings, *, inbox: Path, tense: AlertTense, port: int) -> None:
    """Watch `inbox` for item files and work on them; SIGTERM and Ctrl-C end after the scene in hand.

    Raises:
        TransientError: STORE_BUSY when another process works on the data folder.
    """
    observed, stop = observation(settings, "up", alive_seconds=ALIVE_SECONDS), threading.Event()
    service = build(settings, observer=observed.observer)
    observed.look_into(service.engine, service.assess.pack, service.notify.recipients)
    observed.look_into_store(service.engine, service.clock.now, service.bus.routes, relays=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    inbox.mkdir(parents=True, exist_ok=True)
    with service.working(), observed.served(serve):
        server = serve(pages(ReportSource(service.engine, service.blobs, service.assess.histories), service.clock.now), port)
        try:
            _work(service, observed, inbox, tense, stop)
        finally:
            server.should_exit = True


def _work(service: Service, observed: Observation, inbox: Path, tense: AlertTense, stop: threading.Event) -> None:
    """Look into the folder at once, whenever it changes, and now and then: a change may fall between two looks and not be told."""
    watched = Inbox(inbox, tense)
    observed.health.has_started = True
    for _ in changes(inbox, stop):
        observed.progress.made()
        try:
            while watched.send(service.engine, at=service.clock.now()) and not stop.is_set():
                observed.progress.made()
            service.drain(lambda _room: observed.progress.made(), stopped=stop.is_set)
        except JagawanaError as e:
            logger.error("%s; trying again", e)
