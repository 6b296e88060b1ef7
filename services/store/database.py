"""Engines and transactions. SQLite in WAL mode with full synchronisation: what is committed survives power loss."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.failpoints import reached
from jagawana.services.store import tables  # noqa: F401  (registers the tables)


def open_database(path: Path, *, busy_seconds: float = 30.0) -> Engine:
    """The embedded database, created when missing; another process's transaction is waited for `busy_seconds`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin_immediate)
    with busy_is_transient():
        SQLModel.metadata.create_all(engine)
        _add_missing_columns(engine)
    return engine


def _add_missing_columns(engine: Engine) -> None:
    """A database of an earlier release gets the columns that came later, all of which may be empty; nothing stored changes."""
    with engine.begin() as connection:  # holds the database, so that two processes do not both add
        for table in SQLModel.metadata.sorted_tables:
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            for column in (c for c in table.columns if c.name not in there):
                kind = column.type.compile(engine.dialect)
                connection.execute(text(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}'))


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_immediate, not by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    connection.execute(text("BEGIN IMMEDIATE"))


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One transaction: everything or nothing.

    Raises:
        TransientError: STORE_BUSY when the database is locked, full or gone.
    """
    with busy_is_transient(), Session(engine, expire_on_commit=False) as session:
        reached("store.beginning")
        session.connection()  # begins; what raises from here on rolls back
        reached("store.begun")
        yield session
        reached("store.committing")
        session.commit()
        reached("store.committed")


@contextmanager
def busy_is_transient() -> Iterator[None]:
    """Database trouble is the world's fault, not the scene's."""
    try:
        yield
    except OperationalError as e:
        raise TransientError(ErrorCode.STORE_BUSY, f"database: {e.orig}; free space, or wait for the other process") from e
