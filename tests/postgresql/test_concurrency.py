"""Many writers at once on PostgreSQL: the log keeps its order, a tile its fence, an event its first outcome."""

import random
import time

from postgresql.at_once import WRITERS, Done, at_once
from sqlalchemy import text
from sqlmodel import select
from store_examples import AT, TILE, coverage, seen

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.store import log
from jagawana.services.store.database import transaction
from jagawana.services.store.log import Event
from jagawana.services.store.sql import SqlStore
from jagawana.services.store.tables import InboxRow


def test_a_reader_of_the_log_never_passes_an_event_that_is_committed_later(store: SqlStore) -> None:
    each, written = 40, Done()

    def write(writer: int) -> None:
        chance = random.Random(writer)
        for n in range(each):
            with store.transaction() as tx:
                tx.log.publish(Topic.COVERAGE, coverage(f"{writer}-{n}"), source="/test", at=AT)
                tx.session.flush()
                time.sleep(chance.random() / 500)  # between its position and its commit
        written.add()

    def read() -> list[int]:
        passed: list[int] = []
        while True:
            all_written = written.n == WRITERS
            with store.transaction() as tx:
                batch = tx.log.next_events("relay", Topic.COVERAGE, 7)
                if batch:
                    tx.log.pass_through("relay", Topic.COVERAGE, batch[-1].position)
            passed += [event.position for event in batch]
            if all_written and not batch:
                return passed

    done = at_once(*[(lambda w=w: write(w)) for w in range(WRITERS)], read)  # type: ignore[misc]
    passed = done[-1]
    assert passed is not None and passed == sorted(passed) and len(set(passed)) == WRITERS * each


def test_a_lock_that_is_held_is_held_anew_after_a_rollback(store: SqlStore) -> None:
    held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
    with transaction(store.engine) as session:
        for _ in range(2):
            for name in ("a", "b"):
                log.publish(session, Topic.COVERAGE, coverage(name), source="/test", at=AT)
            assert session.connection().execute(held).scalar() == 1
            session.rollback()
            assert session.connection().execute(held).scalar() == 0


def test_of_many_that_read_the_same_fence_one_advances_it(store: SqlStore) -> None:
    def commit() -> bool:
        with store.transaction() as tx:
            read = tx.alerts.tile_state(TILE)
        try:
            with store.transaction() as tx:
                tx.alerts.advance(read, zones_version="z", rules_version="r")
                time.sleep(0.02)
        except TransientError as e:
            assert e.code is ErrorCode.TILE_MOVED_ON
            return False
        return True

    won = 0
    for _ in range(5):
        won += sum(at_once(*[commit] * WRITERS))
    with store.transaction() as tx:
        assert tx.alerts.tile_state(TILE).version == won >= 5


def test_of_many_that_end_the_same_event_one_outcome_stays(store: SqlStore) -> None:
    event = Event(3, Topic.SCENES, TILE, "event", b"{}", partition=1)

    def end(n: int) -> int:
        with store.transaction() as tx:
            starts = tx.log.begin_attempt("room", event)
        with store.transaction() as tx:
            tx.observations.remember([seen(scene_id=f"s-{n}")])
            tx.log.finish("room", event, outcome="done", at=AT)
        return starts

    starts = at_once(*[(lambda n=n: end(n)) for n in range(WRITERS)])  # type: ignore[misc]
    assert max(starts) > 1
    with store.transaction() as tx:
        assert tx.log.next_offset("room", Topic.SCENES, 1) == 4 and len(tx.observations.current(TILE)) == 1
        assert len(tx.session.exec(select(InboxRow)).all()) == 1
