"""The same archive through one process and through many: one digest, and everybody is told once."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from distributed import archive
from distributed.conftest import Undisturbed
from distributed.house import House, Worker, house
from kafka import KafkaConsumer
from servers.kafka import Kafka

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.envelope import decode_as
from jagawana.schemas.topics import Topic

pytestmark = pytest.mark.services


@pytest.fixture
def ours(kafka: Kafka, database_url: str, tmp_path: Path) -> Iterator[House]:
    with house(kafka, database_url, tmp_path / "house") as made:
        made.load_zones(archive.ZONES)
        yield made


def told(house: House) -> Counter[str]:
    """What the logbooks hold, by idempotency key."""
    books = house.folder.glob("*/messages/messages.jsonl")
    return Counter(json.loads(line)["idempotency_key"] for book in books for line in book.read_text().splitlines())


def published(house: House) -> list[AlertPublished]:
    """What an agency reads."""
    with closing(KafkaConsumer(Topic.ALERTS, auto_offset_reset="earliest", group_id=None, **house.kafka.client())) as consumer:
        found: list[AlertPublished] = []
        while batch := consumer.poll(timeout_ms=2000):
            found += [decode_as(AlertPublished, r.value) for records in batch.values() for r in records]
    return found


def test_many_processes_say_what_one_says(ours: House, undisturbed: Undisturbed) -> None:
    ours.all_rooms(detect=2, assess=2)
    ours.send(undisturbed.folder)
    ours.wait_until_quiet(undisturbed.scenes)
    assert ours.digest() == undisturbed.digest
    assert ours.outcomes("detect") == {"done": 15, "dead": 1}
    keys = told(ours)
    assert set(keys.values()) == {1} and len(keys) == 2 * len(ours.records())
    assert {(str(r.content.alert_id), r.record_number) for r in published(ours)} == set(ours.records())
    for worker in ours.workers:
        assert worker.end() == 0, worker.said


def test_workers_killed_at_any_moment_change_nothing(ours: House, undisturbed: Undisturbed) -> None:
    ours.start("notify")
    relay = ours.start("relay", "relay")
    ours.send(undisturbed.folder)
    kills = 0
    for so_many in (3, 6, 9, 12):
        workers = slow_workers(ours, so_many)
        ours.until(lambda many=so_many: ours.handled() >= many, "some are handled")  # type: ignore[misc]
        for worker in (*workers, relay):
            kills += worker.end(signal.SIGKILL) == -signal.SIGKILL
        relay = ours.start("relay", "relay")
    assert kills == 20
    ours.start("detect")
    ours.start("assess")
    ours.wait_until_quiet(undisturbed.scenes)
    assert ours.digest() == undisturbed.digest and set(told(ours).values()) == {1}
    records = ours.records()
    assert len(records) == len(set(records)) and {(str(r.content.alert_id), r.record_number) for r in published(ours)} == set(records)


def slow_workers(ours: House, life: int) -> list[Worker]:
    """Two of each, which have a record in hand for a while; their names last from life to life."""
    slowly = {"JAGAWANA_FAILPOINTS": "event.handled:1+=sleep:0.3"}
    names = [(room, i) for room in ("detect", "assess") for i in range(2)]
    return [ours.start(room, f"{room}-{life}-{i}", JAGAWANA_INSTANCE=f"{room}-{i}", **slowly) for room, i in names]
