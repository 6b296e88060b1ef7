"""What was believed of an area as of each look."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.change import changes
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import fold, folds
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import Observation, sparse
from jagawana.detectors.timeline import AreaLook, area_looks
from jagawana.schemas.alert import AlertState, ChangeClass

TILE = "49MDU57"
SQUARE = tile_square(TILE)
ORIGIN = (100, 200)
WEST, NORTH = SQUARE.east + 2_000, SQUARE.north + 9_000
CELL = shapely.box(WEST, NORTH - 1_000, WEST + 1_000, NORTH)
"""The kilometre that the looks show."""


def look(day: int, *patches: tuple[int, int, int, int], band: int = 0, value: int = 250, cloud_below: int = 100) -> Observation:
    """Patches of row, column, height, width in the window; band 0 is mining, 1 roads, 2 huts; clouds from a row on."""
    stored, sky = np.zeros((5, 100, 100), np.uint8), np.full((100, 100), SkyClass.CLEAR, np.uint8)
    for row, column, height, width in patches:
        stored[band, row : row + height, column : column + width] = value
    sky[cloud_below:] = SkyClass.CLOUD
    stored[:, sky != SkyClass.CLEAR] = 0
    positions, values = sparse(stored, origin=ORIGIN, side=1000)
    return Observation(
        f"{day}", f"s{day}", "s2a", datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day), 10, positions, values, sky, ORIGIN
    )


def seen(*looks: Observation, area: BaseGeometry = CELL) -> list[AreaLook]:
    return area_looks(looks, SQUARE, area)


def new_ha(found: list[AreaLook]) -> list[float]:
    return [round(x.shapes.mining_new.area / 1e4, 2) for x in found]


PIT, GROWN = (10, 10, 8, 10), (10, 10, 16, 10)


def test_each_state_is_the_fold_of_the_looks_up_to_it() -> None:
    history = [look(0), look(5, PIT), look(10, PIT, cloud_below=12), look(15, GROWN), look(20), look(25), look(30), look(35, PIT)]
    for n, state in enumerate(folds(history), 1):
        alone = fold(history[:n])
        at = np.searchsorted(state.positions, alone.positions)
        assert (state.positions[at] == alone.positions).all() and len(state.looks) == n
        for name in ("phase", "first", "before", "confirmed", "last", "positive", "clear"):
            assert (getattr(state, name)[at] == getattr(alone, name)).all(), name
        assert not np.delete(state.phase, at).any()


def test_mining_is_new_from_the_look_by_which_it_is_believed_and_dated_back_to_the_one_that_showed_it() -> None:
    found = seen(look(0), look(5, PIT, value=150), look(10, PIT), look(15, GROWN), look(20, GROWN))
    assert new_ha(found)[0] == 0 and new_ha(found)[-1] == 1.6
    assert [x.dated_back_ha for x in found] == [0, pytest.approx(0.8), pytest.approx(0.8), pytest.approx(1.6), pytest.approx(1.6)]
    assert new_ha(found)[1] == 0.0, "a faint look is not believed yet"


def test_mining_that_ended_keeps_its_past() -> None:
    found = seen(look(0), look(5, PIT), look(10, PIT), look(15), look(20), look(25), look(30))
    assert new_ha(found) == [0, 0.8, 0.8, 0.8, 0.8, 0, 0], "believed until three clean looks"
    assert [round(x.dated_back_ha, 2) for x in found] == [0, 0.8, 0.8, 0, 0, 0, 0], "gone from the look that no longer showed it"


def test_what_the_first_look_shows_is_known_and_never_new() -> None:
    found = seen(look(0, PIT), look(5, PIT), look(10, PIT))
    assert new_ha(found) == [0, 0, 0] and [round(x.shapes.mining_known.area / 1e4, 2) for x in found] == [0.8] * 3


def test_the_last_look_draws_what_alerts_draw() -> None:
    history = [look(0), look(5, GROWN), look(10, GROWN), look(15, GROWN)]
    (change,) = [c for c in changes(fold(history), SQUARE) if c.change_class is ChangeClass.MINING]
    assert change.state is AlertState.CONFIRMED and seen(*history)[-1].shapes.mining_new.equals(change.geometry)


def test_only_what_lies_in_the_area_counts() -> None:
    upper = shapely.box(WEST, NORTH - 140, WEST + 1_000, NORTH)
    found = seen(look(0), look(5, GROWN), look(10, GROWN), area=upper)
    assert new_ha(found)[-1] == 0.4 and found[-1].dated_back_ha == pytest.approx(0.4)
    elsewhere = shapely.box(WEST, NORTH - 900, WEST + 900, NORTH - 500)
    assert seen(look(0), look(5, GROWN), look(10, GROWN), area=elsewhere)[-1].shapes.mining_new.is_empty


def test_how_much_was_seen_is_of_the_area_and_not_of_the_scene() -> None:
    upper, twice = shapely.box(WEST, NORTH - 500, WEST + 1_000, NORTH), shapely.box(WEST - 1_000, NORTH - 1_000, WEST + 1_000, NORTH)
    history = [look(0, cloud_below=25)]
    assert [x.clear_m2 / x.area_m2 for area in (CELL, upper, twice) for x in seen(*history, area=area)] == [0.25, 0.5, 0.125]


def test_two_granules_of_a_pass_see_together() -> None:
    north, south = look(0, cloud_below=40), look(0)
    sky = south.sky.copy()
    sky[:60] = SkyClass.CLOUD
    other = Observation("other", "other", "s2a", south.acquired_at, 10, south.positions, south.values, sky, ORIGIN)
    (only,) = seen(north, other)
    assert only.clear_m2 / only.area_m2 == 0.8 and len(only.observations) == 2


def test_roads_are_metres_and_roofs_seen_once_are_not_counted() -> None:
    road, roofs = (50, 10, 1, 60), [(20, 20, 1, 1), (20, 24, 1, 1), (24, 20, 1, 1)]
    found = seen(look(0), look(5, road, band=1), look(10, road, band=1))
    assert found[-1].shapes.roads_new.length == pytest.approx(590, abs=30) and found[-1].shapes.roads_known.is_empty
    huts = [shapely.get_num_geometries(x.shapes.huts_new) for x in seen(look(0), look(5, *roofs, band=2), look(10, *roofs, band=2))]
    assert huts == [0, 0, 3]
