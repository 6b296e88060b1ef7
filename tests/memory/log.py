"""The log in memory."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from memory.tables import Handled, Letter, Writing

from jagawana.schemas.base import Message
from jagawana.schemas.envelope import encode, event_id_of
from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.topics import Topic
from jagawana.services.store.log import Event, letter_of, subject_of
from jagawana.services.store.tables import LOG

_OURS = re.compile(rb'\{"specversion":"1.0","id":"([0-9a-f]{64})"')


@lru_cache(maxsize=4096)
def event_id(payload: bytes) -> str:
    """As `envelope.event_id_of`; what we have encoded ourselves is not parsed again."""
    ours = _OURS.match(payload)
    return ours[1].decode() if ours else event_id_of(payload)


@dataclass(slots=True)
class MemoryLog:
    """`store.port.Log`."""

    tx: Writing

    def publish(self, topic: Topic, message: Message, *, source: str, at: datetime) -> str:
        return self.append(topic, message.key, encode(message, source=source, at=at), at)

    def append(self, topic: Topic, key: str, payload: bytes, at: datetime) -> str:
        events = self.tx.tables.events
        event = Event(self._newest() + 1, topic, key, event_id(payload), payload)
        self.tx.put(events, event.position, event)
        self.tx.put(self.tx.tables.appended, event.position, at)
        self.tx.extend(self.tx.topics.setdefault(topic, []), event.position)
        return event.event_id

    def drop_before(self, topic: Topic, at: datetime) -> None:
        tables, positions, newest = self.tx.tables, self.tx.topics.get(topic, []), self._newest()
        kept = [position for position in positions if position == newest or tables.appended[position] >= at]
        for position in set(positions) - set(kept):
            self.tx.put(tables.events, position, None)
        self.tx.put(self.tx.topics, topic, kept)

    def _newest(self) -> int:
        return max((positions[-1] for positions in self.tx.topics.values() if positions), default=0)

    def next_event(self, room: str, topic: Topic) -> Event | None:
        return next(iter(self.next_events(room, topic, 1)), None)

    def next_events(self, room: str, topic: Topic, limit: int) -> list[Event]:
        positions = self.tx.topics.get(topic, [])
        n = bisect_left(positions, self.next_offset(room, topic, LOG) or 0)
        return [self.tx.tables.events[position] for position in positions[n : n + limit]]

    def next_offset(self, room: str, topic: str, partition: int) -> int | None:
        return self.tx.tables.offsets.get((room, topic, partition))

    def pass_through(self, room: str, topic: str, position: int, partition: int = LOG) -> None:
        passed = max(self.next_offset(room, topic, partition) or 0, position + 1)
        self.tx.put(self.tx.tables.offsets, (room, topic, partition), passed)

    def was_handled(self, room: str, event_id: str) -> bool:
        return (room, event_id) in self.tx.tables.inbox

    def admit(self, room: str, key: str, event: Event, *, most: int, since: datetime, at: datetime) -> bool:
        counted = self.tx.tables.admissions
        for old in [k for k, admitted_at in counted.items() if admitted_at < since]:
            self.tx.put(counted, old, None)
        if (room, key, event.event_id) in counted:
            return True
        if sum(k[:2] == (room, key) for k in counted) >= most:
            return False
        self.tx.put(counted, (room, key, event.event_id), at)
        return True

    def begin_attempt(self, room: str, event: Event) -> int:
        n = self.tx.tables.attempts.get((room, event.event_id), 0) + 1
        self.tx.put(self.tx.tables.attempts, (room, event.event_id), n)
        return n

    def end_attempt(self, room: str, event: Event) -> None:
        n = self.tx.tables.attempts.get((room, event.event_id))
        if n is not None:
            self.tx.put(self.tx.tables.attempts, (room, event.event_id), max(0, n - 1))

    def finish(self, room: str, event: Event, *, outcome: str, at: datetime) -> None:
        self._pass(room, event, Handled(outcome))

    def bury(self, room: str, event: Event, error: JagawanaError, *, at: datetime) -> None:
        letters = self.tx.tables.letters
        if (room, event.event_id) not in self.tx.tables.inbox:
            self.tx.put(letters, len(letters) + 1, Letter(room, event, subject_of(event.payload), error.code, error.detail))
            if event.topic != Topic.DEAD_LETTERS:
                self.publish(Topic.DEAD_LETTERS, letter_of(room, event, error), source=f"/jagawana/{room}", at=at)
        self._pass(room, event, Handled("dead", error.code))

    def _pass(self, room: str, event: Event, handled: Handled) -> None:
        tables = self.tx.tables
        if (room, event.event_id) not in tables.inbox:
            self.tx.put(tables.inbox, (room, event.event_id), handled)
        self.pass_through(room, event.topic, event.position, event.partition)
        self.tx.put(tables.attempts, (room, event.event_id), None)
