"""Where SQLite and PostgreSQL differ while the store is at work; everything else in this folder is one code for both."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

APPENDING = 0x6A616761
"""Key of the advisory lock that appenders to the log hold until they have committed."""


def speaks_postgresql(session: Session) -> bool:
    """Whether the session's database is PostgreSQL."""
    return bool(session.get_bind().dialect.name == "postgresql")


def insert(session: Session, table: type[SQLModel]) -> Any:
    """An INSERT that knows ON CONFLICT, in the session's dialect."""
    return postgresql.insert(table) if speaks_postgresql(session) else sqlite.insert(table)


def hold_the_order(session: Session) -> None:
    """Let no other transaction number an event before this one has committed, so that order of position is order of commit.

    SQLite has one writer at a time anyway.
    """
    if speaks_postgresql(session):
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPENDING})


def database_time(session: Session) -> datetime:
    """What the database's own clock says: the only clock that all who share it can be judged by."""
    if speaks_postgresql(session):
        here: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return here.astimezone(UTC)
    said: str = session.execute(select(func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(said).replace(tzinfo=UTC)
