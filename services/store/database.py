"""Engines and transactions: SQLite in a file, or PostgreSQL. What is committed survives power loss on both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from jagawana.schemas.errors import JagawanaError
from jagawana.services.failpoints import reached
from jagawana.services.settings import Settings
from jagawana.services.store.schema import bring_up_to_date, refuse_another_schema
from jagawana.services.store.trouble import meaning_of


def open_database(settings: Settings) -> Engine:
    """PostgreSQL where JAGAWANA_DATABASE_URL names one, else the file in `data`.

    Raises:
        DataError: SETTINGS_INVALID when the database refuses us, or its schema is not of this release.
        TransientError: STORE_BUSY when it does not answer.
    """
    if settings.database_url is None:
        return open_sqlite(settings.database, busy_seconds=settings.busy_seconds)
    from jagawana.services.store.postgresql import engine_of

    engine = engine_of(settings.database_url, busy_seconds=settings.busy_seconds)
    try:
        with trouble_is_named():
            refuse_another_schema(engine)
    except JagawanaError:
        engine.dispose()
        raise
    return engine


def migrate(settings: Settings) -> None:
    """Make the tables of this release, or bring those of an earlier one up to date.

    Raises:
        DataError: SETTINGS_INVALID when the database refuses us, or a later release has changed it.
        TransientError: STORE_BUSY when it does not answer.
    """
    if settings.database_url is None:
        open_sqlite(settings.database, busy_seconds=settings.busy_seconds).dispose()
        return
    from jagawana.services.store.postgresql import engine_of

    engine = engine_of(settings.database_url, busy_seconds=settings.busy_seconds, is_migrating=True)
    try:
        with trouble_is_named():
            bring_up_to_date(engine)
    finally:
        engine.dispose()


def open_sqlite(path: Path, *, busy_seconds: float = 30.0) -> Engine:
    """The embedded database, made or brought up to date; another process's transaction is waited for `busy_seconds`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin_immediate)
    with trouble_is_named():
        bring_up_to_date(engine)
    return engine


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
        DataError: SETTINGS_INVALID when it refuses us; MESSAGE_INVALID when it cannot hold a value.
    """
    with trouble_is_named(), Session(engine, expire_on_commit=False) as session:
        reached("store.beginning")
        session.connection()  # begins; what raises from here on rolls back
        reached("store.begun")
        yield session
        reached("store.committing")
        session.commit()
        reached("store.committed")


@contextmanager
def trouble_is_named() -> Iterator[None]:
    """What the database says, as an error of ours: mostly the world's fault, not the scene's."""
    try:
        yield
    except DBAPIError as e:
        meant: JagawanaError | None = meaning_of(e)
        if meant is None:
            raise
        raise meant from e
