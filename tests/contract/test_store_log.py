"""What every store promises of its log: order, positions, starts, outcomes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from store_examples import (
    AT,
    TILE,
    Undone,
    coverage,
    letters_of,
    next_of,
    sent,
)

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.store.log import Event
from jagawana.services.store.port import Store


def _admitted(store: Store, key: str, *names: str, hour: int = 0, room: str = "room") -> list[bool]:
    at = AT + timedelta(hours=hour)
    with store.transaction() as tx:
        return [tx.log.admit(room, key, Event(0, "t", "k", name, b""), most=2, since=at - timedelta(days=1), at=at) for name in names]


def test_so_many_events_of_a_key_are_admitted_in_a_while_and_each_once(store: Store) -> None:
    assert _admitted(store, "a", "1", "2", "3") == [True, True, False]
    assert _admitted(store, "a", "1", "2", "3") == [True, True, False], "what was admitted stays so, what was not is not counted"
    assert _admitted(store, "b", "3") == [True] and _admitted(store, "a", "3", room="another") == [True]
    assert _admitted(store, "a", "3", hour=24) == [False] and _admitted(store, "a", "3", "4", "5", hour=25) == [True, True, False]


def test_an_admission_that_is_rolled_back_does_not_count(store: Store) -> None:
    with pytest.raises(Undone), store.transaction() as tx:
        for name in ("1", "2"):
            assert tx.log.admit("room", "a", Event(0, "t", "k", name, b""), most=2, since=AT, at=AT)
        raise Undone
    assert _admitted(store, "a", "3", "4") == [True, True]


def test_each_room_passes_a_topic_in_order(store: Store) -> None:
    ids = sent(store, "a", "b")
    sent(store, "other", topic=Topic.SCENES)
    first = next_of(store)
    assert first is not None and first.event_id == ids[0] and first.topic == Topic.COVERAGE
    with store.transaction() as tx:
        tx.log.finish("room", first, outcome="done", at=AT)
    second = next_of(store)
    assert second is not None and second.event_id == ids[1] and second.position > first.position
    another = next_of(store, "another room")
    assert another is not None and another.event_id == ids[0]
    with store.transaction() as tx:
        assert tx.log.was_handled("room", ids[0]) and not tx.log.was_handled("room", ids[1]) and not tx.log.was_handled("x", ids[0])


def test_many_events_of_one_transaction_keep_their_order(store: Store) -> None:
    ids = sent(store, *(f"s-{n}" for n in range(2_500)))
    with store.transaction() as tx:
        assert [event.event_id for event in tx.log.next_events("room", Topic.COVERAGE, 3_000)] == ids


def test_a_topics_old_events_are_dropped_but_never_the_newest_of_the_log(store: Store) -> None:
    """Its position would be given again, and whoever has passed it would not see the next one."""

    def beat(name: str, hour: int, topic: Topic = Topic.HEARTBEAT) -> None:
        with store.transaction() as tx:
            tx.log.publish(topic, coverage(name), source="/test", at=AT + timedelta(hours=hour))

    def left(topic: Topic = Topic.HEARTBEAT) -> list[int]:
        with store.transaction() as tx:
            return [event.position for event in tx.log.next_events("room", topic, 10)]

    beat("scene", 0, Topic.SCENES)
    for hour in range(3):
        beat(f"{hour}", hour)
    before = left()
    with store.transaction() as tx:
        tx.log.drop_before(Topic.HEARTBEAT, AT + timedelta(hours=2))
    assert left() == before[2:] and len(left(Topic.SCENES)) == 1
    with pytest.raises(Undone), store.transaction() as tx:
        tx.log.drop_before(Topic.HEARTBEAT, AT + timedelta(days=9))
        raise Undone
    with store.transaction() as tx:
        tx.log.pass_through("room", Topic.HEARTBEAT, before[2])
        tx.log.drop_before(Topic.HEARTBEAT, AT + timedelta(days=9))
    beat("next", 4)
    assert left() == [before[2] + 1]


def test_bytes_that_are_no_message_have_an_event_id_of_their_own(store: Store) -> None:
    with store.transaction() as tx:
        ids = {tx.log.append(Topic.COVERAGE, "?", payload, AT) for payload in (b"\xff", b"[]", b'{"id": 7}')}
    event = next_of(store)
    assert len(ids) == 3 and event is not None and event.payload == b"\xff"


def test_passing_an_older_event_late_does_not_go_back(store: Store) -> None:
    sent(store, "a", "b")
    first = next_of(store)
    assert first is not None
    for _ in range(2):
        event = next_of(store)
        assert event is not None
        with store.transaction() as tx:
            tx.log.finish("room", event, outcome="done", at=AT)
    with store.transaction() as tx:
        tx.log.finish("room", first, outcome="done", at=AT)
    assert next_of(store) is None


def test_starts_are_counted_until_the_event_is_passed(store: Store) -> None:
    sent(store, "a")
    event = next_of(store)
    assert event is not None

    def begin() -> int:
        with store.transaction() as tx:
            return tx.log.begin_attempt("room", event)

    assert [begin(), begin()] == [1, 2]
    with store.transaction() as tx:
        assert tx.log.begin_attempt("another", event) == 1
        tx.log.finish("room", event, outcome="done", at=AT)
    assert begin() == 1


def test_a_start_that_ended_is_not_counted(store: Store) -> None:
    sent(store, "a")
    event = next_of(store)
    assert event is not None
    with store.transaction() as tx:
        tx.log.end_attempt("room", event)
        assert [tx.log.begin_attempt("room", event) for _ in range(3)] == [1, 2, 3]
        tx.log.end_attempt("room", event)
        assert tx.log.begin_attempt("room", event) == 3
        for _ in range(5):
            tx.log.end_attempt("room", event)
        assert tx.log.begin_attempt("room", event) == 1


def test_an_event_that_comes_again_under_another_position_is_the_same_killer(store: Store) -> None:
    first = Event(5, Topic.COVERAGE, TILE, "killer", b"{}", partition=2)
    with store.transaction() as tx:
        assert tx.log.begin_attempt("room", first) == 1
        assert tx.log.begin_attempt("room", replace(first, position=9)) == 2
        assert tx.log.begin_attempt("room", replace(first, event_id="another")) == 1


def test_a_batch_is_read_in_order_and_passed_as_a_whole(store: Store) -> None:
    ids = sent(store, "a", "b", "c")
    sent(store, "other", topic=Topic.SCENES)

    def ahead(limit: int = 10) -> list[Event]:
        with store.transaction() as tx:
            return tx.log.next_events("relay", Topic.COVERAGE, limit)

    batch = ahead(2)
    assert [e.event_id for e in batch] == ids[:2] and [e.key for e in ahead()] == [TILE] * 3
    for position in (batch[1].position, batch[0].position):
        with store.transaction() as tx:
            tx.log.pass_through("relay", Topic.COVERAGE, position)
        assert [e.event_id for e in ahead()] == ids[2:], "it never goes back"


def test_each_partition_has_an_offset_of_its_own_and_the_log_another(store: Store) -> None:
    (event_id,) = sent(store, "a")
    with store.transaction() as tx:
        for partition, position in ((0, 7), (1, 3), (0, 4)):
            event = Event(position, Topic.COVERAGE, TILE, f"{partition}-{position}", b"{}", partition)
            tx.log.finish("room", event, outcome="done", at=AT)
    with store.transaction() as tx:
        assert [tx.log.next_offset("room", Topic.COVERAGE, n) for n in (0, 1, 2)] == [8, 4, None]
        assert tx.log.next_offset("another", Topic.COVERAGE, 0) is None and tx.log.next_offset("room", Topic.SCENES, 0) is None
    event = next_of(store)
    assert event is not None and event.event_id == event_id, "positions of Kafka are not those of the log"


def test_burying_passes_the_event_and_the_first_outcome_stays(store: Store) -> None:
    (event_id,) = sent(store, "a")
    event = next_of(store)
    assert event is not None
    with store.transaction() as tx:
        tx.log.bury("room", event, DataError(ErrorCode.CRS_MISMATCH, "elsewhere"), at=AT)
        tx.log.finish("room", event, outcome="done", at=AT)
    assert next_of(store) is None
    with store.transaction() as tx:
        assert tx.log.was_handled("room", event_id)


def test_what_another_worker_has_dealt_with_is_not_buried(store: Store) -> None:
    (event_id,) = sent(store, "a")
    event = next_of(store)
    assert event is not None
    for error in (None, DataError(ErrorCode.CRS_MISMATCH, "elsewhere"), DataError(ErrorCode.DECODER_DIED, "died")):
        with store.transaction() as tx:
            if error is None:
                tx.log.finish("room", event, outcome="done", at=AT)
            else:
                tx.log.bury("room", event, error, at=AT)
                tx.log.bury("another room", event, error, at=AT)
    assert letters_of(store) == [("another room", event_id, "CRS_MISMATCH")]
