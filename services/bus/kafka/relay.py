"""The relay: what transactions have appended to the log goes to Kafka, in order, once its transaction is over.

One relay works, others stand by: a lease by the database's clock. A record may be sent twice, when a relay dies after sending;
subscribers know it again by its event id, and alerts by (alert_id, record_number).
"""

import asyncio
import logging
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
from jagawana.services.store.log import Event
from jagawana.services.store.port import Store

logger = logging.getLogger(__name__)
ROOM = "relay"
BATCH = 100
LEASE_SECONDS = 30.0
IDLE_SECONDS = 0.2
ACKNOWLEDGED_WITHIN_SECONDS = 15 * 60.0
"""A producer that has sent does not give up, and must not be given up while it lives: what it sends late would overtake newer records."""
LARGEST_PAYLOAD = MAX_MESSAGE_BYTES - 4096
"""Payload and key; the rest is for headers and framing. What the broker refuses would take its batch with it, and stop the producer."""
Headers = Sequence[tuple[str, bytes]]


class Relay:
    """Sends the log's events of all topics."""

    def __init__(
        self, store: Store, clock: Clock, connection: Connection, progress: Progress, *, owner: str,
        headers_of: Callable[[Event], Headers], topics: Sequence[Topic] = tuple(Topic),
    ) -> None:  # fmt: skip
        self.store, self.clock, self.connection, self.progress = store, clock, connection, progress
        self.owner, self.headers_of, self.topics = owner, headers_of, topics
        self._producer: AIOKafkaProducer | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set.

        Raises:
            DataError: SETTINGS_INVALID when the brokers refuse us.
        """
        try:
            while not stopping.is_set():
                sent = 0
                try:
                    if await asyncio.to_thread(self._holds_the_lease):
                        sent = sum([await self._relay(topic) for topic in self.topics])
                    self.progress.made()
                except TransientError as e:
                    logger.error("the relay waits: %s", e)
                    await _pause(stopping, 2.0)
                if not sent:
                    await _pause(stopping, IDLE_SECONDS)
        finally:
            await self._drop_producer()

    async def _relay(self, topic: Topic) -> int:
        """Send a batch of one topic. A topic that is refused holds up no other."""
        reached("relay.taking")
        events = await asyncio.to_thread(self._next, topic)
        if not events:
            return 0
        try:
            await self._send(events)
        except KafkaError as e:
            logger.error("%s from position %d refused: %s", topic, events[0].position, e)
            await self._drop_producer()  # after one refusal an idempotent producer refuses all that follows
            return 0
        await asyncio.to_thread(self._pass, topic, events[-1].position)
        reached("relay.passed")
        return len(events)

    async def _send(self, events: Sequence[Event]) -> None:
        """From one coroutine, so that what was appended first is sent first; returns when all are acknowledged."""
        producer = await self._started()
        reached("relay.sending")
        waiting = [await producer.send(e.topic, value=e.payload, key=e.key.encode(), headers=list(self.headers_of(e))) for e in events]
        acknowledged = asyncio.gather(*waiting, return_exceptions=True)
        for _ in range(round(ACKNOWLEDGED_WITHIN_SECONDS)):
            done, _pending = await asyncio.wait([acknowledged], timeout=1.0)
            self.progress.made()
            if done:
                _raise_first(acknowledged.result())
                reached("relay.acknowledged")
                return
        exit_at_once(GIVE_UP_CODE, f"Kafka acknowledged nothing for {ACKNOWLEDGED_WITHIN_SECONDS:.0f} s")

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

    def _holds_the_lease(self) -> bool:
        with self.store.transaction() as tx:
            return tx.leases.take(ROOM, self.owner, LEASE_SECONDS)

    def _next(self, topic: Topic) -> list[Event]:
        """The next events that may be sent; what no broker would take is buried when its turn comes."""
        with self.store.transaction() as tx:
            events = tx.log.next_events(ROOM, topic, BATCH)
            fitting = list(takewhile(_fits, events))
            if events and not fitting:
                why = f"{len(events[0].payload)} bytes; brokers take {LARGEST_PAYLOAD}; refer to what is large"
                tx.log.bury(ROOM, events[0], DataError(ErrorCode.MESSAGE_UNREADABLE, why), at=self.clock.now())
            return fitting

    def _pass(self, topic: Topic, position: int) -> None:
        with self.store.transaction() as tx:
            tx.log.pass_through(ROOM, topic, position)


def _fits(event: Event) -> bool:
    return len(event.payload) + len(event.key.encode()) <= LARGEST_PAYLOAD


def _raise_first(results: Sequence[Any]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
