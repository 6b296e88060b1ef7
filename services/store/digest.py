"""One word for everything that is believed: the same scenes in any order, with any crash, give the same word."""

from sqlmodel import Session

from jagawana.schemas.alert import AlertState
from jagawana.schemas.base import Sha256, iso_utc
from jagawana.schemas.ids import sha256_of
from jagawana.services.store import alerts, observations, zones


def digest(session: Session) -> Sha256:
    """SHA-256 over the current observations, the alerts believed and the zones; no wall clock, no record numbers.

    Retracted alerts are history, not belief: which provisional alerts were told and withdrawn depends on the order in
    which scenes happened to arrive, and is kept in the records.
    """
    seen = [
        [r.tile, r.acquisition_key, r.fingerprint, r.revision, r.scene_id, iso_utc(r.acquired_at), r.blob]
        for r in observations.current(session)
    ]
    believed = [[r.alert_id, r.content_sha256] for r in alerts.all_alerts(session) if r.state != AlertState.RETRACTED]
    return sha256_of([sorted(seen), sorted(believed), zones.version(session)])
