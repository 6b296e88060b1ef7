"""The tables. Append-only where evidence lives; every id is computed by the caller."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Index, Integer, LargeBinary, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

LOG = -1
"""Partition number of the database's own log; Kafka's begin at 0, so that neither's positions are ever taken for the other's."""

Counter = BigInteger().with_variant(Integer, "sqlite")
"""Numbered by the database. SQLite numbers only columns of the type INTEGER, which holds 64 bits there."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: they mean something else on every machine."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite forgets the zone; it was UTC."""
        return value and value.replace(tzinfo=UTC) if value is None or value.tzinfo is None else value.astimezone(UTC)


class EventRow(SQLModel, table=True):
    """The log: bus of the embedded mode, and outbox for subscribers. Order of `position` is order of commit."""

    __tablename__ = "event"
    position: int | None = Field(default=None, primary_key=True, sa_type=Counter)
    topic: str = Field(index=True)
    key: str
    event_id: str = Field(index=True)
    payload: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UtcDateTime)


class SourceOffsetRow(SQLModel, table=True):
    """How far a room has come in a topic; committed with its effects."""

    __tablename__ = "source_offset"
    room: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    partition: int = Field(default=LOG, primary_key=True, description="of Kafka; LOG in the database's own log")
    next_position: int = Field(sa_type=Counter)


class AttemptRow(SQLModel, table=True):
    """Counted before the work begins, so that an event that kills its worker is not tried for ever, under whatever position it comes."""

    __tablename__ = "attempt"
    room: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    n: int


class LeaseRow(SQLModel, table=True):
    """Who may do, until then, what only one process may do. `until` is always computed with the database's clock."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    owner: str
    until: datetime = Field(sa_type=UtcDateTime)


class AdmissionRow(SQLModel, table=True):
    """A room has begun an event of this key; kept for as long as it counts, so that a flood of events about one thing ends."""

    __tablename__ = "admission"
    room: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    admitted_at: datetime = Field(sa_type=UtcDateTime, index=True)


class InboxRow(SQLModel, table=True):
    """What became of every event in every room."""

    __tablename__ = "inbox"
    room: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    outcome: str = Field(description="done or dead")
    error_code: str | None = None
    received_at: datetime = Field(sa_type=UtcDateTime)


class DeadLetterRow(SQLModel, table=True):
    """An event that stays wrong, with its original bytes."""

    __tablename__ = "dead_letter"
    dead_id: int | None = Field(default=None, primary_key=True, sa_type=Counter)
    room: str
    topic: str
    partition: int = LOG
    position: int = Field(sa_type=Counter)
    key: str
    event_id: str
    subject: str = Field(description="scene or tile it was about, as far as it could be read")
    payload: bytes = Field(sa_type=LargeBinary)
    code: str
    detail: str
    dead_at: datetime = Field(sa_type=UtcDateTime)
    replayed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ObservationRow(SQLModel, table=True):
    """What one scene showed of one tile. Never changed; the current one of an acquisition is its highest revision."""

    __tablename__ = "observation"
    observation_id: str = Field(primary_key=True)
    tile: str
    fingerprint: str
    acquisition_key: str
    revision: str
    scene_id: str
    platform: str
    acquired_at: datetime = Field(sa_type=UtcDateTime)
    model_id: str
    model_sha256: str
    calibrated: bool
    resolution_m: int
    blob: str
    quicklook: str
    quicklook_bounds: str = Field(description="west,south,east,north in metres")
    footprint_share: float
    clear_share: float
    cloud_share: float
    tense: str
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    __table_args__ = (Index("ix_observation_history", "tile", "fingerprint", "acquisition_key"),)


class SceneRow(SQLModel, table=True):
    """Provenance of a scene: its item, as received."""

    __tablename__ = "scene"
    scene_id: str = Field(primary_key=True)
    item_sha256: str = Field(primary_key=True)
    acquired_at: datetime = Field(sa_type=UtcDateTime)
    item: str
    recorded_at: datetime = Field(sa_type=UtcDateTime)


class SceneRootRow(SQLModel, table=True):
    """A folder that an operator has named as an archive: assets inside it may be read."""

    __tablename__ = "scene_root"
    folder: str = Field(primary_key=True)


class TileStateRow(SQLModel, table=True):
    """The fence: whoever commits a tile must have read this version."""

    __tablename__ = "tile_state"
    tile: str = Field(primary_key=True)
    version: int
    zones_version: str
    rules_version: str


class AlertRow(SQLModel, table=True):
    """An alert as it stands: what is believed now, and what was last told."""

    __tablename__ = "alert"
    alert_id: str = Field(primary_key=True)
    tile: str = Field(index=True)
    cell: str
    state: str
    content: str
    content_sha256: str
    record_number: int
    published: str = Field(description="content of the last record")


class AlertVersionRow(SQLModel, table=True):
    """Every record ever published, whole."""

    __tablename__ = "alert_version"
    alert_id: str = Field(primary_key=True)
    record_number: int = Field(primary_key=True)
    alert_type: str
    payload: bytes = Field(sa_type=LargeBinary)
    decided_at: datetime = Field(sa_type=UtcDateTime)


class DeliveryRow(SQLModel, table=True):
    """The delivery ledger: one row per record, recipient and channel; written before anything is sent."""

    __tablename__ = "delivery"
    alert_id: str = Field(primary_key=True)
    record_number: int = Field(primary_key=True)
    recipient_id: str = Field(primary_key=True)
    state: str = Field(default="pending", description="pending, sending, sent, dead or suppressed", index=True)
    attempts: int = 0
    next_at: datetime = Field(sa_type=UtcDateTime)
    token: str | None = None
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    provider_ref: str | None = None
    error: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ZoneLayerRow(SQLModel, table=True):
    """A loaded version of a layer; exactly one version of a layer is active."""

    __tablename__ = "zone_layer"
    layer: str = Field(primary_key=True)
    layer_version: str = Field(primary_key=True)
    sha256: str
    active: bool
    loaded_at: datetime = Field(sa_type=UtcDateTime)


class ZoneRow(SQLModel, table=True):
    """A zone of a layer version; geometry as WKB in WGS 84, bounds beside it for the first look."""

    __tablename__ = "zone"
    layer: str = Field(primary_key=True)
    layer_version: str = Field(primary_key=True)
    zone_id: str = Field(primary_key=True)
    kind: str
    name: str
    source: str
    holder: str | None = None
    stage: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    accuracy_m: float
    code: str | None = None
    commodity: str | None = None
    designation: str | None = None
    method: str | None = None
    licence: str | None = None
    redistributable: bool | None = None
    approximate: bool | None = None
    west: float
    south: float
    east: float
    north: float
    wkb: bytes = Field(sa_type=LargeBinary)
    __table_args__ = (Index("ix_zone_place", "layer", "layer_version", "kind", "west", "east", "south", "north"),)
