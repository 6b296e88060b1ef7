"""The log of events, the rooms' positions in it, and what became of every event."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Delete, Update, func
from sqlmodel import Session, col, delete, select, update

from jagawana.schemas.base import Message
from jagawana.schemas.envelope import encode, event_id_of, read_object
from jagawana.schemas.errors import DataError, JagawanaError
from jagawana.schemas.operation import MAX_DETAIL, LetterBuried, inline
from jagawana.schemas.topics import Topic
from jagawana.services.store.dialects import Hold, hold, insert
from jagawana.services.store.tables import LOG, AdmissionRow, AttemptRow, DeadLetterRow, EventRow, InboxRow, SourceOffsetRow

Statement = TypeVar("Statement", Update, Delete)


@dataclass(frozen=True)
class Event:
    """A message of a topic, as bytes: it may be anything. Its position is counted in its partition."""

    position: int
    topic: str
    key: str
    event_id: str
    payload: bytes
    partition: int = LOG


def publish(session: Session, topic: Topic, message: Message, *, source: str, at: datetime) -> str:
    """Append a message to the log; it is sent when the transaction commits. Returns its event id."""
    return append(session, topic, message.key, encode(message, source=source, at=at), at)


def append(session: Session, topic: str, key: str, payload: bytes, at: datetime) -> str:
    """Append bytes to the log; whatever they are, they have an event id."""
    event_id = event_id_of(payload)
    hold(session, Hold.APPENDING)
    session.add(EventRow(topic=topic, key=_storable(key), event_id=event_id, payload=payload, created_at=at))
    return event_id


def drop_before(session: Session, topic: Topic, at: datetime) -> None:
    """Forget a topic's events that were appended before; the newest of the whole log stays, or SQLite would give its position again."""
    newest = select(func.max(EventRow.position)).scalar_subquery()
    session.exec(delete(EventRow).where(col(EventRow.topic) == topic, col(EventRow.created_at) < at, col(EventRow.position) < newest))


def next_event(session: Session, room: str, topic: Topic) -> Event | None:
    """The first event of a topic in the log that a room has not passed yet."""
    return next(iter(next_events(session, room, topic, 1)), None)


def next_events(session: Session, room: str, topic: Topic, limit: int) -> list[Event]:
    """The first events of a topic in the log that a room has not passed yet, in order."""
    begin = next_offset(session, room, topic, LOG) or 0
    rows = select(EventRow).where(EventRow.topic == topic, col(EventRow.position) >= begin).order_by(col(EventRow.position)).limit(limit)
    return [Event(row.position or 0, row.topic, row.key, row.event_id, row.payload) for row in session.exec(rows).all()]


def next_offset(session: Session, room: str, topic: str, partition: int) -> int | None:
    """Where a room has to go on in a partition, whatever the broker says; None when it has passed nothing there yet."""
    query = select(SourceOffsetRow.next_position)
    return session.exec(
        query.where(SourceOffsetRow.room == room, SourceOffsetRow.topic == topic, SourceOffsetRow.partition == partition)
    ).first()


def pass_through(session: Session, room: str, topic: str, position: int, *, partition: int = LOG) -> None:
    """A room has passed everything up to a position, that one included; it never goes back."""
    reach = insert(session, SourceOffsetRow).values(room=room, topic=topic, partition=partition, next_position=position + 1)
    further = col(SourceOffsetRow.next_position) < reach.excluded.next_position
    session.execute(
        reach.on_conflict_do_update(
            index_elements=["room", "topic", "partition"], set_={"next_position": reach.excluded.next_position}, where=further
        )
    )


def was_handled(session: Session, room: str, event_id: str) -> bool:
    """Whether a room has already dealt with an event, under whatever position it came."""
    return session.get(InboxRow, (room, event_id)) is not None


def admit(session: Session, room: str, key: str, event: Event, *, most: int, since: datetime, at: datetime) -> bool:
    """Whether an event is among the first `most` of its key since then; it is counted if so, once. Older counts are dropped."""
    session.exec(delete(AdmissionRow).where(col(AdmissionRow.admitted_at) < since))
    if session.get(AdmissionRow, (room, key, event.event_id)) is not None:
        return True
    counted = select(func.count()).select_from(AdmissionRow).where(AdmissionRow.room == room, AdmissionRow.key == key)
    if session.exec(counted).one() >= most:
        return False
    row = AdmissionRow(room=room, key=key, event_id=event.event_id, admitted_at=at)
    session.execute(insert(session, AdmissionRow).values(**row.model_dump()).on_conflict_do_nothing())
    return True


