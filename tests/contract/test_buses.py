"""What every bus promises to the rooms: the embedded one, and Kafka with its relay and reader."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from kafka_bus.running import QUICKLY, make_topics, passed, reading, relaying, wait_for
from servers.kafka import Kafka

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.observation import CoverageObserved
from jagawana.schemas.topics import Topic
from jagawana.services.bus.embedded import EmbeddedBus
from jagawana.services.bus.handling import MAX_STARTS, Route
from jagawana.services.store import log
from jagawana.services.store.sql import SqlStore, SqlTransaction
from jagawana.services.store.tables import InboxRow

AT = datetime(2026, 6, 1, tzinfo=UTC)
Handler = Callable[[CoverageObserved], "Effects"]


def coverage(n: int = 1) -> CoverageObserved:
    return CoverageObserved(tile="49MDU57", scene_id=f"scene-{n}", acquired_at=AT, footprint_share=1.0, clear_share=0.5, cloud_share=0.5)


class Effects:
    """Leaves a mark in the database, so that a rollback shows."""

    def __init__(self, mark: str, error: Exception | None = None) -> None:
        self.mark, self.error = mark, error

    def apply(self, tx: SqlTransaction, at: datetime) -> None:
        tx.session.add(InboxRow(room="effects", event_id=self.mark, outcome="done", received_at=at))
        tx.session.flush()
        if self.error is not None:
            raise self.error


class Bus(Protocol):
    """A bus at work on a store, with one room."""

    def work(self, handler: Handler, *, records: int, attempts: int = 3, most_a_day: int | None = None) -> None:
        """Let the room work until it has passed so many records of its topic, counted from the beginning of the test."""
        ...

    def try_to_work(self, handler: Handler, *, until: Callable[[], bool], attempts: int = 3) -> None:
        """Let the room work until something is so, in a world in which it cannot go on, and end its process."""
        ...


class Embedded:
    def __init__(self, store: SqlStore) -> None:
        self.store = store

    def _bus(self, handler: Handler, attempts: int, most_a_day: int | None = None) -> tuple[EmbeddedBus, Route[Any]]:
        route = Route("room", Topic.COVERAGE, CoverageObserved, handler, most_a_day)  # type: ignore[arg-type]
        return EmbeddedBus(self.store, [route], QUICKLY, attempts=attempts), route

    def work(self, handler: Handler, *, records: int, attempts: int = 3, most_a_day: int | None = None) -> None:
        bus, route = self._bus(handler, attempts, most_a_day)
        while bus.step(route):
            pass

    def try_to_work(self, handler: Handler, *, until: Callable[[], bool], attempts: int = 3) -> None:
        bus, route = self._bus(handler, attempts)
        for _ in range(100):
            with pytest.raises((TransientError, DataError)):
                bus.step(route)
            if until():
                return
        raise AssertionError("it never came to that")


class OnKafka:
    def __init__(self, store: SqlStore, kafka: Kafka) -> None:
        self.store, self.kafka = store, kafka

    def _at_work(self, handler: Handler, attempts: int, most_a_day: int | None = None) -> tuple[ExitStack, Route[Any]]:
        route = Route("room", Topic.COVERAGE, CoverageObserved, handler, most_a_day)  # type: ignore[arg-type]
        stack = ExitStack()
        stack.enter_context(relaying(self.kafka, self.store, topics=[Topic.COVERAGE]))
        stack.enter_context(reading(self.kafka, self.store, route, attempts=attempts))
        return stack, route

    def work(self, handler: Handler, *, records: int, attempts: int = 3, most_a_day: int | None = None) -> None:
        stack, route = self._at_work(handler, attempts, most_a_day)
        with stack:
            wait_for(lambda: passed(self.store, route) == records, f"{records} records passed")

    def try_to_work(self, handler: Handler, *, until: Callable[[], bool], attempts: int = 3) -> None:
        stack, _ = self._at_work(handler, attempts)
        with stack:
            wait_for(until, "the trouble")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    from jagawana.services.store.database import open_sqlite

    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield SqlStore(engine)
    engine.dispose()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.services)])
def bus(request: pytest.FixtureRequest, store: SqlStore) -> Bus:
    if request.param == "embedded":
        return Embedded(store)
    kafka: Kafka = request.getfixturevalue("kafka")
    kafka.clear()
    make_topics(kafka, Topic.COVERAGE)
    return OnKafka(store, kafka)


def sent(store: SqlStore, *messages: CoverageObserved) -> list[str]:
    with store.transaction() as tx:
        return [tx.log.publish(Topic.COVERAGE, m, source="/test", at=AT) for m in messages]


def outcomes(store: SqlStore, room: str = "room") -> dict[str, int]:
    with store.transaction() as tx:
        return log.count_outcomes(tx.session, room)


def letters(store: SqlStore) -> list[tuple[str, str]]:
    with store.transaction() as tx:
        return [(d.code, d.subject) for d in log.dead_letters(tx.session)]


def done(message: CoverageObserved) -> Effects:
    return Effects(message.scene_id)


def test_events_are_handled_once_and_in_order(bus: Bus, store: SqlStore) -> None:
    seen: list[str] = []
    sent(store, coverage(1), coverage(2), coverage(1), coverage(3))
    bus.work(lambda m: (seen.append(m.scene_id), done(m))[1], records=4)
    assert seen == ["scene-1", "scene-2", "scene-3"] and outcomes(store) == {"done": 3} == outcomes(store, "effects")


def test_what_was_sent_before_anybody_listened_is_handled(bus: Bus, store: SqlStore) -> None:
    sent(store, coverage(1))
    bus.work(done, records=1)
    sent(store, coverage(2))
    bus.work(done, records=2)
    assert outcomes(store) == {"done": 2}, "a second process goes on where the first ended"


def test_wrong_data_is_buried_with_its_bytes_and_the_next_event_is_handled(bus: Bus, store: SqlStore) -> None:
    def handler(message: CoverageObserved) -> Effects:
        if message.scene_id == "scene-1":
            raise DataError(ErrorCode.CRS_MISMATCH, "the file is elsewhere")
        return done(message)

    sent(store, coverage(1), coverage(2))
    bus.work(handler, records=2)
    assert outcomes(store) == {"dead": 1, "done": 1} and letters(store) == [("CRS_MISMATCH", "scene-1")]
    with store.transaction() as tx:
        (letter,) = log.dead_letters(tx.session)
    assert b"scene-1" in letter.payload and letter.key == "49MDU57"


def test_bytes_that_are_no_message_are_buried_and_hold_up_nobody(bus: Bus, store: SqlStore) -> None:
    with store.transaction() as tx:
        for payload in (b"\xff\xfe", b"[]", b"{}", b"1", b'{"id": 7}', b"\x00" * 70_000):
            tx.log.append(Topic.COVERAGE, "?", payload, AT)
    sent(store, coverage(1))
    bus.work(done, records=7)
    assert len(letters(store)) == 6 and outcomes(store) == {"dead": 6, "done": 1}


def test_trouble_in_the_world_is_tried_again(bus: Bus, store: SqlStore) -> None:
    tries: list[str] = []

    def handler(message: CoverageObserved) -> Effects:
        tries.append(message.scene_id)
        return Effects(message.scene_id, TransientError(ErrorCode.TILE_MOVED_ON, "another was first") if len(tries) < 3 else None)

    sent(store, coverage(1), coverage(2))
    bus.work(handler, records=2)
    assert tries == ["scene-1"] * 3 + ["scene-2"] and outcomes(store, "effects") == {"done": 2}, "what was rolled back left no mark"


@pytest.mark.parametrize(
    "error", [TransientError(ErrorCode.STORE_BUSY, "disk full"), DataError(ErrorCode.MODEL_INVALID, "not the pinned weights")]
)
def test_lasting_trouble_buries_nothing_and_loses_nothing(bus: Bus, store: SqlStore, error: Exception) -> None:
    tries: list[str] = []

    def broken(message: CoverageObserved) -> Effects:
        tries.append(message.scene_id)
        raise error

    sent(store, coverage(1), coverage(2))
    bus.try_to_work(broken, until=lambda: len(tries) >= 2, attempts=1)
    assert set(tries) == {"scene-1"} and outcomes(store) == {} and letters(store) == []
    bus.work(done, records=2)
    assert outcomes(store) == {"done": 2}


def test_a_decoder_that_always_dies_is_the_scene_s_fault(bus: Bus, store: SqlStore) -> None:
    def handler(message: CoverageObserved) -> Effects:
        if message.scene_id == "scene-1":
            raise TransientError(ErrorCode.DECODER_FAILED, "died at image")
        return done(message)

    sent(store, coverage(1), coverage(2))
    bus.work(handler, records=2)
    assert letters(store) == [("DECODER_DIED", "scene-1")] and outcomes(store) == {"dead": 1, "done": 1}


def test_an_event_that_kills_its_worker_is_given_up(bus: Bus, store: SqlStore) -> None:
    (event_id,) = sent(store, coverage(1))
    with store.transaction() as tx:
        event = tx.log.next_event("room", Topic.COVERAGE)
        assert event is not None and event.event_id == event_id
        for _ in range(MAX_STARTS):
            tx.log.begin_attempt("room", event)
    bus.work(done, records=1)
    assert letters(store) == [("DECODER_DIED", "scene-1")]


def test_a_flood_of_events_about_one_thing_is_buried_unread(bus: Bus, store: SqlStore) -> None:
    sent(store, *(coverage(n) for n in range(5)))
    bus.work(done, records=5, most_a_day=3)
    assert outcomes(store) == {"done": 3, "dead": 2} and {code for code, _ in letters(store)} == {"SCENE_FLOODED"}


def test_a_revived_letter_is_handled_again(bus: Bus, store: SqlStore) -> None:
    def refused(_message: CoverageObserved) -> Effects:
        raise DataError(ErrorCode.ASSET_MISSING, "not there")

    sent(store, coverage(1))
    bus.work(refused, records=1)
    with store.transaction() as tx:
        log.revive(tx.session, log.dead_letters(tx.session)[0], at=AT)
    bus.work(done, records=2)
    assert outcomes(store) == {"done": 1} and len(letters(store)) == 1


def test_what_is_not_committed_was_not_sent(bus: Bus, store: SqlStore) -> None:
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.log.publish(Topic.COVERAGE, coverage(1), source="/test", at=AT)
        raise RuntimeError
    sent(store, coverage(2))
    bus.work(done, records=1)
    assert outcomes(store, "effects") == {"done": 1}
