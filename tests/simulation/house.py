"""The production's rooms, bus and drain on the memory ports; only the thinking and the outside world are simulated."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from cachetools import LRUCache
from memory.blobs import MemoryBlobs
from memory.store import MemoryStore

from jagawana.detectors.fold import FoldPolicy
from jagawana.rules.zones import ZoneIndex
from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.observation import ObservationRecorded
from jagawana.schemas.scene import SceneAcquired
from jagawana.schemas.topics import Topic
from jagawana.services.assess.commit import TileAssessed
from jagawana.services.assess.handler import AssessRoom
from jagawana.services.assess.histories import Histories, Stream
from jagawana.services.bus.embedded import EmbeddedBus
from jagawana.services.bus.handling import Clock, Route
from jagawana.services.detect.handler import SceneObserved
from jagawana.services.failpoints import reached
from jagawana.services.notify.audience import Recipient, audience_of
from jagawana.services.notify.channels import OutgoingMessage, Receipt, ReceiptState
from jagawana.services.notify.ledger import NotifyRoom
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.tables import ObservationRow
from jagawana.services.wiring import Service

from .scheduler import Killed
from .thinking import SimulatedStream, simulated_findings
from .world import MOST_A_DAY, PACKS, Nature, Script, SimulatedScene

SCENE_ATTEMPTS = 3
DELIVERY_ATTEMPTS = 8
RECIPIENTS = [
    Recipient.model_validate({"id": name, "name": name, "channel": channel, "format": "compact", "min_state": state})
    for name, channel, state in (("logbook", "file:", "provisional"), ("post-1", "sns:1", "provisional"), ("post-2", "sns:2", "confirmed"))
]


def told(record: AlertPublished, told_before: Sequence[str]) -> list[str]:
    """The production's audience of the simulation's recipients."""
    return [r.id for r in audience_of(record, RECIPIENTS, told=told_before)]


@dataclass
class Outside:
    """What all processes share besides the store: the blobs, the crashes that scenes have had, and what channels took.

    `blobs_away` is for how many steps more the blob store does not answer.
    """

    script: Script
    blobs: MemoryBlobs
    rng: random.Random
    counts: Counter[str]
    crashes: Counter[str] = field(default_factory=Counter)
    handling: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, set[str]] = field(default_factory=dict)
    zones: LRUCache[tuple[str, str], ZoneIndex] | None = None
    channel_works: bool = False
    blobs_away: int = 0
    took: Callable[[str, bool], None] = lambda _key, _known: None

    @contextmanager
    def being_handled(self, room: str, event: str) -> Iterator[None]:
        """Count workers inside one event."""
        self.handling[room, event] += 1
        self.counts["double processing"] += self.handling[room, event] == 2
        try:
            yield
        finally:
            self.handling[room, event] -= 1


@dataclass(frozen=True)
class SimulatedDetection:
    """In place of `DetectRoom`: the same effects, from a scene that says what the network would have seen."""

    outside: Outside
    blobs: BlobStore
    model: str

    def on_scene(self, message: SceneAcquired) -> SceneObserved:
        scene = self.outside.script.by_item[message.item.id, message.tense]
        with self.outside.being_handled("detect", scene.event_id):
            reached("decoder.asking")
            self._decode(scene)
            reached("decoder.answered")
            if self.outside.blobs_away:
                raise TransientError(ErrorCode.STORE_BUSY, "the blob store does not answer")
            for content in scene.contents.values():
                self.blobs.put(content)
            reached("decoder.ended")
            return SceneObserved(scene.scene_row(), [scene.rows[tile, self.model] for tile in scene.shown])

    def _decode(self, scene: SimulatedScene) -> None:
        if scene.nature is Nature.WRONG:
            raise DataError(ErrorCode.CRS_MISMATCH, "the file is elsewhere")
        if scene.nature is Nature.KILLER:
            self.outside.counts["workers killed by scenes"] += 1
            raise Killed
        left = scene.crashes - self.outside.crashes[scene.event_id]
        if scene.nature is Nature.POISON or (left > 0 and self.outside.rng.random() < 0.6):
            self.outside.crashes[scene.event_id] += 1
            self.outside.counts["decoder crashes"] += 1
            raise TransientError(ErrorCode.DECODER_FAILED, "the decoder died")


class SimulatedHistories(Histories):
    """Reads the blobs as the real ones do; nothing is kept, nothing is folded."""

    def __init__(self, blobs: BlobStore) -> None:
        super().__init__(blobs, FoldPolicy())

    def streams(self, rows: Sequence[ObservationRow]) -> list[Stream]:
        found = []
        for fingerprint, group in groupby(rows, key=lambda r: r.fingerprint):
            mine = list(group)
            shown = [json.loads(self.blobs.get(r.blob))["shown"] for r in mine]
            found.append(SimulatedStream(fingerprint, mine, shown))
        return cast(list[Stream], found)


@dataclass(frozen=True)
class SimulatedChannel:
    """A provider that fails in every way there is."""

    outside: Outside

    def send(self, message: OutgoingMessage) -> Receipt:
        how = "takes" if self.outside.channel_works else self.outside.rng.choices(
            ("takes", "fails", "is away", "took and did not say", "did not take and did not say"), weights=(6, 1, 1, 1, 1)
        )[0]  # fmt: skip
        self.outside.counts["channel failures"] += how != "takes"
        key = message.idempotency_key
        if how in ("takes", "took and did not say"):
            self.outside.accepted[key] += 1
            self.outside.bodies.setdefault(key, set()).add(message.body)
            self.outside.took(key, how == "takes")
        if how == "takes":
            return Receipt(ReceiptState.SENT, "provider/1")
        if how == "fails":
            return Receipt(ReceiptState.FAILED, "", "refused")
        if how == "is away":
            raise TransientError(ErrorCode.CHANNEL_UNAVAILABLE, "no network")
        return Receipt(ReceiptState.UNKNOWN, "", "no answer in time")


def share_zones(room: AssessRoom, outside: Outside) -> None:
    """All rooms of a history keep one set of zones: an index costs a millisecond, and a wrong one harms them all."""
    outside.zones = room._zones = room._zones if outside.zones is None else outside.zones


def process(store: MemoryStore, outside: Outside, clock: Clock, config: tuple[str, int]) -> Service:
    """A process as `wiring.build` makes it, with a model and a rule pack."""
    model, pack = config
    assess = AssessRoom(store, SimulatedHistories(outside.blobs), PACKS[pack], told, cast(Any, simulated_findings))
    share_zones(assess, outside)
    channel = SimulatedChannel(outside)
    people = {r.id: r for r in RECIPIENTS}
    notify = NotifyRoom(store, outside.blobs, people, lambda _: channel, clock.now, attempts=DELIVERY_ATTEMPTS)

    def on_observation(message: ObservationRecorded) -> TileAssessed:
        with outside.being_handled("assess", message.observation_id):
            return assess.on_observation(message)

    routes = (
        Route("detect", Topic.SCENES, SceneAcquired, SimulatedDetection(outside, outside.blobs, model).on_scene, most_a_day=MOST_A_DAY),
        Route("assess", Topic.OBSERVATIONS, ObservationRecorded, on_observation),
    )
    bus = EmbeddedBus(store, routes, clock, attempts=SCENE_ATTEMPTS)
    return Service(cast(Any, None), cast(Any, None), store, outside.blobs, clock, bus, assess, notify)
