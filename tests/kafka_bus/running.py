"""A relay and a room's reader on a real broker, in a loop of their own, for tests."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from kafka.admin import NewTopic
from servers.kafka import Kafka

from jagawana.services.bus.handling import Clock, EventHandling, Route
from jagawana.services.bus.kafka.connection import Connection
from jagawana.services.bus.kafka.progress import Progress
from jagawana.services.bus.kafka.reader import Reader
from jagawana.services.bus.kafka.relay import Relay
from jagawana.services.store.port import Store

SOON_S = 30.0
QUICKLY = Clock(now=lambda: datetime.now(UTC), sleep=lambda _: None)


def make_topics(kafka: Kafka, *names: str, partitions: int = 1, **config: str) -> None:
    """Topics, as an operator makes them: nothing makes one by itself."""
    copies = len(kafka.nodes)
    with closing(kafka.admin()) as admin:
        admin.create_topics(
            [NewTopic(name, partitions, copies, topic_configs={k.replace("_", "."): v for k, v in config.items()}) for name in names]
        )


def connection(kafka: Kafka) -> Connection:
    return Connection(tuple(kafka.servers))


def wait_for(true: Callable[[], bool], what: str, seconds: float = SOON_S) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any], seconds: float = SOON_S) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(SOON_S)
        self.loop.close()


@contextmanager
def relaying(kafka: Kafka, store: Store, clock: Clock = QUICKLY, owner: str = "relay-1", **more: Any) -> Iterator[Relay]:
    """A relay, until the block ends."""
    loop = Loop()
    relay = Relay(store, clock, connection(kafka), Progress(), owner=owner, **({"headers_of": lambda _: ()} | more))

    async def stop() -> None:
        stopping.set()

    async def event() -> asyncio.Event:
        return asyncio.Event()

    stopping = loop.run(event())
    running = loop.begin(relay.run(stopping))
    try:
        yield relay
    finally:
        loop.run(stop())
        running.result(SOON_S)
        loop.close()


@contextmanager
def reading(kafka: Kafka, store: Store, route: Route[Any], clock: Clock = QUICKLY, *, attempts: int = 3, **more: Any) -> Iterator[Reader]:
    """A room's reader, until the block ends."""
    loop = Loop()

    async def made() -> Reader:
        return Reader(
            route, EventHandling(store, clock, attempts=attempts), connection(kafka), Progress(), **({"session_seconds": 6} | more)
        )

    reader = loop.run(made())
    loop.run(reader.start())
    try:
        yield reader
    finally:
        loop.run(reader.stop())
        loop.close()


def passed(store: Store, route: Route[Any], partitions: int = 1) -> int:
    """How many records of its topic a room has passed, by the database's word."""
    with store.transaction() as tx:
        return sum(tx.log.next_offset(route.room, route.topic, p) or 0 for p in range(partitions))
