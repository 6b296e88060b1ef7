"""Offsets by partition, starts by event, dead letters with their key, named leases; on PostgreSQL zones in PostGIS."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

LOG = -1
Text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Change the tables, with what is in them."""
    _offsets_by_partition()
    _starts_by_event()
    _keys_of_dead_letters()
    op.create_table(
        "lease", sa.Column("name", Text, primary_key=True), sa.Column("owner", Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )  # fmt: skip
    if op.get_bind().dialect.name == "postgresql":
        _zones_in_postgis()


def _offsets_by_partition() -> None:
    rows = _rows("SELECT room, topic, next_position FROM source_offset")
    op.drop_table("source_offset")
    made = op.create_table(
        "source_offset", sa.Column("room", Text, primary_key=True), sa.Column("topic", Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False), sa.Column("next_position", Counter, nullable=False),
    )  # fmt: skip
    op.bulk_insert(made, [row | {"partition": LOG} for row in rows])


def _starts_by_event() -> None:
    """Of events sent twice the position that was started most often counts."""
    rows = _rows("SELECT room, event_id, MAX(n) AS n FROM attempt JOIN event ON event.position = attempt.position GROUP BY room, event_id")
    op.drop_table("attempt")
    made = op.create_table(
        "attempt", sa.Column("room", Text, primary_key=True), sa.Column("event_id", Text, primary_key=True),
        sa.Column("n", sa.Integer, nullable=False),
    )  # fmt: skip
    op.bulk_insert(made, rows)


def _keys_of_dead_letters() -> None:
    op.add_column("dead_letter", sa.Column("partition", sa.Integer, nullable=False, server_default=str(LOG)))
    op.add_column("dead_letter", sa.Column("key", Text, nullable=False, server_default=""))
    op.execute("UPDATE dead_letter SET key = COALESCE((SELECT key FROM event WHERE event.position = dead_letter.position), subject)")


def _zones_in_postgis() -> None:
    """The zones' places as geometries, for the index and for whoever looks at them with QGIS."""
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.execute("ALTER TABLE zone ADD COLUMN place geometry(Geometry, 4326) GENERATED ALWAYS AS (ST_GeomFromWKB(wkb, 4326)) STORED")
    op.execute("CREATE INDEX ix_zone_place_gist ON zone USING gist (place)")


def _rows(query: str) -> list[dict[str, object]]:
    return [dict(row) for row in op.get_bind().execute(sa.text(query)).mappings()]
