"""Land without mining: forest, a river with sandbars, streams, roads, villages and shifting fields."""

from dataclasses import dataclass

import numpy as np
from shapely.geometry import LineString, Point

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.features import Road, Roof, between, paint_road, wander
from jagawana.detectors.simulation.frame import SUB_M, Frame, Grid
from jagawana.detectors.simulation.noise import fractal, smooth, stream
from jagawana.detectors.simulation.paint import NEVER, Covers, Patch, near_line
from jagawana.detectors.simulation.settlement import settle
from jagawana.detectors.simulation.spectra import Cover


@dataclass(frozen=True)
class Terrain:
    """Everything but mining.

    Attributes:
        ground: uint8 (H, W) sub-grid, what never changes.
        bed: float32 (H, W), height of the river bed, 0 deep to 1 bank; NEVER on land.
        river, streams: centre lines in UTM metres. river_half_m: half the river's width at high water.
        roads: roads there from the beginning, the first is the main road.
        villages: their centres.
        patches: fields, new tracks and roofs that change with time, in painting order.
        new_roads, new_roofs: what is built during the history and has nothing to do with mining.
    """

    frame: Frame
    ground: Covers
    bed: Grid
    river: LineString
    river_half_m: float
    streams: tuple[LineString, ...]
    roads: tuple[LineString, ...]
    villages: tuple[Point, ...]
    patches: tuple[Patch, ...]
    new_roads: tuple[Road, ...]
    new_roofs: tuple[Roof, ...]


def _river(config: WorldConfig, frame: Frame) -> tuple[LineString, float]:
    """A sine-generated meander from the north edge to the south edge (Langbein and Leopold 1966)."""
    rng = stream(config.seed, "river")
    half = float(rng.uniform(28, 48))
    wavelength, swing, step = half * 2 * rng.uniform(10, 13), rng.uniform(0.75, 1.05), 15.0
    x, y = frame.place(float(rng.uniform(0.44, 0.54)), 1.0)
    x0, y, s, phase = x, y + 200, 0.0, float(rng.uniform(0, 6.28))
    points, drift = [(x, y)], 0.0
    while y > frame.south - 200:
        drift = 0.97 * drift + float(rng.normal(0, 0.05)) + 0.02 * float(np.clip((x - x0) / 1000, -0.5, 0.5))
        angle = -np.pi / 2 + swing * np.sin(2 * np.pi * s / wavelength + phase) - float(np.clip(drift, -0.6, 0.6))
        x, y, s = x + step * float(np.cos(angle)), y + step * float(np.sin(angle)), s + step
        points.append((x, y))
    return LineString(points), half


def _streams(config: WorldConfig, frame: Frame, river: LineString) -> tuple[LineString, ...]:
    count = max(4, round(frame.height_m / 550))
    lines = []
    for k in range(count):
        rng = stream(config.seed, "stream", k)
        mouth = river.interpolate((k + 0.5 + float(rng.uniform(-0.3, 0.3))) / count, normalized=True)
        heading = (0.0 if k % 2 else np.pi) + float(rng.uniform(-0.5, 0.5))
        line = wander(rng, (mouth.x, mouth.y), heading, length_m=float(rng.uniform(0.38, 0.55)) * frame.width_m, turn=0.5)
        lines.append(line)
    return tuple(lines)


def _roads(config: WorldConfig, frame: Frame) -> tuple[LineString, ...]:
    """The main road from west to east, and an old logging road to the north and south of it on either side of the river."""
    rng = stream(config.seed, "roads")
    y = float(rng.uniform(0.42, 0.5))
    main = between(rng, frame.place(-0.02, y), frame.place(1.02, y + float(rng.uniform(-0.05, 0.05))), bend=0.03)
    branches = []
    for x_share in (0.2, 0.78):
        for end in (0.82, 0.14):
            start = main.interpolate(x_share + float(rng.uniform(-0.06, 0.06)), normalized=True)
            goal = frame.place(x_share + float(rng.uniform(-0.07, 0.07)), end)
            branches.append(between(rng, (start.x, start.y), goal, bend=0.08))
    return (main, *branches)


def _bed(config: WorldConfig, frame: Frame, river: LineString, half_m: float) -> Grid:
    """Bed height: rises to the banks, higher where point bars and mid-river bars form."""
    bed = np.full(frame.shape, NEVER, dtype=np.float32)
    found = near_line(frame, river, reach_m=half_m * 1.5)
    if found is None:
        return bed
    window, distance, _ = found
    rng = stream(config.seed, "bars")
    bars = smooth(rng, (window.rows, window.cols), scale_px=half_m * 2.5 / SUB_M)
    fine = smooth(rng, (window.rows, window.cols), scale_px=6)
    wobble = 1 + 0.12 * smooth(rng, (window.rows, window.cols), scale_px=60)
    share = distance / (half_m * wobble)
    height = share * (0.68 + 0.34 * np.clip(bars, -1, 1.6)) + 0.05 * fine + 0.35 * np.clip(bars - 1.3, 0, 1)
    bed[window.slices] = np.where(share < 1, np.clip(height, 0, 1.2), NEVER)
    return bed


def _forest(config: WorldConfig, frame: Frame) -> Covers:
    rng = stream(config.seed, "forest")
    old = fractal(rng, frame.shape, scale_px=400, roughness=1.7)
    ground = np.where(old > 0.5, Cover.FOREST_LIGHT, Cover.FOREST_DENSE).astype(np.uint8)
    ground[old > 2.1] = Cover.SCRUB
    return ground


def _paint_water(config: WorldConfig, frame: Frame, ground: Covers, bed: Grid, streams: tuple[LineString, ...]) -> None:
    for k, line in enumerate(streams):
        rng = stream(config.seed, "stream-paint", k)
        found = near_line(frame, line, reach_m=12)
        if found is None:
            continue
        window, distance, along = found
        crowns = smooth(rng, (window.rows, window.cols), scale_px=5)
        # Narrower upstream, and half hidden by crowns: what a small forest stream looks like from above.
        width = 5.5 - 3.0 * along / max(line.length, 1.0)
        view = ground[window.slices]
        view[(distance < width) & (crowns < 0.1)] = Cover.RIVER
    ground[bed < NEVER] = Cover.RIVER


def build(config: WorldConfig, frame: Frame) -> Terrain:
    """The land of a world without its mines."""
    river, half_m = _river(config, frame)
    streams, roads = _streams(config, frame, river), _roads(config, frame)
    bed = _bed(config, frame, river, half_m)
    ground = _forest(config, frame)
    _paint_water(config, frame, ground, bed, streams)
    for k, line in enumerate(roads):
        _paint_old_road(config, frame, ground, line, index=k)
    people = settle(config, frame, roads, river, half_m)
    return Terrain(frame, ground, bed, river, half_m, streams, roads, people.villages, people.patches, people.new_roads, people.new_roofs)


def _paint_old_road(config: WorldConfig, frame: Frame, ground: Covers, line: LineString, *, index: int) -> None:
    width_m = 8.0 if index == 0 else 6.0
    patch = paint_road(stream(config.seed, "old-road", index), frame, Road(line, width_m, -NEVER, -NEVER + 1))
    if patch is not None:
        patch.paint(ground, 0.0)


def at_day(terrain: Terrain, day: float, level: float) -> Covers:
    """The land of a day, uint8 sub-grid, a fresh array. `level` is the river's, 0.5 very low to 1.2 flood."""
    ground = terrain.ground.copy()
    ground[(terrain.bed < NEVER) & (terrain.bed > level)] = Cover.SANDBAR
    for patch in terrain.patches:
        patch.paint(ground, day)
    return ground
