"""The distributed mode: one room in a process of its own, until stopped.

Every room but web and ingest ends by itself when it makes no progress, so that whoever runs it starts another.
"""

import asyncio
import logging
import shutil
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.schemas.observation import AlertTense
from jagawana.services.agencies.headers import signing
from jagawana.services.agencies.heartbeats import INTERVAL_S, beat
from jagawana.services.agencies.signing import signing_key
from jagawana.services.bus.handling import EventHandling
from jagawana.services.bus.kafka.connection import Connection
from jagawana.services.bus.kafka.progress import exit_after
from jagawana.services.bus.kafka.reader import Reader
from jagawana.services.bus.kafka.relay import Relay, pause
from jagawana.services.bus.kafka.watching import Watch
from jagawana.services.ingest.inbox import Inbox, changes
from jagawana.services.observing import table
from jagawana.services.observing.lag import Lag
from jagawana.services.observing.start import Observation, observation
from jagawana.services.rooms import Room
from jagawana.services.settings import Settings
from jagawana.services.store.lock import sole_process
from jagawana.services.web.pages import pages
from jagawana.services.web.serving import serve
from jagawana.services.web.view import ReportSource
from jagawana.services.wiring import Service, build

JUDGING = "judging"
JUDGING_LEASE_SECONDS = 300.0
LOOK_SECONDS = 30.0
NOTHING_DUE_SECONDS = 2.0
START_WAIT_SECONDS = 5.0
logger = logging.getLogger(__name__)
Running = Callable[[asyncio.Event], Awaitable[None]]


def work(
    settings: Settings, room: Room, *, inbox: Path | None = None, tense: AlertTense = AlertTense.CURRENT, port: int = 8080,
    host: str = "127.0.0.1",
) -> None:  # fmt: skip
    """Run one room until SIGTERM or Ctrl-C; it ends after the record in hand.

    Raises:
        DataError: SETTINGS_INVALID, also when the brokers or the database refuse us.
    """
    observed = observation(settings, room)
    service = build(settings, observer=observed.observer)
    observed.look_into(service.engine, service.assess.pack, service.notify.recipients)
    runs: dict[Room, Callable[[], Running]] = {
        Room.INGEST: lambda: _ingesting(service, observed, inbox or settings.data / "inbox", tense),
        Room.DETECT: lambda: _reading(service, observed, Room.DETECT),
        Room.ASSESS: lambda: _assessing(service, observed),
        Room.RELAY: lambda: _relaying(service, observed),
        Room.NOTIFY: lambda: _notifying(service, observed),
        Room.WEB: lambda: _showing(service, observed, port, host),
    }
    with sole_process(settings.data), observed.served(serve):
        shutil.rmtree(settings.spool, ignore_errors=True)
        asyncio.run(_until_stopped(lambda: _beating(service, observed, room, runs[room]()), settings.grace_seconds))


async def _until_stopped(run: Callable[[], Running], grace_seconds: float) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        exit_after(grace_seconds, "the grace time is over")

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await run()(stopping)


def _beating(service: Service, observed: Observation, room: Room, running: Running) -> Running:
    """The room at work, and its signs of life."""
    instance = _owner(service.settings)

    def one() -> None:
        try:
            beat(service.store, room, instance, progress_age_s=observed.progress.age(), at=service.clock.now(), interval_s=INTERVAL_S)
        except JagawanaError as e:
            logger.warning("no heartbeat: %s", e)

    async def beats(stopping: asyncio.Event) -> None:
        try:
            while not stopping.is_set():
                await asyncio.to_thread(one)
                await pause(stopping, INTERVAL_S)
        except Exception:
            logger.exception("no more heartbeats: an error that nobody expected")

    async def run(stopping: asyncio.Event) -> None:
        beating = asyncio.create_task(beats(stopping))
        try:
            await running(stopping)
        finally:
            beating.cancel()

    return run


def connection_of(settings: Settings) -> Connection:
    """How to reach Kafka.

    Raises:
        DataError: SETTINGS_INVALID when no broker is named, or half a login: it would go to the brokers in the clear.
    """
    if not settings.kafka_servers:
        raise DataError(ErrorCode.SETTINGS_INVALID, 'no Kafka to work with; set JAGAWANA_KAFKA_SERVERS, e.g. ["localhost:9092"]')
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else None
    if (settings.kafka_user is None) != (password is None) or (settings.kafka_ca is not None and password is None):
        why = "JAGAWANA_KAFKA_USER and JAGAWANA_KAFKA_PASSWORD go together, and JAGAWANA_KAFKA_CA with them"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{why}; set both, or none for brokers without logins")
    return Connection(settings.kafka_servers, settings.kafka_user, password, settings.kafka_ca)


