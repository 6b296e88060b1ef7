"""Fences, alerts, deliveries and leases in memory."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from memory.tables import Writing

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.store.deliveries import LEASE
from jagawana.services.store.tables import AlertRow, DeliveryRow, TileStateRow


@lru_cache(maxsize=4096)
def record_of(payload: bytes) -> AlertPublished:
    """A record that we have encoded ourselves."""
    return AlertPublished.model_validate(json.loads(payload)["data"])


@dataclass(slots=True)
class MemoryAlerts:
    """`store.port.Alerts`."""

    tx: Writing

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

    tx: Writing

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


def _is_due(row: DeliveryRow, now: datetime) -> bool:
    if row.state == "pending":
        return row.next_at <= now
    return row.state == "sending" and row.lease_until is not None and row.lease_until <= now


def _key(row: DeliveryRow) -> tuple[str, int, str]:
    return row.alert_id, row.record_number, row.recipient_id


def _named(key: tuple[str, int, str]) -> dict[str, Any]:
    return dict(zip(("alert_id", "record_number", "recipient_id"), key, strict=True))


@dataclass(slots=True)
class MemoryLeases:
    """`store.port.Leases`."""

    tx: Writing

    def take(self, name: str, owner: str, seconds: float) -> bool:
        now, (holder, until) = self.tx.now(), self.tx.tables.leases.get(name, (owner, self.tx.now()))
        if holder != owner and until > now:
            return False
        self.tx.put(self.tx.tables.leases, name, (owner, now + timedelta(seconds=seconds)))
        return True

    def give_up(self, name: str, owner: str) -> None:
        if self.tx.tables.leases.get(name, ("",))[0] == owner:
            self.tx.put(self.tx.tables.leases, name, None)
