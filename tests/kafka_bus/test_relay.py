"""The relay: in order, never lost, never stopped by one topic; and one relay at a time."""

import time
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka_bus.messages import AT, letters, sent
from kafka_bus.running import make_topics, relaying, wait_for
from servers.kafka import Kafka

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.schemas.observation import CoverageObserved
from jagawana.schemas.topics import Topic
from jagawana.services.bus.kafka import relay as relay_module
from jagawana.services.bus.kafka.relay import LARGEST_PAYLOAD, ROOM, RelayLease, TopicRelay
from jagawana.services.store.sql import SqlStore

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "TROUBLE_SECONDS", 0.2)


def on_topic(kafka: Kafka, topic: str = Topic.COVERAGE) -> list[Any]:
    """Every record of a topic, as any subscriber reads it."""
    with closing(KafkaConsumer(topic, auto_offset_reset="earliest", group_id=None, **kafka.client())) as consumer:
        found: list[Any] = []
        while batch := consumer.poll(timeout_ms=1000):
            found += [r for records in batch.values() for r in records]
    return found


def scenes_on(kafka: Kafka, topic: str = Topic.COVERAGE) -> list[str]:
    return [decode_as(CoverageObserved, r.value).scene_id for r in on_topic(kafka, topic)]


def is_passed(store: SqlStore, topic: Topic = Topic.COVERAGE) -> bool:
    with store.transaction() as tx:
        return not tx.log.next_events(ROOM, topic, 1)


def test_what_is_appended_is_sent_in_order_under_its_key(cluster: Kafka, store: SqlStore) -> None:
    sent(store, *range(250))
    with relaying(cluster, store, headers_of=lambda e: [("ce_id", e.event_id.encode())]):
        wait_for(lambda: is_passed(store), "all sent")
    records = on_topic(cluster)
    assert [decode_as(CoverageObserved, r.value).scene_id for r in records] == [f"scene-{n}" for n in range(250)]
    assert {r.key for r in records} == {b"49MDU57"} and {r.partition for r in records} in ({0}, {1})
    assert all(name == "ce_id" for r in records for name, _ in r.headers)


def test_a_second_relay_waits_until_the_first_gives_up(cluster: Kafka, store: SqlStore) -> None:
    with relaying(cluster, store, owner="one"):
        sent(store, 1)
        wait_for(lambda: is_passed(store), "the first sends")
        with relaying(cluster, store, owner="two") as second:
            time.sleep(1.0)
            assert not second.lease.is_held
            sent(store, 2)
            wait_for(lambda: is_passed(store), "still the first")
    assert scenes_on(cluster) == ["scene-1", "scene-2"]
    with relaying(cluster, store, owner="three"):
        sent(store, 3)
        wait_for(lambda: is_passed(store), "the lease was given up, not waited out", seconds=5)


def test_a_lease_is_not_believed_for_as_long_as_it_lasts(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = RelayLease(store, "one")
    lease.take()
    assert lease.is_held
    later = time.monotonic() + relay_module.LEASE_SECONDS * 0.6
    monkeypatch.setattr(relay_module.time, "monotonic", lambda: later)
    assert not lease.is_held, "a relay that was paused asks first"


def test_a_topic_that_is_missing_holds_up_no_other(cluster: Kafka, store: SqlStore) -> None:
    sent(store, 1, topic=Topic.OBSERVATIONS)
    with relaying(cluster, store):
        time.sleep(0.5)
        sent(store, 2)
        wait_for(lambda: is_passed(store), "the other topic flows", seconds=5)
        assert not is_passed(store, Topic.OBSERVATIONS)
        make_topics(cluster, Topic.OBSERVATIONS)
        wait_for(lambda: is_passed(store, Topic.OBSERVATIONS), "it flows when its topic is made")
    assert scenes_on(cluster) == ["scene-2"] and scenes_on(cluster, Topic.OBSERVATIONS) == ["scene-1"]


def limit(kafka: Kafka, size: int) -> None:
    with closing(kafka.admin()) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, Topic.COVERAGE, configs={"max.message.bytes": str(size)})])


def append(store: SqlStore, size: int) -> None:
    with store.transaction() as tx:
        tx.log.append(Topic.COVERAGE, "49MDU57", b"x" * size, AT)


def refused_then_allowed(cluster: Kafka, store: SqlStore) -> None:
    """The broker refuses a record that the relay lets through; then somebody mends the topic."""
    limit(cluster, 10_000)
    sent(store, 0)
    append(store, 50_000)
    sent(store, 1)
    with relaying(cluster, store, topics=[Topic.COVERAGE]):
        time.sleep(2.0)
        assert not is_passed(store)
        limit(cluster, 1_048_588)
        wait_for(lambda: is_passed(store), "all sent", seconds=10)


def test_after_a_refusal_the_producer_is_made_anew(cluster: Kafka, store: SqlStore) -> None:
    refused_then_allowed(cluster, store)
    assert [len(r.value) > 10_000 for r in on_topic(cluster)] in ([False, True, False], [False, False, True, False]), "in order"


def test_a_producer_that_was_refused_once_never_sends_again(cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def kept(_self: TopicRelay) -> None:
        return

    with monkeypatch.context() as patched, pytest.raises(AssertionError, match="all sent"):
        patched.setattr(TopicRelay, "_drop_producer", kept)
        refused_then_allowed(cluster, store)


def test_what_no_broker_takes_is_buried_and_the_next_is_sent(cluster: Kafka, store: SqlStore) -> None:
    sent(store, 1)
    append(store, LARGEST_PAYLOAD + 1)
    append(store, LARGEST_PAYLOAD - 100)
    sent(store, 2)
    with relaying(cluster, store, topics=[Topic.COVERAGE], headers_of=lambda _: [("sig", b"s" * 1000)]):
        wait_for(lambda: is_passed(store), "the rest")
    assert letters(store) == ["MESSAGE_UNREADABLE"] and len(on_topic(cluster)) == 3


def test_what_was_sent_and_not_passed_is_sent_again(cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    passing, tries = TopicRelay._pass, []

    def busy_once(relay: TopicRelay, position: int) -> None:
        tries.append(position)
        if len(tries) == 1:
            raise TransientError(ErrorCode.STORE_BUSY, "the database went away in between")
        passing(relay, position)

    monkeypatch.setattr(TopicRelay, "_pass", busy_once)
    sent(store, 1, 2)
    with relaying(cluster, store, topics=[Topic.COVERAGE]):
        wait_for(lambda: is_passed(store), "all passed")
    assert scenes_on(cluster) == ["scene-1", "scene-2"] * 2, "at least once: subscribers know them by their ids"
