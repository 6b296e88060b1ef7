"""The store's port and the blobs in memory, for simulations: same promises, same failpoints, one transaction at a time."""

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NoReturn

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.base import Message
from jagawana.schemas.envelope import encode, event_id_of
from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.failpoints import reached
from jagawana.services.store.deliveries import LEASE
from jagawana.services.store.log import Event, letter_of, subject_of
from jagawana.services.store.observations import newest
from jagawana.services.store.tables import LOG, AlertRow, DeliveryRow, ObservationRow, SceneRow, TileStateRow

_OURS = re.compile(rb'\{"specversion":"1.0","id":"([0-9a-f]{64})"')


@lru_cache(maxsize=4096)
def event_id(payload: bytes) -> str:
    """As `envelope.event_id_of`; what we have encoded ourselves is not parsed again."""
    ours = _OURS.match(payload)
    return ours[1].decode() if ours else event_id_of(payload)


@lru_cache(maxsize=4096)
def record_of(payload: bytes) -> AlertPublished:
    """A record that we have encoded ourselves."""
    return AlertPublished.model_validate(json.loads(payload)["data"])


@dataclass(frozen=True)
class Handled:
    """A row of the inbox."""

    outcome: str
    code: str | None = None


@dataclass(frozen=True)
class Letter:
    """A dead letter."""

    room: str
    event: Event
    subject: str
    code: str
    detail: str


@dataclass
class Tables:
    """Everything that is committed. Values are never changed in place."""

    events: dict[int, Event] = field(default_factory=dict)
    offsets: dict[tuple[str, str, int], int] = field(default_factory=dict)
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    admissions: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    inbox: dict[tuple[str, str], Handled] = field(default_factory=dict)
    letters: dict[int, Letter] = field(default_factory=dict)
    observations: dict[str, ObservationRow] = field(default_factory=dict)
    scenes: dict[tuple[str, str], SceneRow] = field(default_factory=dict)
    layers: dict[str, tuple[str, tuple[Zone, ...]]] = field(default_factory=dict)
    fences: dict[str, TileStateRow] = field(default_factory=dict)
    alerts: dict[str, AlertRow] = field(default_factory=dict)
    records: dict[tuple[str, int], bytes] = field(default_factory=dict)
    deliveries: dict[tuple[str, int, str], DeliveryRow] = field(default_factory=dict)


def _refuse_to_wait() -> NoReturn:
    raise TransientError(ErrorCode.STORE_BUSY, "another transaction is open")


