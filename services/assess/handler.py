"""The assess room: a tile's observations in, what must be remembered and told out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import shapely
from cachetools import LRUCache

from jagawana.detectors.grid import reproject, tile_square
from jagawana.rules.pack import RulePack
from jagawana.rules.zones import ZoneIndex, zones_to_crs
from jagawana.schemas.base import TileId
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense, ObservationRecorded
from jagawana.services.assess.alerts import Finding, findings
from jagawana.services.assess.commit import Audience, TileAssessed
from jagawana.services.assess.histories import Histories, Stream
from jagawana.services.store import observations
from jagawana.services.store.port import Store, Transaction
from jagawana.services.store.tables import ObservationRow

NEIGHBOURHOOD_M = 6_000.0
"""Zones this far around a tile are loaded: far enough to state the distance to the nearest concession."""
KEPT_ZONE_BYTES = 128 << 20
"""Zones kept ready, by tile: the 121 tiles of a scene with room to spare, unless outlines of provinces lie over them."""


FindingsOf = Callable[[TileId, Sequence[Stream], ZoneIndex, RulePack], Sequence[Finding]]


@dataclass
class AssessRoom:
    """What the room is given; `on_observation` is its handler. `findings_of` thinks; everything else remembers."""

    store: Store
    histories: Histories
    pack: RulePack
    audience: Audience
    findings_of: FindingsOf = findings
    kept_zone_bytes: int = KEPT_ZONE_BYTES

    def __post_init__(self) -> None:
        self.rules_version = sha256_of(self.pack)
        """One word for the rule pack's content."""
        self._zones: LRUCache[tuple[TileId, str], ZoneIndex] = LRUCache(self.kept_zone_bytes, getsizeof=lambda index: index.nbytes)

    def on_observation(self, message: ObservationRecorded) -> TileAssessed:
        """A new observation of a tile: fold all of them and judge the changes."""
        return self.assess(message.tile)

    def assess(self, tile: TileId) -> TileAssessed:
        """Read, think; what comes of it is applied by the caller in one transaction.

        Raises:
            DataError: BLOB_DAMAGED.
        """
        with self.store.transaction() as tx:
            read = tx.alerts.tile_state(tile)
            rows = observations.real(tx.observations.current(tile))
            zones_version = tx.zones.version()
            zones = self._zones_around(tx, tile, zones_version)
        found = self.findings_of(tile, self.histories.streams(rows), zones, self.pack) if rows else []
        return TileAssessed(read, zones_version, self.rules_version, found, _tenses(found, rows), self.audience)

    def stale_tiles(self) -> list[TileId]:
        """Tiles that were judged by other zones or rules than those now active."""
        with self.store.transaction() as tx:
            wanted = tx.zones.version(), self.rules_version
            return [s.tile for s in tx.alerts.tile_states() if s.version and (s.zones_version, s.rules_version) != wanted]

    def _zones_around(self, tx: Transaction, tile: TileId, version: str) -> ZoneIndex:
        """Zones around a tile in its UTM zone, read in the transaction that read their version: the key must name the content."""
        kept: ZoneIndex | None = self._zones.get((tile, version))
        if kept is not None:
            return kept
        square = tile_square(tile)
        around = reproject(square.polygon.buffer(NEIGHBOURHOOD_M), square.epsg, 4326)
        near, kinds = tx.zones.active(around.bounds), tx.zones.kinds_loaded()
        near = [z for z in near if shapely.intersects(z.geometry, around)]
        index = ZoneIndex(zones_to_crs(near, square.epsg), kinds_loaded=kinds)
        if index.nbytes <= self._zones.maxsize:
            self._zones[tile, version] = index
        return index


def _tenses(found: Sequence[Finding], rows: Sequence[ObservationRow]) -> dict[str, AlertTense]:
    tense_of = {r.observation_id: AlertTense(r.tense) for r in rows}
    return {str(f.content.alert_id): _tense([tense_of[o] for o in f.content.evidence.observation_ids]) for f in found}


def _tense(evidence: Sequence[AlertTense]) -> AlertTense:
    """Real scenes: current if one of them is. Others: as unreal as the least real of them."""
    reality = [t for t in evidence if t.is_real]
    return max(reality, key=lambda t: t.reality) if reality else min(evidence, key=lambda t: t.reality)
