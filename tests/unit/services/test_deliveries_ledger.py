"""The delivery ledger: owed until it is sent or given up, whoever dies, and one's failure is not another's delay."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alert_examples import content, record
from sqlalchemy import Engine
from sqlmodel import select

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.envelope import encode
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.notify.audience import Recipient
from jagawana.services.notify.channels import Channel, OutgoingMessage, Receipt, ReceiptState
from jagawana.services.notify.ledger import FIRST_WAIT, LONGEST_WAIT, NotifyRoom, wait
from jagawana.services.store import deliveries
from jagawana.services.store.blobs import FolderBlobs
from jagawana.services.store.database import open_sqlite, transaction
from jagawana.services.store.sql import SqlStore
from jagawana.services.store.tables import AlertVersionRow, DeliveryRow

AT = datetime(2026, 9, 1, tzinfo=UTC)
RECORD = record()
POSTS = ("post-1", "post-2", "post-3")
Behaviour = Callable[[OutgoingMessage], Receipt]


def takes(message: OutgoingMessage) -> Receipt:
    return Receipt(ReceiptState.SENT, f"ref/{message.recipient_id}")


def fails(message: OutgoingMessage) -> Receipt:
    return Receipt(ReceiptState.FAILED, "", "refused by the provider")


class FakeChannel:
    """Behaves per recipient, and remembers."""

    def __init__(self, **behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.sent: list[str] = []
        self.keys: list[str] = []

    def send(self, message: OutgoingMessage) -> Receipt:
        self.sent.append(message.recipient_id)
        self.keys.append(message.idempotency_key)
        return self.behaviour.get(message.recipient_id.replace("-", "_"), takes)(message)


class World:
    """A ledger, a clock that stands until it is moved, and a room on both."""

    def __init__(self, engine: Engine, blobs: FolderBlobs) -> None:
        self.engine, self.blobs, self.at = engine, blobs, AT

    def owe(self, told: AlertPublished = RECORD, to: tuple[str, ...] = POSTS) -> None:
        with transaction(self.engine) as session:
            at, payload = told.decided_at, encode(told, source="/test", at=told.decided_at)
            row = AlertVersionRow(alert_id=str(told.content.alert_id), record_number=told.record_number, alert_type=told.alert_type,
                                  payload=payload, decided_at=at)  # fmt: skip
            session.add(row)
            deliveries.owe(session, told, to, at=self.at)

    def room(self, channel: Channel, *, attempts: int = 3, known: tuple[str, ...] = POSTS) -> NotifyRoom:
        people = {name: Recipient.model_validate({"id": name, "name": name, "channel": "file:"}) for name in known}
        return NotifyRoom(SqlStore(self.engine), self.blobs, people, lambda _: channel, lambda: self.at, attempts=attempts)

    def rows(self) -> dict[str, DeliveryRow]:
        with transaction(self.engine) as session:
            return {r.recipient_id: r for r in session.exec(select(DeliveryRow)).all()}

    def states(self) -> dict[str, str]:
        return {name: row.state for name, row in sorted(self.rows().items())}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield World(engine, FolderBlobs(tmp_path / "blobs"))
    engine.dispose()


def drain(room: NotifyRoom) -> int:
    sent = 0
    while room.deliver_next():
        sent += 1
        assert sent < 100, "it spins"
    return sent


def test_everybody_is_told_once_with_a_key_of_record_and_recipient(world: World) -> None:
    world.owe()
    channel = FakeChannel()
    assert drain(world.room(channel)) == 3 and sorted(channel.sent) == list(POSTS)
    assert sorted(channel.keys) == [f"{RECORD.message_id}/{name}" for name in POSTS]
    row = world.rows()["post-1"]
    assert (row.state, row.attempts, row.provider_ref, row.sent_at, row.token, row.error) == ("sent", 1, "ref/post-1", AT, None, None)
    assert drain(world.room(channel)) == 0


def test_a_failing_recipient_does_not_delay_the_others(world: World) -> None:
    world.owe()
    channel = FakeChannel(post_1=fails)
    drain(world.room(channel))
    assert world.states() == {"post-1": "pending", "post-2": "sent", "post-3": "sent"}
    later = record(content(mining_ha=3.0), number=2)
    world.owe(later)
    drain(world.room(channel))
    assert channel.sent.count("post-2") == 2 and channel.sent.count("post-1") == 2, "news is not held up by what failed before"


def test_it_is_tried_again_with_growing_waits_and_then_given_up(world: World) -> None:
    world.owe(to=("post-1",))
    channel = FakeChannel(post_1=fails)
    room, waits = world.room(channel, attempts=4), []
    for _ in range(3):
        assert drain(room) == 1 and drain(room) == 0, "not before its time"
        row = world.rows()["post-1"]
        assert row.state == "pending" and row.error == "refused by the provider"
        waits.append(row.next_at - world.at)
        world.at = row.next_at
    assert waits == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert drain(room) == 1 and world.states() == {"post-1": "dead"} and len(set(channel.keys)) == 1
    world.at += timedelta(days=30)
    assert drain(room) == 0


def test_waits_end_at_an_hour() -> None:
    assert [wait(n) for n in (1, 2, 7)] == [FIRST_WAIT, 2 * FIRST_WAIT, 64 * FIRST_WAIT]
    assert wait(8) == wait(50) == wait(10_000) == LONGEST_WAIT


def test_it_is_sent_when_the_channel_comes_back(world: World) -> None:
    answers = iter([fails, takes])
    world.owe(to=("post-1",))
    channel = FakeChannel(post_1=lambda m: (behave := next(answers), behave(m))[1])
    room = world.room(channel)
    drain(room)
    world.at += FIRST_WAIT
    drain(room)
    row = world.rows()["post-1"]
    assert (row.state, row.attempts, row.error) == ("sent", 2, None)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (TransientError(ErrorCode.CHANNEL_UNAVAILABLE, "no network"), "pending"),
        (DataError(ErrorCode.SETTINGS_INVALID, "the address can never work"), "pending"),
    ],
)
def test_an_error_of_the_channel_is_a_failed_try(world: World, error: Exception, state: str) -> None:
    def raises(_message: OutgoingMessage) -> Receipt:
        raise error

    world.owe()
    drain(world.room(FakeChannel(post_2=raises)))
    assert world.states() == {"post-1": "sent", "post-2": state, "post-3": "sent"}
    assert world.rows()["post-2"].error in str(error)


def test_whoever_left_the_audience_file_is_not_told_and_the_others_are(world: World) -> None:
    world.owe()
    channel = FakeChannel()
    drain(world.room(channel, known=("post-1", "post-3")))
    assert world.states()["post-2"] == "pending" and "no longer in the audience" in (world.rows()["post-2"].error or "")
    assert sorted(channel.sent) == ["post-1", "post-3"]


class Killed(BaseException):
    """The process dies: nothing catches it."""


def _killed(_message: OutgoingMessage) -> Receipt:
    raise Killed


def test_what_a_dead_process_was_sending_is_owed_again_at_once_by_the_next(world: World) -> None:
    world.owe(to=("post-1",))
    with pytest.raises(Killed):
        drain(world.room(FakeChannel(post_1=_killed)))
    assert world.states() == {"post-1": "sending"}
    channel = FakeChannel()
    assert drain(world.room(channel)) == 0, "somebody may still be sending"
    with transaction(world.engine) as session:
        deliveries.reclaim(session)
    assert drain(world.room(channel)) == 1 and world.states() == {"post-1": "sent"} and world.rows()["post-1"].attempts == 2


def test_a_lease_runs_out_without_anybody_s_help(world: World) -> None:
    world.owe(to=("post-1",))
    with pytest.raises(Killed):
        drain(world.room(FakeChannel(post_1=_killed)))
    world.at += deliveries.LEASE
    assert drain(world.room(FakeChannel())) == 1 and world.states() == {"post-1": "sent"}


def test_a_receipt_that_comes_too_late_does_not_overwrite_the_new_holder(world: World) -> None:
    world.owe(to=("post-1",))
    with transaction(world.engine) as session:
        slow = deliveries.take_next(session, token="slow", now=AT)
    with transaction(world.engine) as session:
        assert deliveries.take_next(session, token="quick", now=AT) is None
        quick = deliveries.take_next(session, token="quick", now=AT + deliveries.LEASE)
    assert slow is not None and quick is not None
    with transaction(world.engine) as session:
        deliveries.settle(session, slow, state="dead", next_at=AT, provider_ref=None, error="late", at=AT)
    assert world.rows()["post-1"].state == "sending"
    with transaction(world.engine) as session:
        deliveries.settle(session, quick, state="sent", next_at=AT, provider_ref="r", error=None, at=AT)
    assert world.states() == {"post-1": "sent"}


def test_what_is_due_longest_goes_first(world: World) -> None:
    world.owe(to=("post-2",))
    world.at += timedelta(hours=1)
    world.owe(record(content(mining_ha=3.0), number=2), to=("post-1",))
    channel = FakeChannel()
    drain(world.room(channel))
    assert channel.sent == ["post-2", "post-1"]


def test_deliveries_are_counted_by_state(world: World) -> None:
    world.owe()
    drain(world.room(FakeChannel(post_1=fails), attempts=1))
    with transaction(world.engine) as session:
        assert deliveries.counts(session) == {"dead": 1, "sent": 2}
