"""What the tests of the store's contract share: rows, messages and short questions."""

from datetime import UTC, datetime
from typing import Any

from alert_examples import record
from memory.store import MemoryStore
from sqlmodel import update

from jagawana.rules.zones import Zone
from jagawana.schemas.observation import CoverageObserved
from jagawana.schemas.topics import Topic
from jagawana.services.store import log
from jagawana.services.store import zones as sql_zones
from jagawana.services.store.dialects import speaks_postgresql
from jagawana.services.store.log import Event
from jagawana.services.store.port import Store
from jagawana.services.store.sql import SqlTransaction
from jagawana.services.store.tables import AlertRow, DeliveryRow, ObservationRow, SceneRow

AT = datetime(2026, 6, 1, tzinfo=UTC)
TILE = "49MDU57"
RECORD = record()
ALERT = str(RECORD.content.alert_id)


class Undone(Exception):
    """Raised to roll back."""


def sent(store: Store, *names: str, topic: Topic = Topic.COVERAGE) -> list[str]:
    with store.transaction() as tx:
        return [tx.log.publish(topic, coverage(name), source="/test", at=AT) for name in names]


def coverage(name: str) -> CoverageObserved:
    return CoverageObserved(tile=TILE, scene_id=name, acquired_at=AT, footprint_share=1.0, clear_share=0.5, cloud_share=0.5)


def next_of(store: Store, room: str = "room", topic: Topic = Topic.COVERAGE) -> Event | None:
    with store.transaction() as tx:
        return tx.log.next_event(room, topic)


def seen(**changes: Any) -> ObservationRow:
    fields: dict[str, Any] = {
        "observation_id": "o-1", "tile": TILE, "fingerprint": "s2", "acquisition_key": "a-1", "revision": "1", "scene_id": "s-1",
        "platform": "sentinel-2a", "acquired_at": AT, "model_id": "s2", "model_sha256": "ab" * 32, "calibrated": True, "resolution_m": 10,
        "blob": "01" * 32, "quicklook": "02" * 32, "quicklook_bounds": "0,0,1,1", "footprint_share": 1.0, "clear_share": 1.0,
        "cloud_share": 0.0, "tense": "current", "recorded_at": AT,
    }  # fmt: skip
    return ObservationRow(**(fields | changes))


def letters_of(store: Store) -> list[tuple[str, str, str]]:
    if isinstance(store, MemoryStore):
        return [(x.room, x.event.event_id, x.code) for x in store.tables.letters.values()]
    with store.transaction() as tx:
        assert isinstance(tx, SqlTransaction)
        return [(d.room, d.event_id, d.code) for d in log.dead_letters(tx.session)]


def remembered(store: Store, *rows: ObservationRow | SceneRow) -> None:
    with store.transaction() as tx:
        tx.observations.remember(rows)


def current(store: Store, tile: str = TILE) -> list[ObservationRow]:
    with store.transaction() as tx:
        return tx.observations.current(tile)


def an_alert(**changes: Any) -> AlertRow:
    fields: dict[str, Any] = {
        "alert_id": ALERT, "tile": TILE, "cell": f"{TILE}00", "state": "provisional", "content": "{}", "content_sha256": "",
        "record_number": 1, "published": "",
    }  # fmt: skip
    return AlertRow(**(fields | changes))


def activated(store: Store, *zones: Zone) -> str:
    with store.transaction() as tx:
        for zone in zones:
            if isinstance(tx, SqlTransaction):
                sql_zones.activate(tx.session, zone.layer, zone.layer_version, [zone], at=AT)
            else:
                tx.zones.activate(zone.layer, zone.layer_version, [zone])  # type: ignore[attr-defined]
    with store.transaction() as tx:
        return tx.zones.version()


def leases_ran_out(store: Store) -> None:
    """Time passes for the leases of deliveries: PostgreSQL judges them by its own clock, the others by the time they are given."""
    with store.transaction() as tx:
        if isinstance(tx, SqlTransaction) and speaks_postgresql(tx.session):
            tx.session.execute(update(DeliveryRow).values(lease_until=datetime(2000, 1, 1, tzinfo=UTC)))
