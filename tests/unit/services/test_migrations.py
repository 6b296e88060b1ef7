"""Databases of earlier releases: recognised, brought up to date with all that is in them, and refused when they are of a later one.

`previous_release.sql` is what the last release without migrations wrote: two scenes, an alert, a dead letter and an event that it had
begun twice.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, MetaData, create_engine, insert, inspect, select, text
from sqlmodel import SQLModel

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.settings import load_settings
from jagawana.services.store import log, schema, zones
from jagawana.services.store.database import migrate, open_database, open_sqlite, transaction
from jagawana.services.store.digest import digest
from jagawana.services.store.log import Event
from jagawana.services.store.postgresql import engine_of

DIGEST = "b7cdaf2d576ded13ef0256cd46954e1d579a26e10458a83f501ceaf283efe23b"
"""What that release said of its database."""
LATER_COLUMNS = ("code", "commodity", "designation", "method", "licence", "redistributable", "approximate")


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "jagawana.sqlite"
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.executescript(Path(__file__).with_name("previous_release.sql").read_text())
    database.close()
    return path


@pytest.fixture
def empty_on_postgresql(database_url: str) -> Iterator[Engine]:
    engine = engine_of(SecretStr(database_url), is_migrating=True)
    yield engine
    engine.dispose()


def upgraded(connection: Connection, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    command.upgrade(config, revision)


def holds_what_it_held(engine: Engine) -> None:
    with transaction(engine) as session:
        assert digest(session) == DIGEST
        waiting = log.next_event(session, "detect", Topic.SCENES)
        assert waiting is not None and (waiting.position, waiting.key) == (9, "another-key")
        assert log.next_offset(session, "assess", Topic.OBSERVATIONS, log.LOG) == 6
        assert log.next_event(session, "assess", Topic.OBSERVATIONS) is None
        assert log.begin_attempt(session, "detect", waiting) == 3, "it was begun twice before"
        (letter,) = log.dead_letters(session)
        assert (letter.key, letter.partition, letter.position, letter.code) == ("scene-key", log.LOG, 8, "MESSAGE_INVALID")
        session.rollback()


def test_a_database_of_the_previous_release_goes_on_where_it_was(previous: Path) -> None:
    for _ in range(2):
        engine = open_sqlite(previous)
        holds_what_it_held(engine)
        engine.dispose()


def test_a_database_of_an_older_release_gets_tables_columns_and_indexes_and_keeps_its_zones(previous: Path) -> None:
    with sqlite3.connect(previous) as database:
        for column in LATER_COLUMNS:
            database.execute(f"ALTER TABLE zone DROP COLUMN {column}")
        database.execute("DROP TABLE admission")
        database.execute("DROP INDEX ix_zone_place")
    database.close()
    engine = open_sqlite(previous)
    holds_what_it_held(engine)
    with transaction(engine) as session:
        assert {zone.zone_id for zone in zones.active(session)} == {"park-1", "iup-1"}
    assert "ix_zone_place" in {index["name"] for index in inspect(engine).get_indexes("zone")}
    engine.dispose()


def test_what_the_previous_release_wrote_goes_on_in_postgresql(previous: Path, empty_on_postgresql: Engine) -> None:
    source, before = create_engine(f"sqlite:///{previous}"), MetaData()
    with empty_on_postgresql.begin() as connection:
        upgraded(connection, "0001")
        before.reflect(connection, only=lambda name, _: name in inspect(source).get_table_names())
        with source.connect() as old:
            for table in before.sorted_tables:
                rows = [dict(row) for row in old.execute(select(table)).mappings()]
                if rows:
                    connection.execute(insert(table), rows)
        upgraded(connection, "0002")
    source.dispose()
    holds_what_it_held(empty_on_postgresql)
    with transaction(empty_on_postgresql) as session:
        everywhere = zones.active(session)
        assert {zone.zone_id for zone in everywhere} == {"park-1", "iup-1"}
        for zone in everywhere:
            assert zones.active(session, zone.geometry.bounds) == [zone], "its place is found by the index's column"


def test_two_that_migrate_at_once_make_the_tables_once(database_url: str, tmp_path: Path) -> None:
    environment = dict(os.environ) | {"JAGAWANA_DATABASE_URL": database_url, "JAGAWANA_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "jagawana.services.cli", "migrate"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [p.returncode for p in both] == [0, 0] and all(f"revision {schema.REVISION}" in text for text in said), said
    open_database(load_settings(data=tmp_path, database_url=database_url)).dispose()


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        options = {"include_object": schema.is_ours, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))


def test_migrations_and_a_new_file_are_what_the_model_says(tmp_path: Path, previous: Path) -> None:
    new, old = open_sqlite(tmp_path / "new.sqlite"), open_sqlite(previous)
    assert differences(new) == [] == differences(old)
    with new.begin() as connection:
        connection.execute(text("ALTER TABLE alert DROP COLUMN cell"))
    assert differences(new) != [], "the comparison sees a difference"
    new.dispose()
    old.dispose()


def test_migrations_are_what_the_model_says_in_postgresql(empty_on_postgresql: Engine) -> None:
    schema.bring_up_to_date(empty_on_postgresql)
    assert differences(empty_on_postgresql) == []
    with empty_on_postgresql.begin() as connection:
        connection.execute(text("DROP INDEX ix_alert_tile"))
    assert differences(empty_on_postgresql) != [], "the comparison sees a difference"


def test_texts_are_ordered_by_code_point_in_every_column(empty_on_postgresql: Engine) -> None:
    schema.bring_up_to_date(empty_on_postgresql)
    query = "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE data_type = 'character varying'"
    with empty_on_postgresql.connect() as connection:
        texts = connection.execute(text(f"{query} AND table_name = ANY(:ours)"), {"ours": list(SQLModel.metadata.tables)}).all()
    assert len(texts) > 50 and [t for t in texts if t[2] != "C"] == []


def test_the_last_migration_is_the_one_this_release_needs() -> None:
    names = sorted(p.name[1:5] for p in (schema.MIGRATIONS / "versions").glob("v*.py"))
    assert names[-1] == schema.REVISION and len(set(names)) == len(names)


def test_a_file_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jagawana.sqlite"
    engine = open_sqlite(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DataError, match="later release") as caught:
        open_sqlite(path)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID


def test_postgresql_is_opened_only_at_the_revision_of_this_release(tmp_path: Path, database_url: str) -> None:
    settings = load_settings(data=tmp_path, database_url=database_url)
    with pytest.raises(DataError, match="jagawana migrate") as caught:
        open_database(settings)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID
    for _ in range(2):
        migrate(settings)
    engine = open_database(settings)
    with transaction(engine) as session:
        log.begin_attempt(session, "room", Event(1, "t", "k", "e", b""))
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for refused in (open_database, migrate):
        with pytest.raises(DataError, match="later release"):
            refused(settings)
