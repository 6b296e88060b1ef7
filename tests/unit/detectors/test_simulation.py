"""The simulated world: deterministic, consistent in time, and empty of mining when asked."""

from datetime import timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from jagawana.detectors.classes import LandClass
from jagawana.detectors.simulation import truth
from jagawana.detectors.simulation.atmosphere import weather
from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.frame import Frame, Window, frame_across_tiles
from jagawana.detectors.simulation.measured import MEASURED
from jagawana.detectors.simulation.paint import outline
from jagawana.detectors.simulation.render import Mixture, shares
from jagawana.detectors.simulation.spectra import CLASS_OF, Cover
from jagawana.detectors.simulation.timeline import artisanal_timeline
from jagawana.detectors.simulation.world import World
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

SMALL = WorldConfig(seed=5, width_km=3.0, height_km=3.0, sites=6, dates_10m=4, dates_5m=1)


@lru_cache(maxsize=1)
def world() -> World:
    return World(SMALL)


def classes_at(of: World, day: float) -> np.ndarray:
    return CLASS_OF[of.land_at(of.time_of(day))]


def test_the_same_seed_gives_the_same_scene_and_another_seed_another() -> None:
    first = world().scene(world().looks[-1])
    again = World(SMALL).scene(world().looks[-1])
    other = World(WorldConfig(seed=6, width_km=3.0, height_km=3.0, sites=0, dates_10m=4, dates_5m=1))
    assert np.array_equal(first.reflectance, again.reflectance)
    assert not np.array_equal(first.reflectance, other.scene(other.looks[-1]).reflectance)


def test_scenes_do_not_depend_on_the_order_in_which_they_are_asked_for() -> None:
    last, first = world().looks[-1], world().looks[0]
    late = World(SMALL)
    late.scene(first)
    assert np.array_equal(late.scene(last).reflectance, World(SMALL).scene(last).reflectance)


def test_adding_a_site_changes_neither_clouds_nor_zones_nor_the_sites_before_it() -> None:
    fewer = World(WorldConfig(**{**vars(SMALL), "sites": 3}))
    look = world().looks[1]
    assert np.array_equal(fewer.scene(look).opacity, world().scene(look).opacity)
    assert [z.geometry for z in fewer.zones] == [z.geometry for z in world().zones]
    shared = {s.site_id: s.place for s in fewer.sites}
    assert shared == {s.site_id: s.place for s in world().sites if s.site_id in shared}
    assert len(world().sites) > len(fewer.sites)


def test_a_world_without_sites_has_no_mining_but_keeps_everything_else() -> None:
    empty = World(WorldConfig(**{**vars(SMALL), "sites": 0}))
    seen = [set(np.unique(classes_at(empty, d))) for d in (0.0, 180.0, 359.0)]
    assert all(LandClass.MINING not in s for s in seen)
    assert {LandClass.BACKGROUND, LandClass.ROAD, LandClass.HUT, LandClass.WATER, LandClass.BARE} <= seen[-1]
    assert not list(truth.mining_states(empty)) and not list(truth.sites(empty))
    assert all(r.site_id is None for r in (*truth.roads(empty), *truth.huts(empty)))
    assert [z.zone_id for z in empty.zones] == [z.zone_id for z in world().zones]


def test_mining_only_grows_until_work_pauses_or_ends_and_shrinks_only_after_abandonment() -> None:
    histories = set()
    for site in world().sites:
        histories.add(site.timeline.history)
        states = [(d, site.timeline.state_at(d), site.worked_ha(d)) for d in range(0, SMALL.days, 6)]
        for (_, before, area), (_, state, later) in pairwise(states):
            if state == "paused" and before == "paused":
                assert later == pytest.approx(area)
            if state != "abandoned":
                assert later >= area
        if site.timeline.history == "abandoned":
            assert states[-1][2] < 0.9 * max(area for _, _, area in states)
    assert {"new", "paused", "abandoned", "old", "late", "industrial"} <= histories


def test_worked_area_follows_the_planned_growth() -> None:
    site = next(s for s in world().sites if s.timeline.history == "new")
    day = SMALL.days - 1.0
    planned = np.interp(day, site.timeline.days, site.timeline.areas_m2) / 1e4
    assert site.worked_ha(day) == pytest.approx(planned, rel=0.02)


