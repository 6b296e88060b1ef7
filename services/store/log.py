"""The log of events, the rooms' positions in it, and what became of every event."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, delete, select

from jagawana.schemas.base import Message
from jagawana.schemas.envelope import encode, event_id_of, read_object
from jagawana.schemas.errors import DataError, JagawanaError
from jagawana.schemas.topics import Topic
from jagawana.services.store.tables import AdmissionRow, AttemptRow, DeadLetterRow, EventRow, InboxRow, SourceOffsetRow


@dataclass(frozen=True)
class Event:
    """A message in the log, as bytes: it may be anything."""

    position: int
    topic: str
    event_id: str
    payload: bytes


def publish(session: Session, topic: Topic, message: Message, *, source: str, at: datetime) -> str:
    """Append a message to the log; it is sent when the transaction commits. Returns its event id."""
    return append(session, topic, message.key, encode(message, source=source, at=at), at)


def append(session: Session, topic: str, key: str, payload: bytes, at: datetime) -> str:
    """Append bytes to the log; whatever they are, they have an event id."""
    event_id = event_id_of(payload)
    session.add(EventRow(topic=topic, key=key, event_id=event_id, payload=payload, created_at=at))
    return event_id


def next_event(session: Session, room: str, topic: Topic) -> Event | None:
    """The first event of a topic that a room has not passed yet."""
    offset = session.get(SourceOffsetRow, (room, topic))
    row = session.exec(
        select(EventRow).where(EventRow.topic == topic, col(EventRow.position) >= (offset.next_position if offset else 0))
        .order_by(col(EventRow.position)).limit(1)
    ).first()  # fmt: skip
    return None if row is None else Event(row.position or 0, row.topic, row.event_id, row.payload)


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
    session.add(AdmissionRow(room=room, key=key, event_id=event.event_id, admitted_at=at))
    return True


def begin_attempt(session: Session, room: str, event: Event) -> int:
    """Count a start, before the work that may kill us. Returns which start this is."""
    row = session.get(AttemptRow, (room, event.position)) or AttemptRow(room=room, position=event.position, n=0)
    row.n += 1
    session.add(row)
    return row.n


def end_attempt(session: Session, room: str, event: Event) -> None:
    """The work ended in good order and decided nothing: its start does not count."""
    row = session.get(AttemptRow, (room, event.position))
    if row is not None:
        row.n = max(0, row.n - 1)
        session.add(row)


def finish(session: Session, room: str, event: Event, *, outcome: str, at: datetime, code: str | None = None) -> None:
    """Pass an event: inbox and offset, in the caller's transaction."""
    if not was_handled(session, room, event.event_id):
        session.add(InboxRow(room=room, event_id=event.event_id, outcome=outcome, error_code=code, received_at=at))
    offset = session.get(SourceOffsetRow, (room, event.topic)) or SourceOffsetRow(room=room, topic=event.topic, next_position=0)
    offset.next_position = max(offset.next_position, event.position + 1)
    session.add(offset)
    attempt = session.get(AttemptRow, (room, event.position))
    if attempt is not None:
        session.delete(attempt)


def bury(session: Session, room: str, event: Event, error: JagawanaError, *, at: datetime) -> None:
    """Dead letter: the original bytes, the code and the reason, in the same transaction as inbox and offset.

    An event that another worker has dealt with meanwhile is only passed: what it came to stays, and it has one letter at most.
    """
    if not was_handled(session, room, event.event_id):
        session.add(
            DeadLetterRow(
                room=room, topic=event.topic, position=event.position, event_id=event.event_id, subject=subject_of(event.payload),
                payload=event.payload, code=error.code, detail=error.detail, dead_at=at,
            )
        )  # fmt: skip
    finish(session, room, event, outcome="dead", at=at, code=error.code)


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
    append(session, dead.topic, dead.subject, dead.payload, at)


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
