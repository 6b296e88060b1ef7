"""Signs of life: sent through the log, and not kept there for ever."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.operation import Heartbeat
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.heartbeats import INTERVAL_S, KEPT, beat
from jagawana.services.store.database import open_sqlite
from jagawana.services.store.sql import SqlStore

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield SqlStore(engine)
    engine.dispose()


def beats(store: SqlStore) -> list[Heartbeat]:
    """Those the relay has not sent."""
    with store.transaction() as tx:
        return [decode_as(Heartbeat, event.payload) for event in tx.log.next_events("relay", Topic.HEARTBEAT, 100)]


def test_one_says_who_when_and_how_long_ago_it_last_got_on(store: SqlStore) -> None:
    beat(store, "detect", "detect-0", progress_age_s=3.1416, at=AT)
    (sent,) = beats(store)
    assert (sent.key, sent.at, sent.progress_age_s, sent.interval_s) == ("detect/detect-0", AT, 3.142, INTERVAL_S)


def test_those_of_long_ago_are_forgotten_and_nothing_else_is(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.log.append(Topic.COVERAGE, "49MDU57", b"{}", AT)
    for hour in range(30):
        beat(store, "web", "web-0", progress_age_s=0, at=AT + timedelta(hours=hour))
    kept = beats(store)
    assert [sent.at for sent in kept] == [AT + timedelta(hours=hour) for hour in range(29 - KEPT // timedelta(hours=1), 30)]
    with store.transaction() as tx:
        assert len(tx.log.next_events("relay", Topic.COVERAGE, 10)) == 1


def test_the_relay_goes_on_where_it_was(store: SqlStore) -> None:
    beat(store, "web", "web-0", progress_age_s=0, at=AT)
    with store.transaction() as tx:
        (first,) = tx.log.next_events("relay", Topic.HEARTBEAT, 10)
        tx.log.pass_through("relay", Topic.HEARTBEAT, first.position)
    beat(store, "web", "web-0", progress_age_s=0, at=AT + 2 * KEPT)
    assert [sent.at for sent in beats(store)] == [AT + 2 * KEPT], "positions are not given again"
