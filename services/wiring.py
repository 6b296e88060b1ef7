"""READ THIS FIRST: the flow as one table, and what each room is given.

    topic                       room     handler                      effects, in one transaction
    scenes.acquired.v1       -> detect   DetectRoom.on_scene          observations, observations.recorded.v1, coverage.v1
    observations.recorded.v1 -> assess   AssessRoom.on_observation    alerts, alerts.restricted.v1 and its state, delivery ledger
    (delivery ledger)        -> notify   NotifyRoom.deliver_next      apprise or file, one recipient per call, receipt

Ingest appends scenes to the log; the embedded bus moves them along; bad ones end in the dead letters. A new zone layer or
rule pack needs no scene: tiles judged by older ones are assessed again. Nothing in step n calls step n-1.

In the distributed mode (`services.work`) each room is a process, and a relay sends the log to Kafka, where the rooms read it.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from jagawana.detectors.clouds import BrightnessMask, CloudMask, LearnedMask, SceneClassificationMask
from jagawana.detectors.detector import Detector
from jagawana.detectors.fold import FoldPolicy
from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import ObservationRecorded
from jagawana.schemas.scene import SceneAcquired
from jagawana.schemas.topics import Topic
from jagawana.services import failpoints
from jagawana.services.assess.handler import AssessRoom
from jagawana.services.assess.histories import Histories
from jagawana.services.assess.rule_packs import pack_of
from jagawana.services.bus.embedded import EmbeddedBus
from jagawana.services.bus.handling import Clock, Route
from jagawana.services.detect.handler import DetectRoom
from jagawana.services.failpoints import reached
from jagawana.services.notify.audience import Recipient, audience_of, load_recipients, logbook
from jagawana.services.notify.channels import Channel, FileChannel
from jagawana.services.notify.ledger import NotifyRoom
from jagawana.services.notify.wording import Language
from jagawana.services.observer import UNOBSERVED, Observer
from jagawana.services.raster.decoding import DecoderLimits
from jagawana.services.settings import Settings
from jagawana.services.store import observations
from jagawana.services.store.blobs import BlobStore, open_blobs
from jagawana.services.store.database import open_database, transaction
from jagawana.services.store.lock import sole_process, sole_worker
from jagawana.services.store.port import Store
from jagawana.services.store.sql import SqlStore

logger = logging.getLogger(__name__)
Progress = Callable[[str], None]
MOST_REVISIONS = 16
"""Most different events of one acquisition that are looked at within a day. Reprocessing makes a few in the years of a mission."""


@dataclass(frozen=True)
class Service:
    """Everything wired together, in one process."""

    settings: Settings
    engine: Engine
    store: Store
    blobs: BlobStore
    clock: Clock
    bus: EmbeddedBus
    assess: AssessRoom
    notify: NotifyRoom

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the data folder; what a dead process was sending is owed again, what it was copying is thrown away.

        Raises:
            DataError: SETTINGS_INVALID where other processes work on the same events, through Kafka.
            TransientError: STORE_BUSY when another process works on the data folder or the database.
        """
        if self.settings.kafka_servers:
            instead = "send scenes with `jagawana kafka play` or `jagawana work ingest`, or unset JAGAWANA_KAFKA_SERVERS"
            raise DataError(ErrorCode.SETTINGS_INVALID, f"this is one process without Kafka, and JAGAWANA_KAFKA_SERVERS is set; {instead}")
        with sole_process(self.settings.data), sole_worker(self.engine):
            reached("spool.clearing")
            shutil.rmtree(self.settings.spool, ignore_errors=True)
            reached("spool.cleared")
            for unfinished in (*self.settings.blobs.glob(".*.tmp"), *self.settings.messages.glob(".*.part")):
                unfinished.unlink(missing_ok=True)
            reached("unfinished.removed")
            with self.store.transaction() as tx:
                tx.deliveries.reclaim()
            reached("delivery.reclaimed")
            yield

    def drain(self, progress: Progress | None = None, *, stopped: Callable[[], bool] = lambda: False) -> None:
        """Work until nothing is left: each scene goes all the way before the next begins. Call it inside `working`.

        Args:
            progress: called with a room's name after each of its steps.
            stopped: asked before each scene; True ends the work after the scene in hand.

        Raises:
            TransientError: the world did not get better in time; nothing is lost, run again.
        """
        tell = progress or (lambda _room: None)
        self._judge_again(tell)
        self._finish(tell)
        while not stopped() and self.bus.step(self.bus.routes[0]):
            tell(self.bus.routes[0].room)
            self._finish(tell)

    def _finish(self, tell: Progress) -> None:
        """Everything after detection, before the next scene begins."""
        for route in self.bus.routes[1:]:
            while self.bus.step(route):
                tell(route.room)
        while self.notify.deliver_next():
            tell("notify")

    def _judge_again(self, tell: Progress) -> None:
        for tile in self.assess.stale_tiles():
            self.judge_again(tile)
            tell("assess")

    def judge_again(self, tile: str) -> None:
        """Judge a tile by the zones and rules of now, without a scene.

        Raises:
            TransientError: TILE_MOVED_ON, STORE_BUSY.
        """
        try:
            reached("tile.judging")
            effects = self.assess.assess(tile)
            reached("tile.judged")
            with self.store.transaction() as tx:
                effects.apply(tx, self.clock.now())
            reached("tile.applied")
        except DataError as e:
            logger.error("tile %s keeps its old judgement: %s", tile, e)


