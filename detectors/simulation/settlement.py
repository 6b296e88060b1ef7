"""People who do not mine: villages with roads and roofs, shifting fields that are cleared and grow back, tracks to them."""

from dataclasses import dataclass

import numpy as np
from shapely.geometry import LineString, Point

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.features import Road, Roof, between, blob, paint_road, paint_roof, roof
from jagawana.detectors.simulation.frame import SUB_M, Frame, Grid, Window
from jagawana.detectors.simulation.noise import smooth, stream
from jagawana.detectors.simulation.paint import NEVER, Patch
from jagawana.detectors.simulation.spectra import Cover

FALLOW = ((0.0, Cover.GRASS), (170.0, Cover.SCRUB), (1500.0, Cover.FOREST_LIGHT))
"""Days after a field is sown: crop, fallow, young forest."""


@dataclass(frozen=True)
class People:
    """What settlement adds to a terrain; `patches` in painting order."""

    villages: tuple[Point, ...]
    patches: tuple[Patch, ...]
    new_roads: tuple[Road, ...]
    new_roofs: tuple[Roof, ...]


def settle(config: WorldConfig, frame: Frame, roads: tuple[LineString, ...], river: LineString, half_m: float) -> People:
    """Villages on the main road, fields around them and along the roads."""
    villages = _villages(config, frame, roads[0], river, half_m)
    fields, tracks = _fields(config, frame, roads, villages, river, half_m)
    patches, roofs = list(fields), []
    for k, centre in enumerate(villages):
        built, new = _village(config, frame, roads[0], centre, index=k)
        patches += built
        roofs += new
    for k, track in enumerate(tracks):
        patch = paint_road(stream(config.seed, "track", k), frame, track)
        patches += [] if patch is None else [patch]
    return People(villages, tuple(patches), tracks, tuple(roofs))


def _villages(config: WorldConfig, frame: Frame, main: LineString, river: LineString, half_m: float) -> tuple[Point, ...]:
    rng = stream(config.seed, "villages")
    count = max(1, round(frame.width_m / 3000))
    shares = (np.arange(count) + 0.5 + rng.uniform(-0.25, 0.25, count)) / count
    places = [main.interpolate(float(s), normalized=True) for s in shares]
    return tuple(p for p in places if river.distance(p) > half_m + 180)


def _village(config: WorldConfig, frame: Frame, main: LineString, centre: Point, *, index: int) -> tuple[list[Patch], list[Roof]]:
    """Worn ground, lanes and 18 to 45 roofs; a few more are built during the history."""
    rng = stream(config.seed, "village", index)
    patches: list[Patch] = []
    found = blob(frame, rng, (centre.x, centre.y), area_ha=float(rng.uniform(3, 7)), rough=0.5)
    if found is not None:
        patches.append(_worn_ground(rng, *found))
    at = main.project(centre)
    lanes = [LineString([main.interpolate(at - 170), centre, main.interpolate(at + 170)])]
    for side in (-1, 1):
        foot = main.interpolate(at + float(rng.uniform(-80, 80)))
        goal = (foot.x + float(rng.uniform(-60, 60)), foot.y + side * float(rng.uniform(90, 170)))
        lanes.append(between(rng, (foot.x, foot.y), goal, bend=0.1))
    for lane in lanes[1:]:
        patch = paint_road(rng, frame, Road(lane, 5.0, -NEVER, -NEVER + 1))
        patches += [] if patch is None else [patch]
    roofs = _roofs(rng, config, lanes)
    patches += [p for p in (paint_roof(frame, r) for r in roofs) if p is not None]
    return patches, [r for r in roofs if r.since_day > 0]


def _worn_ground(rng: np.random.Generator, window: Window, rank: Grid) -> Patch:
    spots = smooth(rng, rank.shape, scale_px=5)
    cover = np.where(spots > 0.15, Cover.VILLAGE_GROUND, np.where(spots > -0.9, Cover.GRASS, Cover.SCRUB)).astype(np.uint8)
    start = np.where(rank < NEVER, -NEVER, NEVER).astype(np.float32)
    return Patch(window, start, np.full_like(start, NEVER), cover)


def _roofs(rng: np.random.Generator, config: WorldConfig, lanes: list[LineString]) -> list[Roof]:
    roofs = []
    for k in range(int(rng.integers(18, 46))):
        lane = lanes[int(rng.integers(len(lanes)))]
        s = float(rng.uniform(0, lane.length))
        p, q = lane.interpolate(s), lane.interpolate(s + 1)
        away = float(rng.choice([-1, 1]) * rng.uniform(10, 32))
        place = (p.x - (q.y - p.y) * away, p.y + (q.x - p.x) * away)
        since = float(rng.uniform(20, config.days)) if k % 12 == 11 else -NEVER
        roofs.append(roof(rng, place, since))
    return roofs


def _fields(
    config: WorldConfig, frame: Frame, roads: tuple[LineString, ...], villages: tuple[Point, ...], river: LineString, half_m: float
) -> tuple[list[Patch], tuple[Road, ...]]:
    """Fields of 0.3 to 3 ha near roads and villages, in every age from new to overgrown; some get a track of their own."""
    patches: list[Patch] = []
    tracks: list[Road] = []
    count = round(1.6 * frame.width_m * frame.height_m / 1e6)
    for k in range(count):
        rng = stream(config.seed, "field", k)
        foot = _field_foot(rng, roads, villages)
        turn = float(rng.uniform(0, 2 * np.pi))
        reach = float(rng.uniform(60, 420))
        place = (foot.x + reach * np.cos(turn), foot.y + reach * np.sin(turn))
        if not frame.extent.buffer(-60).contains(Point(place)) or river.distance(Point(place)) < half_m + 90:
            continue
        cleared = float(rng.uniform(-1400, config.days))
        found = blob(frame, rng, place, area_ha=float(np.clip(rng.lognormal(0.0, 0.6), 0.3, 3.0)), rough=0.25)
        if found is not None:
            patches.append(_field(rng, *found, cleared=cleared))
        if reach > 150 and cleared > 10 and k % 2:
            tracks.append(Road(between(rng, (foot.x, foot.y), place), 4.5, cleared - 12, cleared - 2))
    return patches, tuple(tracks)


def _field_foot(rng: np.random.Generator, roads: tuple[LineString, ...], villages: tuple[Point, ...]) -> Point:
    if villages and rng.random() < 0.6:
        centre = villages[int(rng.integers(len(villages)))]
        return roads[0].interpolate(roads[0].project(centre) + float(rng.normal(0, 450)))
    road = roads[int(rng.integers(len(roads)))]
    return road.interpolate(float(rng.uniform(0.1, 0.95)), normalized=True)


def _field(rng: np.random.Generator, window: Window, rank: Grid, *, cleared: float) -> Patch:
    """Cleared within a week, bare for two to four months, then sown and left."""
    taken = rank < NEVER
    start = np.where(taken, cleared + 7 * rank / max(float(rank[taken].max(initial=1.0)), 1.0), NEVER).astype(np.float32)
    patchy = smooth(rng, rank.shape, scale_px=max(4.0, 25 / SUB_M))
    end = np.where(taken, start + float(rng.uniform(60, 120)) + 15 * patchy, NEVER).astype(np.float32)
    return Patch(window, start, end, np.full(rank.shape, Cover.FIELD_SOIL, dtype=np.uint8), FALLOW)
