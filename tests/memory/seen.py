"""Observations and zones in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from memory.tables import Writing

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.services.store.observations import newest
from jagawana.services.store.tables import ObservationRow, SceneRow


@dataclass(slots=True)
class MemoryObservations:
    """`store.port.Observations`."""

    tx: Writing

    def remember(self, rows: Iterable[ObservationRow | SceneRow]) -> None:
        for row in rows:
            if isinstance(row, SceneRow):
                key = row.scene_id, row.item_sha256
                self.tx.put(self.tx.tables.scenes, key, self.tx.tables.scenes.get(key, row))
            else:
                self._remember(row)

    def _remember(self, row: ObservationRow) -> None:
        known = self.tx.tables.observations.get(row.observation_id, row)
        if AlertTense(row.tense).reality > AlertTense(known.tense).reality:
            known = known.model_copy(update={"tense": row.tense})
        self.tx.put(self.tx.tables.observations, row.observation_id, known)

    def current(self, tile: str) -> list[ObservationRow]:
        return newest(r for r in self.tx.tables.observations.values() if r.tile == tile)


@dataclass(slots=True)
class MemoryZones:
    """`store.port.Zones`, and `activate` for the tests."""

    tx: Writing

    def activate(self, layer: str, layer_version: str, zones: Iterable[Zone]) -> None:
        self.tx.put(self.tx.tables.layers, layer, (layer_version, tuple(zones)))

    def version(self) -> str:
        return _version(tuple(sorted((layer, version) for layer, (version, _) in self.tx.tables.layers.items())))

    def active(self, bounds: tuple[float, float, float, float]) -> list[Zone]:
        west, south, east, north = bounds
        found = []
        for zone in self._all():
            left, bottom, right, top = zone.geometry.bounds
            if left <= east and right >= west and bottom <= north and top >= south:
                found.append(zone)
        return found

    def kinds_loaded(self) -> frozenset[ZoneKind]:
        return frozenset(zone.kind for zone in self._all())

    def _all(self) -> list[Zone]:
        return sorted((z for _, zones in self.tx.tables.layers.values() for z in zones), key=lambda z: (z.layer, z.zone_id))


@lru_cache(maxsize=64)
def _version(layers: tuple[tuple[str, str], ...]) -> str:
    return sha256_of([list(pair) for pair in layers])
