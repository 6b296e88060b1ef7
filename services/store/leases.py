"""Named leases: who may do what only one process may do. Judged by the database's clock alone."""

from datetime import timedelta

from sqlmodel import Session, col, or_

from jagawana.services.store.dialects import database_time, insert
from jagawana.services.store.tables import LeaseRow


def take(session: Session, name: str, owner: str, seconds: float) -> bool:
    """Take or renew a lease for so many seconds from now; False while another owner holds it."""
    now = database_time(session)
    given = insert(session, LeaseRow).values(name=name, owner=owner, until=now + timedelta(seconds=seconds))
    free = or_(col(LeaseRow.owner) == owner, col(LeaseRow.until) <= now)
    taken = given.on_conflict_do_update(
        index_elements=["name"], set_={"owner": given.excluded.owner, "until": given.excluded.until}, where=free
    ).returning(LeaseRow.owner)
    return session.execute(taken).first() is not None


def give_up(session: Session, name: str, owner: str) -> None:
    """Let go of a lease before its time, if it is still the owner's."""
    row = session.get(LeaseRow, name)
    if row is not None and row.owner == owner:
        session.delete(row)
