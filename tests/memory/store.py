"""The store's port in memory, for simulations: same promises, same failpoints, one transaction at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NoReturn

from memory.believed import MemoryAlerts, MemoryDeliveries, MemoryLeases
from memory.log import MemoryLog
from memory.seen import MemoryObservations, MemoryZones
from memory.tables import Tables, Writing

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.failpoints import reached
from jagawana.services.store.tables import LOG


class MemoryTransaction(Writing):
    """An open transaction, in the port's six parts."""

    def __init__(self, store: "MemoryStore") -> None:
        super().__init__(store.tables, store.topics, store.now)
        self.log = MemoryLog(self)
        self.observations = MemoryObservations(self)
        self.zones = MemoryZones(self)
        self.alerts = MemoryAlerts(self)
        self.deliveries = MemoryDeliveries(self)
        self.leases = MemoryLeases(self)


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
