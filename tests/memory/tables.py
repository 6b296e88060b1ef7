"""What is committed, as dictionaries, and the open transaction that writes to them."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jagawana.rules.zones import Zone
from jagawana.services.store.log import Event
from jagawana.services.store.tables import AlertRow, DeliveryRow, ObservationRow, SceneRow, TileStateRow


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
    appended: dict[int, datetime] = field(default_factory=dict)
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


class Writing:
    """Writes at once, and remembers how to take it back."""

    def __init__(self, tables: Tables, topics: dict[str, list[int]], now: Callable[[], datetime]) -> None:
        self.tables, self.topics, self.now = tables, topics, now
        self._undo: list[Callable[[], Any]] = []

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