def build(settings: Settings, clock: Clock | None = None, policy: FoldPolicy | None = None, observer: Observer = UNOBSERVED) -> Service:
    """The service; nothing starts until `drain`.

    Args:
        clock: time and waiting; the machine's by default.
        policy: the fold's thresholds and confirmation rule; the shipped ones by default.
        observer: is told of every piece of work; nobody by default.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    failpoints.switch_on(failpoints.parse(settings.failpoints))
    clock = clock or Clock(now=lambda: datetime.now(UTC), sleep=time.sleep)
    engine, blobs = open_database(settings), open_blobs(settings)
    store = SqlStore(engine)
    recipients = _recipients(settings)
    detect = DetectRoom(
        blobs=blobs,
        detector_for=_detectors(settings),
        clouds_for=_cloud_masks(settings),
        roots=lambda: _roots(engine, settings),
        spool=settings.spool,
        now=clock.now,
        max_asset_bytes=settings.max_asset_bytes,
        limits=DecoderLimits(settings.decoder_seconds, settings.decoder_bytes),
    )
    assess = AssessRoom(store, Histories(blobs, policy or FoldPolicy()), pack_of(settings.rules), _audience(recipients))
    notify = NotifyRoom(
        store, blobs, {r.id: r for r in recipients}, _channels(settings), clock.now, attempts=settings.delivery_attempts, observer=observer
    )
    routes = (
        Route("detect", Topic.SCENES, SceneAcquired, detect.on_scene, most_a_day=MOST_REVISIONS),
        Route("assess", Topic.OBSERVATIONS, ObservationRecorded, assess.on_observation),
    )
    bus = EmbeddedBus(store, routes, clock, attempts=settings.attempts, observer=observer)
    return Service(settings, engine, store, blobs, clock, bus, assess, notify)


def _detectors(settings: Settings) -> Callable[[frozenset[str], float], Detector]:
    """Networks, loaded when first needed; only this room needs torch."""

    @lru_cache(maxsize=4)
    def load(model_id: str) -> Detector:
        from jagawana.services.detect.models import load_detector

        return load_detector(
            model_id, device=settings.device, precision=settings.precision, runtime=settings.runtime, threads=settings.threads
        )

    def detector_for(bands: frozenset[str], pixel_m: float) -> Detector:
        from jagawana.services.detect.models import choose_model

        return load(settings.model or choose_model(bands, pixel_m))

    return detector_for


def _cloud_masks(settings: Settings) -> Callable[[bool], CloudMask]:
    named: dict[str, type[CloudMask]] = {"scl": SceneClassificationMask, "brightness": BrightnessMask, "csmask": LearnedMask}

    def clouds_for(has_scene_class: bool) -> CloudMask:
        automatic = SceneClassificationMask if has_scene_class else BrightnessMask
        return named.get(settings.cloud_mask, automatic)()

    return clouds_for


def _roots(engine: Engine, settings: Settings) -> Sequence[Path]:
    with transaction(engine) as session:
        return [*settings.scene_roots, *observations.allowed_roots(session)]


def _recipients(settings: Settings) -> Sequence[Recipient]:
    """The logbook in both languages always; people from the audience file."""
    books = [logbook(language) for language in Language]
    return [*books, *(load_recipients(settings.audience) if settings.audience else ())]


def _audience(recipients: Sequence[Recipient]) -> Callable[[AlertPublished, Sequence[str]], Sequence[str]]:
    return lambda record, told: [r.id for r in audience_of(record, recipients, told=told)]


def _channels(settings: Settings) -> Callable[[Recipient], Channel]:
    book = FileChannel(settings.messages)

    @lru_cache(maxsize=1)
    def outside() -> Channel:
        from jagawana.services.notify.apprise_channel import AppriseChannel

        return AppriseChannel(settings.channel_schemas)

    def channel_of(recipient: Recipient) -> Channel:
        if recipient.is_logbook:
            return book
        if recipient.schema_name not in settings.channel_schemas:
            raise DataError(
                ErrorCode.SETTINGS_INVALID,
                f"recipient {recipient.id} wants {recipient.schema_name}:, which JAGAWANA_CHANNEL_SCHEMAS does not allow",
            )
        return outside()

    return channel_of
