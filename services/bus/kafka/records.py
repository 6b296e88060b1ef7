"""From a Kafka record to an event, whatever its bytes and headers are."""

import dataclasses
from typing import Any

from aiokafka import ConsumerRecord
from faststream.kafka.message import KafkaMessage

from jagawana.schemas.envelope import event_id_of
from jagawana.services.store.log import Event


async def any_headers(record: ConsumerRecord[Any, Any], original: Any) -> Any:
    """A FastStream parser: a header that is null or no UTF-8 would make it drop the record, and commit past it."""
    readable = [(name, (value or b"").decode("utf-8", "backslashreplace").encode()) for name, value in record.headers]
    return await original(dataclasses.replace(record, headers=readable))


async def bytes_as_they_are(message: KafkaMessage) -> bytes:
    """A FastStream decoder: reading is the handling's work, or what cannot be read never reaches the dead letters."""
    return message.body if isinstance(message.body, bytes) else b""


def event_of(record: ConsumerRecord[Any, Any]) -> Event:
    """The event in a record; a tombstone is an event without a payload."""
    payload = record.value or b""
    key = (record.key or b"").decode("utf-8", "backslashreplace")
    return Event(
        position=record.offset, topic=record.topic, key=key, event_id=event_id_of(payload), payload=payload, partition=record.partition
    )
