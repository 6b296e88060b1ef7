"""What the rooms and the bus ask of the store: one open transaction, in six parts, in the house's words.

Two adapters keep these promises: SQL (`store.sql`) and, for tests, memory (`tests/memory`); `tests/contract/test_store_*.py`
holds both to them. An alert that was changed is given back by `believe`; all other rows are only read.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.base import Message, Sha256, TileId
from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.topics import Topic
from jagawana.services.store.log import Event
from jagawana.services.store.tables import AlertRow, DeliveryRow, ObservationRow, SceneRow, TileStateRow


class Log(Protocol):
    """Events, the rooms' positions among them, and what became of each."""

    def publish(self, topic: Topic, message: Message, *, source: str, at: datetime) -> str:
        """Send a message when the transaction commits. Returns its event id."""
        ...

    def append(self, topic: Topic, key: str, payload: bytes, at: datetime) -> str:
        """Send bytes when the transaction commits. Returns their event id."""
        ...

    def drop_before(self, topic: Topic, at: datetime) -> None:
        """Forget a topic's events that were appended before, sent or not; never the newest of the whole log."""
        ...

    def next_event(self, room: str, topic: Topic) -> Event | None:
        """The first event of a topic in the log that a room has not passed yet."""
        ...

    def next_events(self, room: str, topic: Topic, limit: int) -> list[Event]:
        """The first events of a topic in the log that a room has not passed yet, in order, `limit` at most."""
        ...

    def next_offset(self, room: str, topic: str, partition: int) -> int | None:
        """Where a room has to go on in a partition, whatever the broker says; None when it has passed nothing there yet."""
        ...

    def pass_through(self, room: str, topic: str, position: int) -> None:
        """A room has passed everything in the log up to a position, that one included; it never goes back."""
        ...

    def was_handled(self, room: str, event_id: str) -> bool:
        """Whether a room has dealt with an event, under whatever position it came."""
        ...

    def admit(self, room: str, key: str, event: Event, *, most: int, since: datetime, at: datetime) -> bool:
        """Count an event among those of its key, once; False, and not counted, when `most` others were counted since then."""
        ...

    def begin_attempt(self, room: str, event: Event) -> int:
        """Count a start, before the work that may kill us. Returns which start this is."""
        ...

    def end_attempt(self, room: str, event: Event) -> None:
        """The work ended in good order and decided nothing: its start does not count."""
        ...

    def finish(self, room: str, event: Event, *, outcome: str, at: datetime) -> None:
        """Pass an event: inbox and position."""
        ...

    def bury(self, room: str, event: Event, error: JagawanaError, *, at: datetime) -> None:
        """Pass an event into the dead letters, with its bytes, the code and the reason; only pass it if another has dealt with it."""
        ...


class Observations(Protocol):
    """What scenes showed of tiles."""

    def remember(self, rows: Iterable[ObservationRow | SceneRow]) -> None:
        """Keep; what is already there stays as it was first committed, but for a tense that becomes more real."""
        ...

    def current(self, tile: TileId) -> list[ObservationRow]:
        """Of each fingerprint and acquisition the highest revision, a real one if any; by fingerprint, oldest acquisition first."""
        ...


class Zones(Protocol):
    """The active zone layers."""

    def version(self) -> Sha256:
        """One word for all of them."""
        ...

    def active(self, bounds: tuple[float, float, float, float]) -> list[Zone]:
        """Zones whose bounds touch the given ones (west, south, east, north in degrees), by layer and id."""
        ...

    def kinds_loaded(self) -> frozenset[ZoneKind]:
        """Kinds that some active layer holds anywhere."""
        ...


class Alerts(Protocol):
    """The tiles' fences, what is believed of their alerts, and every record ever told."""

    def tile_state(self, tile: TileId) -> TileStateRow:
        """A tile's fence; version 0 when it was never assessed."""
        ...

    def tile_states(self) -> list[TileStateRow]:
        """The fences of all tiles ever assessed, by tile."""
        ...

    def advance(self, read: TileStateRow, *, zones_version: str, rules_version: str) -> None:
        """Compare and set a fence.

        Raises:
            TransientError: TILE_MOVED_ON when the version is no longer the one that was read.
        """
        ...

    def of_tile(self, tile: TileId) -> dict[str, AlertRow]:
        """All findings and alerts of a tile, by id."""
        ...

    def believe(self, row: AlertRow) -> None:
        """Keep an alert as it now stands."""
        ...

    def forget(self, row: AlertRow) -> None:
        """Drop what nobody was told of."""
        ...

    def tell(self, record: AlertPublished, payload: bytes) -> None:
        """Keep a record as it is published."""
        ...

    def record(self, alert_id: str, record_number: int) -> AlertPublished:
        """One record, as it was published."""
        ...


class Deliveries(Protocol):
    """The ledger of who must be told: written before anything is sent."""

    def told(self, alert_id: str) -> list[str]:
        """Recipients who were told of an alert, or are about to be, sorted."""
        ...

    def owe(self, record: AlertPublished, recipients: Iterable[str], *, at: datetime) -> None:
        """Owe a record to recipients, from now on."""
        ...

    def reclaim(self) -> None:
        """Owe again what a dead process was sending."""
        ...

    def take_next(self, *, token: str, now: datetime) -> DeliveryRow | None:
        """Lease the delivery that is due longest, whose lease nobody holds."""
        ...

    def settle(
        self, taken: DeliveryRow, *, state: str, next_at: datetime, provider_ref: str | None, error: str | None, at: datetime
    ) -> None:
        """Write down what became of a leased delivery, unless somebody else holds it by now."""
        ...


class Leases(Protocol):
    """Who may do what only one process may do; judged by the store's own clock."""

    def take(self, name: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease for so many seconds from now; False while another owner holds it."""
        ...

    def give_up(self, name: str, owner: str) -> None:
        """Let go of a lease before its time, if it is still the owner's."""
        ...


class Transaction(Protocol):
    """One open transaction: all of what is done in it is kept, or nothing."""

    @property
    def log(self) -> Log:
        """Events."""
        ...

    @property
    def observations(self) -> Observations:
        """What was seen."""
        ...

    @property
    def zones(self) -> Zones:
        """Polygons with legal meaning."""
        ...

    @property
    def alerts(self) -> Alerts:
        """What is believed and was told."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Who is owed what."""
        ...

    @property
    def leases(self) -> Leases:
        """Who may do what."""
        ...


class Store(Protocol):
    """Where everything is remembered."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit at the end of the block; roll back when it raises.

        Raises:
            TransientError: STORE_BUSY.
        """
        ...
