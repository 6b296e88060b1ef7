"""Masks to geometry: areas to the square metre, roads to their length, roofs to their number."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.draw import line

from jagawana.detectors.grid import Square
from jagawana.detectors.shapes import centre_lines, cluster, corner, polygons

NORTH_WEST = (453_120.0, 9_870_990.0)
Point = tuple[int, int]


def drawn(*points: Point, width: int = 1, side: int = 90) -> np.ndarray:
    """A road through points (row, column), `width` pixels wide."""
    mask = np.zeros((side, side), bool)
    for (r0, c0), (r1, c1) in pairwise(points):
        mask[line(r0, c0, r1, c1)] = True
    return ndimage.binary_dilation(mask, np.ones((width, width), bool)) if width > 1 else mask


def traced(mask: np.ndarray, resolution_m: float = 10.0, at_least_m: float = 100.0) -> shapely.MultiLineString:
    lines = centre_lines(mask, NORTH_WEST, resolution_m, at_least_m=at_least_m)
    assert isinstance(lines, shapely.MultiLineString)
    return lines


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Anything from salt and pepper to blocks with holes."""
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return np.array(bits, bool).reshape(height, width)


@settings(max_examples=300, deadline=None)
@given(masks(), st.sampled_from([5.0, 10.0]))
def test_the_area_is_the_pixel_count_times_the_pixel_area_exactly(mask: np.ndarray, resolution_m: float) -> None:
    shape = polygons(mask, NORTH_WEST, resolution_m)
    assert isinstance(shape, shapely.MultiPolygon) and shape.is_valid
    assert shape.area == mask.sum() * resolution_m**2


@settings(max_examples=100, deadline=None)
@given(masks())
def test_a_pixel_lies_inside_exactly_when_it_is_set(mask: np.ndarray) -> None:
    shape = polygons(mask, NORTH_WEST, 10.0)
    rows, columns = np.indices(mask.shape)
    centres = shapely.points(NORTH_WEST[0] + (columns + 0.5) * 10, NORTH_WEST[1] - (rows + 0.5) * 10)
    assert np.array_equal(shapely.contains(shape, centres), mask)


def test_a_hole_stays_a_hole_and_corners_do_not_join() -> None:
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    (part,) = polygons(ring, NORTH_WEST, 10.0).geoms
    assert len(part.interiors) == 1
    assert len(polygons(np.eye(3, dtype=bool), NORTH_WEST, 10.0).geoms) == 3


def test_a_window_s_corner_counts_rows_from_the_north() -> None:
    assert corner(Square(32749, 450_000, 9_870_000, 10_000), 10.0, (3, 5)) == (450_050.0, 9_879_970.0)


STRAIGHT = ((40, 10), (40, 60))
STEEP = ((10, 40), (75, 44))
DIAGONAL = ((10, 10), (60, 60))
BENT = ((10, 10), (10, 50), (50, 50))
ZIGZAG = ((10, 10), (30, 30), (10, 50), (30, 70))


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize(
    ("points", "pixels"),
    [(STRAIGHT, 50), (STEEP, sqrt(65**2 + 4**2)), (DIAGONAL, 50 * sqrt(2)), (BENT, 80), (ZIGZAG, 60 * sqrt(2))],
    ids=["straight", "steep", "diagonal", "bent", "zigzag"],
)
def test_the_length_of_a_road_is_measured_along_it(points: tuple[Point, ...], pixels: float, width: int) -> None:
    road = traced(drawn(*points, width=width))
    assert len(road.geoms) == 1
    assert road.length == pytest.approx(pixels * 10, rel=0.06, abs=20)


def test_the_same_road_in_finer_pixels_has_the_same_length() -> None:
    coarse, fine = traced(drawn(*DIAGONAL)), traced(drawn((20, 20), (120, 120), side=180), 5.0)
    assert fine.length == pytest.approx(coarse.length, abs=10)


