"""The delivery ledger: what is owed to whom. Written before sending, marked after, so that nothing is lost in between."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from jagawana.schemas.alert import AlertPublished
from jagawana.services.store.dialects import database_time, speaks_postgresql
from jagawana.services.store.tables import DeliveryRow

LEASE = timedelta(minutes=5)


def told(session: Session, alert_id: str) -> list[str]:
    """Recipients who were told of an alert, or are about to be."""
    return sorted(set(session.exec(select(DeliveryRow.recipient_id).where(DeliveryRow.alert_id == alert_id)).all()))


def owe(session: Session, published: AlertPublished, recipients: Iterable[str], *, at: datetime) -> None:
    """Write the delivery ledger before anything is sent."""
    for recipient in recipients:
        session.add(
            DeliveryRow(alert_id=str(published.content.alert_id), record_number=published.record_number, recipient_id=recipient, next_at=at)
        )


def reclaim(session: Session) -> None:
    """A new process owns the ledger: whatever a dead one was sending is owed again."""
    for row in session.exec(select(DeliveryRow).where(DeliveryRow.state == "sending")).all():
        row.state, row.token = "pending", None
        session.add(row)


def take_next(session: Session, *, token: str, now: datetime) -> DeliveryRow | None:
    """Lease the delivery that is due longest; committed before the call, so that a crash is visible.

    Workers that share PostgreSQL do not share a clock: there leases begin and end by the database's.
    """
    clock = database_time(session) if speaks_postgresql(session) else now
    due = or_(
        (col(DeliveryRow.state) == "pending") & (col(DeliveryRow.next_at) <= now),
        (col(DeliveryRow.state) == "sending") & (col(DeliveryRow.lease_until) <= clock),
    )
    order = col(DeliveryRow.next_at), col(DeliveryRow.alert_id), col(DeliveryRow.record_number), col(DeliveryRow.recipient_id)
    row = session.exec(select(DeliveryRow).where(due).order_by(*order).limit(1).with_for_update(skip_locked=True)).first()
    if row is not None:
        row.state, row.token, row.lease_until, row.attempts = "sending", token, clock + LEASE, row.attempts + 1
        session.add(row)
    return row


def settle(
    session: Session, taken: DeliveryRow, *, state: str, next_at: datetime, provider_ref: str | None, error: str | None, at: datetime
) -> None:
    """Write down what became of a leased delivery, unless somebody else holds it by now."""
    row = session.get(DeliveryRow, (taken.alert_id, taken.record_number, taken.recipient_id), with_for_update=True)
    if row is None or row.token != taken.token:
        return
    row.state, row.next_at, row.provider_ref, row.error = state, next_at, provider_ref, error
    row.sent_at, row.token, row.lease_until = (at if state == "sent" else None), None, None
    session.add(row)


def counts(session: Session) -> dict[str, int]:
    """Deliveries by state."""
    found: dict[str, int] = {}
    for state in session.exec(select(DeliveryRow.state)).all():
        found[state] = found.get(state, 0) + 1
    return found