def test_a_road_comes_first_then_huts_then_pits() -> None:
    for site in world().sites:
        line = site.timeline
        assert line.road_day < line.hut_day < line.pit_day
        assert min(r.since_day for r in site.roofs) == pytest.approx(line.hut_day)
    for row in truth.sites(world()):
        assert row.first_road_at < row.first_hut_at < row.first_pit_at


@given(seed=st.integers(0, 2**32 - 1), index=st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_every_timeline_is_ordered_and_its_curve_never_falls(seed: int, index: int) -> None:
    line = artisanal_timeline(seed, index, days=360, max_ha=20)
    assert line.road_day < line.road_end_day < line.hut_day < line.pit_day < line.end_day
    assert (np.diff(line.days) > 0).all() and (np.diff(line.areas_m2) > 0).all()
    assert 0.3 <= line.final_ha <= 20
    assert all(first < last for first, last in line.events)


def test_truth_states_name_the_event_that_is_running_and_do_not_come_before_it_is_visible() -> None:
    rows = list(truth.mining_states(world()))
    paused = [r for r in rows if r.site_id == "S02"]
    assert {r.event_id for r in paused} == {"S02-E1", "S02-E2"}
    assert [r.event_id for r in paused] == sorted(r.event_id for r in paused)
    for row in rows:
        assert row.area_ha == pytest.approx(row.geometry.area / 1e4, abs=1e-3)
        assert row.growth_ha <= row.area_ha + 1e-9
        if row.area_ha > 2 * truth.VISIBLE_HA and row.state == "active" and row.event_id.endswith("E1"):
            assert row.first_visible_at <= row.state_at


def test_an_event_becomes_visible_when_it_has_worked_five_sentinel_pixels() -> None:
    site = next(s for s in world().sites if s.timeline.history == "new")
    day = truth.first_visible_day(site, 1)
    assert site.worked_ha(day + 2) >= truth.VISIBLE_HA > site.worked_ha(day - 2)


def test_what_changes_outside_mining_is_in_the_truth_without_a_site() -> None:
    roads = [r for r in truth.roads(world()) if r.purpose == "mining"]
    assert all(r.event_id == f"{r.site_id}-E1" for r in roads)
    assert all(h.site_id is None for h in truth.huts(world()) if h.purpose == "village")
    assert any(h.purpose == "village" for h in truth.huts(world()))


def test_sites_of_the_default_world_lie_on_the_ground_they_are_meant_for() -> None:
    default = World(WorldConfig(seed=1))
    zone = {z.zone_id: z.geometry for z in default.zones}
    by_id = {s.site_id: s for s in default.sites}
    assert zone["C-001"].contains(by_id["PIT"].place)
    assert zone["K-001"].contains(by_id["S01"].place) and zone["L-001"].contains(by_id["S02"].place)
    assert not any(zone[z].contains(by_id["S03"].place) for z in ("C-001", "C-002", "K-001", "L-001"))
    assert zone["C-002"].intersection(zone["P-001"]).contains(by_id["S04"].place)
    not_simulated = {ZoneKind.FOREST_USE_APPROVAL, ZoneKind.PEOPLES_MINING_AREA, ZoneKind.SUSTAINABLE_USE, ZoneKind.INDIGENOUS_LAND}
    assert {z.kind for z in default.zones} == set(ZoneKind) - not_simulated


def test_the_legal_pit_keeps_to_its_concession_and_off_riparian_strips() -> None:
    default = World(WorldConfig(seed=1))
    zone = {z.zone_id: z.geometry for z in default.zones}
    last = [r.geometry for r in truth.mining_states(default) if r.site_id == "PIT"][-1]
    assert last.area > 5e4
    assert last.difference(zone["C-001"]).area < 1 and last.intersection(zone["R-002"]).area < 0.01 * last.area


def test_the_default_world_straddles_tiles_on_the_ten_metre_grid() -> None:
    frame = frame_across_tiles(width_km=6, height_km=5, epsg=32750, corner=(230_000, 9_870_000))
    for low, high in ((frame.west, frame.east), (frame.south, frame.north)):
        assert low % 10 == 0 and high % 10 == 0
        assert low // 10_000 != high // 10_000


def test_sandbars_show_at_low_water_only() -> None:
    level = {d: weather(SMALL.seed, world().time_of(d)).level for d in range(0, 360, 5)}
    low, high = min(level, key=level.__getitem__), max(level, key=level.__getitem__)
    bars = {d: int((world().land_at(world().time_of(d)) == Cover.SANDBAR).sum()) for d in (low, high)}
    assert bars[low] > 5 * max(bars[high], 1)


def test_shares_sum_to_one_and_an_update_in_place_equals_a_fresh_count() -> None:
    rng = np.random.default_rng(0)
    ground = rng.integers(0, len(Cover), (40, 48)).astype(np.uint8)
    changed = ground.copy()
    changed[10:22, 8:30] = Cover.ROAD
    mixture = Mixture(10)
    mixture.of(ground)
    assert np.array_equal(mixture.of(changed), shares(changed, 10))
    assert np.allclose(shares(changed, 10).sum(axis=0), 1)
    assert shares(changed, 10)[Cover.ROAD].reshape(10, 12)[3, 3] == 1


def test_an_outline_has_the_area_of_its_mask_and_its_place() -> None:
    frame = Frame(32750, 1000.0, 2000.0, 100.0, 100.0)
    mask = np.array([[1, 1, 0], [0, 1, 0]], dtype=bool)
    shape = outline(frame, Window(4, 8, 2, 3), mask)
    assert shape.area == pytest.approx(3 * 2.5**2)
    assert shape.bounds == (1020.0, 2085.0, 1025.0, 2090.0)
    assert isinstance(shape, Polygon)


def test_clear_ground_has_the_measured_contrast() -> None:
    clear = World(WorldConfig(**{**vars(SMALL), "cloudiness": 0.0}))
    look = next(k for k in reversed(clear.looks) if k.sensor == "s2")
    scene = clear.scene(look)
    mix = shares(scene.ground, 10).reshape(len(Cover), *scene.opacity.shape)
    forest = scene.reflectance[:, mix[Cover.FOREST_DENSE] == 1].mean(axis=1)
    worked = mix[Cover.TAILINGS] + mix[Cover.MINE_SOIL] > 0.9
    mined = scene.reflectance[:, worked].mean(axis=1)
    assert (mined[2] - forest[2]) == pytest.approx(MEASURED["mine_soil"].mean[2] - MEASURED["forest_dense"].mean[2], abs=0.12)
    assert mined[2] > 3 * forest[2] and mined[4] > 1.2 * forest[4]
    assert (forest[3] - forest[2]) / (forest[3] + forest[2]) > 0.7


def test_cloud_hides_about_the_share_asked_for_and_its_classification_errs_at_the_edges_only() -> None:
    cloudy = World(WorldConfig(seed=3, width_km=2, height_km=2, sites=0, dates_10m=40, dates_5m=0, cloudiness=0.5))
    scenes = [cloudy.scene(k) for k in cloudy.looks]
    covered = [float((s.opacity > 0.1).mean()) for s in scenes]
    assert 0.35 < np.mean(covered) < 0.65
    assert min(covered) < 0.1 and max(covered) > 0.9
    flags = np.concatenate([np.isin(s.scl, (8, 9, 10))[s.valid] for s in scenes if s.scl is not None])
    thick = np.concatenate([(s.opacity > 0.5)[s.valid] for s in scenes])
    clear = np.concatenate([(s.opacity == 0)[s.valid] for s in scenes])
    thin = np.concatenate([((s.opacity > 0.02) & (s.opacity < 0.15))[s.valid] for s in scenes])
    assert flags[thick].all()
    assert flags[clear].mean() < 0.02
    assert 0.02 < flags[thin].mean() < 0.9


def test_nonsense_is_refused_with_its_limits() -> None:
    with pytest.raises(DataError) as caught:
        WorldConfig(width_km=0.5)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID and "2 to 40" in caught.value.detail


def test_looks_are_in_order_and_inside_the_history() -> None:
    looks = World(WorldConfig(seed=2, width_km=2, height_km=2, sites=0)).looks
    assert len(looks) == 48 and list(looks) == sorted(looks, key=lambda k: k.acquired_at)
    assert looks[-1].acquired_at - looks[0].acquired_at < timedelta(days=370)
