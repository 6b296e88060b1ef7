"""What happens when partitions are given and taken: the record in hand is finished first; the database says where to go on."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition

from jagawana.schemas.errors import TransientError

logger = logging.getLogger(__name__)
NextOffset = Callable[[TopicPartition], int | None]
"""The offset of the first record of a partition that was never passed; None when none ever was."""
PAUSE_SECONDS = 1.0


class Seeking(Protocol):
    """What is used of a consumer."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go to an offset."""
        ...


class Draining(ConsumerRebalanceListener):  # type: ignore[misc]
    """A rebalance waits for the record in hand, so that its work is not done twice; afterwards the database's offsets hold.

    Kafka's own committed offsets are for watching the lag. A database restored to yesterday reads yesterday's records again.
    """

    def __init__(self, next_offset: NextOffset, consumer: Callable[[], Seeking | None]) -> None:
        self._next_offset, self._consumer = next_offset, consumer
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_idle(self) -> bool:
        """Whether no record is in hand."""
        return self._idle.is_set()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """A record is in hand."""
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Wait until no record is in hand."""
        await self._idle.wait()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Go to where the database is, to the beginning if it has passed nothing; a database that does not answer is waited for.

        What is older than the topic keeps is not an offset any more: the client then begins with the oldest record.
        """
        for partition in assigned:
            offset, consumer = await self._stored(partition), self._consumer()
            if consumer is not None:
                consumer.seek(partition, offset or 0)

    async def _stored(self, partition: TopicPartition) -> int | None:
        while True:
            try:
                return await asyncio.to_thread(self._next_offset, partition)
            except TransientError as e:
                logger.warning("%s: where to go on is not known yet: %s", partition, e)
                await asyncio.sleep(PAUSE_SECONDS)
