"""What goes wrong between us and PostgreSQL: the world's trouble is waited for, an installation's is named, and no password is shown."""

import logging
import os
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier, Thread

import psycopg
import pytest
from pydantic import SecretStr
from servers.postgres import Postgres
from sqlalchemy import Engine, text
from store_examples import AT

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.settings import load_settings
from jagawana.services.store import zones
from jagawana.services.store.database import migrate, open_database, transaction
from jagawana.services.store.postgresql import engine_of
from jagawana.services.store.sql import SqlStore

PASSWORD = "s3cret-of-nobody"
RAISES = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    "statements",
    [
        ["SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(5)"],
        ["SET LOCAL idle_in_transaction_session_timeout = '20ms'", "SELECT 1", "WAIT", "SELECT 1"],
        ["SET TRANSACTION READ ONLY", "DELETE FROM event"],
        ["SELECT pg_terminate_backend(pg_backend_pid())"],
        *[[RAISES.format(state)] for state in ("53100", "53300", "40001", "40P01", "57P01", "58030")],
    ],
    ids=lambda statements: statements[-1][-60:],
)  # fmt: skip
def test_the_worlds_trouble_is_transient_and_the_next_transaction_works(on_postgresql: Engine, statements: list[str]) -> None:
    with pytest.raises(JagawanaError) as caught, transaction(on_postgresql) as session:
        for statement in statements:
            if statement == "WAIT":
                time.sleep(0.3)
            else:
                session.execute(text(statement))
    error = caught.value
    assert isinstance(error, TransientError) and error.code is ErrorCode.STORE_BUSY
    with transaction(on_postgresql) as session:
        assert session.connection().execute(text("SELECT 1")).scalar() == 1


