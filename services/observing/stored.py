"""Gauges read from the database when somebody asks, and kept some seconds: counts of all workers together. One process serves them.

Every look is made of short transactions: on SQLite each holds up the writers while it lasts.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeAlias

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from sqlmodel import Session, col, func, select

from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.topics import Topic
from jagawana.services.observing import table
from jagawana.services.observing.table import Metric
from jagawana.services.store import log
from jagawana.services.store.tables import LOG, AlertRow, AlertVersionRow, DeadLetterRow, DeliveryRow, EventRow, InboxRow

KEPT_SECONDS = 15.0
WINDOW = 20_000
"""Events looked at in one transaction."""
WINDOWS = 50
"""Most of them in one look; a log of years is caught up with over several."""
RELAY = "relay"
Values: TypeAlias = dict[tuple[str, ...], float]
Transactions = Callable[[], AbstractContextManager[Session]]


class Stored(Collector):
    """What the database says of the whole house.

    Args:
        readers: the rooms that read topics, and which.
        channel_of: the channel of each recipient id.
        relays: whether a relay sends the log on.
    """

    def __init__(
        self, transactions: Transactions, now: Callable[[], datetime], *, readers: Mapping[str, Topic], channel_of: Mapping[str, str],
        relays: bool, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._transactions, self._now, self._monotonic = transactions, now, monotonic
        self._readers, self._channel_of, self._relays = readers, channel_of, relays
        self._unhandled = dict.fromkeys(readers, 0)
        self._kept: list[tuple[Metric, Values]] = []
        self._kept_until = 0.0

    def collect(self) -> Iterator[Family]:
        """All of them; those of the last look when it is not long ago, none but `store_answers` when the database does not answer."""
        if self._monotonic() >= self._kept_until:
            try:
                self._kept = [(table.STORE_ANSWERS, {(): 1.0}), *self._look()]
            except JagawanaError:
                self._kept = [(table.STORE_ANSWERS, {(): 0.0})]
            self._kept_until = self._monotonic() + KEPT_SECONDS
        for metric, values in self._kept:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family

    def _look(self) -> list[tuple[Metric, Values]]:
        waiting: dict[tuple[str, ...], datetime | None] = {}
        for room, topic in self._readers.items():
            waiting[room, str(topic)] = self._oldest_unhandled(room, topic)
        with self._transactions() as session:
            if self._relays:
                waiting.update({(RELAY, str(topic)): _oldest_unsent(session, topic) for topic in Topic})
            waiting["notify", ""] = _oldest_undelivered(session)
            last: dict[tuple[str, ...], datetime | None] = {(str(topic),): _last_event(session, topic) for topic in Topic}
            counts: list[tuple[Metric, Values]] = [
                (table.ALERTS, _alerts(session)),
                (table.DELIVERIES, self._deliveries(session)),
                (table.DEAD_LETTERS, _dead(session)),
            ]
        now = self._now()
        ages = {labels: max(0.0, (now - at).total_seconds()) if at is not None else 0.0 for labels, at in waiting.items()}
        newest = {labels: at.timestamp() for labels, at in last.items() if at is not None}
        return [(table.WAITING_AGE, ages), (table.LAST_EVENT, newest), *counts]

    def _oldest_unhandled(self, room: str, topic: Topic) -> datetime | None:
        """What was once handled stays so: each look begins where the last one found something to do."""
        for _ in range(WINDOWS):
            with self._transactions() as session:
                begin = self._unhandled[room]
                found = _first_unhandled(session, room, topic, begin)
                newest = session.exec(select(func.max(EventRow.position))).one() or 0
            if found is not None:
                self._unhandled[room], at = found
                return at
            if begin + WINDOW > newest:
                return None
            self._unhandled[room] = begin + WINDOW
        return None

    def _deliveries(self, session: Session) -> Values:
        query = select(DeliveryRow.recipient_id, DeliveryRow.state, func.count()).where(
            col(DeliveryRow.state).in_(("pending", "sending", "dead", "suppressed"))
        )
        counted: Values = {}
        for recipient, state, number in session.exec(query.group_by(DeliveryRow.recipient_id, DeliveryRow.state)).all():
            labels = self._channel_of.get(recipient, "unknown"), state
            counted[labels] = counted.get(labels, 0.0) + number
        return counted


def _first_unhandled(session: Session, room: str, topic: Topic, begin: int) -> tuple[int, datetime] | None:
    handled = select(InboxRow.event_id).where(InboxRow.room == room, InboxRow.event_id == EventRow.event_id).exists()
    here = col(EventRow.position).between(begin, begin + WINDOW - 1)
    query = select(EventRow.position, EventRow.created_at).where(EventRow.topic == topic, here, ~handled)
    row = session.exec(query.order_by(col(EventRow.position)).limit(1)).first()
    return (row[0] or 0, row[1]) if row is not None else None


def _oldest_unsent(session: Session, topic: Topic) -> datetime | None:
    begin = log.next_offset(session, RELAY, topic, LOG) or 0
    query = select(EventRow.created_at).where(EventRow.topic == topic, col(EventRow.position) >= begin)
    return session.exec(query.order_by(col(EventRow.position)).limit(1)).first()


def _oldest_undelivered(session: Session) -> datetime | None:
    same = (col(AlertVersionRow.alert_id) == DeliveryRow.alert_id) & (col(AlertVersionRow.record_number) == DeliveryRow.record_number)
    query = select(func.min(AlertVersionRow.decided_at)).join(DeliveryRow, same)
    return session.exec(query.where(col(DeliveryRow.state).in_(("pending", "sending")))).one()


def _last_event(session: Session, topic: Topic) -> datetime | None:
    query = select(EventRow.created_at).where(EventRow.topic == topic).order_by(col(EventRow.position).desc())
    return session.exec(query.limit(1)).first()


def _alerts(session: Session) -> Values:
    query = select(AlertRow.state, func.count()).where(AlertRow.record_number > 0).group_by(AlertRow.state)
    return {(state,): float(number) for state, number in session.exec(query).all()}


def _dead(session: Session) -> Values:
    waiting = col(DeadLetterRow.replayed_at).is_(None)
    query = select(DeadLetterRow.room, DeadLetterRow.code, func.count()).where(waiting).group_by(DeadLetterRow.room, DeadLetterRow.code)
    return {(room, code): float(number) for room, code, number in session.exec(query).all()}
