"""The production code with one protection taken out: a simulation that does not notice proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from memory.believed import MemoryAlerts, MemoryDeliveries
from memory.blobs import MemoryBlobs
from memory.log import MemoryLog
from memory.seen import MemoryObservations
from memory.store import MemoryStore, MemoryTransaction
from memory.tables import Letter

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import DataError, JagawanaError, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.bus.embedded import EmbeddedBus
from jagawana.services.bus.handling import Route
from jagawana.services.failpoints import reached
from jagawana.services.notify.channels import Receipt, ReceiptState
from jagawana.services.notify.ledger import NotifyRoom
from jagawana.services.store.log import Event
from jagawana.services.store.observations import newest
from jagawana.services.store.tables import DeliveryRow, ObservationRow, TileStateRow
from jagawana.services.wiring import Service

from . import house


def _ack_before_processing(bus: EmbeddedBus, route: Route[Any]) -> bool:
    with bus.store.transaction() as tx:
        event = tx.log.next_event(route.room, route.topic)
        if event is None:
            return False
        tx.log.finish(route.room, event, outcome="done", at=bus.clock.now())
    try:
        effects = route.handler(decode_as(route.message, event.payload))
        with bus.store.transaction() as tx:
            effects.apply(tx, bus.clock.now())
    except DataError as error:
        with bus.store.transaction() as tx:
            tx.log.bury(route.room, event, error, at=bus.clock.now())
    return True


def _arrival_order(observations: MemoryObservations, tile: str) -> list[ObservationRow]:
    arrived = [r for r in observations.tx.tables.observations.values() if r.tile == tile]
    return sorted(newest(arrived), key=lambda r: (r.fingerprint, arrived.index(r)))


@dataclass
class LateLog(MemoryLog):
    """Keeps the records back until the transaction is over."""

    late: list[tuple[Topic, str, bytes, datetime]]

    def append(self, topic: Topic, key: str, payload: bytes, at: datetime) -> str:
        if topic is not Topic.ALERTS:
            return MemoryLog.append(self, topic, key, payload, at)
        self.late.append((topic, key, payload, at))
        return ""


@contextmanager
def _published_after_commit(store: MemoryStore) -> Iterator[MemoryTransaction]:
    late: list[tuple[Topic, str, bytes, datetime]] = []
    with _transaction(store) as tx:
        tx.log = LateLog(tx, late)
        yield tx
    for record in late:
        with _transaction(store) as tx:
            tx.log.append(*record)


_transaction = MemoryStore.transaction


def _tests_hide_what_is_real(observations: MemoryObservations, tile: str) -> list[ObservationRow]:
    rows = [r for r in observations.tx.tables.observations.values() if r.tile == tile]
    newer = {(r.fingerprint, r.acquisition_key): r.revision for r in sorted(rows, key=lambda r: r.revision)}
    return [r for r in newest(rows) if r.revision == newer[r.fingerprint, r.acquisition_key]]


def _marked_before_sending(room: NotifyRoom) -> bool:
    with room.store.transaction() as tx:
        taken = tx.deliveries.take_next(token="mutant", now=room.now())
        if taken is None:
            return False
        room._settle(tx.deliveries, taken, Receipt(ReceiptState.SENT, "hopefully"))
    room._send(taken)
    return True


def _exceptions_swallowed(bus: EmbeddedBus, route: Route[Any], event: Event, _starts: int) -> None:
    with suppress(TransientError):
        effects = route.handler(decode_as(route.message, event.payload))
        with bus.store.transaction() as tx:
            effects.apply(tx, bus.clock.now())
    with bus.store.transaction() as tx:
        tx.log.finish(route.room, event, outcome="done", at=bus.clock.now())


class LateBlobs(MemoryBlobs):
    """Names a blob at once, and writes it when the row is committed."""

    def __init__(self, blobs: MemoryBlobs) -> None:
        self.contents, self.late = blobs.contents, dict[str, bytes]()

    def put(self, content: bytes) -> str:
        aside = MemoryBlobs()
        name = aside.put(content)
        self.late |= aside.contents
        return name

    def write(self) -> None:
        reached("blob.writing")
        self.contents |= self.late


def _rows_before_blobs(store: Any, outside: house.Outside, clock: Any, config: tuple[str, int]) -> Service:
    late = LateBlobs(outside.blobs)
    service = _process(store, outside, clock, config)
    detect = replace(service.bus.routes[0], handler=house.SimulatedDetection(outside, late, config[0]).on_scene)
    service.bus.routes = [detect, service.bus.routes[1]]

    def step(route: Route[Any]) -> bool:
        stepped = EmbeddedBus.step(service.bus, route)
        late.write()
        return stepped

    service.bus.step = step  # type: ignore[method-assign]
    return service


_process = house.process


def _no_compare_and_set(alerts: MemoryAlerts, read: TileStateRow, *, zones_version: str, rules_version: str) -> None:
    now = alerts.tile_state(read.tile)
    _advance(alerts, now, zones_version=zones_version, rules_version=rules_version)


_advance = MemoryAlerts.advance


def _buried_unseen(log: MemoryLog, room: str, event: Event, error: DataError, *, at: datetime) -> None:
    letters = log.tx.tables.letters
    log.tx.put(letters, len(letters) + 1, Letter(room, event, "", error.code, error.detail))
    log.finish(room, event, outcome="dead", at=at)


def _leases_never_end(deliveries: MemoryDeliveries, *, token: str, now: datetime) -> DeliveryRow | None:
    taken = _take_next(deliveries, token=token, now=now)
    if taken is not None:
        for_ever = taken.model_copy(update={"lease_until": now + timedelta(days=10_000)})
        deliveries.tx.put(deliveries.tx.tables.deliveries, (taken.alert_id, taken.record_number, taken.recipient_id), for_ever)
    return taken


_take_next = MemoryDeliveries.take_next


def _skip_always(_log: MemoryLog, _room: str, _event_id: str) -> bool:
    return False


def _first_start(_log: MemoryLog, _room: str, _event: Event) -> int:
    return 1


def _all_are_admitted(_log: MemoryLog, _room: str, _key: str, _event: Event, **_limit: Any) -> bool:
    return True


def _admitted_each_time(log: MemoryLog, room: str, key: str, event: Event, *, most: int, since: datetime, at: datetime) -> bool:
    """Counts starts in place of events."""
    again = replace(event, event_id=f"{event.event_id} {len(log.tx.tables.admissions)}")
    return _admit(log, room, key, again, most=most, since=since, at=at)


_admit = MemoryLog.admit


def _ended_starts_count(_log: MemoryLog, _room: str, _event: Event) -> None:
    return None


def _any_death_is_enough(bus: EmbeddedBus, error: JagawanaError, attempt: int, deaths: int) -> None:
    _wait_or_give_up(bus, error, attempt, attempt if deaths else 0)


_wait_or_give_up = EmbeddedBus._wait_or_give_up


def _not_again(_service: Service, _tell: Any) -> None:
    return None


MUTANTS: dict[str, tuple[type | Any, str, Callable[..., Any]]] = {
    "ack before processing": (EmbeddedBus, "step", _ack_before_processing),
    "arrival-order state": (MemoryObservations, "current", _arrival_order),
    "tests hide what is real": (MemoryObservations, "current", _tests_hide_what_is_real),
    "direct publish instead of outbox": (MemoryStore, "transaction", _published_after_commit),
    "mark notification before sending": (NotifyRoom, "deliver_next", _marked_before_sending),
    "swallow exception": (EmbeddedBus, "_handle", _exceptions_swallowed),
    "no zones re-evaluation": (Service, "_judge_again", _not_again),
    "row before blob": (house, "process", _rows_before_blobs),
    "no compare-and-set": (MemoryAlerts, "advance", _no_compare_and_set),
    "no attempt counter": (MemoryLog, "begin_attempt", _first_start),
    "no limit on floods": (MemoryLog, "admit", _all_are_admitted),
    "starts count as a flood": (MemoryLog, "admit", _admitted_each_time),
    "trouble counts as a decoder's death": (EmbeddedBus, "_wait_or_give_up", _any_death_is_enough),
    "starts that ended count as deaths": (MemoryLog, "end_attempt", _ended_starts_count),
    "bury what another has done": (MemoryLog, "bury", _buried_unseen),
    "leases never end": (MemoryDeliveries, "take_next", _leases_never_end),
}
"""One protection each: where it is, and what stands there instead."""
REDUNDANT = {"no inbox skip": (MemoryLog, "was_handled", _skip_always)}
"""By design: natural keys already tell what was handled. Kept for the audit, and for exactly one dead letter."""


def mutant(name: str) -> AbstractContextManager[Any]:
    """The code without one protection, for a while."""
    where, what, instead = (MUTANTS | REDUNDANT)[name]
    return patch.object(where, what, instead)
