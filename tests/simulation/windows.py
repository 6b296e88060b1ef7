"""Why a message may have been sent twice: each repeat must have a reason that was seen happening."""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from memory.store import MemoryStore

from jagawana.schemas.ids import message_id
from jagawana.services.store.tables import DeliveryRow

from .scheduler import Worker


@dataclass
class Window:
    """A worker between a provider's yes and its own settling."""

    key: str
    lost: bool = False
    settling: bool = False


@dataclass
class Windows:
    """Why a message may have been sent again: its sender died, erred or lost its lease after the provider's yes."""

    store: MemoryStore
    open: dict[int, Window] = field(default_factory=dict)
    explained: Counter[str] = field(default_factory=Counter)

    def took(self, worker: Worker | None, key: str, known: bool) -> None:
        """A provider took a message; if it did not say so, sending again is right."""
        if known and worker is not None:
            self.open[worker.name] = Window(key)
        else:
            self.explained[key] += 1

    def noticed(self, worker: Worker) -> None:
        """A worker came to a failpoint, or ended."""
        window = self.open.get(worker.name)
        if window is None:
            return
        if worker.at == "delivery.settling":
            window.settling = True
        elif worker.at == "store.begun" and window.settling:
            window.lost = not self._holds(worker, window.key)
        elif worker.at == "delivery.settled" or (worker.before == "store.committed" and worker.at in ("ended", "idle")):
            self._close(worker, explained=window.lost)
        elif worker.at in ("ended", "idle"):
            self._close(worker, explained=True)

    def _close(self, worker: Worker, *, explained: bool) -> None:
        self.explained[self.open.pop(worker.name).key] += explained

    def _holds(self, worker: Worker, key: str) -> bool:
        """Whether the lease of a message is this worker's."""
        row = next(row for row in self.store.tables.deliveries.values() if key_of(row) == key)
        return (row.token or "").startswith(f"{worker.name}-")


def key_of(row: DeliveryRow) -> str:
    """The idempotency key under which a delivery leaves."""
    return f"{_message_id(row.alert_id, row.record_number)}/{row.recipient_id}"


_message_id = lru_cache(maxsize=4096)(lambda alert_id, number: message_id(UUID(alert_id), number))
