"""One room in a process of its own, until stopped.

It ends by itself when it makes no progress, so that whoever runs it starts another.
"""

import asyncio
import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.observation import AlertTense
from jagawana.services.agencies.heartbeats import INTERVAL_S, beat
from jagawana.services.bus.kafka.progress import DEFECT_CODE, GIVE_UP_CODE, exit_after, exit_at_once
from jagawana.services.bus.kafka.relay import pause
from jagawana.services.observing.health import ALIVE_SECONDS, Health
from jagawana.services.observing.start import Observation, observation
from jagawana.services.rooms import Room, Running
from jagawana.services.settings import Settings
from jagawana.services.store.lock import sole_process
from jagawana.services.web.serving import serve
from jagawana.services.wiring import Service, build
from jagawana.services.work.looking import ingesting, notifying, relaying, showing
from jagawana.services.work.reading import assessing, detecting

SILENCE_SECONDS = ALIVE_SECONDS + 60.0
"""Longer than a liveness probe waits, and than what a reader or the relay allows itself."""
LOOK_SECONDS = 15.0
logger = logging.getLogger(__name__)


def work(
    settings: Settings, room: Room, *, inbox: Path | None = None, tense: AlertTense = AlertTense.CURRENT, port: int = 8080,
    host: str = "127.0.0.1",
) -> None:  # fmt: skip
    """Run one room until SIGTERM or Ctrl-C; it ends after the record in hand.

    Raises:
        DataError: SETTINGS_INVALID, also when the brokers or the database refuse us.
    """
    owner = settings.instance or uuid4().hex
    observed = observation(settings, room)
    service = build(settings, observer=observed.observer)
    observed.look_into(service.engine, service.assess.pack, service.notify.recipients)
    runs: dict[Room, Callable[[], Running]] = {
        Room.INGEST: lambda: ingesting(service, observed, inbox or settings.data / "inbox", tense),
        Room.DETECT: lambda: detecting(service, observed),
        Room.ASSESS: lambda: assessing(service, observed, owner),
        Room.RELAY: lambda: relaying(service, observed, owner),
        Room.NOTIFY: lambda: notifying(service, observed),
        Room.WEB: lambda: showing(service, observed, port, host),
    }
    with sole_process(settings.data), observed.served(serve):
        shutil.rmtree(settings.spool, ignore_errors=True)
        threading.Thread(target=_end_without_progress, args=(observed.health,), daemon=True, name="watch").start()
        asyncio.run(_until_stopped(lambda: _beating(service, observed, room, owner, runs[room]()), settings.grace_seconds))


def _end_without_progress(health: Health) -> None:
    """From a thread of its own: also when the event loop stands still. What has not started yet waits for its engines."""
    while True:
        time.sleep(LOOK_SECONDS)
        if health.has_started and health.progress.age() > SILENCE_SECONDS:
            exit_at_once(GIVE_UP_CODE, f"nothing was done for {health.progress.age():.0f} s")


async def _until_stopped(run: Callable[[], Running], grace_seconds: float) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        exit_after(grace_seconds, "the grace time is over")

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await run()(stopping)
    except JagawanaError:
        raise
    except Exception:
        logger.exception("an error that nobody expected")
        exit_at_once(DEFECT_CODE, "what went wrong is in the lines above; nothing is lost, start another")


def _beating(service: Service, observed: Observation, room: Room, owner: str, running: Running) -> Running:
    """The room at work, and its signs of life. It goes on without them."""

    def one() -> None:
        try:
            beat(service.store, room, owner, progress_age_s=observed.progress.age(), at=service.clock.now(), interval_s=INTERVAL_S)
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
