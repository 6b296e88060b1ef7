"""The detect room: a scene in, observations out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jagawana.detectors.clouds import CloudMask
from jagawana.detectors.detector import Detector
from jagawana.detectors.grid import tile_square
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import canonical_json, observation_id, sha256_of
from jagawana.schemas.observation import CoverageObserved, ModelRef, ObservationRecorded
from jagawana.schemas.scene import SceneAcquired, SceneItem
from jagawana.schemas.topics import Topic
from jagawana.services.detect.imagery import SCL, SceneImage
from jagawana.services.detect.observing import PREPROCESSING, TileRead, TileSeen, read_tile, seen_of
from jagawana.services.detect.stages import in_stages
from jagawana.services.raster.block_rows import block_rows
from jagawana.services.raster.copies import own_copies
from jagawana.services.raster.decoding import DecoderLimits, decoder
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.observation_files import ObservationLabel, encode
from jagawana.services.store.port import Transaction
from jagawana.services.store.tables import ObservationRow, SceneRow

SOURCE = "/jagawana/detect"
FIRST_LIGHT = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(days=1)
COARSE_FROM_M = 7.5


@dataclass(frozen=True)
class SceneObserved:
    """The effects of observing a scene; see `bus.handling.Effects`."""

    scene: SceneRow
    rows: Sequence[ObservationRow]

    def apply(self, tx: Transaction, at: datetime) -> None:
        """Rows and messages; blobs are already there, so no row ever points to a missing blob."""
        tx.observations.remember([self.scene.model_copy(update={"recorded_at": at})])
        tx.observations.remember([row.model_copy(update={"recorded_at": at}) for row in self.rows])
        for row in self.rows:
            tx.log.publish(Topic.OBSERVATIONS, _recorded(row), source=SOURCE, at=at)
            tx.log.publish(Topic.COVERAGE, _coverage(row), source=SOURCE, at=at)


@dataclass(frozen=True)
class DetectRoom:
    """What the room is given; `on_scene` is its handler.

    `detector_for` chooses the network by the scene's bands and pixel size, `clouds_for` the cloud mask by whether it has SCL.
    """

    blobs: BlobStore
    detector_for: Callable[[frozenset[str], float], Detector]
    clouds_for: Callable[[bool], CloudMask]
    roots: Callable[[], Sequence[Path]]
    spool: Path
    now: Callable[[], datetime]
    max_asset_bytes: int
    limits: DecoderLimits

    def on_scene(self, message: SceneAcquired) -> SceneObserved:
        """Copy and check the assets, read them through the decoder, observe every tile the scene touches.

        Raises:
            DataError: what is wrong with the scene.
            TransientError: DECODER_FAILED, STORE_BUSY.
        """
        item = message.item
        _plausible(item, self.now())
        with (
            own_copies(item, roots=self.roots(), spool=self.spool, max_bytes=self.max_asset_bytes) as copies,
            decoder(copies, self.limits) as child,
            block_rows(child) as pixels,
        ):
            seen = [row for row in self._observations(SceneImage(item, pixels)) if row is not None]
        if not seen:
            raise DataError(ErrorCode.NO_VALID_PIXELS, f"{item.id}: every pixel is fill")
        document = canonical_json(item)
        scene = SceneRow(
            scene_id=item.id, item_sha256=sha256_of(document), acquired_at=item.acquired_at, item=document.decode(), recorded_at=FIRST_LIGHT
        )
        return SceneObserved(scene, [row.model_copy(update={"tense": message.tense}) for row in seen])

    def _observations(self, image: SceneImage) -> Iterator[ObservationRow | None]:
        pixel_m = image.finest.transform.a
        detector = self.detector_for(frozenset(image.bands), pixel_m)
        bands = detector.spec.bands
        if missing := set(bands) - set(image.bands):
            needs = f"model {detector.spec.ref.model_id} also needs {', '.join(sorted(missing))}"
            raise DataError(ErrorCode.BANDS_MISSING, f"{image.item.id}: {needs}; let the bands choose the model")
        clouds = self.clouds_for(SCL in image.bands)
        yield from in_stages(
            image.tiles(10 if pixel_m >= COARSE_FROM_M else 5, detector.spec.halo_px),
            read=lambda tile: read_tile(image, *tile, bands, clouds),
            think=lambda read: (read, detector.stored(read.pixels)),
            write=lambda both: self._remembered(image.item, both[0], detector, seen_of(*both, bands)),
        )
        detector.check()  # afterwards: memory may fail while a scene is thought about

    def _remembered(self, item: SceneItem, read: TileRead, detector: Detector, seen: TileSeen) -> ObservationRow | None:
        """The row of a tile, its blobs stored; None, and nothing stored, where all is fill."""
        if not seen.footprint_share:
            return None
        ref, tile, resolution_m = detector.spec.ref, read.tile, read.place.resolution_m
        fingerprint = f"{ref.fingerprint}/{PREPROCESSING}/{resolution_m}m"
        label = ObservationLabel(tile, item.id, item.acquired_at, fingerprint)
        square = tile_square(tile)
        blob = encode(seen.probabilities, seen.sky, square=square, origin=seen.origin, resolution_m=resolution_m, label=label)
        return ObservationRow(
            observation_id=observation_id(tile, item.acquisition_key, item.id, item.revision, fingerprint),
            tile=tile, fingerprint=fingerprint, acquisition_key=item.acquisition_key, revision=item.revision, scene_id=item.id,
            platform=item.properties.platform, acquired_at=item.acquired_at, model_id=ref.model_id, model_sha256=ref.sha256,
            calibrated=detector.spec.calibrated, resolution_m=resolution_m, blob=self.blobs.put(blob),
            quicklook=self.blobs.put(seen.quicklook), quicklook_bounds=",".join(f"{edge:.1f}" for edge in seen.bounds),
            footprint_share=seen.footprint_share, clear_share=seen.clear_share, cloud_share=seen.cloud_share, tense="test",
            recorded_at=FIRST_LIGHT,
        )  # fmt: skip


def _plausible(item: SceneItem, now: datetime) -> None:
    """A look from the future would stay the latest one of its tile for ever."""
    created = item.properties.created
    if not FIRST_LIGHT <= item.acquired_at <= now + CLOCKS_DIFFER or (created is not None and created < item.acquired_at):
        when = f"acquired {item.acquired_at}, created {created}, received {now}"
        raise DataError(ErrorCode.TIME_IMPLAUSIBLE, f"{item.id}: {when}; correct the item, or this machine's clock")


def _recorded(row: ObservationRow) -> ObservationRecorded:
    return ObservationRecorded(
        observation_id=row.observation_id, tile=row.tile, scene_id=row.scene_id, acquisition_key=row.acquisition_key,
        platform=row.platform, acquired_at=row.acquired_at, revision=row.revision, blob=row.blob, tense=row.tense,
        model=ModelRef(model_id=row.model_id, sha256=row.model_sha256, fingerprint=row.fingerprint),
    )  # fmt: skip


def _coverage(row: ObservationRow) -> CoverageObserved:
    return CoverageObserved(
        tile=row.tile, scene_id=row.scene_id, acquired_at=row.acquired_at, footprint_share=row.footprint_share,
        clear_share=row.clear_share, cloud_share=row.cloud_share, tense=row.tense,
    )  # fmt: skip