def test_a_deadlock_ends_one_of_two_which_is_tried_again(on_postgresql: Engine) -> None:
    both, ended = Barrier(2), []

    def lock(first: int, second: int) -> None:
        try:
            with transaction(on_postgresql) as session:
                session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": first})
                both.wait(10)
                session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": second})
        except TransientError as e:
            ended.append(e)

    threads = [Thread(target=lock, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(ended) == 1 and "deadlock" in ended[0].detail


def test_a_worker_that_stands_still_is_waited_for_so_long_and_cut_off(migrated: Engine, postgres: Postgres) -> None:
    engine = engine_of(SecretStr(postgres.url("migrated")), busy_seconds=0.3)
    with transaction(migrated) as standing:
        standing.execute(text("SELECT pg_advisory_xact_lock(1)"))
        with pytest.raises(TransientError, match="lock timeout"), transaction(engine) as session:
            session.execute(text("SELECT pg_advisory_xact_lock(1)"))
        (limit,) = standing.connection().execute(text("SHOW idle_in_transaction_session_timeout")).one()
        assert limit == "1min"
    engine.dispose()


def test_who_waits_for_a_machine_that_is_gone_gives_up_after_a_minute(migrated: Engine) -> None:
    """What both kernels were told; the machine itself is not taken away here."""
    with migrated.connect() as connection, socket.socket(fileno=os.dup(connection.connection.fileno())) as ours:  # type: ignore[attr-defined]
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        idle, interval, count = (ours.getsockopt(socket.IPPROTO_TCP, option) for option in options)
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) and idle + interval * count == 60
        said = [connection.execute(text(f"SHOW tcp_keepalives_{name}")).scalar() for name in ("idle", "interval", "count")]
        assert said == [str(idle), str(interval), str(count)]


def test_a_mistake_in_our_own_statement_is_no_trouble_of_the_world(on_postgresql: Engine) -> None:
    with pytest.raises(Exception, match="syntax") as caught, transaction(on_postgresql) as session:
        session.execute(text("SELEKT 1"))
    assert not isinstance(caught.value, JagawanaError)


def test_a_text_that_no_database_keeps_is_the_messages_fault_and_can_be_buried(on_postgresql: Engine) -> None:
    store = SqlStore(on_postgresql)
    payload = b'{"data": {"scene_id": "a\\u0000b"}}'
    with store.transaction() as tx:
        tx.log.append(Topic.COVERAGE, "k\0", payload, AT)
        event = tx.log.next_event("room", Topic.COVERAGE)
        assert event is not None and event.payload == payload
        tx.log.bury("room", event, DataError(ErrorCode.MESSAGE_INVALID, "a\0b"), at=AT)
    with pytest.raises(DataError) as caught, store.transaction() as tx:
        tx.leases.take("a\0b", "owner", 1.0)
    assert caught.value.code is ErrorCode.MESSAGE_INVALID


REFUSED = [
    ("another password", "{right_user}:" + PASSWORD + "@127.0.0.1:{port}/migrated", "password authentication failed"),
    ("a user nobody knows", "stranger:" + PASSWORD + "@127.0.0.1:{port}/migrated", "password authentication failed"),
    ("a database nobody made", "{right_user}:{right_password}@127.0.0.1:{port}/nowhere", "does not exist"),
]


@pytest.mark.parametrize(("address", "said"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_what_a_server_refuses_is_ours_to_mend(
    migrated: Engine, postgres: Postgres, tmp_path: Path, address: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = address.format(right_user=migrated.url.username, right_password=postgres.password, port=postgres.port)
    settings = load_settings(data=tmp_path, database_url="postgresql+psycopg://" + url)
    caplog.set_level(logging.DEBUG)
    for refused in (open_database, migrate):
        with pytest.raises(DataError) as caught:
            refused(settings)
        assert caught.value.code is ErrorCode.SETTINGS_INVALID and said in caught.value.detail
        for secret in (PASSWORD, postgres.password):
            assert secret not in caught.value.detail + str(caught.value.__cause__) + caplog.text + repr(settings)


def test_a_user_without_rights_is_told_so(migrated: Engine, postgres: Postgres, tmp_path: Path) -> None:
    postgres.run("DROP ROLE IF EXISTS guest")
    postgres.run(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    settings = load_settings(data=tmp_path, database_url=f"postgresql+psycopg://guest:{PASSWORD}@127.0.0.1:{postgres.port}/migrated")
    with pytest.raises(DataError, match="permission denied") as caught:
        open_database(settings)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID


def test_without_postgis_the_tables_are_not_made(postgres: Postgres, tmp_path: Path) -> None:
    postgres.run("DROP ROLE IF EXISTS plain")
    postgres.run(f"CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'")
    postgres.run("CREATE DATABASE without_postgis TEMPLATE template0 OWNER plain")
    settings = load_settings(data=tmp_path, database_url=f"postgresql+psycopg://plain:{PASSWORD}@127.0.0.1:{postgres.port}/without_postgis")
    with pytest.raises(DataError, match="postgis") as caught:
        migrate(settings)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID
    with psycopg.connect(postgres.address("without_postgis")) as connection:
        assert connection.execute("SELECT to_regclass('event')").fetchone() == (None,), "nothing is half made"


SMALL = {"settings": {"max_connections": "12", "superuser_reserved_connections": "1"}}


@pytest.mark.parametrize("own_postgres", [SMALL], indirect=True, ids=["12 connections"])
def test_a_server_that_is_full_gone_or_back_is_waited_for(own_postgres: Postgres, tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, database_url=own_postgres.new_database(), busy_seconds=1.0)
    migrate(settings)
    engine = open_database(settings)
    engine.dispose()  # what it holds itself would make room for it
    with ExitStack() as held:
        for _ in range(3):
            _fill(own_postgres, held)
            time.sleep(0.2)  # a connection closed just now still counts for a moment
        with pytest.raises(TransientError) as full:
            _look(engine)
        assert "too many clients" in full.value.detail or "reserved" in full.value.detail
    assert _look(engine)
    own_postgres.stop()
    for _ in range(2):
        with pytest.raises(TransientError) as caught:
            _look(engine)
        assert own_postgres.password not in caught.value.detail
    with pytest.raises(TransientError):
        open_database(settings)
    own_postgres.start()
    assert _look(engine), "the pool has found new connections"
    engine.dispose()


def _fill(server: Postgres, held: ExitStack) -> None:
    with pytest.raises(psycopg.OperationalError):
        while True:
            held.enter_context(closing(psycopg.connect(server.address())))


def _look(engine: Engine) -> str:
    with transaction(engine) as session:
        return zones.version(session)
