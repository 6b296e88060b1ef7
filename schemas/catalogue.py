"""Every topic as data: what it holds, how it is kept, who may read and write it. Topics, access lists and AsyncAPI are made from this."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.base import Message
from jagawana.schemas.observation import CoverageObserved, ObservationRecorded
from jagawana.schemas.operation import Heartbeat, LetterBuried
from jagawana.schemas.scene import SceneAcquired
from jagawana.schemas.topics import Topic

DAY = timedelta(days=1)


class Role(StrEnum):
    """Who comes to the brokers. Rooms that are not named here read the database only."""

    INGEST = "ingest"
    DETECT = "detect"
    ASSESS = "assess"
    RELAY = "relay"
    NOTIFY = "notify"
    OPERATOR = "operator"
    AGENCY = "agency"


class Tier(StrEnum):
    """What an agency must have been granted to read a topic."""

    OPEN = "open"  # every agency: says nothing about where mining may be
    RESTRICTED = "restricted"  # exact places of possible mining


@dataclass(frozen=True)
class TopicPromise:
    """One topic.

    Args:
        message: the one kind of message in it.
        key: what the record's key is; records of one key are in order.
        partitions: of a topic that is made; those of one that is there are never changed.
        retention: how long records are kept; None keeps the last record of each key for ever (compacted).
        readers, writers: roles; an agency reads it when it also has the tier.
    """

    topic: Topic
    message: type[Message]
    about: str
    key: str
    partitions: int
    retention: timedelta | None
    readers: frozenset[Role]
    writers: frozenset[Role] = frozenset({Role.RELAY})
    tier: Tier | None = None

    @property
    def is_compacted(self) -> bool:
        """Whether the last record of each key is kept for ever."""
        return self.retention is None

    def config(self, copies: int) -> dict[str, str]:
        """The broker's settings of the topic.

        Args:
            copies: of each record; from three on, two must be written before a record counts.
        """
        kept = _COMPACTED if self.retention is None else {"cleanup.policy": "delete", "retention.ms": _ms(self.retention)}
        return kept | {"min.insync.replicas": "2" if copies >= 3 else "1", "max.message.bytes": str(MAX_RECORD_BYTES)}


MAX_RECORD_BYTES = 1_048_588
"""Kafka's own limit for one batch: 1 MiB and its framing. Not below the clients' limit: a refusal by the broker stops a producer."""
TOMBSTONES_KEPT = 30 * DAY
"""Who was away for so long still learns what was deleted."""


def _ms(time: timedelta) -> str:
    return str(int(time / timedelta(milliseconds=1)))


_COMPACTED = {
    "cleanup.policy": "compact", "retention.ms": "-1", "delete.retention.ms": _ms(TOMBSTONES_KEPT), "segment.ms": _ms(DAY),
    "min.cleanable.dirty.ratio": "0.1",
}  # fmt: skip


def _of(*roles: Role) -> frozenset[Role]:
    return frozenset({*roles, Role.OPERATOR})


CATALOGUE: Mapping[Topic, TopicPromise] = {
    promise.topic: promise
    for promise in (
        TopicPromise(
            Topic.SCENES, SceneAcquired, "Scenes to look at.", "acquisition", partitions=12, retention=30 * DAY, readers=_of(Role.DETECT),
            writers=frozenset({Role.INGEST, Role.RELAY}),
        ),
        TopicPromise(
            Topic.OBSERVATIONS, ObservationRecorded, "What was observed of each tile, by reference.", "tile", partitions=12,
            retention=30 * DAY, readers=_of(Role.ASSESS),
        ),
        TopicPromise(
            Topic.COVERAGE, CoverageObserved, "How much of each tile was really seen, so that silence is not read as safe.", "tile",
            partitions=6, retention=90 * DAY, readers=_of(Role.AGENCY), tier=Tier.OPEN,
        ),
        TopicPromise(
            Topic.ALERTS, AlertPublished, "Every record of every alert, once it is committed.", "cell", partitions=6, retention=30 * DAY,
            readers=_of(Role.AGENCY), tier=Tier.RESTRICTED,
        ),
        TopicPromise(
            Topic.ALERT_STATE, AlertPublished, "The latest record of every alert: read it from the beginning to know all of them.",
            "alert_id", partitions=6, retention=None, readers=_of(Role.AGENCY), tier=Tier.RESTRICTED,
        ),
        TopicPromise(
            Topic.HEARTBEAT, Heartbeat, "Signs of life of every worker.", "room/instance", partitions=1, retention=7 * DAY,
            readers=_of(Role.AGENCY), tier=Tier.OPEN,
        ),
        TopicPromise(
            Topic.DEAD_LETTERS, LetterBuried, "What a room gave up, with its code. May hold coordinates: for operators.", "room",
            partitions=1, retention=90 * DAY, readers=_of(),
        ),
    )
}  # fmt: skip
"""Every topic there is."""
