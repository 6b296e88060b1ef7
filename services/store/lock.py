"""The embedded mode is one process: whoever drains holds the data folder, and the database where it is PostgreSQL."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.store.database import trouble_is_named
from jagawana.services.store.dialects import Hold


@contextmanager
def sole_process(folder: Path) -> Iterator[None]:
    """Hold the folder until done; the system lets go when the process dies, however it dies.

    Raises:
        TransientError: STORE_BUSY when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise TransientError(
                ErrorCode.STORE_BUSY, f"another process works on {folder}; wait for it, or give --data another folder"
            ) from e
        yield


@contextmanager
def sole_worker(engine: Engine) -> Iterator[None]:
    """Hold PostgreSQL until done, over a connection of its own; the server lets go when that is gone. SQLite lies in the held folder.

    Raises:
        TransientError: STORE_BUSY when a process with another data folder works on the same database.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with trouble_is_named():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connection:
        with trouble_is_named():
            taken = connection.execute(select(func.pg_try_advisory_lock(Hold.WORKING.value))).scalar()
        if not taken:
            advice = "wait for it, or let both work through Kafka"
            raise TransientError(ErrorCode.STORE_BUSY, f"another process works on this database; {advice}")
        try:
            yield
        finally:
            connection.invalidate()  # lets go, also where the server is gone
