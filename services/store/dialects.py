"""Where SQLite and PostgreSQL differ while the store is at work; everything else in this folder is one code for both."""

from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


class Hold(IntEnum):
    """Advisory locks of PostgreSQL, each but the last held until its transaction ends."""

    APPENDING = 0x6A616701
    """By who appends to the log, so that order of position is order of commit."""
    LOADING = 0x6A616702
    """By who loads a zone layer: each sees the others' layers."""
    ZONES = 0x6A616703
    """Shared by who reads zones, alone by who switches a layer: a version names exactly the zones that are read with it."""
    WORKING = 0x6A616704
    """By the one process of the embedded mode, for as long as it works."""


def speaks_postgresql(session: Session) -> bool:
    """Whether the session's database is PostgreSQL."""
    return bool(session.get_bind().dialect.name == "postgresql")


def insert(session: Session, table: type[SQLModel]) -> Any:
    """An INSERT that knows ON CONFLICT, in the session's dialect."""
    return postgresql.insert(table) if speaks_postgresql(session) else sqlite.insert(table)


def hold(session: Session, what: Hold, *, shared: bool = False) -> None:
    """Wait for a lock and hold it until the transaction ends. SQLite has one transaction at a time anyway."""
    held = session.info.setdefault("held", set())
    lock = session.get_transaction(), what, shared
    if speaks_postgresql(session) and lock not in held:
        take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        session.execute(select(take(what.value)))
        held.add((session.get_transaction(), what, shared))


def database_time(session: Session) -> datetime:
    """What the database's own clock says: the only clock that all who share it can be judged by."""
    if speaks_postgresql(session):
        here: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return here.astimezone(UTC)
    said: str = session.execute(select(func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(said).replace(tzinfo=UTC)
