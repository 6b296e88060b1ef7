"""The bus of the embedded mode: the database's own log, one process, no broker."""

from collections.abc import Sequence
from typing import Any

from jagawana.services.bus.handling import Clock, EventHandling, Route
from jagawana.services.observer import UNOBSERVED, Observer
from jagawana.services.store.port import Store


class EmbeddedBus(EventHandling):
    """Moves events from the log through the routes, one at a time."""

    def __init__(self, store: Store, routes: Sequence[Route[Any]], clock: Clock, *, attempts: int, observer: Observer = UNOBSERVED) -> None:
        super().__init__(store, clock, attempts=attempts, observer=observer)
        self.routes = routes

    def step(self, route: Route[Any]) -> bool:
        """Deal with the next event of a route. False when there is none.

        Raises:
            TransientError: the world did not get better in time; the event is still there.
            DataError: MODEL_INVALID, SETTINGS_INVALID or RULES_INVALID; the event is still there.
        """
        return self.deal_with(route, lambda tx: tx.log.next_event(route.room, route.topic))
