"""What is done with one event, whatever brought it: the database's own log or Kafka.

At least once, with the effects, the inbox and the offset in one transaction. Retry, dead letter or stop is decided here, from
the error's own `retryable` and code, and nowhere else.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from jagawana.schemas.base import Message
from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.failpoints import reached
from jagawana.services.observer import UNOBSERVED, EventWork, Observer
from jagawana.services.store.log import Event
from jagawana.services.store.port import Store, Transaction

MAX_STARTS = 12
"""An event that was started this often without an end has been killing its worker."""
INSTALLATION = frozenset({ErrorCode.MODEL_INVALID, ErrorCode.SETTINGS_INVALID, ErrorCode.RULES_INVALID})
"""No event is to blame: nothing is consumed until somebody has mended the installation."""
DAY = timedelta(days=1)
M = TypeVar("M", bound=Message)
logger = logging.getLogger(__name__)


class Effects(Protocol):
    """What a handler wants remembered and told; applied in one transaction with inbox and offset."""

    def apply(self, tx: Transaction, at: datetime) -> None:
        """Write.

        Raises:
            TransientError: TILE_MOVED_ON when somebody else was first; the handler runs again.
        """
        ...


@dataclass(frozen=True)
class Route(Generic[M]):
    """One line of the flow: which room reads which topic, and what it does with a message."""

    room: str
    topic: Topic
    message: type[M]
    handler: Callable[[M], Effects]
    most_a_day: int | None = None
    """Most different events of one key that are begun within a day; those above are a flood, and buried unread."""


@dataclass(frozen=True)
class Clock:
    """Time and waiting, passed in."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]


class EventHandling:
    """Takes events, one at a time, through a route; a bus says where they come from."""

    def __init__(self, store: Store, clock: Clock, *, attempts: int, observer: Observer = UNOBSERVED) -> None:
        self.store, self.clock, self.attempts, self.observer = store, clock, attempts, observer

    def deal_with(self, route: Route[Any], take: Callable[[Transaction], Event | None]) -> bool:
        """Deal with the event that `take` finds. False when it finds none.

        Raises:
            TransientError: the world did not get better in time; the event is still there.
            DataError: MODEL_INVALID, SETTINGS_INVALID or RULES_INVALID; the event is still there.
        """
        reached("event.taking")
        with self.store.transaction() as tx:
            event = take(tx)
            if event is None:
                return False
            if tx.log.was_handled(route.room, event.event_id):
                tx.log.finish(route.room, event, outcome="done", at=self.clock.now())
                with self.observer.watching(EventWork(route.room, route.topic, outcome="repeated")):
                    return True
            admitted = self._is_admitted(tx, route, event)
            starts = tx.log.begin_attempt(route.room, event)
        reached("event.counted")
        with self.observer.watching(EventWork(route.room, route.topic)) as work:
            self._decide(route, event, work, starts=starts, admitted=admitted)
        return True

    def _decide(self, route: Route[Any], event: Event, work: EventWork, *, starts: int, admitted: bool) -> None:
        """Done, buried, or left where it is."""
        try:
            if not admitted:
                self._refuse_flood(route, event)
            self._handle(route, event, starts, work)
            work.outcome = "done"
        except JagawanaError as error:
            work.code = error.code
            if error.retryable or error.code in INSTALLATION:
                self._leave(route.room, event)
                raise
            level = logging.ERROR if error.code is ErrorCode.SCENE_FLOODED else logging.WARNING
            logger.log(level, "%s: %s buried: %s", route.room, event.event_id[:12], error)
            reached("event.burying")
            with self.store.transaction() as tx:
                tx.log.bury(route.room, event, error, at=self.clock.now())
            reached("event.buried")
            work.outcome = "dead"

    def _is_admitted(self, tx: Transaction, route: Route[Any], event: Event) -> bool:
        """Whether it is not one too many; what cannot be read is refused soon enough."""
        if route.most_a_day is None:
            return True
        with suppress(DataError):
            key, now = decode_as(route.message, event.payload).key, self.clock.now()
            return tx.log.admit(route.room, key, event, most=route.most_a_day, since=now - DAY, at=now)
        return True

    def _refuse_flood(self, route: Route[Any], event: Event) -> NoReturn:
        key = decode_as(route.message, event.payload).key
        why = f"{route.most_a_day} other events of {key} were begun within a day"
        raise DataError(ErrorCode.SCENE_FLOODED, f"{why}; ask their sender why, and replay it tomorrow if it matters")

    def _leave(self, room: str, event: Event) -> None:
        """Where it is, for another time; a store that cannot even write this down counts a start too many."""
        reached("event.leaving")
        with suppress(TransientError), self.store.transaction() as tx:
            tx.log.end_attempt(room, event)
        reached("event.left")

    def _handle(self, route: Route[Any], event: Event, starts: int, work: EventWork) -> None:
        if starts > MAX_STARTS:
            raise DataError(ErrorCode.DECODER_DIED, f"started {MAX_STARTS} times without an end; it kills its worker")
        deaths = 0
        for attempt in range(1, self.attempts + 1):
            try:
                reached("event.handling")
                work.tries, work.message = attempt, decode_as(route.message, event.payload)
                effects = route.handler(work.message)
                reached("event.handled")
                with self.store.transaction() as tx:
                    effects.apply(tx, self.clock.now())
                    tx.log.finish(route.room, event, outcome="done", at=self.clock.now())
                reached("event.done")
                return
            except TransientError as error:
                deaths += error.code is ErrorCode.DECODER_FAILED
                self._wait_or_give_up(error, attempt, deaths)

    def _wait_or_give_up(self, error: JagawanaError, attempt: int, deaths: int) -> None:
        """A decoder that dies every time is the scene's fault; anything else is the world's, and stops us instead."""
        if attempt < self.attempts:
            self.clock.sleep(0.0 if error.code is ErrorCode.TILE_MOVED_ON else min(2.0**attempt, 30.0))
            return
        if deaths == attempt:
            raise DataError(ErrorCode.DECODER_DIED, f"tried {attempt} times; last: {error.detail}") from error
        raise error
