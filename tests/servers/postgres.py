"""PostgreSQL with PostGIS on the loopback address."""

import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from servers.process import Server, ServerMissing, free_port, give, own_folder, remove, run_tool

DEBIAN = Path("/usr/lib/postgresql")
PACKAGE = "postgresql-15-postgis-3"
USER = "jagawana"
TEMPLATE = "empty_postgis"
TESTS_ONLY = {
    "fsync": "off",  # a killed server keeps what it wrote; only a machine without power would lose it
    "max_connections": "100",
    "shared_buffers": "32MB",
    "unix_socket_directories": "",
    "log_statement": "none",
}


def programs() -> Path:
    """The folder of `postgres`, `initdb`, `pg_basebackup`; the newest on the machine.

    Raises:
        ServerMissing: there is none.
    """
    found = [p.parent for p in DEBIAN.glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("postgres")
    if on_path is None:
        raise ServerMissing(f"PostgreSQL is missing; on Debian: apt-get install {PACKAGE}")
    return Path(on_path).resolve().parent


class Postgres:
    """A server, started by `with`.

    Args:
        archive: keep finished WAL segments in `archive_folder`, for restores to a point in time.
        settings: more lines of `postgresql.conf`.
        port: a free one when left out.
        password: of the user `jagawana`, who may do anything here; drawn when left out.
    """

    def __init__(
        self, *, archive: bool = False, settings: Mapping[str, str] | None = None, port: int | None = None, password: str | None = None
    ) -> None:
        self.archive, self.settings = archive, settings or {}
        self.port = port or free_port()
        self.password = password or secrets.token_hex(16)
        self._made = 0

    def __enter__(self) -> Self:
        self.programs = programs()
        self.folder = own_folder("postgres")
        self.archive_folder = self.folder / "archive"
        self.archive_folder.mkdir()
        give(self.archive_folder)
        self.server = Server("postgres", [str(self.programs / "postgres"), "-D", str(self.data)], self.folder)
        try:
            self._initialise()
            self.start()
            self._make_template()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.stop(signal.SIGQUIT)  # immediate: nobody reads its folder again
        remove(self.folder)

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    def _initialise(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        give(password)
        options = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"]
        run_tool([str(self.programs / "initdb"), "-D", str(self.data), *options], self.folder)
        lines = {"listen_addresses": "127.0.0.1", "port": str(self.port)} | TESTS_ONLY
        if self.archive:
            copy = f"test ! -f {self.archive_folder}/%f && cp %p {self.archive_folder}/%f"
            lines |= {"archive_mode": "on", "wal_level": "replica", "archive_command": copy}
        with open(self.data / "postgresql.conf", "a") as f:
            f.writelines(f"{name} = '{value}'\n" for name, value in (lines | dict(self.settings)).items())

    def _make_template(self) -> None:
        self.run(f"CREATE DATABASE {TEMPLATE}")
        with psycopg.connect(self.address(TEMPLATE), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")

    def address(self, database: str = "postgres") -> str:
        """Of a database, for psycopg and PostgreSQL's own programs."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def url(self, database: str = "postgres") -> str:
        """Of a database, for SQLAlchemy and JAGAWANA_DATABASE_URL."""
        return self.address(database).replace("postgresql://", "postgresql+psycopg://", 1)

    def run(self, statement: str) -> None:
        """One statement outside a transaction, in the database `postgres`."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, template: str = TEMPLATE, *, name: str | None = None) -> str:
        """The URL of a database that nobody else has: a copy of `template`, by default one with PostGIS and nothing else."""
        self._made += 1
        name = name or f"test_{os.getpid()}_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database and whoever is connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def start(self) -> None:
        """Start, recover if it was killed, and wait until it takes connections."""
        self.server.start()
        self.server.wait_until(self._serves)

    def _serves(self) -> bool:
        try:
            psycopg.connect(self.address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """A fast shutdown: transactions are rolled back, connections closed."""
        self.server.stop(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL for the server and all its workers, as if the machine had stopped.

        Each worker is a process group of its own, so they are looked up, while the server is stopped and can start no other.
        """
        self.server.pause()
        workers = _children(self.server.pid)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        self.server.kill()
        while any(_lives(worker) for worker in workers):
            time.sleep(0.01)

    def pause(self) -> None:
        """SIGSTOP for the server and all its workers: connections stay open, nobody answers."""
        self.server.pause()
        for worker in _children(self.server.pid):
            os.kill(worker, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        for worker in _children(self.server.pid):
            os.kill(worker, signal.SIGCONT)
        self.server.resume()

    def base_backup(self, name: str = "backup") -> Path:
        """A copy of the running server's data folder, with the WAL it needs."""
        folder = self.folder / name
        options = ["-D", str(folder), "--checkpoint=fast", "--wal-method=stream"]
        run_tool([str(self.programs / "pg_basebackup"), "-d", self.address(), *options], self.folder)
        return folder


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    """Whether a process runs; a zombie, which process 1 may be slow to reap, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
