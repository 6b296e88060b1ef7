"""Rooms that read Kafka: detect, and assess, which also judges anew what older zones or rules have judged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from jagawana.schemas.errors import JagawanaError, TransientError
from jagawana.services.bus.handling import EventHandling
from jagawana.services.bus.kafka.connection import connection_of
from jagawana.services.bus.kafka.reader import Reader
from jagawana.services.bus.kafka.relay import pause
from jagawana.services.bus.kafka.watching import Watch
from jagawana.services.observing import table
from jagawana.services.observing.lag import Lag
from jagawana.services.observing.start import Observation
from jagawana.services.rooms import Room, Running
from jagawana.services.wiring import Service

JUDGING = "judging"
JUDGING_LEASE_SECONDS = 300.0
LOOK_SECONDS = 30.0
START_WAIT_SECONDS = 5.0
logger = logging.getLogger(__name__)


def detecting(service: Service, observed: Observation) -> Running:
    """The room that reads scenes."""
    return _reading(service, observed, Room.DETECT)


def assessing(service: Service, observed: Observation, owner: str) -> Running:
    """The room that reads observations, and looks for tiles to be judged again."""
    read = _reading(service, observed, Room.ASSESS)

    async def run(stopping: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_judging(service, owner, stopping))
                tasks.create_task(read(stopping))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    return run


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


async def _judging(service: Service, owner: str, stopping: asyncio.Event) -> None:
    """Tiles judged by older zones or rules are judged again, by one worker at a time."""
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
