"""Where mining sites go: beside a stream, on the ground asked for, reachable from a road without crossing the river."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from jagawana.detectors.simulation.features import between
from jagawana.detectors.simulation.terrain import Terrain

SITUATIONS = ("conservation", "protected_forest", "outside", "conditional", "conservation", "outside")
"""Kinds of ground, in turn."""
CAMP_M = 70.0
"""The spur ends this far from the first pit."""


@dataclass(frozen=True)
class Spot:
    """A place for a site: the first pit, its stream (None away from streams) and the spur road to it."""

    place: Point
    situation: str
    stream: LineString | None
    road: LineString


def usual_distance_m(terrain: Terrain) -> float:
    """How far apart sites lie where there is room."""
    return min(650.0, 0.16 * min(terrain.frame.width_m, terrain.frame.height_m) + 150)


def spot(
    rng: np.random.Generator,
    terrain: Terrain,
    ground: BaseGeometry,
    taken: list[Point],
    *,
    situation: str,
    apart_m: float,
    by_stream: bool = True,
) -> Spot | None:
    """The first of 300 random places that will do; without a stream if no stream place will, None if nothing will.

    Args:
        ground: where it may lie. taken: first pits of other sites, all at least `apart_m` away.
    """
    network = shapely.union_all(terrain.roads)
    river = terrain.river.buffer(terrain.river_half_m + 10)
    room = _room(terrain, ground, apart_m)
    if room.is_empty:
        return None
    for attempt in range(300):
        near = _draw(rng, terrain, room, by_stream=by_stream and attempt < 240)
        if near is None or any(near[0].distance(t) < apart_m for t in taken):
            continue
        foot = nearest_points(network, near[0])[0]
        if LineString([foot, near[0]]).intersects(river):
            continue
        return Spot(near[0], situation, near[1], _spur(rng, foot, near[0]))
    return None


def _room(terrain: Terrain, ground: BaseGeometry, apart_m: float) -> BaseGeometry:
    """Ground away from the world's edge, villages, roads and the river."""
    frame = terrain.frame
    edge = min(350.0, 0.12 * min(frame.width_m, frame.height_m))
    used = [
        terrain.river.buffer(terrain.river_half_m + 120),
        *(r.buffer(edge * 0.7) for r in terrain.roads),
        *(v.buffer(0.7 * apart_m) for v in terrain.villages),
    ]
    return ground.buffer(-60).intersection(frame.extent.buffer(-edge)).difference(shapely.union_all(used))


def _draw(rng: np.random.Generator, terrain: Terrain, room: BaseGeometry, *, by_stream: bool) -> tuple[Point, LineString | None] | None:
    if by_stream:
        line = terrain.streams[int(rng.integers(len(terrain.streams)))]
        place = line.interpolate(float(rng.uniform(0.08, 1.0)), normalized=True)
        return (place, line) if room.contains(place) else None
    west, south, east, north = room.bounds
    place = Point(float(rng.uniform(west, east)), float(rng.uniform(south, north)))
    return (place, None) if room.contains(place) else None


def _spur(rng: np.random.Generator, foot: Point, place: Point) -> LineString:
    """From the road network to the camp, which lies a little short of the first pit."""
    length = foot.distance(place)
    share = max(0.4, 1 - CAMP_M / max(length, 1.0))
    camp = (foot.x + share * (place.x - foot.x), foot.y + share * (place.y - foot.y))
    return between(rng, (foot.x, foot.y), camp, bend=0.16)