def test_the_line_runs_through_the_middle_of_the_road() -> None:
    road = traced(drawn(*STRAIGHT, width=3))
    middle = shapely.LineString([(NORTH_WEST[0], NORTH_WEST[1] - 40.5 * 10), (NORTH_WEST[0] + 900, NORTH_WEST[1] - 40.5 * 10)])
    assert road.intersection(middle.buffer(1)).length >= 0.95 * road.length
    assert middle.buffer(10.5).contains(road)


@pytest.mark.parametrize("width", [1, 3])
def test_a_junction_has_three_arms(width: int) -> None:
    mask = drawn((40, 10), (40, 70), width=width) | drawn((40, 40), (75, 40), width=width)
    road = traced(mask)
    assert len(road.geoms) == 3
    assert road.length == pytest.approx((60 + 35) * 10, rel=0.04, abs=20)


@pytest.mark.parametrize("gap", [1, 2, 3])
@pytest.mark.parametrize(("points", "width"), [(STRAIGHT, 1), (STRAIGHT, 3), (DIAGONAL, 3)], ids=["straight", "wide", "diagonal"])
def test_small_gaps_are_bridged(points: tuple[Point, ...], width: int, gap: int) -> None:
    mask = drawn(*points, width=width)
    mask[:, 35 : 35 + gap] = False
    road = traced(mask)
    assert len(road.geoms) == 1
    assert road.length == pytest.approx(traced(drawn(*points, width=width)).length, abs=20)


def test_a_gap_in_a_thin_diagonal_costs_no_more_than_the_gap() -> None:
    mask = drawn(*DIAGONAL)
    mask[:, 35:37] = False
    assert traced(mask).length == pytest.approx(50 * sqrt(2) * 10, abs=3 * sqrt(2) * 10 + 1)


def test_a_wide_gap_is_left_open() -> None:
    mask = drawn(*STRAIGHT)
    mask[:, 30:40] = False
    assert len(traced(mask).geoms) == 2


def test_a_short_dead_end_is_the_skeleton_s_and_a_long_one_is_a_road() -> None:
    short = traced(drawn(*STRAIGHT) | drawn((40, 30), (43, 30)))
    assert len(short.geoms) == 1 and short.length == pytest.approx(500, abs=15)
    assert len(traced(drawn(*STRAIGHT) | drawn((40, 30), (50, 30))).geoms) == 3


def test_ragged_edges_leave_no_spurs() -> None:
    rng = np.random.default_rng(1)
    mask = drawn(*STRAIGHT, width=3)
    mask |= ndimage.binary_dilation(mask) & (rng.random(mask.shape) < 0.3)
    road = traced(mask)
    assert len(road.geoms) == 1 and road.length == pytest.approx(500, rel=0.08)


def test_a_road_around_a_village_is_kept_whole() -> None:
    ring = traced(drawn((20, 20), (20, 50), (50, 50), (50, 20), (20, 20)))
    assert ring.length == pytest.approx(1200, rel=0.04)


def test_a_road_shorter_than_asked_is_no_road() -> None:
    mask = drawn((40, 10), (40, 30))
    assert traced(mask, at_least_m=200.0).length == pytest.approx(200.0)
    assert traced(mask, at_least_m=200.1).is_empty
    assert traced(np.zeros((9, 9), bool)).is_empty and traced(drawn((4, 4), (4, 4), side=9), at_least_m=0).is_empty


def test_roofs_are_counted_not_their_pixels() -> None:
    mask = np.zeros((30, 30), bool)
    for row, column in ((3, 3), (3, 8), (10, 5)):
        mask[row : row + 2, column : column + 2] = True
    roofs = cluster(mask, NORTH_WEST, 5.0, at_least=3)
    assert len(roofs.geoms) == 3
    assert (NORTH_WEST[0] + 4 * 5.0, NORTH_WEST[1] - 4 * 5.0) in {(p.x, p.y) for p in roofs.geoms}
    assert cluster(mask, NORTH_WEST, 5.0, at_least=4).is_empty
    assert cluster(np.zeros((3, 3), bool), NORTH_WEST, 5.0, at_least=0).is_empty
