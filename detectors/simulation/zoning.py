"""The legal map of a world: concessions, forest estate, riparian strips and a province."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.frame import Frame
from jagawana.detectors.simulation.noise import stream
from jagawana.detectors.simulation.terrain import Terrain
from jagawana.schemas.alert import ZoneKind

RIVER_STRIP_M, STREAM_STRIP_M = 100.0, 50.0
"""Riparian strips (PP 38/2011): 100 m beside a large river and 50 m beside a small one, outside settlements, without dikes."""


@dataclass(frozen=True)
class WorldZone:
    """A zone on the map, geometry in UTM metres."""

    zone_id: str
    kind: ZoneKind
    name: str
    geometry: BaseGeometry
    holder: str | None = None
    stage: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


# West, south, east, north as shares of the world.
_CONCESSION_PIT = (0.05, 0.05, 0.40, 0.36)
_CONCESSION_FOREST = (0.70, 0.03, 0.98, 0.30)
_CONCESSION_EXPIRED = (0.58, 0.34, 0.76, 0.42)
_PRODUCTION = (0.58, 0.02, 0.95, 0.36)
_PARK = (0.60, 0.58, 0.98, 0.97)
_PROTECTED = (0.03, 0.60, 0.37, 0.97)


def _rough(rng: np.random.Generator, frame: Frame, shares: tuple[float, float, float, float]) -> Polygon:
    """A rectangle with the crooked edges of a surveyed boundary."""
    west, south, east, north = shares
    corners = np.array([(west, south), (east, south), (east, north), (west, north)])
    points = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        for t in (0.0, 0.3, 0.62):
            points.append(frame.place(*(a + t * (b - a) + rng.uniform(-0.018, 0.018, 2))))
    return Polygon(points)


def zones(config: WorldConfig, terrain: Terrain) -> tuple[WorldZone, ...]:
    """All zones of a world, the same with and without mining."""
    frame, rng, year = terrain.frame, stream(config.seed, "zones"), config.starts_at.year
    first, last = date(year - 5, 1, 1), date(year + 14, 12, 31)
    shape = {k: _rough(rng, frame, s) for k, s in _SHARES.items()}
    concession, stage = ZoneKind.CONCESSION, "operation_production"
    wide = frame.extent.buffer(20_000, join_style="mitre")
    river = terrain.river.buffer(terrain.river_half_m + RIVER_STRIP_M)
    brooks = shapely.union_all([s.buffer(STREAM_STRIP_M, quad_segs=4) for s in terrain.streams])
    return (
        WorldZone("C-001", concession, "Blok Tambang Satu", shape["pit"], "PT Contoh Mineral", stage, first, last),
        WorldZone(
            "C-002", concession, "Blok Tambang Dua", shape["forest"], "PT Contoh Rimba", stage, date(year - 3, 7, 1), date(year + 6, 6, 30)
        ),
        WorldZone(
            "C-003",
            concession,
            "Blok Tambang Tiga",
            shape["expired"],
            "CV Contoh Lama",
            "exploration",
            date(year - 9, 1, 1),
            date(year - 2, 12, 31),
        ),
        WorldZone("K-001", ZoneKind.CONSERVATION, "Taman Nasional Contoh", shape["park"], valid_from=date(1999, 1, 1)),
        WorldZone("L-001", ZoneKind.PROTECTED_FOREST, "Hutan Lindung Contoh", shape["protected"], valid_from=date(1999, 1, 1)),
        WorldZone("P-001", ZoneKind.PRODUCTION_FOREST, "Hutan Produksi Contoh", shape["production"], valid_from=date(1999, 1, 1)),
        WorldZone("R-001", ZoneKind.RIPARIAN, "Sempadan Sungai Contoh", river.intersection(frame.extent.buffer(500))),
        WorldZone("R-002", ZoneKind.RIPARIAN, "Sempadan anak sungai", brooks.intersection(frame.extent.buffer(500))),
        WorldZone("PROV", ZoneKind.PROVINCE, "Kalimantan Tengah (simulasi)", wide),
    )


_SHARES = {
    "pit": _CONCESSION_PIT,
    "forest": _CONCESSION_FOREST,
    "expired": _CONCESSION_EXPIRED,
    "park": _PARK,
    "protected": _PROTECTED,
    "production": _PRODUCTION,
}


def ground_for(kind: str, all_zones: tuple[WorldZone, ...], frame: Frame) -> BaseGeometry:
    """Where a site of one situation may lie: conservation, protected_forest, conditional, outside or concession."""
    by_id = {z.zone_id: z.geometry for z in all_zones}
    if kind == "conditional":
        return by_id["C-002"].intersection(by_id["P-001"])
    if kind == "concession":
        return by_id["C-001"].buffer(-30).difference(by_id["R-001"].union(by_id["R-002"]))
    named = {"conservation": "K-001", "protected_forest": "L-001"}
    if kind in named:
        return by_id[named[kind]]
    taken = shapely.union_all([by_id[i] for i in ("C-001", "C-002", "K-001", "L-001", "P-001")])
    return frame.extent.difference(taken.buffer(120))
