"""The port through which rooms, bus and relay are observed: they say what they work on, listeners are told when it is over.

What listens never changes what is done: its errors are logged and forgotten.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.base import Message

LEFT = "left"
"""Nothing was decided: the world was in trouble, and it comes again."""
SECOND_NS = 1_000_000_000
logger = logging.getLogger(__name__)


@dataclass
class EventWork:
    """One event in one room. `outcome` is done, dead, repeated or left; `code` says why when dead or left."""

    room: str
    topic: str
    message: Message | None = None
    tries: int = 0
    outcome: str = LEFT
    code: str = ""


@dataclass
class DeliveryWork:
    """One sending to one recipient. `outcome` is its receipt's state, or left; `is_given_up` when it is not tried again."""

    channel: str
    alert_id: str
    record_number: int
    record: AlertPublished | None = None
    outcome: str = LEFT
    is_given_up: bool = False


@dataclass
class RelayWork:
    """One batch on its way to Kafka. `outcome` is sent or left; `sent` counts what the brokers acknowledged."""

    topic: str
    payloads: Sequence[bytes] = field(repr=False)
    sent: int = 0
    outcome: str = LEFT


Work = EventWork | DeliveryWork | RelayWork
W = TypeVar("W", EventWork, DeliveryWork, RelayWork)


class Listener(Protocol):
    """Is told of work that is over."""

    def over(self, work: Work, began_ns: int, ended_ns: int) -> None:
        """Called in the thread that did the work: must not wait. Times are nanoseconds since 1970."""
        ...


@dataclass(frozen=True)
class Observer:
    """Tells its listeners of every piece of work. Two clocks: when, and for how long."""

    listeners: Sequence[Listener] = ()
    time_ns: Callable[[], int] = time.time_ns
    duration_ns: Callable[[], int] = time.perf_counter_ns

    @contextmanager
    def watching(self, work: W) -> Iterator[W]:
        """Around the work; what is known of it is filled in on the way."""
        began, started = self.time_ns(), self.duration_ns()
        try:
            yield work
        finally:
            ended = began + self.duration_ns() - started
            for listener in self.listeners:
                self._tell(listener, work, began, ended)

    def _tell(self, listener: Listener, work: Work, began: int, ended: int) -> None:
        try:
            listener.over(work, began, ended)
        except Exception:
            logger.exception("%s could not be told of work that is over", type(listener).__name__)


UNOBSERVED = Observer()