def begin_attempt(session: Session, room: str, event: Event) -> int:
    """Count a start, before the work that may kill us. Returns which start this is."""
    start = insert(session, AttemptRow).values(room=room, event_id=event.event_id, n=1)
    counted = start.on_conflict_do_update(index_elements=["room", "event_id"], set_={"n": col(AttemptRow.n) + 1})
    return int(session.execute(counted.returning(AttemptRow.n)).scalar_one())


def end_attempt(session: Session, room: str, event: Event) -> None:
    """The work ended in good order and decided nothing: its start does not count."""
    session.exec(_attempts(update(AttemptRow), room, event).where(col(AttemptRow.n) > 0).values(n=col(AttemptRow.n) - 1))


def finish(session: Session, room: str, event: Event, *, outcome: str, at: datetime, code: str | None = None) -> bool:
    """Pass an event: inbox and offset, in the caller's transaction. False when it had been dealt with before; that outcome stays."""
    row = InboxRow(room=room, event_id=event.event_id, outcome=outcome, error_code=code, received_at=at)
    received = session.execute(insert(session, InboxRow).values(**row.model_dump()).on_conflict_do_nothing().returning(InboxRow.room))
    is_first = received.first() is not None
    pass_through(session, room, event.topic, event.position, partition=event.partition)
    session.exec(_attempts(delete(AttemptRow), room, event))
    return is_first


def bury(session: Session, room: str, event: Event, error: JagawanaError, *, at: datetime) -> None:
    """Dead letter: the original bytes, the code and the reason, in the same transaction as inbox and offset.

    An event that another worker has dealt with meanwhile is only passed: what it came to stays, and it has one letter at most.
    """
    if finish(session, room, event, outcome="dead", at=at, code=error.code):
        session.add(
            DeadLetterRow(
                room=room, topic=event.topic, partition=event.partition, position=event.position, key=_storable(event.key),
                event_id=event.event_id, subject=_storable(subject_of(event.payload)), payload=event.payload,
                code=error.code, detail=_storable(error.detail), dead_at=at,
            )
        )  # fmt: skip
        if event.topic != Topic.DEAD_LETTERS:  # a letter about a letter could go on for ever
            publish(session, Topic.DEAD_LETTERS, letter_of(room, event, error), source=f"/jagawana/{room}", at=at)


def letter_of(room: str, event: Event, error: JagawanaError) -> LetterBuried:
    """What operators are told of an event that was given up."""
    return LetterBuried(
        room=room, topic=event.topic, partition=event.partition, position=event.position, event_id=event.event_id, code=error.code,
        detail=error.detail[:MAX_DETAIL], subject=subject_of(event.payload), **inline(event.payload),
    )  # fmt: skip


def _storable(words: str) -> str:
    """Without the one character that PostgreSQL keeps in no text; the payload has it still."""
    return words.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _attempts(statement: Statement, room: str, event: Event) -> Statement:
    return statement.where(col(AttemptRow.room) == room, col(AttemptRow.event_id) == event.event_id)


def subject_of(payload: bytes) -> str:
    """The scene or tile an event was about, as far as it can be read."""
    try:
        data = read_object(payload).get("data")
    except DataError:
        return "(unreadable)"
    data = data if isinstance(data, dict) else {}
    item = data.get("item")
    item = item if isinstance(item, dict) else {}
    return str(item.get("id") or data.get("scene_id") or data.get("tile") or "(unknown)")[:256]


def dead_letters(session: Session) -> list[DeadLetterRow]:
    """All dead letters, oldest first."""
    return list(session.exec(select(DeadLetterRow).order_by(col(DeadLetterRow.dead_id))).all())


def revive(session: Session, dead: DeadLetterRow, *, at: datetime) -> None:
    """Send a dead letter again: forget that its room handled it, and append it to the log."""
    forget(session, dead.room, dead.event_id, at=at)
    append(session, dead.topic, dead.key, dead.payload, at)


def forget(session: Session, room: str, event_id: str, *, at: datetime) -> None:
    """A room handles the event anew when it comes again; what was buried of it counts as replayed."""
    handled = session.get(InboxRow, (room, event_id))
    if handled is not None:
        session.delete(handled)
    buried = select(DeadLetterRow).where(DeadLetterRow.room == room, DeadLetterRow.event_id == event_id)
    for letter in session.exec(buried).all():
        letter.replayed_at = letter.replayed_at or at
        session.add(letter)


def count_outcomes(session: Session, room: str) -> dict[str, int]:
    """How many events a room has done and buried."""
    rows = session.exec(select(InboxRow.outcome, func.count()).where(InboxRow.room == room).group_by(InboxRow.outcome)).all()
    return dict(rows)