def _reading(service: Service, observed: Observation, room: Room) -> Running:
    route = next(r for r in service.bus.routes if r.room == room)
    handling = EventHandling(service.store, service.clock, attempts=service.settings.attempts, observer=observed.observer)
    settings = service.settings
    reader = Reader(
        route, handling, connection_of(settings), observed.progress, instance=settings.instance, session_seconds=settings.session_seconds,
        grace_seconds=settings.grace_seconds,
    )  # fmt: skip
    lag = Lag(room, lambda: reader.subscriber.consumer)
    observed.show(table.LAG, lag.samples)

    async def run(stopping: asyncio.Event) -> None:
        await _started(reader.start, stopping)
        observed.health.has_started = True
        watching, lagging = asyncio.create_task(Watch(reader).keep()), asyncio.create_task(lag.keep())
        await stopping.wait()
        watching.cancel()
        lagging.cancel()
        await reader.stop()

    return run


async def _started(start: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Brokers that are not there yet are waited for; what they refuse is not."""
    while not stopping.is_set():
        try:
            return await start()
        except TransientError as e:
            logger.warning("%s; trying again", e)
            await pause(stopping, START_WAIT_SECONDS)


def _assessing(service: Service, observed: Observation) -> Running:
    read = _reading(service, observed, Room.ASSESS)

    async def run(stopping: asyncio.Event) -> None:
        judging = asyncio.create_task(_judging(service, stopping))
        await read(stopping)
        await judging

    return run


async def _judging(service: Service, stopping: asyncio.Event) -> None:
    """Tiles judged by older zones or rules are judged again, by one worker at a time."""
    owner = _owner(service.settings)
    while not stopping.is_set():
        try:
            await asyncio.to_thread(_judge_stale_tiles, service, owner, stopping)
        except JagawanaError as e:
            logger.error("judging anew waits: %s", e)
        await pause(stopping, LOOK_SECONDS)


def _judge_stale_tiles(service: Service, owner: str, stopping: asyncio.Event) -> None:
    for tile in service.assess.stale_tiles():
        with service.store.transaction() as tx:
            mine = tx.leases.take(JUDGING, owner, JUDGING_LEASE_SECONDS)
        if stopping.is_set() or not mine:
            return
        service.judge_again(tile)


def _relaying(service: Service, observed: Observation) -> Running:
    settings, now = service.settings, service.clock.now
    headers_of = signing(signing_key(settings.signing_key, now()), now)
    relay = Relay(
        service.store, service.clock, connection_of(settings), observed.progress, owner=_owner(settings), headers_of=headers_of,
        observer=observed.observer,
    )  # fmt: skip
    observed.show(table.LEASE_HELD, lambda: iter([(("relay",), float(relay.lease.is_held))]))
    observed.look_into_store(service.engine, service.clock.now, service.bus.routes, relays=True)
    observed.health.has_started = True
    return relay.run


def _notifying(service: Service, observed: Observation) -> Running:
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


def _ingesting(service: Service, observed: Observation, inbox: Path, tense: AlertTense) -> Running:
    inbox.mkdir(parents=True, exist_ok=True)
    watched, stop = Inbox(inbox, tense), threading.Event()

    def watch() -> None:
        for _ in changes(inbox, stop):
            observed.progress.made()
            try:
                watched.send(service.engine, at=service.clock.now())
            except JagawanaError as e:
                logger.error("%s; trying again", e)

    async def run(stopping: asyncio.Event) -> None:
        observed.health.has_started = True
        watching = asyncio.create_task(asyncio.to_thread(watch))
        await stopping.wait()
        stop.set()
        await watching

    return run


def _showing(service: Service, observed: Observation, port: int, host: str) -> Running:
    app = pages(ReportSource(service.engine, service.blobs, service.assess.histories), service.clock.now)

    async def run(stopping: asyncio.Event) -> None:
        server = serve(app, port, host)
        observed.health.has_started = True
        while not stopping.is_set():
            observed.progress.made()
            await pause(stopping, LOOK_SECONDS)
        server.should_exit = True

    return run


def _owner(settings: Settings) -> str:
    return settings.instance or uuid4().hex
