"""Replaying an archive: send its items, drain the pipeline, say what came of it."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlmodel import Session

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.observation import AlertTense, ObservationRecorded
from jagawana.services.ingest.items import FoundItem, find_items, ordered, roots_of, send
from jagawana.services.store import alerts, deliveries, digest, log, observations
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import ObservationRow
from jagawana.services.wiring import Service

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplaySummary:
    """What a replay did. `alerts` counts records by type; `dead` counts dead letters by code."""

    scenes_found: int
    scenes_done: int
    scenes_dead: int
    dead: dict[str, int]
    alerts: dict[str, int]
    deliveries: dict[str, int]
    digest: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def replay(
    service: Service, paths: Sequence[Path], *, order: str, tense: AlertTense, progress: Callable[[int, int], None] | None = None
) -> ReplaySummary:
    """Send the items of folders and files, and work until nothing is left. A scene whose blobs are damaged is observed again.

    Args:
        progress: called with scenes dealt with and scenes sent.
    """
    items = ordered(find_items(paths, tense), order)
    done = 0

    def tell(room: str) -> None:
        nonlocal done
        done += room == "detect"
        if progress is not None:
            progress(done, len(items))

    with service.working():
        before = _records(service)
        with transaction(service.engine) as session:
            _forget_hurt(service, session, items)
            send(session, items, roots_of(paths), at=service.clock.now())
        service.drain(tell)
        if _fold_mended(service):
            service.drain(tell)
    return _summary(service, {i.event_id for i in items}, before)


def _forget_hurt(service: Service, session: Session, items: Sequence[FoundItem]) -> None:
    """Scenes that left a blob which is now damaged count as never seen."""
    room = service.bus.routes[0].room
    again = {log.subject_of(i.payload): i.event_id for i in items if log.was_handled(session, room, i.event_id)}
    rows = [row for row in observations.current(session) if row.scene_id in again] if again else []
    for scene_id in sorted({row.scene_id for row in rows if not _is_whole(service, row)}):
        logger.warning("scene %s has damaged blobs; it is observed again", scene_id)
        log.forget(session, room, again[scene_id], at=service.clock.now())


def _fold_mended(service: Service) -> int:
    """Send again what could not be folded for a damaged blob, where all blobs of the tile are whole now. Returns how many."""
    with transaction(service.engine) as session:
        letters = [d for d in log.dead_letters(session) if d.code == ErrorCode.BLOB_DAMAGED and d.replayed_at is None]
        tile_of = {d.dead_id: decode_as(ObservationRecorded, d.payload).tile for d in letters}
        whole = {tile: all(_is_whole(service, row) for row in observations.current(session, tile)) for tile in set(tile_of.values())}
        mended = [d for d in letters if whole[tile_of[d.dead_id]]]
        for letter in mended:
            log.revive(session, letter, at=service.clock.now())
    return len(mended)


def _is_whole(service: Service, row: ObservationRow) -> bool:
    return service.blobs.holds(row.blob) and service.blobs.holds(row.quicklook)


def _records(service: Service) -> set[tuple[str, int]]:
    with transaction(service.engine) as session:
        return {(str(r.content.alert_id), r.record_number) for r in alerts.records(session)}


def _summary(service: Service, sent: set[str], before: set[tuple[str, int]]) -> ReplaySummary:
    with transaction(service.engine) as session:
        dead = [d for d in log.dead_letters(session) if d.event_id in sent]
        new = [r for r in alerts.records(session) if (str(r.content.alert_id), r.record_number) not in before]
        return ReplaySummary(
            scenes_found=len(sent),
            scenes_done=len(sent) - len({d.event_id for d in dead}),
            scenes_dead=len({d.event_id for d in dead}),
            dead=dict(sorted(Counter(d.code for d in dead).items())),
            alerts={kind: sum(r.alert_type == kind for r in new) for kind in ("initial", "subsequent", "update", "retraction")},
            deliveries=deliveries.counts(session),
            digest=digest.digest(session),
        )
