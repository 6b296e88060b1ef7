"""The assess room: a tile's observations in, what must be remembered and told out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import shapely
from sqlalchemy import Engine
from sqlmodel import Session

from jagawana.detectors.grid import reproject, tile_square
from jagawana.rules.pack import RulePack
from jagawana.rules.zones import ZoneIndex, zones_to_crs
from jagawana.schemas.base import TileId
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense, ObservationRecorded
from jagawana.services.assess.alerts import Finding, findings
from jagawana.services.assess.commit import Audience, TileAssessed
from jagawana.services.assess.histories import Histories
from jagawana.services.store import alerts as alert_store
from jagawana.services.store import observations, zones
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import ObservationRow

NEIGHBOURHOOD_M = 6_000.0
"""Zones this far around a tile are loaded: far enough to state the distance to the nearest concession."""


@dataclass
class AssessRoom:
    """What the room is given; `on_observation` is its handler."""

    engine: Engine
    histories: Histories
    pack: RulePack
    audience: Audience

    def __post_init__(self) -> None:
        self._zones = lru_cache(maxsize=64)(self._load_zones)

    def on_observation(self, message: ObservationRecorded) -> TileAssessed:
        """A new observation of a tile: fold all of them and judge the changes."""
        return self.assess(message.tile)

    def assess(self, tile: TileId) -> TileAssessed:
        """Read, think; what comes of it is applied by the caller in one transaction.

        Raises:
            DataError: BLOB_DAMAGED.
        """
        with transaction(self.engine) as session:
            read = alert_store.tile_state(session, tile)
            rows = observations.real(observations.current(session, tile))
            zones_version = zones.version(session)
        found = findings(tile, self.histories.streams(rows), self._zones(tile, zones_version), self.pack) if rows else []
        return TileAssessed(read, zones_version, self.rules_version, found, _tenses(found, rows), self.audience)

    @property
    def rules_version(self) -> str:
        """One word for the rule pack's content."""
        return sha256_of(self.pack)

    def _load_zones(self, tile: TileId, version: str) -> ZoneIndex:
        """Zones around a tile in its UTM zone; `version` is part of the cache's key."""
        square = tile_square(tile)
        around = reproject(square.polygon.buffer(NEIGHBOURHOOD_M), square.epsg, 4326)
        with transaction(self.engine) as session:
            near, kinds = zones.active(session, around.bounds), zones.kinds_loaded(session)
        return ZoneIndex(zones_to_crs([z for z in near if shapely.intersects(z.geometry, around)], square.epsg), kinds_loaded=kinds)


def stale_tiles(session: Session, rules_version: str) -> list[TileId]:
    """Tiles that were judged by other zones or rules than those now active."""
    wanted = zones.version(session), rules_version
    states = (alert_store.tile_state(session, tile) for tile in observations.tiles(session))
    return [s.tile for s in states if s.version and (s.zones_version, s.rules_version) != wanted]


def _tenses(found: Sequence[Finding], rows: Sequence[ObservationRow]) -> dict[str, AlertTense]:
    tense_of = {r.observation_id: AlertTense(r.tense) for r in rows}
    return {str(f.content.alert_id): _tense([tense_of[o] for o in f.content.evidence.observation_ids]) for f in found}


def _tense(evidence: Sequence[AlertTense]) -> AlertTense:
    """Real scenes: current if one of them is. Others: as unreal as the least real of them."""
    reality = [t for t in evidence if t.is_real]
    return max(reality, key=lambda t: t.reality) if reality else min(evidence, key=lambda t: t.reality)
