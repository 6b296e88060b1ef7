"""The tables of the releases before PostgreSQL. A SQLite file of any of them lacks some tables, columns or indexes, and gets those."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

Text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
"""Ordered by code point on every database, as SQLite and Python do."""
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def _key(name: str, kind: sa.types.TypeEngine[Any] = Text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, Text, nullable=False) for name in names]


def _may_be_empty(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, Text) for name in names]


def _times(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, Time, nullable=False) for name in names]


def _floats(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float, nullable=False) for name in names]


def _integer(name: str, kind: sa.types.TypeEngine[int] | None = None) -> sa.Column[int]:
    return sa.Column(name, kind or sa.Integer(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def tables() -> sa.MetaData:
    """All tables, as they were."""
    made = sa.MetaData()
    sa.Table(
        "event", made, _key("position", Counter), *_texts("topic", "key", "event_id"), _bytes("payload"), *_times("created_at"),
        sa.Index("ix_event_topic", "topic"), sa.Index("ix_event_event_id", "event_id"),
    )  # fmt: skip
    sa.Table("source_offset", made, _key("room"), _key("topic"), _integer("next_position", Counter))
    sa.Table("attempt", made, _key("room"), _key("position", Counter), _integer("n"))
    sa.Table(
        "admission", made, _key("room"), _key("key"), _key("event_id"), *_times("admitted_at"),
        sa.Index("ix_admission_admitted_at", "admitted_at"),
    )  # fmt: skip
    sa.Table("inbox", made, _key("room"), _key("event_id"), *_texts("outcome"), *_may_be_empty("error_code"), *_times("received_at"))
    sa.Table(
        "dead_letter", made, _key("dead_id", Counter), *_texts("room", "topic"), _integer("position", Counter),
        *_texts("event_id", "subject"), _bytes("payload"), *_texts("code", "detail"), *_times("dead_at"), sa.Column("replayed_at", Time),
    )  # fmt: skip
    _seen(made)
    _believed(made)
    _zones(made)
    return made


def _seen(made: sa.MetaData) -> None:
    sa.Table(
        "observation", made, _key("observation_id"), *_texts("tile", "fingerprint", "acquisition_key", "revision", "scene_id", "platform"),
        *_times("acquired_at"), *_texts("model_id", "model_sha256"), sa.Column("calibrated", sa.Boolean, nullable=False),
        _integer("resolution_m"), *_texts("blob", "quicklook", "quicklook_bounds"),
        *_floats("footprint_share", "clear_share", "cloud_share"), *_texts("tense"),
        *_times("recorded_at"), sa.Index("ix_observation_history", "tile", "fingerprint", "acquisition_key"),
    )  # fmt: skip
    sa.Table("scene", made, _key("scene_id"), _key("item_sha256"), *_times("acquired_at"), *_texts("item"), *_times("recorded_at"))
    sa.Table("scene_root", made, _key("folder"))


def _believed(made: sa.MetaData) -> None:
    sa.Table("tile_state", made, _key("tile"), _integer("version"), *_texts("zones_version", "rules_version"))
    sa.Table(
        "alert", made, _key("alert_id"), *_texts("tile", "cell", "state", "content", "content_sha256"), _integer("record_number"),
        *_texts("published"), sa.Index("ix_alert_tile", "tile"),
    )  # fmt: skip
    sa.Table(
        "alert_version", made, _key("alert_id"), _key("record_number", sa.Integer()), *_texts("alert_type"), _bytes("payload"),
        *_times("decided_at"),
    )  # fmt: skip
    sa.Table(
        "delivery", made, _key("alert_id"), _key("record_number", sa.Integer()), _key("recipient_id"), *_texts("state"),
        _integer("attempts"), *_times("next_at"), *_may_be_empty("token"), sa.Column("lease_until", Time),
        *_may_be_empty("provider_ref", "error"),
        sa.Column("sent_at", Time), sa.Index("ix_delivery_state", "state"),
    )  # fmt: skip


def _zones(made: sa.MetaData) -> None:
    sa.Table(
        "zone_layer", made, _key("layer"), _key("layer_version"), *_texts("sha256"), sa.Column("active", sa.Boolean, nullable=False),
        *_times("loaded_at"),
    )  # fmt: skip
    sa.Table(
        "zone", made, _key("layer"), _key("layer_version"), _key("zone_id"), *_texts("kind", "name", "source"),
        *_may_be_empty("holder", "stage", "valid_from", "valid_to"), *_floats("accuracy_m"),
        *_may_be_empty("code", "commodity", "designation", "method", "licence"), sa.Column("redistributable", sa.Boolean),
        sa.Column("approximate", sa.Boolean), *_floats("west", "south", "east", "north"), _bytes("wkb"),
        sa.Index("ix_zone_place", "layer", "layer_version", "kind", "west", "east", "south", "north"),
    )  # fmt: skip


def upgrade() -> None:
    """Make what is not there."""
    connection, made = op.get_bind(), tables()
    before = set(sa.inspect(connection).get_table_names())
    made.create_all(connection)
    for table in (t for t in made.sorted_tables if t.name in before):
        there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        for column in (c for c in table.columns if c.name not in there):
            op.add_column(table.name, sa.Column(column.name, column.type))  # what came later may be empty
        for index in table.indexes:
            index.create(connection, checkfirst=True)
