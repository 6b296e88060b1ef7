"""The store in a database: the port's words on top of sessions. What each method promises is said in `store.port`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.base import Message, Sha256, TileId
from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.topics import Topic
from jagawana.services.store import alerts, deliveries, leases, log, observations, zones
from jagawana.services.store.database import transaction
from jagawana.services.store.log import Event
from jagawana.services.store.tables import AlertRow, AlertVersionRow, DeliveryRow, ObservationRow, SceneRow, TileStateRow


@dataclass(frozen=True)
class SqlStore:
    """Opens transactions of one database."""

    engine: Engine

    @contextmanager
    def transaction(self) -> Iterator["SqlTransaction"]:
        with transaction(self.engine) as session:
            yield SqlTransaction(session)


class SqlTransaction:
    """A session that has begun."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.log = SqlLog(session)
        self.observations = SqlObservations(session)
        self.zones = SqlZones(session)
        self.alerts = SqlAlerts(session)
        self.deliveries = SqlDeliveries(session)
        self.leases = SqlLeases(session)


@dataclass(frozen=True)
class SqlLog:
    """`store.log` in a session."""

    session: Session

    def publish(self, topic: Topic, message: Message, *, source: str, at: datetime) -> str:
        return log.publish(self.session, topic, message, source=source, at=at)

    def append(self, topic: Topic, key: str, payload: bytes, at: datetime) -> str:
        return log.append(self.session, topic, key, payload, at)

    def drop_before(self, topic: Topic, at: datetime) -> None:
        log.drop_before(self.session, topic, at)

    def next_event(self, room: str, topic: Topic) -> Event | None:
        return log.next_event(self.session, room, topic)

    def next_events(self, room: str, topic: Topic, limit: int) -> list[Event]:
        return log.next_events(self.session, room, topic, limit)

    def next_offset(self, room: str, topic: str, partition: int) -> int | None:
        return log.next_offset(self.session, room, topic, partition)

    def pass_through(self, room: str, topic: str, position: int) -> None:
        log.pass_through(self.session, room, topic, position)

    def was_handled(self, room: str, event_id: str) -> bool:
        return log.was_handled(self.session, room, event_id)

    def admit(self, room: str, key: str, event: Event, *, most: int, since: datetime, at: datetime) -> bool:
        return log.admit(self.session, room, key, event, most=most, since=since, at=at)

    def begin_attempt(self, room: str, event: Event) -> int:
        return log.begin_attempt(self.session, room, event)

    def end_attempt(self, room: str, event: Event) -> None:
        log.end_attempt(self.session, room, event)

    def finish(self, room: str, event: Event, *, outcome: str, at: datetime) -> None:
        log.finish(self.session, room, event, outcome=outcome, at=at)

    def bury(self, room: str, event: Event, error: JagawanaError, *, at: datetime) -> None:
        log.bury(self.session, room, event, error, at=at)


@dataclass(frozen=True)
class SqlObservations:
    """`store.observations` in a session."""

    session: Session

    def remember(self, rows: Iterable[ObservationRow | SceneRow]) -> None:
        observations.remember(self.session, rows)

    def current(self, tile: TileId) -> list[ObservationRow]:
        return observations.current(self.session, tile)


@dataclass(frozen=True)
class SqlZones:
    """`store.zones` in a session."""

    session: Session

    def version(self) -> Sha256:
        return zones.version(self.session)

    def active(self, bounds: tuple[float, float, float, float]) -> list[Zone]:
        return zones.active(self.session, bounds)

    def kinds_loaded(self) -> frozenset[ZoneKind]:
        return zones.kinds_loaded(self.session)


@dataclass(frozen=True)
class SqlAlerts:
    """`store.alerts` in a session."""

    session: Session

    def tile_state(self, tile: TileId) -> TileStateRow:
        return alerts.tile_state(self.session, tile)

    def tile_states(self) -> list[TileStateRow]:
        return alerts.tile_states(self.session)

    def advance(self, read: TileStateRow, *, zones_version: str, rules_version: str) -> None:
        alerts.advance(self.session, read, zones_version=zones_version, rules_version=rules_version)

    def of_tile(self, tile: TileId) -> dict[str, AlertRow]:
        return alerts.alerts_of_tile(self.session, tile)

    def believe(self, row: AlertRow) -> None:
        self.session.add(row)

    def forget(self, row: AlertRow) -> None:
        self.session.delete(row)

    def tell(self, record: AlertPublished, payload: bytes) -> None:
        self.session.add(
            AlertVersionRow(
                alert_id=str(record.content.alert_id),
                record_number=record.record_number,
                alert_type=record.alert_type,
                payload=payload,
                decided_at=record.decided_at,
            )
        )

    def record(self, alert_id: str, record_number: int) -> AlertPublished:
        return alerts.record(self.session, alert_id, record_number)


@dataclass(frozen=True)
class SqlDeliveries:
    """`store.deliveries` in a session."""

    session: Session

    def told(self, alert_id: str) -> list[str]:
        return deliveries.told(self.session, alert_id)

    def owe(self, record: AlertPublished, recipients: Iterable[str], *, at: datetime) -> None:
        deliveries.owe(self.session, record, recipients, at=at)

    def reclaim(self) -> None:
        deliveries.reclaim(self.session)

    def take_next(self, *, token: str, now: datetime) -> DeliveryRow | None:
        return deliveries.take_next(self.session, token=token, now=now)

    def settle(
        self, taken: DeliveryRow, *, state: str, next_at: datetime, provider_ref: str | None, error: str | None, at: datetime
    ) -> None:
        deliveries.settle(self.session, taken, state=state, next_at=next_at, provider_ref=provider_ref, error=error, at=at)


@dataclass(frozen=True)
class SqlLeases:
    """`store.leases` in a session."""

    session: Session

    def take(self, name: str, owner: str, seconds: float) -> bool:
        return leases.take(self.session, name, owner, seconds)

    def give_up(self, name: str, owner: str) -> None:
        leases.give_up(self.session, name, owner)
