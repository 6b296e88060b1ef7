"""Rooms that look by themselves for what is to be done: the relay and notify in the database, ingest in a folder, the page when asked."""

import asyncio
import logging
import threading
from pathlib import Path

from jagawana.schemas.errors import JagawanaError, TransientError
from jagawana.schemas.observation import AlertTense
from jagawana.services.agencies.headers import signing
from jagawana.services.agencies.signing import signing_key
from jagawana.services.bus.kafka.connection import connection_of
from jagawana.services.bus.kafka.relay import Relay, pause
from jagawana.services.ingest.inbox import Inbox, changes
from jagawana.services.observing import table
from jagawana.services.observing.start import Observation
from jagawana.services.rooms import Running
from jagawana.services.web.pages import pages
from jagawana.services.web.serving import serve
from jagawana.services.web.view import ReportSource
from jagawana.services.wiring import Service

NOTHING_DUE_SECONDS = 2.0
ALIVE_SECONDS = 30.0
logger = logging.getLogger(__name__)


def relaying(service: Service, observed: Observation, owner: str) -> Running:
    """Sends what the log holds to Kafka."""
    settings, now = service.settings, service.clock.now
    headers_of = signing(signing_key(settings.signing_key, now()), now)
    relay = Relay(
        service.store, service.clock, connection_of(settings), observed.progress, owner=owner, headers_of=headers_of,
        observer=observed.observer,
    )  # fmt: skip
    observed.show(table.LEASE_HELD, lambda: iter([(("relay",), float(relay.lease.is_held))]))
    observed.look_into_store(service.engine, service.clock.now, service.bus.routes, relays=True)
    observed.health.has_started = True
    return relay.run


def notifying(service: Service, observed: Observation) -> Running:
    """Delivers what is due."""

    async def run(stopping: asyncio.Event) -> None:
        observed.health.has_started = True
        while not stopping.is_set():
            observed.progress.made()
            try:
                if await asyncio.to_thread(service.notify.deliver_next):
                    continue
            except TransientError as e:
                logger.error("deliveries wait: %s", e)
            await pause(stopping, NOTHING_DUE_SECONDS)

    return run


def ingesting(service: Service, observed: Observation, inbox: Path, tense: AlertTense) -> Running:
    """Takes the items that are put into a folder."""
    inbox.mkdir(parents=True, exist_ok=True)
    watched, stop = Inbox(inbox, tense), threading.Event()

    def watch() -> None:
        for _ in changes(inbox, stop):
            observed.progress.made()
            try:
                while watched.send(service.engine, at=service.clock.now()) and not stop.is_set():
                    observed.progress.made()
            except JagawanaError as e:
                logger.error("%s; trying again", e)

    async def run(stopping: asyncio.Event) -> None:
        observed.health.has_started = True
        watching, stopped = asyncio.create_task(asyncio.to_thread(watch)), asyncio.create_task(stopping.wait())
        await asyncio.wait((watching, stopped), return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await watching

    return run


def showing(service: Service, observed: Observation, port: int, host: str) -> Running:
    """Shows the page."""
    app = pages(ReportSource(service.engine, service.blobs, service.assess.histories), service.clock.now)

    async def run(stopping: asyncio.Event) -> None:
        server = serve(app, port, host)
        observed.health.has_started = True
        while not stopping.is_set():
            observed.progress.made()
            await pause(stopping, ALIVE_SECONDS)
        server.should_exit = True

    return run
