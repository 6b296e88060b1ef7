"""Mining sites that grow as real ones do: spur road, clearing with huts, pits and ponds along the stream, pause, regrowth."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.features import Road, Roof, blob, paint_road, paint_roof, rank_m2, roof
from jagawana.detectors.simulation.frame import SUB_M, Frame, Grid, Window
from jagawana.detectors.simulation.noise import smooth, stream
from jagawana.detectors.simulation.paint import NEVER, Covers, Mask, Patch, near_line
from jagawana.detectors.simulation.placing import Spot
from jagawana.detectors.simulation.spectra import Cover
from jagawana.detectors.simulation.terrain import Terrain
from jagawana.detectors.simulation.timeline import Timeline

SPECK_M2 = 600.0
"""Smallest detached pit, m2."""
REGROWTH = ((0.0, Cover.GRASS), (220.0, Cover.SCRUB), (2500.0, Cover.FOREST_LIGHT))
"""Days after bare ground of an abandoned site has first weeds."""


@dataclass(frozen=True)
class Site:
    """A mine and all that belongs to it.

    Attributes:
        site_id: e.g. S03, or PIT for the legal one.
        kind: artisanal or industrial.
        situation: the kind of ground it was placed on (conservation, protected_forest, conditional, outside, concession, any).
        place: the first pit. road: the spur from the road network. roofs: huts.
        timeline: the days of its history.
        ground: patches of worked ground (soil and tailings; ponds), whose `start_day` is the day each sub-pixel was first worked.
        patches: everything of the site in painting order, `ground` included.
    """

    site_id: str
    kind: str
    situation: str
    place: Point
    road: Road
    roofs: tuple[Roof, ...]
    timeline: Timeline
    ground: tuple[Patch, ...]
    patches: tuple[Patch, ...]

    def worked(self, day: float) -> tuple[Window, Mask]:
        """Sub-pixels that are mining ground on `day`: worked, and not yet grown over."""
        window = self.ground[0].window
        mask = np.zeros((window.rows, window.cols), dtype=bool)
        for patch in self.ground:
            mask |= (patch.start_day <= day) & (day < patch.end_day)
            if patch.succession and patch.succession[0][1] is Cover.POND_DARK:
                mask |= patch.end_day <= day
        return window, mask

    def worked_ha(self, day: float) -> float:
        """Area of mining ground on `day`."""
        return float(self.worked(day)[1].sum()) * SUB_M**2 / 1e4


def artisanal(config: WorldConfig, terrain: Terrain, spot: Spot, timeline: Timeline, *, index: int) -> Site:
    """A site along a stream."""
    rng, frame = stream(config.seed, "site", index), terrain.frame
    road = Road(spot.road, float(rng.uniform(5.5, 8.0)), timeline.road_day, timeline.road_end_day)
    camp, roofs = _camp(rng, frame, spot, timeline)
    found = _along_stream(rng, terrain, spot, area_ha=timeline.final_ha)
    ground = _ground(rng, frame, *found, timeline, ponds=float(rng.uniform(-1.3, -0.6)))
    patches = [paint_road(rng, frame, road), camp, *ground, *(paint_roof(frame, r) for r in roofs)]
    kept = tuple(p for p in patches if p is not None)
    return Site(f"S{index + 1:02d}", "artisanal", spot.situation, spot.place, road, roofs, timeline, ground, kept)


def industrial(config: WorldConfig, terrain: Terrain, spot: Spot, timeline: Timeline, *, permitted: BaseGeometry) -> Site:
    """The legal pit: one large blob with a wide haul road and sheds, there long before the first look, and kept to `permitted` ground."""
    rng, frame = stream(config.seed, "industrial"), terrain.frame
    road = Road(spot.road, 11.0, timeline.road_day, timeline.road_end_day)
    end = road.line.coords[-1]
    roofs = tuple(
        roof(rng, (end[0] + dx, end[1] + dy), timeline.hut_day + k, thatch=0.0)
        for k, (dx, dy) in enumerate(((-30, 15), (25, 20), (40, -25)))
    )
    found = blob(frame, rng, (spot.place.x, spot.place.y), area_ha=timeline.final_ha, rough=0.18, within=permitted)
    if found is None:
        raise AssertionError("a spot lies inside the world")
    ground = _ground(rng, frame, *found, timeline, ponds=-1.5)
    patches = [paint_road(rng, frame, road, hidden=0.0), *ground, *(paint_roof(frame, r) for r in roofs)]
    return Site("PIT", "industrial", spot.situation, spot.place, road, roofs, timeline, ground, tuple(p for p in patches if p is not None))


def _camp(rng: np.random.Generator, frame: Frame, spot: Spot, timeline: Timeline) -> tuple[Patch | None, tuple[Roof, ...]]:
    """A clearing of 0.12 to 0.4 ha at the end of the spur with three to nine huts, built over a few weeks."""
    end_x, end_y = spot.road.coords[-1]
    area_ha = float(rng.uniform(0.12, 0.4))
    found = blob(frame, rng, (end_x, end_y), area_ha=area_ha, rough=0.3)
    clearing = None
    if found is not None:
        window, rank = found
        days = max(timeline.hut_day - timeline.clearing_day, 1.0)
        start = np.where(rank < NEVER, timeline.clearing_day + rank / (area_ha * 1e4) * days, NEVER).astype(np.float32)
        stop = np.where(rank < NEVER, timeline.end_day + 60, NEVER).astype(np.float32)
        clearing = Patch(window, start, stop, np.full(rank.shape, Cover.FIELD_SOIL, dtype=np.uint8), REGROWTH)
    radius = (area_ha * 1e4 / np.pi) ** 0.5
    roofs = []
    for k in range(int(rng.integers(3, 10))):
        turn, away = float(rng.uniform(0, 6.28)), radius * float(rng.uniform(0.25, 0.85))
        place = (end_x + away * np.cos(turn), end_y + away * np.sin(turn))
        roofs.append(roof(rng, place, timeline.hut_day + k * float(rng.uniform(2, 9)), thatch=0.15))
    return clearing, tuple(roofs)


def _along_stream(rng: np.random.Generator, terrain: Terrain, spot: Spot, *, area_ha: float) -> tuple[Window, Grid]:
    """Order in which ground is worked: along the stream from the first pit, in lobes, leaving islands of trees.

    Elongation 1.3 to 4.0 is that of the hand-digitised sites (5th to 95th percentile 1.1 to 4.0).
    """
    frame, radius = terrain.frame, (area_ha * 1e4 / np.pi) ** 0.5
    reach = radius * 3.2 + 60
    window = frame.window((spot.place.x, spot.place.y, spot.place.x, spot.place.y), margin_m=reach)
    if window is None:
        raise AssertionError("a spot lies inside the world")
    longer = float(rng.uniform(1.3, 4.0)) ** 0.5
    across, along = _stream_coordinates(frame, window, spot, reach)
    cost = np.hypot(across * np.float32(longer), along / np.float32(longer)) / np.float32(radius)
    cost += 0.36 * smooth(rng, cost.shape, scale_px=max(6.0, radius / SUB_M / 2.5)) + 0.10 * smooth(rng, cost.shape, scale_px=4)
    cost[terrain.bed[window.slices] < NEVER] = NEVER
    return window, _without_specks(cost, area_m2=area_ha * 1.001e4)


def _without_specks(cost: Grid, *, area_m2: float) -> Grid:
    """Rank of growth with detached bits smaller than SPECK_M2 left out: an excavator does not open a pit of four sub-pixels."""
    for _ in range(3):
        taken = rank_m2(cost, limit_m2=area_m2) < NEVER
        parts, _count = label(taken)
        sizes = np.bincount(parts.ravel()) * SUB_M**2
        speck = sizes < min(SPECK_M2, float(sizes[1:].max(initial=0.0)))
        speck[0] = False
        cost = np.where(speck[parts], NEVER, cost).astype(np.float32)
    return rank_m2(cost, limit_m2=area_m2)


def _stream_coordinates(frame: Frame, window: Window, spot: Spot, reach_m: float) -> tuple[Grid, Grid]:
    """Distance from the stream, and distance along its general direction from the first pit; plain distances without a stream.

    The general direction, not metres along the line: those jump where a bend's inside is near two stretches of it.
    """
    x, y = frame.centres(window)
    dx, dy = x - np.float32(spot.place.x - frame.west), y - np.float32(spot.place.y - frame.south)
    if spot.stream is None:
        return dy + 0 * dx, dx + 0 * dy
    at = spot.stream.project(spot.place)
    piece = substring(spot.stream, max(0.0, at - 1.5 * reach_m), at + 1.5 * reach_m)
    near = substring(spot.stream, max(0.0, at - 0.4 * reach_m), at + 0.4 * reach_m)
    (x0, y0), (x1, y1) = near.coords[0], near.coords[-1]
    length = max(float(np.hypot(x1 - x0, y1 - y0)), 1.0)
    along: Grid = dx * np.float32((x1 - x0) / length) + dy * np.float32((y1 - y0) / length)
    across = np.full(along.shape, NEVER, dtype=np.float32)
    found = near_line(frame, LineString(piece.simplify(8.0).coords), reach_m=reach_m)
    if found is not None:
        _copy_overlap(found[0], found[1], window, across)
    return across, along


def _copy_overlap(source: Window, values: Grid, target: Window, into: Grid) -> None:
    """Copy what two windows share."""
    top, left = max(source.row, target.row), max(source.col, target.col)
    bottom = min(source.row + source.rows, target.row + target.rows)
    right = min(source.col + source.cols, target.col + target.cols)
    if bottom > top and right > left:
        into[top - target.row : bottom - target.row, left - target.col : right - target.col] = values[
            top - source.row : bottom - source.row, left - source.col : right - source.col
        ]


def _ground(rng: np.random.Generator, frame: Frame, window: Window, rank: Grid, timeline: Timeline, *, ponds: float) -> tuple[Patch, Patch]:
    """Worked ground and ponds as two patches: soil weeds over after abandonment, ponds stay and clear."""
    taken = rank < NEVER
    start = np.where(taken, timeline.day_of_area(rank), NEVER).astype(np.float32)
    wet = smooth(rng, rank.shape, scale_px=8.5)
    bright = smooth(rng, rank.shape, scale_px=16) + 0.45 * smooth(rng, rank.shape, scale_px=5)
    cover = np.select([bright > 0.45, bright > -0.75], [Cover.TAILINGS, Cover.MINE_SOIL], Cover.MINE_WET).astype(np.uint8)
    pond = wet < ponds
    pond_start = np.where(taken & pond, start, NEVER).astype(np.float32)
    soil_start = np.where(taken & ~pond, start, NEVER).astype(np.float32)
    delay = 130 + 70 * smooth(rng, rank.shape, scale_px=10) + 25 * rng.standard_normal(rank.shape, dtype=np.float32)
    soil_end = np.where(taken & ~pond, timeline.end_day + np.maximum(delay, 15), NEVER).astype(np.float32)
    pond_end = np.where(taken & pond, timeline.end_day + 20, NEVER).astype(np.float32)
    kinds: Covers = np.where(smooth(rng, rank.shape, scale_px=12) > -0.4, Cover.POND_TURBID, Cover.POND_DARK).astype(np.uint8)
    return (
        Patch(window, soil_start, np.maximum(soil_end, soil_start), cover, REGROWTH),
        Patch(window, pond_start, np.maximum(pond_end, pond_start), kinds, ((0.0, Cover.POND_DARK),)),
    )
