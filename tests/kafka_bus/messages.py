"""A message whose handling has no effects, for tests that are about the way there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import confluent_kafka
from servers.kafka import Kafka

from jagawana.schemas.envelope import encode
from jagawana.schemas.observation import CoverageObserved
from jagawana.schemas.topics import Topic
from jagawana.services.bus.handling import Route
from jagawana.services.store import log
from jagawana.services.store.sql import SqlStore

AT = datetime(2026, 6, 1, tzinfo=UTC)
Header = tuple[str, bytes | None]


class Nothing:
    def apply(self, _tx: object, _at: datetime) -> None:
        pass


def coverage(n: int) -> CoverageObserved:
    return CoverageObserved(tile="49MDU57", scene_id=f"scene-{n}", acquired_at=AT, footprint_share=1.0, clear_share=0.5, cloud_share=0.5)


def payload(n: int) -> bytes:
    return encode(coverage(n), source="/test", at=AT)


def room(seen: list[str], during: Callable[[str], None] = lambda _: None) -> Route[Any]:
    """A room that writes down what it begins, and then does what `during` does."""

    def handler(message: CoverageObserved) -> Nothing:
        seen.append(message.scene_id)
        during(message.scene_id)
        return Nothing()

    return Route("room", Topic.COVERAGE, CoverageObserved, handler)


def letters(store: SqlStore) -> list[str]:
    with store.transaction() as tx:
        return [d.code for d in log.dead_letters(tx.session)]


def sent(store: SqlStore, *numbers: int, topic: Topic = Topic.COVERAGE) -> None:
    with store.transaction() as tx:
        for n in numbers:
            tx.log.publish(topic, coverage(n), source="/test", at=AT)


def produce(kafka: Kafka, *records: tuple[bytes | None, list[Header]], codec: str = "none", partition: int = 0) -> None:
    """With librdkafka, which sends a header that is null; kafka-python refuses to."""
    producer = confluent_kafka.Producer({"bootstrap.servers": ",".join(kafka.servers), "compression.type": codec})
    for value, headers in records:
        producer.produce(Topic.COVERAGE, value=value, key=b"49MDU57", headers=headers, partition=partition)
    assert producer.flush(10) == 0