class MemoryStore:
    """`store.port.Store` without a disk. `wait` is called again and again while another transaction is open."""

    def __init__(self, wait: Callable[[], None] = _refuse_to_wait, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.tables, self.now = Tables(), now
        self.topics: dict[str, list[int]] = {}
        self._wait, self._open = wait, False
        self.wrote = False
        """Whether the transaction that is committing, or was committed last, has changed anything."""

    @contextmanager
    def transaction(self) -> Iterator["MemoryTransaction"]:
        reached("store.beginning")
        while self._open:
            self._wait()
        self._open, tx = True, MemoryTransaction(self)
        try:
            reached("store.begun")
            yield tx
            self.wrote = tx.has_written
            reached("store.committing")
        except BaseException:
            tx.roll_back()
            raise
        finally:
            self._open = False
        reached("store.committed")

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._open

    def unpassed(self, room: str, topic: Topic) -> bool:
        """Whether a room has events of a topic before it."""
        positions = self.topics.get(topic, [])
        return bool(positions) and positions[-1] >= self.tables.offsets.get((room, topic, LOG), 0)


class MemoryTransaction:
    """An open transaction: writes at once, and remembers how to take it back."""

    def __init__(self, store: MemoryStore) -> None:
        self.tables, self.topics, self.now = store.tables, store.topics, store.now
        self._undo: list[Callable[[], Any]] = []
        self.log = MemoryLog(self)
        self.observations = MemoryObservations(self)
        self.zones = MemoryZones(self)
        self.alerts = MemoryAlerts(self)
        self.deliveries = MemoryDeliveries(self)
        self.leases = MemoryLeases(self)

    @property
    def has_written(self) -> bool:
        """Whether there is anything to take back."""
        return bool(self._undo)

    def put(self, table: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Write a value; None drops it."""
        before = table.get(key)
        self._undo.append(lambda: table.pop(key, None) if before is None else table.update({key: before}))
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value

    def extend(self, positions: list[int], position: int) -> None:
        """Append to a list."""
        self._undo.append(positions.pop)
        positions.append(position)

    def roll_back(self) -> None:
        """Take everything back, last first."""
        for undo in reversed(self._undo):
            undo()


@dataclass(slots=True)
class MemoryLog:
    """`store.port.Log`."""

    tx: MemoryTransaction

    def publish(self, topic: Topic, message: Message, *, source: str, at: datetime) -> str:
        return self.append(topic, message.key, encode(message, source=source, at=at), at)

    def append(self, topic: Topic, key: str, payload: bytes, at: datetime) -> str:
        events = self.tx.tables.events
        event = Event(len(events) + 1, topic, key, event_id(payload), payload)
        self.tx.put(events, event.position, event)
        self.tx.extend(self.tx.topics.setdefault(topic, []), event.position)
        return event.event_id

    def next_event(self, room: str, topic: Topic) -> Event | None:
        return next(iter(self.next_events(room, topic, 1)), None)

    def next_events(self, room: str, topic: Topic, limit: int) -> list[Event]:
        positions = self.tx.topics.get(topic, [])
        n = bisect_left(positions, self.next_offset(room, topic, LOG) or 0)
        return [self.tx.tables.events[position] for position in positions[n : n + limit]]

    def next_offset(self, room: str, topic: str, partition: int) -> int | None:
        return self.tx.tables.offsets.get((room, topic, partition))

    def pass_through(self, room: str, topic: str, position: int, partition: int = LOG) -> None:
        passed = max(self.next_offset(room, topic, partition) or 0, position + 1)
        self.tx.put(self.tx.tables.offsets, (room, topic, partition), passed)

    def was_handled(self, room: str, event_id: str) -> bool:
        return (room, event_id) in self.tx.tables.inbox

    def admit(self, room: str, key: str, event: Event, *, most: int, since: datetime, at: datetime) -> bool:
        counted = self.tx.tables.admissions
        for old in [k for k, admitted_at in counted.items() if admitted_at < since]:
            self.tx.put(counted, old, None)
        if (room, key, event.event_id) in counted:
            return True
        if sum(k[:2] == (room, key) for k in counted) >= most:
            return False
        self.tx.put(counted, (room, key, event.event_id), at)
        return True

    def begin_attempt(self, room: str, event: Event) -> int:
        n = self.tx.tables.attempts.get((room, event.event_id), 0) + 1
        self.tx.put(self.tx.tables.attempts, (room, event.event_id), n)
        return n

    def end_attempt(self, room: str, event: Event) -> None:
        n = self.tx.tables.attempts.get((room, event.event_id))
        if n is not None:
            self.tx.put(self.tx.tables.attempts, (room, event.event_id), max(0, n - 1))

    def finish(self, room: str, event: Event, *, outcome: str, at: datetime) -> None:
        self._pass(room, event, Handled(outcome))

    def bury(self, room: str, event: Event, error: JagawanaError, *, at: datetime) -> None:
        letters = self.tx.tables.letters
        if (room, event.event_id) not in self.tx.tables.inbox:
            self.tx.put(letters, len(letters) + 1, Letter(room, event, subject_of(event.payload), error.code, error.detail))
            if event.topic != Topic.DEAD_LETTERS:
                self.publish(Topic.DEAD_LETTERS, letter_of(room, event, error), source=f"/jagawana/{room}", at=at)
        self._pass(room, event, Handled("dead", error.code))

    def _pass(self, room: str, event: Event, handled: Handled) -> None:
        tables = self.tx.tables
        if (room, event.event_id) not in tables.inbox:
            self.tx.put(tables.inbox, (room, event.event_id), handled)
        self.pass_through(room, event.topic, event.position, event.partition)
        self.tx.put(tables.attempts, (room, event.event_id), None)


@dataclass(slots=True)
class MemoryObservations:
    """`store.port.Observations`."""

    tx: MemoryTransaction

    def remember(self, rows: Iterable[ObservationRow | SceneRow]) -> None:
        for row in rows:
            if isinstance(row, SceneRow):
                key = row.scene_id, row.item_sha256
                self.tx.put(self.tx.tables.scenes, key, self.tx.tables.scenes.get(key, row))
            else:
                self._remember(row)

    def _remember(self, row: ObservationRow) -> None:
        known = self.tx.tables.observations.get(row.observation_id, row)
        if AlertTense(row.tense).reality > AlertTense(known.tense).reality:
            known = known.model_copy(update={"tense": row.tense})
        self.tx.put(self.tx.tables.observations, row.observation_id, known)

    def current(self, tile: str) -> list[ObservationRow]:
        return newest(r for r in self.tx.tables.observations.values() if r.tile == tile)


@dataclass(slots=True)
class MemoryZones:
    """`store.port.Zones`, and `activate` for the tests."""

    tx: MemoryTransaction

    def activate(self, layer: str, layer_version: str, zones: Iterable[Zone]) -> None:
        self.tx.put(self.tx.tables.layers, layer, (layer_version, tuple(zones)))

    def version(self) -> str:
        return _version(tuple(sorted((layer, version) for layer, (version, _) in self.tx.tables.layers.items())))

    def active(self, bounds: tuple[float, float, float, float]) -> list[Zone]:
        west, south, east, north = bounds
        found = []
        for zone in self._all():
            left, bottom, right, top = zone.geometry.bounds
            if left <= east and right >= west and bottom <= north and top >= south:
                found.append(zone)
        return found

    def kinds_loaded(self) -> frozenset[ZoneKind]:
        return frozenset(zone.kind for zone in self._all())

    def _all(self) -> list[Zone]:
        return sorted((z for _, zones in self.tx.tables.layers.values() for z in zones), key=lambda z: (z.layer, z.zone_id))


@lru_cache(maxsize=64)
def _version(layers: tuple[tuple[str, str], ...]) -> str:
    return sha256_of([list(pair) for pair in layers])


@dataclass(slots=True)
class MemoryAlerts:
    """`store.port.Alerts`."""

    tx: MemoryTransaction

    def tile_state(self, tile: str) -> TileStateRow:
        return self.tx.tables.fences.get(tile) or TileStateRow(tile=tile, version=0, zones_version="", rules_version="")

    def tile_states(self) -> list[TileStateRow]:
        return sorted(self.tx.tables.fences.values(), key=lambda s: s.tile)

    def advance(self, read: TileStateRow, *, zones_version: str, rules_version: str) -> None:
        if self.tile_state(read.tile).version != read.version:
            raise TransientError(ErrorCode.TILE_MOVED_ON, f"tile {read.tile} was committed by another worker; folding again")
        state = TileStateRow(tile=read.tile, version=read.version + 1, zones_version=zones_version, rules_version=rules_version)
        self.tx.put(self.tx.tables.fences, read.tile, state)

    def of_tile(self, tile: str) -> dict[str, AlertRow]:
        return {key: row.model_copy() for key, row in self.tx.tables.alerts.items() if row.tile == tile}

    def believe(self, row: AlertRow) -> None:
        self.tx.put(self.tx.tables.alerts, row.alert_id, row.model_copy())

    def forget(self, row: AlertRow) -> None:
        self.tx.put(self.tx.tables.alerts, row.alert_id, None)

    def tell(self, record: AlertPublished, payload: bytes) -> None:
        key = str(record.content.alert_id), record.record_number
        if key in self.tx.tables.records:
            raise ValueError(f"record {key} was told before")
        self.tx.put(self.tx.tables.records, key, payload)

    def record(self, alert_id: str, record_number: int) -> AlertPublished:
        return record_of(self.tx.tables.records[alert_id, record_number])


@dataclass(slots=True)
class MemoryDeliveries:
    """`store.port.Deliveries`."""

    tx: MemoryTransaction

    def told(self, alert_id: str) -> list[str]:
        return sorted({recipient for told, _, recipient in self.tx.tables.deliveries if told == alert_id})

    def owe(self, record: AlertPublished, recipients: Iterable[str], *, at: datetime) -> None:
        for recipient in recipients:
            key = str(record.content.alert_id), record.record_number, recipient
            self.tx.put(self.tx.tables.deliveries, key, DeliveryRow(**_named(key), state="pending", attempts=0, next_at=at))

    def reclaim(self) -> None:
        for row in self._rows():
            if row.state == "sending":
                self._change(row, state="pending", token=None)

    def take_next(self, *, token: str, now: datetime) -> DeliveryRow | None:
        due = [r for r in self._rows() if _is_due(r, now)]
        if not due:
            return None
        row = min(due, key=lambda r: (r.next_at, r.alert_id, r.record_number, r.recipient_id))
        return self._change(row, state="sending", token=token, lease_until=now + LEASE, attempts=row.attempts + 1)

    def settle(
        self, taken: DeliveryRow, *, state: str, next_at: datetime, provider_ref: str | None, error: str | None, at: datetime
    ) -> None:
        row = self.tx.tables.deliveries.get(_key(taken))
        if row is not None and row.token == taken.token:
            sent_at = at if state == "sent" else None
            self._change(
                row, state=state, next_at=next_at, provider_ref=provider_ref, error=error, sent_at=sent_at, token=None, lease_until=None
            )

    def _rows(self) -> Sequence[DeliveryRow]:
        return list(self.tx.tables.deliveries.values())

    def _change(self, row: DeliveryRow, **changes: Any) -> DeliveryRow:
        changed = row.model_copy(update=changes)
        self.tx.put(self.tx.tables.deliveries, _key(row), changed)
        return changed


@dataclass(slots=True)
class MemoryLeases:
    """`store.port.Leases`."""

    tx: MemoryTransaction

    def take(self, name: str, owner: str, seconds: float) -> bool:
        now, (holder, until) = self.tx.now(), self.tx.tables.leases.get(name, (owner, self.tx.now()))
        if holder != owner and until > now:
            return False
        self.tx.put(self.tx.tables.leases, name, (owner, now + timedelta(seconds=seconds)))
        return True

    def give_up(self, name: str, owner: str) -> None:
        if self.tx.tables.leases.get(name, ("",))[0] == owner:
            self.tx.put(self.tx.tables.leases, name, None)


def _is_due(row: DeliveryRow, now: datetime) -> bool:
    if row.state == "pending":
        return row.next_at <= now
    return row.state == "sending" and row.lease_until is not None and row.lease_until <= now


def _key(row: DeliveryRow) -> tuple[str, int, str]:
    return row.alert_id, row.record_number, row.recipient_id


def _named(key: tuple[str, int, str]) -> dict[str, Any]:
    return dict(zip(("alert_id", "record_number", "recipient_id"), key, strict=True))


class MemoryBlobs:
    """`store.blobs.BlobStore`: a blob that was being written when its writer died is not there."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        if name not in self.contents:
            reached("blob.writing")
            reached("blob.synced")
            self.contents[name] = content
            reached("blob.durable")
        return name

    def holds(self, name: str) -> bool:
        return name in self.contents

    def get(self, name: str) -> bytes:
        if name not in self.contents:
            raise DataError(ErrorCode.BLOB_DAMAGED, f"blob {name} is missing; restore it from a backup")
        return self.contents[name]
