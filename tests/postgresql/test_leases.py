"""Deliveries and named leases among many workers have one holder at a time, by the database's clock; the embedded mode has one process."""

import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from alert_examples import content, record
from chain import service
from postgresql.at_once import WRITERS, at_once
from sqlalchemy import text
from store_examples import AT, leases_ran_out

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.settings import load_settings
from jagawana.services.store.database import migrate, transaction
from jagawana.services.store.sql import SqlStore


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


def test_a_lease_ends_by_the_databases_clock_alone(store: SqlStore) -> None:
    def take(owner: str) -> bool:
        with store.transaction() as tx:
            return tx.leases.take("relay", owner, 60.0)

    assert take("a") and not take("b")
    with transaction(store.engine) as session:
        left = session.connection().execute(text("SELECT extract(epoch FROM until - clock_timestamp()) FROM lease")).scalar()
        assert left is not None and 50 < left <= 60
        session.execute(text("UPDATE lease SET until = clock_timestamp() - interval '1 second'"))
    assert take("b") and not take("a")


def test_the_embedded_mode_is_one_process_on_a_database_whatever_its_folder(database_url: str, tmp_path: Path) -> None:
    """The second would owe again what the first is sending."""
    migrate(load_settings(data=tmp_path, database_url=database_url))
    one, other = (service(tmp_path / name, database_url=database_url) for name in ("one", "other"))
    with one.working(), pytest.raises(TransientError, match="works on this database") as caught, other.working():
        pass
    assert caught.value.code is ErrorCode.STORE_BUSY
    with other.working():
        pass
    for made in (one, other):
        made.engine.dispose()
