"""The area series of a place: what was believed at each look, and how much of it was really seen."""

from datetime import UTC, datetime, timedelta

import numpy as np

from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import fold
from jagawana.detectors.grid import cell_at, cell_square, tile_square
from jagawana.detectors.history import Observation, sparse
from jagawana.detectors.timeline import SeriesPoint, series

START = datetime(2026, 1, 1, tzinfo=UTC)
TILE = "49MDU57"
SQUARE = tile_square(TILE)
CELL = cell_square(cell_at(TILE, SQUARE.east + 2_500, SQUARE.north + 8_500))
ORIGIN = (100, 200)
"""The cell's north-west pixel."""


def look(day: int, mining: int = 0, road: int = 0, huts: int = 0, sky: int | np.ndarray = SkyClass.CLEAR) -> Observation:
    """The first `mining` pixels of row 1, `road` of row 5, `huts` of row 9."""
    stored = np.zeros((5, 100, 100), np.uint8)
    for band, row, count in ((0, 1, mining), (1, 5, road), (2, 9, huts)):
        stored[band, row, :count] = 230
    codes = np.full((100, 100), sky, np.uint8) if np.isscalar(sky) else np.asarray(sky, np.uint8)
    stored[:, codes != SkyClass.CLEAR] = 0
    positions, values = sparse(stored, origin=ORIGIN, side=1000)
    return Observation(f"{day}", f"{day}", "s2a", START + timedelta(days=day), 10, positions, values, codes, ORIGIN)


def points(*looks: Observation, place=CELL) -> list[SeriesPoint]:  # type: ignore[no-untyped-def]
    return series(fold(looks), SQUARE, place.polygon)


def test_each_look_has_its_point_and_the_area_grows_with_the_pit() -> None:
    found = points(look(0), look(5, 20), look(10, 20), look(15, 50))
    assert [p.at for p in found] == [START + timedelta(days=d) for d in (0, 5, 10, 15)]
    assert [p.mining_ha for p in found] == [0.0, 0.2, 0.2, 0.5] and {p.clear_share for p in found} == {1.0}


def test_what_was_there_counts_from_the_first_look() -> None:
    assert [p.mining_ha for p in points(look(0, 30), look(5, 30), look(10, 40))] == [0.3, 0.3, 0.4]


def test_regrowth_takes_the_area_down_after_the_last_look_that_showed_it() -> None:
    found = points(look(0), look(5, 20), look(10, 20), look(15), look(20), look(25))
    assert [p.mining_ha for p in found] == [0.0, 0.2, 0.2, 0.0, 0.0, 0.0]


def test_what_was_there_and_regrew_keeps_its_past() -> None:
    found = points(look(0, 30), look(5, 30), *(look(10 + 5 * n) for n in range(8)))
    assert [p.mining_ha for p in found] == [0.3, 0.3] + [0.0] * 8


def test_a_single_weak_look_is_not_believed() -> None:
    faint = look(5, 20)
    faint.values[:] = 140
    assert [p.mining_ha for p in points(look(0), faint)] == [0.0, 0.0]


def test_cloud_is_a_gap_not_a_nought() -> None:
    half = np.full((100, 100), SkyClass.CLEAR, np.uint8)
    half[50:] = SkyClass.CLOUD
    found = points(look(0), look(5, 20), look(10, sky=SkyClass.CLOUD), look(15, 20, sky=half))
    assert [p.clear_share for p in found] == [1.0, 1.0, 0.0, 0.5] and [p.mining_ha for p in found] == [0.0, 0.2, 0.2, 0.2]


def test_roads_are_metres_and_huts_are_pixels() -> None:
    (_, now) = points(look(0), look(5, road=12, huts=3))
    assert (now.mining_ha, now.road_m, now.hut_px) == (0.0, 120.0, 3)


def test_the_neighbour_s_area_is_not_this_one_s() -> None:
    beside = cell_square(cell_at(TILE, SQUARE.east + 3_500, SQUARE.north + 8_500))
    found = points(look(0), look(5, 20), place=beside)
    assert [(p.mining_ha, p.clear_share) for p in found] == [(0.0, 0.0), (0.0, 0.0)]
