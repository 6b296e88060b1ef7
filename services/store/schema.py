"""The version of the tables: made, brought up to date, or refused."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlmodel import SQLModel

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.store import tables  # noqa: F401  (registers the tables)

REVISION = "0002"
"""Of the tables in this release: the last of `migrations/versions`."""
MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine) -> None:
    """Make the tables, or change those of an earlier release; nothing stored is lost.

    Raises:
        DataError: SETTINGS_INVALID when a later release has changed them.
    """
    with engine.begin() as connection:  # holds SQLite, so that two processes do not both migrate
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('jagawana migrate'))"))
        found = revision_of(connection)
        if found == REVISION:
            return
        _refuse_later(found)
        if found is None and engine.dialect.name == "sqlite" and not inspect(connection).has_table("event"):
            _make(connection)
        else:
            _migrate(connection)


def refuse_another_schema(engine: Engine) -> None:
    """PostgreSQL is shared, so that nobody changes its tables on the side.

    Raises:
        DataError: SETTINGS_INVALID when the tables are not those of this release.
    """
    with engine.connect() as connection:
        found = revision_of(connection)
    if found != REVISION:
        _refuse_later(found)
        has = "no tables of ours yet" if found is None else f"tables of revision {found}, this release needs {REVISION}"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"the database has {has}; run `jagawana migrate` once, with every worker stopped")


def revision_of(connection: Connection) -> str | None:
    """Which revision the tables are of; None where no migration ever ran."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_later(found: str | None) -> None:
    if found is not None and found > REVISION:
        raise DataError(
            ErrorCode.SETTINGS_INVALID,
            f"a later release has changed the database to revision {found}, we know {REVISION}; install that release",
        )


def _make(connection: Connection) -> None:
    """A new SQLite file, without loading Alembic. That it is what the migrations make is tested."""
    SQLModel.metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISION})


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, REVISION)


def is_ours(thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Whether a table, column or index is the model's business: PostGIS's own, and the places of zones that it indexes, are not."""
    table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
    return table in SQLModel.metadata.tables and name not in ("place", "ix_zone_place_gist")
