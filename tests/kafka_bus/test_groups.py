"""Workers that come, go, stand still and return. Where a cure is taken away, the work is done twice or not at all."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka_bus.messages import letters, payload, produce, room
from kafka_bus.running import passed, reading, wait_for
from servers.kafka import Kafka

from jagawana.services.bus.kafka import reader as reader_module
from jagawana.services.bus.kafka.draining import Draining
from jagawana.services.store.database import open_sqlite
from jagawana.services.store.sql import SqlStore

pytestmark = pytest.mark.services
HANDLING_S = 4.0


def scenes(cluster: Kafka, *numbers: int) -> None:
    """Even ones in the first partition, odd ones in the second."""
    for n in numbers:
        produce(cluster, (payload(n), []), partition=n % 2)


def is_assigned(reader: Any, partitions: int) -> Callable[[], bool]:
    return lambda: len(reader.subscriber.consumer.assignment()) == partitions


async def _not_waited_for(_self: Draining, _revoked: object) -> None:
    return


async def _not_sought(_self: Draining, _assigned: object) -> None:
    return


def two_workers(cluster: Kafka, store: SqlStore, **settings: Any) -> list[str]:
    """The second joins while the first has a record in hand. What was begun, in order."""
    begun: list[str] = []
    slow = room(begun, lambda _scene: time.sleep(HANDLING_S))
    scenes(cluster, 0)
    with ExitStack() as stack:
        stack.enter_context(reading(cluster, store, slow, **settings))
        wait_for(lambda: len(begun) == 1, "the first has a record in hand")
        scenes(cluster, 1)
        stack.enter_context(reading(cluster, store, slow, **settings))
        wait_for(lambda: passed(store, slow, partitions=2) == 2, "both records")
        time.sleep(1.0)
    return begun


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second worker gets the partition of the record in hand: its name comes first, and partitions are dealt out by name."""
    names = iter("f0")
    monkeypatch.setattr(reader_module, "StickyPartitionAssignor", RoundRobinPartitionAssignor)
    monkeypatch.setattr(reader_module, "uuid4", lambda: UUID(next(names) * 32))


@pytest.mark.usefixtures("moving")
def test_a_rebalance_waits_for_the_record_in_hand(cluster: Kafka, store: SqlStore) -> None:
    assert sorted(two_workers(cluster, store)) == ["scene-0", "scene-1"], "each begun once"


@pytest.mark.usefixtures("moving")
def test_a_rebalance_that_does_not_wait_does_the_work_twice(cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Draining, "on_partitions_revoked", _not_waited_for)
    begun = two_workers(cluster, store)
    assert len(begun) > 2 and set(begun) == {"scene-0", "scene-1"} and letters(store) == [], "work twice, effects once"


def test_thinking_longer_than_the_session_loses_no_partition(cluster: Kafka, store: SqlStore) -> None:
    assert sorted(two_workers(cluster, store, session_seconds=2)) == ["scene-0", "scene-1"]


def test_thinking_on_the_event_loop_loses_it(cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_the_loop(call: Callable[..., Any], *given: Any) -> Any:
        return call(*given)

    monkeypatch.setattr(reader_module.asyncio, "to_thread", on_the_loop)
    begun = two_workers(cluster, store, session_seconds=2)
    assert len(begun) > 2, "evicted with the record in hand; another began it too"


def test_a_record_may_take_longer_than_the_clients_patience_by_default(
    cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "MAX_POLL_SECONDS", 2)  # stands for the default of 300 s and a scene of 320 s
    assert len(two_workers(cluster, store)) > 2, "it left the group while it worked"
    monkeypatch.undo()
    assert reader_module.MAX_POLL_SECONDS > reader_module.PATIENCE_SECONDS > 300


def test_the_database_s_offsets_hold_when_it_was_restored(cluster: Kafka, store: SqlStore, tmp_path: Path) -> None:
    scenes(cluster, 0, 2, 4)
    with reading(cluster, store, first := room([])):
        wait_for(lambda: passed(store, first) == 3, "three records")
    older = SqlStore(open_sqlite(tmp_path / "of-yesterday.sqlite"))
    again: list[str] = []
    with reading(cluster, older, second := room(again)):
        wait_for(lambda: passed(older, second) == 3, "three records again")
    assert again == ["scene-0", "scene-2", "scene-4"]


def test_kafka_s_offsets_alone_would_pass_over_them(
    cluster: Kafka, store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes(cluster, 0, 2, 4)
    with reading(cluster, store, first := room([])):
        wait_for(lambda: passed(store, first) == 3, "three records")
    monkeypatch.setattr(Draining, "on_partitions_assigned", _not_sought)
    older = SqlStore(open_sqlite(tmp_path / "of-yesterday.sqlite"))
    again: list[str] = []
    with reading(cluster, older, room(again)):
        scenes(cluster, 6)
        wait_for(lambda: again == ["scene-6"], "only what is new")


def test_a_static_member_comes_back_without_a_rebalance(cluster: Kafka, store: SqlStore) -> None:
    rebalances: list[int] = []
    route = room(begun := [])
    with reading(cluster, store, route, instance="worker-1") as peer:
        drained = peer.draining.on_partitions_revoked

        async def counted(revoked: Any) -> None:
            rebalances.append(len(revoked))
            await drained(revoked)

        with reading(cluster, store, route, instance="worker-0"):
            wait_for(is_assigned(peer, 1), "one partition each")
            peer.draining.on_partitions_revoked = counted  # type: ignore[method-assign]
        with reading(cluster, store, route, instance="worker-0"):
            scenes(cluster, 0, 1)
            wait_for(lambda: passed(store, route, partitions=2) == 2, "both records")
    assert sorted(begun) == ["scene-0", "scene-1"] and rebalances == []


def test_the_lag_can_be_watched_in_kafka(cluster: Kafka, store: SqlStore) -> None:
    scenes(cluster, 0, 2, 4)
    with reading(cluster, store, route := room([])):
        wait_for(lambda: passed(store, route) == 3, "three records")
    with closing(cluster.admin()) as admin:
        offsets = admin.list_group_offsets("jagawana-room")["jagawana-room"]
    assert {partition.partition: at.offset for partition, at in offsets.items()} == {0: 3}


def test_stopping_gives_the_record_in_hand_back_when_the_world_is_in_trouble(cluster: Kafka, store: SqlStore) -> None:
    from jagawana.schemas.errors import ErrorCode, TransientError

    def trouble(_scene: str) -> None:
        raise TransientError(ErrorCode.STORE_BUSY, "disk full")

    scenes(cluster, 0)
    with reading(cluster, store, broken := room([], trouble), attempts=1):
        time.sleep(1.0)
    assert passed(store, broken) == 0 and letters(store) == []
    with reading(cluster, store, mended := room([])):
        wait_for(lambda: passed(store, mended) == 1, "it came again")
