"""A room's worker: reads its topic through FastStream, and does with each record what the embedded bus does.

FastStream's defaults lose scenes (docs/decisions/0034-kafka.md): what is set here has tests on a real broker that fail without it.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

from jagawana.schemas.errors import JagawanaError
from jagawana.services.bus.handling import EventHandling, Route
from jagawana.services.bus.kafka.connection import Connection, connecting
from jagawana.services.bus.kafka.draining import Draining
from jagawana.services.bus.kafka.progress import DEFECT_CODE, GIVE_UP_CODE, Progress, exit_at_once
from jagawana.services.bus.kafka.records import any_headers, bytes_as_they_are, event_of
from jagawana.services.failpoints import reached
from jagawana.services.store.log import Event

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 20 * 60.0
"""How long trouble in the world is waited out with a record in hand; then another process shall try."""
MAX_POLL_SECONDS = 30 * 60
"""Longer than any scene, and than our patience: who is silent for longer leaves the group."""
FETCH_BYTES = 256 * 1024


class Reader:
    """One room, one topic, one record at a time."""

    def __init__(
        self, route: Route[Any], handling: EventHandling, connection: Connection, progress: Progress, *, instance: str | None = None,
        session_seconds: int = 45, grace_seconds: float = 30.0,
    ) -> None:  # fmt: skip
        self.route, self.handling, self.connection, self.progress = route, handling, connection, progress
        self.client_id = f"{group_of(route)}-{instance or uuid4().hex[:12]}"
        self.stopping = threading.Event()
        self.draining = Draining(self._next_offset, lambda: self.subscriber.consumer)
        self.broker = KafkaBroker(
            list(connection.servers), security=connection.security(), consumer_only=True, allow_auto_create_topics=False,
            graceful_timeout=grace_seconds, logger=None, apply_types=True, client_id=self.client_id,
        )  # fmt: skip
        self.subscriber = self.broker.subscriber(
            route.topic,
            group_id=group_of(route),
            group_instance_id=self.client_id if instance else None,
            parser=any_headers,
            decoder=bytes_as_they_are,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            max_poll_interval_ms=MAX_POLL_SECONDS * 1000,
            session_timeout_ms=session_seconds * 1000,
            heartbeat_interval_ms=session_seconds * 1000 // 9,
            rebalance_timeout_ms=max(120, session_seconds) * 1000,
            max_partition_fetch_bytes=FETCH_BYTES,
            listener=self.draining,
            no_reply=True,
        )
        self.subscriber(self._on_record)

    async def start(self) -> None:
        """Begin to read.

        Raises:
            DataError: SETTINGS_INVALID when the brokers refuse us.
            TransientError: BUS_UNAVAILABLE.
        """
        with connecting(self.connection):
            await self.broker.start()

    async def stop(self) -> None:
        """End after the record in hand; what waits for the world to get better gives it back."""
        self.stopping.set()
        await self.broker.stop()

    def _next_offset(self, partition: TopicPartition) -> int | None:
        with self.handling.store.transaction() as tx:
            return tx.log.next_offset(self.route.room, self.route.topic, partition.partition)

    async def _on_record(self, message: KafkaMessage) -> None:
        with self.draining.holding():
            try:
                await self._read(message)
            except Exception:
                logger.exception("%s: an error that nobody expected", self.route.room)
                exit_at_once(DEFECT_CODE, "what went wrong is in the lines above; the record comes again, and ends after some starts")

    async def _read(self, message: KafkaMessage) -> None:
        record = message.raw_message
        assert not isinstance(record, tuple), "records come one by one"
        self.progress.made()
        if await asyncio.to_thread(self._deal_with, event_of(record)):
            await self._commit(message.consumer, TopicPartition(record.topic, record.partition), record.offset + 1)
        self.progress.made()

    def _deal_with(self, event: Event) -> bool:
        """In a thread, so that the client goes on talking to its brokers. False when we stop with the record in hand."""
        for seconds in _waits():
            try:
                self.handling.deal_with(self.route, lambda _tx: event)
                return True
            except JagawanaError as error:  # what is buried does not come here: the world, or the installation
                logger.error("%s waits with %s: %s", self.route.room, event.event_id[:12], error)
            if self.stopping.wait(seconds):
                return False
        exit_at_once(GIVE_UP_CODE, f"{self.route.room} waited {PATIENCE_SECONDS:.0f} s with one record")

    async def _commit(self, consumer: Any, partition: TopicPartition, offset: int) -> None:
        """For whoever watches the lag: the database has it already."""
        try:
            reached("record.committing")
            await consumer.commit({partition: offset})
            reached("record.committed")
        except KafkaError as e:
            logger.warning("%s: %s taken by another before we were done: %s", self.route.room, partition, e)


def group_of(route: Route[Any]) -> str:
    """The consumer group of a room."""
    return f"jagawana-{route.room}"


def _waits() -> Iterator[float]:
    """Seconds to wait, growing to half a minute, for as long as our patience lasts."""
    spent, seconds = 0.0, 1.0
    while spent < PATIENCE_SECONDS:
        yield seconds
        spent += seconds
        seconds = min(seconds * 2, 30.0)
