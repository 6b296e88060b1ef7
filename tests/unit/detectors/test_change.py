"""From pixel states to changes: what is large enough, what is only a rim, what is believed, and when it happened."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.change import Change, changes, inventory
from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import fold
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import STORED_CLASSES, Observation, sparse
from jagawana.detectors.things import MinimumMappingUnit
from jagawana.schemas.alert import AlertState, ChangeClass

START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
SQUARE = tile_square("49MDU57")
ORIGIN = (100, 200)
SIDE = 48
Block = tuple[int, int, int, int]
"""Row, column, height, width."""


def mask_of(*blocks: Block, side: int = SIDE) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    for row, column, height, width in blocks:
        mask[row : row + height, column : column + width] = True
    return mask


def look(
    day: float,
    shown: Mapping[LandClass, np.ndarray] | np.ndarray | None = None,
    *,
    chance: float = 0.9,
    sky: np.ndarray | None = None,
    resolution_m: int = 10,
    platform: str = "s2a",
    name: str = "",
) -> Observation:
    """What one scene showed; a mask alone is mining."""
    layers = {LandClass.MINING: shown} if isinstance(shown, np.ndarray) else dict(shown or {})
    codes = np.full((SIDE, SIDE), SkyClass.CLEAR, np.uint8) if sky is None else sky
    stored = np.zeros((len(STORED_CLASSES), SIDE, SIDE), np.uint8)
    for land_class, mask in layers.items():
        stored[STORED_CLASSES.index(land_class), mask & (codes == SkyClass.CLEAR)] = round(chance * 255)
    positions, values = sparse(stored, origin=ORIGIN, side=10_000 // resolution_m)
    ident = name or f"{platform}-{day}"
    return Observation(ident, ident, platform, START + timedelta(days=day), resolution_m, positions, values, codes, ORIGIN)


def changes_of(*looks: Observation, unit: MinimumMappingUnit | None = None) -> list[Change]:
    return changes(fold(looks), SQUARE, unit)


def days(change: Change) -> tuple[float, float, float | None, float]:
    times = (change.last_clear_before_at, change.first_seen_at, change.confirmed_at, change.last_seen_at)
    return tuple(None if t is None else (t - START) / timedelta(days=1) for t in times)  # type: ignore[return-value]


PIT = mask_of((10, 10, 8, 8))


def test_a_new_pit_is_one_polygon_where_it_lies() -> None:
    (pit,) = changes_of(look(0), look(5, PIT))
    assert pit.change_class is ChangeClass.MINING and pit.geometry.area == 6_400
    west, north = SQUARE.east + (200 + 10) * 10, SQUARE.north + 10_000 - (100 + 10) * 10
    assert pit.geometry.bounds == (west, north - 80, west + 80, north)


def test_pits_apart_are_two_changes_and_touching_corners_are_one() -> None:
    apart = mask_of((2, 2, 6, 6), (20, 20, 6, 6))
    assert len(changes_of(look(0), look(5, apart))) == 2
    corners = mask_of((2, 2, 6, 6), (8, 8, 6, 6))
    assert len(changes_of(look(0), look(5, corners))) == 1


@pytest.mark.parametrize(("resolution_m", "looks", "smallest"), [(10, 1, 30), (10, 2, 30), (5, 1, 120), (5, 2, 120)])
def test_the_minimum_mapping_unit_is_reported_and_one_pixel_less_is_not(resolution_m: int, looks: int, smallest: int) -> None:
    for pixels, reported in ((smallest, 1), (smallest - 1, 0)):
        mask = np.zeros((SIDE, SIDE), bool)
        mask.flat[np.arange(pixels) // 12 * SIDE + np.arange(pixels) % 12] = True
        seen = [look(5 + n, mask, resolution_m=resolution_m) for n in range(looks)]
        assert len(changes_of(look(0, resolution_m=resolution_m), *seen)) == reported, pixels


def test_a_rim_around_what_was_there_is_not_growth() -> None:
    old, with_rim = mask_of((10, 10, 12, 12)), mask_of((9, 9, 14, 14))
    assert (with_rim & ~old).sum() > 30, "or the minimum mapping unit would hide it"
    assert changes_of(look(0, old), look(5, with_rim), look(10, with_rim)) == []


def test_growth_beside_what_was_there_is_a_change_and_takes_its_share_of_the_rim() -> None:
    old, grown = mask_of((10, 10, 12, 12)), mask_of((10, 10, 12, 20))
    (growth,) = changes_of(look(0, old), look(5, grown), look(10, grown))
    assert growth.geometry.area == 12 * 8 * 100 and growth.state is AlertState.CONFIRMED
    state = fold([look(0, old), look(5, grown)])
    assert inventory(state, SQUARE).area == 12 * 12 * 100
    assert inventory(state, SQUARE).intersection(growth.geometry).area == 0


def test_one_look_is_provisional_two_confirm_and_clean_looks_end_it() -> None:
    seen = [look(0), look(5, PIT), look(10, PIT)]
    assert [c.state for c in changes_of(*seen[:2])] == [AlertState.PROVISIONAL]
    (confirmed,) = changes_of(*seen)
    assert confirmed.state is AlertState.CONFIRMED and days(confirmed) == (0, 5, 10, 10)
    (ended,) = changes_of(*seen, look(15), look(20), look(25))
    assert ended.state is AlertState.ENDED and days(ended) == (0, 5, 10, 10) and ended.geometry.area == 6_400


@pytest.mark.parametrize(("seen_again", "state"), [(29, AlertState.PROVISIONAL), (30, AlertState.CONFIRMED)])
def test_a_change_is_confirmed_only_when_enough_of_it_is(seen_again: int, state: AlertState) -> None:
    again = np.zeros((SIDE, SIDE), bool)
    again[10 + np.arange(seen_again) // 8, 10 + np.arange(seen_again) % 8] = True
    sky = np.where(PIT & ~again, SkyClass.CLOUD, SkyClass.CLEAR).astype(np.uint8)
    (pit,) = changes_of(look(0), look(5, PIT), look(10, PIT, sky=sky))
    assert pit.state is state and pit.geometry.area == 6_400
    assert (pit.confirmed_at is None) == (state is AlertState.PROVISIONAL)


def test_it_is_first_seen_when_enough_of_it_is_seen() -> None:
    (pit,) = changes_of(look(0), look(5, mask_of((10, 10, 2, 8))), look(10, PIT))
    assert days(pit)[:2] == (0, 10), "16 pixels are not reported, 64 are; the look of day 5 already shows the beginning"
    assert pit.state is AlertState.PROVISIONAL


def test_what_a_person_is_shown_is_before_and_after() -> None:
    cloudy = np.where(PIT, SkyClass.CLOUD, SkyClass.CLEAR).astype(np.uint8)
    granules = [look(10, PIT, name="saw it"), look(10.001, PIT, sky=cloudy, name="cloudy")]
    (pit,) = changes_of(look(0), look(2), look(5, PIT), look(7, PIT, sky=cloudy), *granules)
    assert (pit.before.observation_id, pit.after.observation_id) == ("s2a-2", "saw it")
    assert [o.observation_id for o in pit.shown_by] == ["s2a-5", "saw it"], "what cloud hid shows nothing"


ROAD = mask_of((20, 5, 1, 40))


def test_a_road_is_a_line_with_its_length() -> None:
    (road,) = changes_of(look(0), look(5, {LandClass.ROAD: ROAD}))
    assert road.change_class is ChangeClass.ROAD and isinstance(road.geometry, shapely.MultiLineString)
    assert road.geometry.length == pytest.approx(390, abs=10)


def test_a_road_with_gaps_is_one_road_and_a_short_one_is_none() -> None:
    broken = ROAD.copy()
    broken[:, 15:17] = broken[:, 30:31] = False
    (road,) = changes_of(look(0), look(5, {LandClass.ROAD: broken}))
    assert road.geometry.length == pytest.approx(390, abs=10)
    assert changes_of(look(0), look(5, {LandClass.ROAD: mask_of((20, 5, 1, 20))})) == []
    assert len(changes_of(look(0), look(5, {LandClass.ROAD: mask_of((20, 5, 1, 21))}))) == 1


def test_roads_in_one_line_are_one_change_over_a_gap_of_150_m_and_two_over_more() -> None:
    for gap_px, parts in ((14, 1), (15, 2)):
        broken = mask_of((20, 0, 1, 21), (20, 20 + gap_px + 1, 1, SIDE - 20 - gap_px - 1))
        found = changes_of(look(0), look(5, {LandClass.ROAD: broken}), unit=MinimumMappingUnit(mining_ha=0.3, road_m=100, huts=3))
        assert len(found) == parts
        assert sum(c.geometry.length for c in found) == pytest.approx(470 if parts == 1 else 470 - (gap_px + 1) * 10)


def test_a_diagonal_road_is_confirmed_though_its_pixels_are_few() -> None:
    diagonal = mask_of(*((10 + n, 10 + n, 1, 1) for n in range(16)))
    (road,) = changes_of(look(0), *(look(day, {LandClass.ROAD: diagonal}) for day in (5, 10)))
    assert road.geometry.length == pytest.approx(15 * 10 * 2**0.5) and road.state is AlertState.CONFIRMED


def test_a_road_belongs_to_those_who_saw_it_not_to_specks_beside_it() -> None:
    """Specks were seen before the road was; it is as old as itself, and was not there when only they were."""
    specks = mask_of((25, 10, 1, 1), (25, 20, 1, 1), (15, 30, 1, 1))
    shown = [{LandClass.ROAD: specks}, {LandClass.ROAD: specks | ROAD}]
    (road,) = changes_of(look(0), look(5, shown[0]), look(10, shown[1]))
    assert days(road)[:2] == (5, 10)


def test_huts_count_as_clusters_only() -> None:
    camp = mask_of((10, 10, 1, 1), (10, 16, 1, 1), (15, 12, 1, 1))
    assert changes_of(look(0), look(5, {LandClass.HUT: camp})) == [], "a camp seen once is hearsay"
    (huts,) = changes_of(look(0), look(5, {LandClass.HUT: camp}), look(10, {LandClass.HUT: camp}))
    assert huts.change_class is ChangeClass.HUT and len(huts.geometry.geoms) == 3
    two = {LandClass.HUT: mask_of((10, 10, 1, 1), (10, 16, 1, 1))}
    assert changes_of(look(0), look(5, two), look(10, two)) == []
    scattered = mask_of((0, 0, 1, 1), (0, 47, 1, 1), (47, 20, 1, 1))
    assert changes_of(look(0), *(look(day, {LandClass.HUT: scattered}) for day in (5, 10))) == [], "three roofs 470 m apart are no camp"


def test_classes_are_told_apart() -> None:
    everything = {LandClass.MINING: PIT, LandClass.ROAD: ROAD, LandClass.WATER: mask_of((30, 0, 10, 40)), LandClass.BARE: PIT}
    assert [c.change_class for c in changes_of(look(0), look(5, everything))] == [ChangeClass.MINING, ChangeClass.ROAD]


def test_another_minimum_can_be_asked_for() -> None:
    small = mask_of((10, 10, 2, 2))
    unit = MinimumMappingUnit(mining_ha=0.04, road_m=10, huts=1)
    assert len(changes_of(look(0), look(5, small), look(10, small), unit=unit)) == 1


# ---- laws over random histories ----------------------------------------------------------------------------------

SKIES = st.sampled_from([SkyClass.CLEAR] * 4 + [SkyClass.CLOUD, SkyClass.SHADOW, SkyClass.FILL])
CHANCES = st.sampled_from([0.0, 0.2, 0.35, 0.55, 0.75, 0.95])
CLASSES = (LandClass.MINING, LandClass.ROAD, LandClass.HUT)
BLOCKS = 4
SMALL = MinimumMappingUnit(mining_ha=0.02, road_m=20.0, huts=1)


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """Up to eight looks; each shows blocks of each class, and is clouded, block by block."""
    made = []
    size = SIDE // BLOCKS
    for number, day in enumerate(draw(st.lists(st.integers(0, 300), min_size=1, max_size=8))):
        codes = np.array(draw(st.lists(SKIES, min_size=BLOCKS**2, max_size=BLOCKS**2)), np.uint8).reshape(BLOCKS, BLOCKS)
        sky = codes.repeat(size, 0).repeat(size, 1)
        stored = np.zeros((len(STORED_CLASSES), SIDE, SIDE), np.uint8)
        for land_class in CLASSES:
            chances = np.array(draw(st.lists(CHANCES, min_size=BLOCKS**2, max_size=BLOCKS**2))).reshape(BLOCKS, BLOCKS)
            layer = np.rint(chances * 255).astype(np.uint8).repeat(size, 0).repeat(size, 1)
            layer[::3] = 0 if land_class is not LandClass.MINING else layer[::3]
            stored[STORED_CLASSES.index(land_class)] = layer
        stored[:, sky != SkyClass.CLEAR] = 0
        positions, values = sparse(stored, origin=ORIGIN, side=1000)
        platform = draw(st.sampled_from(["s2a", "s2b"]))
        made.append(Observation(f"o{number}", f"o{number}", platform, START + timedelta(days=day), 10, positions, values, sky, ORIGIN))
    return made


@settings(max_examples=150, deadline=None)
@given(histories())
def test_the_dates_of_a_change_are_in_order_and_its_numbers_make_sense(history: list[Observation]) -> None:
    taken = {o.acquired_at for o in history}
    for unit in (None, SMALL):
        for change in changes_of(*history, unit=unit):
            assert change.last_clear_before_at <= change.first_seen_at <= change.last_seen_at
            assert {change.last_clear_before_at, change.first_seen_at, change.last_seen_at} <= taken
            assert (change.confirmed_at is None) == (change.state is AlertState.PROVISIONAL)
            if change.confirmed_at is not None:
                assert change.first_seen_at <= change.confirmed_at <= change.last_seen_at
            assert 0 <= change.probability <= 1 and 0 < change.looks_positive <= change.looks_clear
            assert change.shown_by and not change.geometry.is_empty and change.geometry.is_valid
            assert change.before.acquired_at <= change.after.acquired_at


@settings(max_examples=60, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_changes_do_not_depend_on_arrival(history: list[Observation], shuffle: object) -> None:
    arrived = [*history, *history[:2]]
    shuffle.shuffle(arrived)  # type: ignore[attr-defined]
    assert [_plain(c) for c in changes_of(*arrived)] == [_plain(c) for c in changes_of(*history)]


@settings(max_examples=60, deadline=None)
@given(histories())
def test_new_mining_never_overlaps_what_was_there(history: list[Observation]) -> None:
    state = fold(history)
    known = inventory(state, SQUARE)
    for change in changes(state, SQUARE):
        if change.change_class is ChangeClass.MINING:
            assert change.geometry.intersection(known).area == 0
            assert change.geometry.area >= 3_000


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(1, 4))
def test_a_place_that_looks_as_it_did_has_not_changed(history: list[Observation], times: int) -> None:
    first = history[0]
    again = [
        Observation(f"again{n}", f"again{n}", first.platform, first.acquired_at + timedelta(days=n + 1), 10, first.positions,
                    first.values, first.sky, first.origin)
        for n in range(times)
    ]  # fmt: skip
    assert changes_of(first, *again, unit=SMALL) == []


def _plain(change: Change) -> Sequence[object]:
    return (
        change.change_class, change.state, change.geometry.wkt, days(change), change.probability, change.looks_positive,
        change.looks_clear, change.before.observation_id, change.after.observation_id, [o.observation_id for o in change.shown_by],
    )  # fmt: skip
