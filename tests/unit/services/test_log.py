"""The log, the rooms' positions in it, and what became of every event."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from chain import TestClock
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.schemas.observation import CoverageObserved
from jagawana.schemas.topics import Topic
from jagawana.services.bus.embedded import EmbeddedBus
from jagawana.services.bus.handling import MAX_STARTS, Clock, Route
from jagawana.services.store import log
from jagawana.services.store.database import open_sqlite, transaction
from jagawana.services.store.lock import sole_process
from jagawana.services.store.sql import SqlStore, SqlTransaction
from jagawana.services.store.tables import InboxRow

AT = datetime(2026, 6, 1, tzinfo=UTC)


def coverage(n: int = 1) -> CoverageObserved:
    return CoverageObserved(tile="49MDU57", scene_id=f"scene-{n}", acquired_at=AT, footprint_share=1.0, clear_share=0.5, cloud_share=0.5)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_sqlite(tmp_path / "db" / "jagawana.sqlite")
    yield made
    made.dispose()


class Effects:
    """Counts what was applied, in the database, so that a rollback shows."""

    def __init__(self, mark: str, error: Exception | None = None) -> None:
        self.mark, self.error = mark, error

    def apply(self, tx: SqlTransaction, at: datetime) -> None:
        session = tx.session
        session.add(InboxRow(room="effects", event_id=self.mark, outcome="done", received_at=at))
        session.flush()
        if self.error is not None:
            raise self.error


def bus_with(engine: Engine, handler: Callable[[CoverageObserved], Effects], attempts: int = 3) -> tuple[EmbeddedBus, Route, TestClock]:
    clock = TestClock()
    route = Route("room", Topic.COVERAGE, CoverageObserved, handler)
    return EmbeddedBus(SqlStore(engine), [route], Clock(clock.now, clock.sleep), attempts=attempts), route, clock


def sent(engine: Engine, *messages: CoverageObserved) -> list[str]:
    with transaction(engine) as session:
        return [log.publish(session, Topic.COVERAGE, m, source="/test", at=AT) for m in messages]


def drain(bus: EmbeddedBus, route: Route) -> int:
    steps = 0
    while bus.step(route):
        steps += 1
        assert steps < 100, "it spins"
    return steps


def outcomes(engine: Engine, room: str = "room") -> dict[str, int]:
    with transaction(engine) as session:
        return log.count_outcomes(session, room)


def letters(engine: Engine) -> list[tuple[str, str]]:
    with transaction(engine) as session:
        return [(d.code, d.subject) for d in log.dead_letters(session)]


def test_events_are_handled_once_in_order_by_every_room(engine: Engine) -> None:
    seen: list[str] = []
    bus, route, _ = bus_with(engine, lambda m: (seen.append(m.scene_id), Effects(m.scene_id))[1])
    sent(engine, coverage(1), coverage(2), coverage(1))
    assert drain(bus, route) == 3 and seen == ["scene-1", "scene-2"], "the repeated one is known by its id"
    other = Route("other", Topic.COVERAGE, CoverageObserved, lambda m: Effects(f"other {m.scene_id}"))
    assert drain(bus, other) == 3 and outcomes(engine, "other") == {"done": 2}
    assert not bus.step(Route("room", Topic.SCENES, CoverageObserved, route.handler)), "another topic"


def test_what_is_not_committed_was_not_sent(engine: Engine) -> None:
    with pytest.raises(RuntimeError), transaction(engine) as session:
        log.publish(session, Topic.COVERAGE, coverage(), source="/test", at=AT)
        raise RuntimeError
    bus, route, _ = bus_with(engine, lambda m: Effects(m.scene_id))
    assert not bus.step(route)


def test_wrong_data_is_buried_with_its_bytes_and_the_next_event_is_handled(engine: Engine) -> None:
    def handler(message: CoverageObserved) -> Effects:
        if message.scene_id == "scene-1":
            raise DataError(ErrorCode.CRS_MISMATCH, "the file is elsewhere")
        return Effects(message.scene_id)

    bus, route, _ = bus_with(engine, handler)
    sent(engine, coverage(1), coverage(2))
    assert drain(bus, route) == 2 and outcomes(engine) == {"dead": 1, "done": 1}
    with transaction(engine) as session:
        (letter,) = log.dead_letters(session)
    assert (letter.code, letter.subject, letter.room, letter.detail) == ("CRS_MISMATCH", "scene-1", "room", "the file is elsewhere")
    assert b"scene-1" in letter.payload and letter.replayed_at is None


def test_bytes_that_are_no_message_are_buried_too(engine: Engine) -> None:
    bus, route, _ = bus_with(engine, lambda m: Effects(m.scene_id))
    with transaction(engine) as session:
        for payload in (b"\xff\xfe", b"[]", b"{}", b'{"id": 7}', b'{"data": {"item": []}}'):
            log.append(session, Topic.COVERAGE, "?", payload, AT)
    assert drain(bus, route) == 5 and len(letters(engine)) == 5
    assert {code for code, _ in letters(engine)} <= {"MESSAGE_UNREADABLE", "MESSAGE_INVALID", "SCHEMA_UNSUPPORTED"}


def test_a_revived_letter_is_handled_again_and_may_die_again(engine: Engine) -> None:
    mended = False

    def handler(message: CoverageObserved) -> Effects:
        if not mended:
            raise DataError(ErrorCode.ASSET_MISSING, "not there")
        return Effects(message.scene_id)

    bus, route, _ = bus_with(engine, handler)
    sent(engine, coverage())
    drain(bus, route)
    for _ in range(2):
        with transaction(engine) as session:
            log.revive(session, log.dead_letters(session)[-1], at=AT)
        assert drain(bus, route) == 1
        mended = True
    with transaction(engine) as session:
        assert [d.replayed_at is not None for d in log.dead_letters(session)] == [True, True]
    assert outcomes(engine) == {"done": 1}


def test_trouble_in_the_world_is_tried_again_with_growing_waits(engine: Engine) -> None:
    tries: list[datetime] = []

    def handler(message: CoverageObserved) -> Effects:
        tries.append(clock.at)
        if len(tries) < 3:
            raise TransientError(ErrorCode.STORE_BUSY, "busy")
        return Effects(message.scene_id)

    bus, route, clock = bus_with(engine, handler)
    sent(engine, coverage())
    assert drain(bus, route) == 1 and outcomes(engine) == {"done": 1}
    first, second = ((b - a).total_seconds() for a, b in pairwise(tries))
    assert 2 <= first < second


def test_lasting_trouble_stops_the_room_and_loses_nothing(engine: Engine) -> None:
    broken = True

    def handler(message: CoverageObserved) -> Effects:
        if broken:
            raise TransientError(ErrorCode.STORE_BUSY, "disk full")
        return Effects(message.scene_id)

    bus, route, _ = bus_with(engine, handler)
    sent(engine, coverage())
    with pytest.raises(TransientError):
        bus.step(route)
    assert outcomes(engine) == {} and letters(engine) == []
    broken = False
    assert drain(bus, route) == 1 and outcomes(engine) == {"done": 1}


def test_a_decoder_that_always_dies_is_the_scene_s_fault(engine: Engine) -> None:
    def handler(_message: CoverageObserved) -> Effects:
        raise TransientError(ErrorCode.DECODER_FAILED, "died at image")

    bus, route, _ = bus_with(engine, handler)
    sent(engine, coverage())
    assert drain(bus, route) == 1 and letters(engine) == [("DECODER_DIED", "scene-1")]


def test_a_decoder_that_died_beside_other_trouble_has_not_died_every_time(engine: Engine) -> None:
    errors = [ErrorCode.STORE_BUSY, ErrorCode.DECODER_FAILED, ErrorCode.DECODER_FAILED]

    def handler(message: CoverageObserved) -> Effects:
        if errors:
            raise TransientError(errors.pop(0), "trouble")
        return Effects(message.scene_id)

    bus, route, _ = bus_with(engine, handler)
    sent(engine, coverage())
    with pytest.raises(TransientError):
        bus.step(route)
    assert drain(bus, route) == 1 and letters(engine) == [] and outcomes(engine) == {"done": 1}


def test_effects_inbox_and_offset_are_one_transaction(engine: Engine) -> None:
    moved = [TransientError(ErrorCode.TILE_MOVED_ON, "somebody was first")]
    bus, route, clock = bus_with(engine, lambda m: Effects("mark", moved.pop() if moved else None))
    sent(engine, coverage())
    before = clock.at
    assert drain(bus, route) == 1 and outcomes(engine, "effects") == {"done": 1}, "the first try left no mark, or the second had failed"
    assert (clock.at - before).total_seconds() < 10, "losing a race is no reason to wait"


def test_an_event_that_kills_its_worker_is_not_started_for_ever(engine: Engine) -> None:
    class Killed(BaseException):
        """As when the process dies: nothing catches it."""

    def handler(_message: CoverageObserved) -> Effects:
        raise Killed

    bus, route, _ = bus_with(engine, handler)
    sent(engine, coverage())
    for _ in range(MAX_STARTS):
        with pytest.raises(Killed):
            bus.step(route)
    assert bus.step(route) and letters(engine) == [("DECODER_DIED", "scene-1")] and not bus.step(route)


@given(st.binary(max_size=40))
def test_any_bytes_have_one_event_id(payload: bytes) -> None:
    assert log.event_id_of(payload) == log.event_id_of(payload) != ""


def test_an_error_survives_being_buried(engine: Engine) -> None:
    with transaction(engine) as session:
        log.append(session, Topic.COVERAGE, "k", b"x", AT)
        event = log.next_event(session, "room", Topic.COVERAGE)
        assert event is not None
        log.bury(session, "room", event, JagawanaError(ErrorCode.NON_FINITE, "NaN in bbox"), at=AT)
    assert letters(engine) == [("NON_FINITE", "(unreadable)")]


def test_database_trouble_is_the_world_s_and_not_the_scene_s(engine: Engine) -> None:
    with pytest.raises(TransientError) as caught, transaction(engine) as session:
        session.execute(text("SELECT * FROM no_such_table"))
    assert caught.value.code is ErrorCode.STORE_BUSY and isinstance(caught.value.__cause__, OperationalError)


def test_what_is_committed_survives_power_loss_by_the_database_s_own_settings(engine: Engine) -> None:
    with engine.connect() as connection:
        pragma = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_one_process_holds_the_folder(tmp_path: Path) -> None:
    with sole_process(tmp_path / "data"), pytest.raises(TransientError, match="STORE_BUSY"), sole_process(tmp_path / "data"):
        pytest.fail("two held it")
    with sole_process(tmp_path / "data"):
        pass
