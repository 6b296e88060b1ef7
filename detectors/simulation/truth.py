"""What really happened in a world: the rows of truth.gpkg, with geometry in UTM metres."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.simulation.features import Road
from jagawana.detectors.simulation.frame import SUB_M
from jagawana.detectors.simulation.paint import outline
from jagawana.detectors.simulation.sites import Site
from jagawana.detectors.simulation.world import World

STEP_DAYS = 15
"""A site's outline is written every so many days, where it changed."""
VISIBLE_HA = 0.05
"""A spell of work is visible once it has worked this much ground: five Sentinel-2 pixels."""


@dataclass(frozen=True)
class MiningState:
    """Outline of a site's mining ground on a day; `growth_ha` is what the running event has added."""

    site_id: str
    event_id: str
    state: str
    first_visible_at: datetime
    state_at: datetime
    area_ha: float
    growth_ha: float
    geometry: BaseGeometry


@dataclass(frozen=True)
class RoadTruth:
    """A new road on a day; site_id and event_id are None where it has nothing to do with mining."""

    site_id: str | None
    event_id: str | None
    purpose: str
    first_visible_at: datetime
    state_at: datetime
    length_m: float
    width_m: float
    geometry: BaseGeometry


@dataclass(frozen=True)
class HutTruth:
    """A new roof; site_id and event_id are None where it has nothing to do with mining."""

    site_id: str | None
    event_id: str | None
    purpose: str
    first_visible_at: datetime
    state_at: datetime
    area_m2: float
    geometry: BaseGeometry


@dataclass(frozen=True)
class SiteTruth:
    """A site and its first dates; `history` is the story it follows."""

    site_id: str
    kind: str
    situation: str
    history: str
    first_road_at: datetime
    first_hut_at: datetime
    first_pit_at: datetime
    ended_at: datetime | None
    final_ha: float
    geometry: BaseGeometry


def event_id(site: Site, number: int) -> str:
    """Identity of a spell of work."""
    return f"{site.site_id}-E{number}"


def first_visible_day(site: Site, number: int) -> float:
    """Day on which event `number` (1, 2, ...) had worked VISIBLE_HA of ground."""
    line = site.timeline
    begun_m2 = float(np.interp(line.events[number - 1][0], line.days, line.areas_m2))
    return float(np.interp(begun_m2 + VISIBLE_HA * 1e4, line.areas_m2, line.days))


def mining_states(world: World) -> Iterator[MiningState]:
    """Outlines of all sites, every STEP_DAYS where they changed, from the first day (or the first pit) to the last."""
    for site in world.sites:
        before = (-1.0, "")
        for day in (*range(0, world.config.days, STEP_DAYS), world.config.days):
            state, number = site.timeline.state_at(day), site.timeline.event_at(day)
            area_ha = site.worked_ha(day) if number else 0.0
            if area_ha == 0 or (area_ha, state) == before:
                continue
            before = (area_ha, state)
            yield _state(world, site, float(day), state, number, area_ha)


def _state(world: World, site: Site, day: float, state: str, number: int, area_ha: float) -> MiningState:
    shape = outline(world.frame, *site.worked(day))
    begun = site.worked_ha(site.timeline.events[number - 1][0]) if number > 1 else 0.0
    return MiningState(
        site.site_id,
        event_id(site, number),
        state,
        world.time_of(first_visible_day(site, number)),
        world.time_of(day),
        round(area_ha, 4),
        round(max(0.0, area_ha - begun), 4),
        shape,
    )


def roads(world: World) -> Iterator[RoadTruth]:
    """New roads as they were on the last day, and spurs of mines also half-built: one row when begun, one when finished."""
    for site in world.sites:
        for day in (site.road.since_day + 0.5 * (site.road.until_day - site.road.since_day), site.road.until_day):
            yield from _road(world, site.road, day, site.site_id, event_id(site, 1), "mining")
    for road in world.terrain.new_roads:
        yield from _road(world, road, road.until_day, None, None, "farm")


def _road(world: World, road: Road, day: float, site_id: str | None, event: str | None, purpose: str) -> Iterator[RoadTruth]:
    line = road.built(day)
    if line is None or day > world.config.days or not world.frame.extent.intersects(line):
        return
    first = road.since_day + min(1.0, 4 * SUB_M / road.line.length) * (road.until_day - road.since_day)
    yield RoadTruth(site_id, event, purpose, world.time_of(first), world.time_of(day), round(line.length, 1), road.width_m, line)


def huts(world: World) -> Iterator[HutTruth]:
    """New roofs."""
    for site in world.sites:
        for hut in site.roofs:
            if hut.since_day <= world.config.days:
                at = world.time_of(hut.since_day)
                yield HutTruth(site.site_id, event_id(site, 1), "mining", at, at, round(hut.outline.area, 1), hut.place)
    for hut in world.terrain.new_roofs:
        at = world.time_of(hut.since_day)
        yield HutTruth(None, None, "village", at, at, round(hut.outline.area, 1), hut.place)


def sites(world: World) -> Iterator[SiteTruth]:
    """One row a site that began within the history; the geometry is a point in its first pit."""
    for site in world.sites:
        line = site.timeline
        ended = world.time_of(line.end_day) if line.end_day <= world.config.days else None
        yield SiteTruth(
            site.site_id,
            site.kind,
            site.situation,
            line.history,
            world.time_of(line.road_day),
            world.time_of(line.hut_day),
            world.time_of(line.pit_day),
            ended,
            round(line.final_ha, 4),
            site.place,
        )
