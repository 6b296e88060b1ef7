"""How many records a worker has not taken yet, by partition; looked up beside the reading, so that asking never waits for Kafka."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 1.0


class Lag:
    """Of the partitions a worker has now."""

    def __init__(self, room: str, consumer: Callable[[], Any]) -> None:
        self._room, self._consumer = room, consumer
        self._lag: dict[tuple[str, ...], float] = {}

    async def keep(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once; a partition whose end is not known yet is left out."""
        consumer, found = self._consumer(), dict[tuple[str, ...], float]()
        for partition in consumer.assignment() if consumer is not None else ():
            end = consumer.highwater(partition)
            if end is None:
                continue
            try:
                next_one = await asyncio.wait_for(consumer.position(partition), ANSWER_SECONDS)
            except Exception:  # taken from us meanwhile, or not known yet: whatever the client says of it
                continue
            found[self._room, partition.topic, str(partition.partition)] = float(max(0, end - next_one))
        self._lag = found

    def samples(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """What was last seen."""
        return iter(self._lag.items())
