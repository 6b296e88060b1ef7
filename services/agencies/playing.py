"""An archive played to Kafka: its scenes in order of acquisition, their gaps divided by a speed."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from kafka import KafkaProducer
from kafka.errors import KafkaError

from jagawana.schemas.envelope import MAX_MESSAGE_BYTES
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.headers import headers_of
from jagawana.services.bus.kafka.connection import Connection, knock
from jagawana.services.ingest.items import FoundItem
from jagawana.services.store.log import Event

ACKNOWLEDGED_WITHIN_S = 60.0
TOPIC_WITHIN_MS = 10_000
LARGEST_ITEM = MAX_MESSAGE_BYTES - 4096
"""Value and key; the rest is for headers and framing."""
Send = Callable[[FoundItem], None]


def within(items: Sequence[FoundItem], first: date | None, last: date | None) -> list[FoundItem]:
    """Items acquired on these days, in order of acquisition; what says no time is left out when days are given."""
    timed = [(time_of(item), item) for item in items]
    chosen = [(at, item) for at, item in timed if _is_within(at, first, last)]
    return [item for _, item in sorted(chosen, key=lambda pair: (pair[0] or datetime.min.replace(tzinfo=UTC), pair[1].path.name))]


def play(items: Sequence[FoundItem], send: Send, *, speed: float, sleep: Callable[[float], None]) -> int:
    """Send them, the gaps between their acquisitions divided by `speed`. Returns how many were sent."""
    for item, gap in zip(items, [timedelta(0), *_gaps(items)], strict=False):
        if gap > timedelta(0):
            sleep(gap.total_seconds() / speed)
        send(item)
    return len(items)


@contextmanager
def scenes_topic(connection: Connection) -> Iterator[Send]:
    """A function that sends one item and waits until the brokers have it.

    Raises:
        TransientError: BUS_UNAVAILABLE.
        DataError: SETTINGS_INVALID when the brokers refuse the login; TOO_LARGE for an item that no broker takes: it is not sent.
    """
    asyncio.run(knock(connection))
    try:
        producer = KafkaProducer(
            **connection.client(), client_id="jagawana-play", acks="all", max_request_size=MAX_MESSAGE_BYTES, max_block_ms=TOPIC_WITHIN_MS
        )
    except KafkaError as e:
        raise TransientError(ErrorCode.BUS_UNAVAILABLE, f"Kafka went away: {e}; try again when it is up") from e
    try:
        yield lambda item: _send(producer, item)
    finally:
        producer.close(timeout=10)


def _send(producer: KafkaProducer, item: FoundItem) -> None:
    if len(item.payload) + len(item.key.encode()) > LARGEST_ITEM:
        raise DataError(ErrorCode.TOO_LARGE, f"{item.path}: {len(item.payload)} bytes; an item may have {LARGEST_ITEM}; take it out")
    event = Event(0, Topic.SCENES, item.key, item.event_id, item.payload)
    try:
        sent = producer.send(Topic.SCENES, key=item.key.encode(), value=item.payload, headers=headers_of(event))
        sent.get(timeout=ACKNOWLEDGED_WITHIN_S)
    except KafkaError as e:
        why = f"{item.path.name} is not acknowledged: {e!r}"
        raise TransientError(ErrorCode.BUS_UNAVAILABLE, f"{why}; is there {Topic.SCENES} (jagawana kafka apply), may we write it?") from e


def time_of(item: FoundItem) -> datetime | None:
    """When it was acquired, as far as it says."""
    try:
        at = datetime.fromisoformat(item.acquired_at)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _is_within(at: datetime | None, first: date | None, last: date | None) -> bool:
    if at is None:
        return first is None and last is None
    return (first is None or at.date() >= first) and (last is None or at.date() <= last)


def _gaps(items: Sequence[FoundItem]) -> Iterator[timedelta]:
    for one, other in pairwise(items):
        before, after = time_of(one), time_of(other)
        yield after - before if before and after else timedelta(0)
