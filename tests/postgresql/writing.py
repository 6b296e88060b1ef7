"""Writers that remember what was acknowledged, for tests that take the server away from them."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from alert_examples import content, record
from sqlalchemy import Engine, text
from sqlmodel import select
from store_examples import AT, coverage

from jagawana.schemas.errors import TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.store.database import transaction
from jagawana.services.store.sql import SqlStore
from jagawana.services.store.tables import EventRow

WRITERS = 4


class Load:
    """Threads that write as rooms do until told to stop; `acknowledged` are the events whose commit returned.

    Each transaction writes one event, one record of an alert, one delivery, and one step of a tile's fence.
    """

    def __init__(self, engine: Engine, first: int) -> None:
        self.store, self._numbers = SqlStore(engine), itertools.count(first)
        self.acknowledged: list[str] = []
        self.refused = 0
        self._stop, self._lock = threading.Event(), threading.Lock()

    def __enter__(self) -> "Load":
        self._pool = ThreadPoolExecutor(WRITERS)
        self._writers = [self._pool.submit(self._write, n) for n in range(WRITERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for writer in self._writers:
            writer.result(timeout=60)
        self._pool.shutdown()

    def _write(self, writer: int) -> None:
        while not self._stop.is_set():
            number = next(self._numbers)
            try:
                with self.store.transaction() as tx:
                    event_id = tx.log.publish(Topic.COVERAGE, coverage(f"s-{number}"), source="/test", at=AT)
                    tx.alerts.advance(tx.alerts.tile_state(f"t{writer}"), zones_version="z", rules_version="r")
                    told = record(content(), number=number)
                    tx.alerts.tell(told, b"{}")
                    tx.deliveries.owe(told, ["post"], at=AT)
                with self._lock:
                    self.acknowledged.append(event_id)
            except TransientError:
                self.refused += 1
                time.sleep(0.02)


def wait_until_it_answers(engine: Engine, seconds: float = 60.0) -> float:
    """How long it took until a transaction went through."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        with suppress(TransientError), transaction(engine) as session:
            session.connection()
            return time.perf_counter() - begun
        time.sleep(0.02)
    raise AssertionError(f"no answer within {seconds} s")


def events_in(engine: Engine) -> list[str]:
    """Ids of all events, in order of position."""
    with transaction(engine) as session:
        return list(session.exec(select(EventRow.event_id).order_by(EventRow.position)).all())  # type: ignore[arg-type]


def written_beside_events(engine: Engine) -> tuple[int, int, int]:
    """Steps of fences, records and deliveries."""
    counts = "(SELECT sum(version)::int FROM tile_state), (SELECT count(*) FROM alert_version), (SELECT count(*) FROM delivery)"
    with transaction(engine) as session:
        fences, records, deliveries = session.connection().execute(text(f"SELECT {counts}")).one()
    return fences, records, deliveries
