"""Looks from outside whether a reader is still read to: is it in its group, and do the brokers answer its polls.

A client that was once refused its group never reads again, and says of itself that all is well; so does one whose partition is stuck.
"""

import asyncio
import logging
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from jagawana.services.bus.kafka.progress import GIVE_UP_CODE, exit_at_once
from jagawana.services.bus.kafka.reader import Reader, group_of

logger = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
SILENCE_SECONDS = 120.0
"""Longer than a rebalance in which nobody has a record in hand."""


class Watch:
    """Tells the progress of a reader that has nothing to read."""

    def __init__(self, reader: Reader, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self.reader, self.silence_seconds = reader, silence_seconds
        self._admin: AIOKafkaAdminClient | None = None
        self._polls: Mapping[TopicPartition, int | None] = {}

    async def keep(self) -> None:
        """Look now and then, until cancelled; end the process when there was no progress for too long."""
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                if not self.reader.draining.is_idle or (self._was_polled() and await self._is_member()):
                    self.reader.progress.made()  # a record in hand ends by itself: the handling's patience is limited
                if self.reader.progress.age() > self.silence_seconds:
                    exit_at_once(GIVE_UP_CODE, f"{self.reader.route.room} was not read to for {self.reader.progress.age():.0f} s")
        finally:
            if self._admin is not None:
                await self._admin.close()

    def _was_polled(self) -> bool:
        """Whether any partition was polled since the last look; a reader without partitions waits for its turn."""
        consumer, before = self.reader.subscriber.consumer, self._polls
        if consumer is None:
            return False
        self._polls = {partition: consumer.last_poll_timestamp(partition) for partition in consumer.assignment()}
        return not self._polls or any(before.get(partition) != at for partition, at in self._polls.items())

    async def _is_member(self) -> bool:
        try:
            if self._admin is None:
                self._admin = AIOKafkaAdminClient(client_id=f"{self.reader.client_id}-watch", **self.reader.connection.client())
                await self._admin.start()
            replies = await self._admin.describe_consumer_groups([group_of(self.reader.route)])
            return any(member[1] == self.reader.client_id for reply in replies for group in reply.groups for member in group[5])
        except (KafkaError, OSError) as e:
            logger.warning("%s: the brokers do not say who is in the group: %s", self.reader.route.room, e)
            return False
