"""Many writers at once on PostgreSQL: order, fences, leases and zones hold."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
import shapely
from alert_examples import content, record
from sqlalchemy import Engine, text
from sqlmodel import select
from store_examples import AT, TILE, coverage, leases_ran_out, seen

from jagawana.rules.crowds import MAX_ZONES
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.store import zones
from jagawana.services.store.database import transaction
from jagawana.services.store.log import Event
from jagawana.services.store.sql import SqlStore
from jagawana.services.store.tables import InboxRow

WRITERS = 8
T = TypeVar("T")


@pytest.fixture
def store(on_postgresql: Engine) -> SqlStore:
    return SqlStore(on_postgresql)


class Done:
    """Counts those that are done."""

    def __init__(self) -> None:
        self.n, self._lock = 0, threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.n += 1


def at_once(*works: Callable[[], T]) -> list[T]:
    """Run all in threads of their own that start together; raises what any of them raises."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        ready.wait(timeout=10)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [f.result(timeout=60) for f in [pool.submit(run, work) for work in works]]


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


def test_each_delivery_is_leased_by_one(store: SqlStore) -> None:
    recipients = [f"post-{n:02}" for n in range(40)]
    with store.transaction() as tx:
        tx.deliveries.owe(record(content()), recipients, at=AT)

    def work(worker: int) -> list[str]:
        taken: list[str] = []
        while True:
            with store.transaction() as tx:
                row = tx.deliveries.take_next(token=f"{worker}-{len(taken)}", now=AT)
                time.sleep(0.001)
            if row is None:
                return taken
            taken.append(row.recipient_id)

    shares = at_once(*[(lambda w=w: work(w)) for w in range(WRITERS)])  # type: ignore[misc]
    assert sorted(r for share in shares for r in share) == recipients
    assert sum(bool(share) for share in shares) > 1, "nobody waited for another's lease"


def test_a_slow_holder_does_not_overwrite_whoever_took_its_lease(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.deliveries.owe(record(content()), ["post"], at=AT)
    with store.transaction() as tx:
        slow = tx.deliveries.take_next(token="slow", now=AT)
    leases_ran_out(store)
    assert slow is not None
    took = threading.Event()

    def take() -> None:
        with store.transaction() as tx:
            assert tx.deliveries.take_next(token="quick", now=AT) is not None
            took.set()
            time.sleep(0.2)  # the slow one settles meanwhile

    def settle() -> None:
        assert took.wait(10)
        with store.transaction() as tx:
            tx.deliveries.settle(slow, state="dead", next_at=AT, provider_ref=None, error="late", at=AT)

    at_once(take, settle)
    with transaction(store.engine) as session:
        assert session.connection().execute(text("SELECT state, token FROM delivery")).all() == [("sending", "quick")]


def test_workers_whose_clocks_differ_do_not_take_each_others_deliveries(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.deliveries.owe(record(content()), ["post"], at=AT)
    with store.transaction() as tx:
        assert tx.deliveries.take_next(token="one", now=AT) is not None
    with store.transaction() as tx:
        assert tx.deliveries.take_next(token="an hour ahead", now=AT + timedelta(hours=1)) is None


def test_a_named_lease_has_one_holder_at_a_time(store: SqlStore) -> None:
    def take(owner: int) -> bool:
        with store.transaction() as tx:
            return tx.leases.take("relay", str(owner), 60.0)

    assert Counter(at_once(*[(lambda o=o: take(o)) for o in range(WRITERS)])) == {True: 1, False: WRITERS - 1}  # type: ignore[misc]


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


def park(version: str, count: int) -> Sequence[Zone]:
    return [
        Zone(f"p-{n}", ZoneKind.CONSERVATION, f"Park {version}", shapely.box(110 + n, -1, 110.5 + n, 0), "parks", version, "test")
        for n in range(count)
    ]


def test_a_version_names_exactly_the_zones_that_are_read_with_it(store: SqlStore) -> None:
    """As the assess room reads them, which keeps zones by their version: while a layer is switched to and fro."""
    names: dict[str, set[tuple[str, int]]] = {}
    stop = threading.Event()

    def switch() -> None:
        for n in range(20):
            with transaction(store.engine) as session:
                version = "1" if n % 2 else "2"
                zones.activate(session, "parks", version, park(version, 3 if n % 2 else 5), at=AT)
        stop.set()

    def read() -> None:
        while not stop.is_set():
            with store.transaction() as tx:
                version = tx.zones.version()
                time.sleep(0.002)
                found = tx.zones.active((109, -2, 120, 2))
                names.setdefault(version, set()).add((found[0].name if found else "", len(found)))

    at_once(switch, read, read, read)
    assert len(names) > 1 and all(len(contents) == 1 for contents in names.values()), names


def test_of_layers_loaded_at_once_none_adds_to_a_crowd_it_did_not_see(store: SqlStore) -> None:
    many = MAX_ZONES * 2 // 3

    def load(layer: str) -> bool:
        crowd = [Zone(f"z-{n}", ZoneKind.CONSERVATION, layer, shapely.box(110, -1, 111, 0), layer, "1", "test") for n in range(many)]
        try:
            with transaction(store.engine) as session:
                zones.activate(session, layer, "1", crowd, at=AT)
                time.sleep(0.3)  # the other one looks for a crowd meanwhile
        except DataError as e:
            assert e.code is ErrorCode.ZONES_INVALID
            return False
        return True

    assert sorted(at_once(lambda: load("a"), lambda: load("b"))) == [False, True]


def test_nothing_waits_for_ever_for_a_worker_that_stands_still(store: SqlStore) -> None:
    """The lock of another transaction is waited for so long, and is then the world's fault."""
    with transaction(store.engine) as session:
        session.execute(text("SET LOCAL lock_timeout = '200ms'"))
        session.execute(text("SELECT pg_advisory_xact_lock(1)"))

        def wait() -> None:
            with transaction(store.engine) as other:
                other.execute(text("SET LOCAL lock_timeout = '200ms'"))
                other.execute(text("SELECT pg_advisory_xact_lock(1)"))

        with pytest.raises(TransientError, match="lock timeout"):
            at_once(wait)
