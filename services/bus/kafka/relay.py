"""The relay: what transactions have appended to the log goes to Kafka, in order, once its transaction is over.

One relay works, others stand by: a lease by the database's clock. A record may be sent twice, when a relay dies after sending;
subscribers know it again by its event id, and alerts by (alert_id, record_number).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from jagawana.schemas.envelope import MAX_MESSAGE_BYTES
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.bus.handling import Clock
from jagawana.services.bus.kafka.connection import Connection, connecting
from jagawana.services.bus.kafka.progress import GIVE_UP_CODE, Progress, exit_at_once
from jagawana.services.failpoints import reached
from jagawana.services.observer import UNOBSERVED, Observer, RelayWork
from jagawana.services.store.log import Event
from jagawana.services.store.port import Store

logger = logging.getLogger(__name__)
ROOM = "relay"
BATCH = 100
LEASE_SECONDS = 30.0
IDLE_SECONDS = 0.2
TROUBLE_SECONDS = 2.0
ACKNOWLEDGED_WITHIN_SECONDS = 15 * 60.0
"""A producer that has sent does not give up, and must not be given up while it lives: what it sends late would overtake newer records."""
LARGEST_PAYLOAD = MAX_MESSAGE_BYTES - 4096
"""Payload and key; the rest is for headers and framing. What the broker refuses would take its batch with it, and stop the producer."""
Headers = Sequence[tuple[str, bytes]]


class Relay:
    """Sends the log's events, each topic by itself: one that is refused holds up no other."""

    def __init__(
        self, store: Store, clock: Clock, connection: Connection, progress: Progress, *, owner: str,
        headers_of: Callable[[Event], Headers], topics: Sequence[Topic] = tuple(Topic), observer: Observer = UNOBSERVED,
    ) -> None:  # fmt: skip
        self.lease = RelayLease(store, owner)
        self.topics = [TopicRelay(topic, store, clock, connection, progress, headers_of, observer) for topic in topics]
        self.progress = progress

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set.

        Raises:
            DataError: SETTINGS_INVALID when the brokers refuse us.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_the_lease(stopping))
                for topic in self.topics:
                    tasks.create_task(topic.run(self.lease, stopping))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    async def _keep_the_lease(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await asyncio.to_thread(self.lease.take)
                self.progress.made()
            except TransientError as e:
                logger.error("the relay waits: %s", e)
            await pause(stopping, LEASE_SECONDS / 6)
        await asyncio.to_thread(self.lease.give_up)


class RelayLease:
    """The right to send, renewed long before it ends."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store, self._owner = store, owner
        self._until = 0.0

    def take(self) -> None:
        """Take or renew it."""
        asked = time.monotonic()
        with self._store.transaction() as tx:
            if tx.leases.take(ROOM, self._owner, LEASE_SECONDS):
                self._until = asked + LEASE_SECONDS / 2  # well before anybody else can have it

    def give_up(self) -> None:
        """Let another have it at once."""
        self._until = 0.0
        with self._store.transaction() as tx:
            tx.leases.give_up(ROOM, self._owner)

    @property
    def is_held(self) -> bool:
        """Whether it is ours for long enough to send a batch."""
        return time.monotonic() < self._until


class TopicRelay:
    """Sends one topic's events."""

    def __init__(
        self, topic: Topic, store: Store, clock: Clock, connection: Connection, progress: Progress,
        headers_of: Callable[[Event], Headers], observer: Observer = UNOBSERVED,
    ) -> None:  # fmt: skip
        self.topic, self.store, self.clock, self.connection, self.progress = topic, store, clock, connection, progress
        self.headers_of, self.observer = headers_of, observer
        self._most = BATCH
        self._producer: AIOKafkaProducer | None = None

    async def run(self, lease: RelayLease, stopping: asyncio.Event) -> None:
        """Send while the lease is held."""
        try:
            while not stopping.is_set():
                sent, wait = 0, IDLE_SECONDS
                try:
                    sent = await self._send_next() if lease.is_held else 0
                except (KafkaError, TransientError) as e:
                    logger.error("%s is not sent: %s", self.topic, e)
                    wait = TROUBLE_SECONDS
                    await self._drop_producer()  # after one refusal an idempotent producer refuses all that follows
                if not sent:
                    await pause(stopping, wait)
        finally:
            await self._drop_producer()

    async def _send_next(self) -> int:
        reached("relay.taking")
        events = await asyncio.to_thread(self._next)
        if not events:
            return 0
        with self.observer.watching(RelayWork(self.topic, [e.payload for e in events])) as work:
            return await self._send_on(events, work)

    async def _send_on(self, events: Sequence[Event], work: RelayWork) -> int:
        results = await self._send(events)
        failures = [n for n, result in enumerate(results) if isinstance(result, BaseException)]
        acknowledged = events[: failures[0]] if failures else events
        if acknowledged:
            await asyncio.to_thread(self._pass, acknowledged[-1].position)
            reached("relay.passed")
        work.sent = len(acknowledged)
        self._most = 1 if failures else BATCH  # what is refused again and again shall not take others with it
        if failures:
            raise results[failures[0]]
        work.outcome = "sent"
        return len(events)

    async def _send(self, events: Sequence[Event]) -> Sequence[Any]:
        """From one coroutine, so that what was appended first is sent first. For each event what the brokers said, or an error."""
        producer = await self._started()
        reached("relay.sending")
        waiting = [await producer.send(e.topic, value=e.payload, key=e.key.encode(), headers=list(self.headers_of(e))) for e in events]
        acknowledged = asyncio.gather(*waiting, return_exceptions=True)
        for _ in range(round(ACKNOWLEDGED_WITHIN_SECONDS)):
            done, _pending = await asyncio.wait([acknowledged], timeout=1.0)
            self.progress.made()
            if done:
                reached("relay.acknowledged")
                return acknowledged.result()
        exit_at_once(GIVE_UP_CODE, f"Kafka acknowledged nothing of {self.topic} for {ACKNOWLEDGED_WITHIN_SECONDS:.0f} s")

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            promises = {"acks": "all", "enable_idempotence": True, "max_request_size": MAX_MESSAGE_BYTES}
            producer = AIOKafkaProducer(client_id="jagawana-relay", **promises, **self.connection.client())
            with connecting(self.connection):
                await producer.start()
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    def _next(self) -> list[Event]:
        """The next events that may be sent; what no broker would take is buried when its turn comes."""
        with self.store.transaction() as tx:
            events = tx.log.next_events(ROOM, self.topic, self._most)
            fitting = list(takewhile(_fits, events))
            if events and not fitting:
                why = f"{len(events[0].payload)} bytes; brokers take {LARGEST_PAYLOAD}; refer to what is large"
                tx.log.bury(ROOM, events[0], DataError(ErrorCode.MESSAGE_UNREADABLE, why), at=self.clock.now())
            return fitting

    def _pass(self, position: int) -> None:
        with self.store.transaction() as tx:
            tx.log.pass_through(ROOM, self.topic, position)


def _fits(event: Event) -> bool:
    return len(event.payload) + len(event.key.encode()) <= LARGEST_PAYLOAD


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but not when stopping."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
