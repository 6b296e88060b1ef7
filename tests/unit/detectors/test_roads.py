"""Noisy road masks to lines: spurs cut, gaps closed where directions agree, noise left out; all limits in metres."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from scipy import ndimage
from skimage.draw import line

from jagawana.detectors.roads.gaps import closed
from jagawana.detectors.roads.lines import RoadLimits, road_lines
from jagawana.detectors.roads.networks import far_reaching, mean_along, supported, without_spurs
from jagawana.detectors.roads.skeleton import skeleton_lines

Point = tuple[float, float]
NOTHING = np.zeros((200, 200), np.float32)


def drawn(*points: tuple[int, int], width: int = 1, side: int = 200) -> np.ndarray:
    """A road through points (row, column), `width` pixels wide."""
    mask = np.zeros((side, side), bool)
    for (r0, c0), (r1, c1) in pairwise(points):
        mask[line(r0, c0, r1, c1)] = True
    return ndimage.binary_dilation(mask, np.ones((width, width), bool)) if width > 1 else mask


def lines_of(*lines: tuple[Point, ...]) -> np.ndarray:
    """Lines with a vertex every pixel, as skeletons have."""
    return np.array([shapely.segmentize(shapely.LineString(points), 1.0) for points in lines], object)


def roads(mask: np.ndarray, resolution_m: float = 3.125, **limits: float) -> shapely.MultiLineString:
    return road_lines(mask.astype(np.float32), resolution_m, RoadLimits(**limits))


def close(lines: np.ndarray, gap: float = 20.0, likelihood: np.ndarray = NOTHING, turn_deg: float = 40.0) -> np.ndarray:
    return closed(lines, likelihood, gap=gap, turn_deg=turn_deg, look_back=10.0)


# ---- skeleton, spurs, networks -----------------------------------------------------------------------------------


def test_lines_meet_at_junctions_only_and_run_through_the_middle() -> None:
    cross = drawn((10, 50), (90, 50), width=3) | drawn((50, 10), (50, 90), width=3)
    found = skeleton_lines(cross)
    assert len(found) == 4 and all(shapely.distance(piece, shapely.Point(50.5, 50.5)) < 2 for piece in found)
    assert shapely.length(found).sum() == pytest.approx(160, abs=6)
    assert len(skeleton_lines(np.zeros((5, 5), bool))) == 0


def test_spurs_are_cut_until_none_is_left_and_the_road_becomes_one_line() -> None:
    comb = lines_of(((0, 50), (20, 50)), ((20, 50), (40, 50)), ((40, 50), (99, 50)), ((20, 50), (20, 55)), ((40, 50), (40, 57)))
    twig_on_a_twig = lines_of(((20, 55), (16, 59)), ((20, 55), (24, 59)))
    (road,) = without_spurs(np.concatenate([comb, twig_on_a_twig]), 10.0)
    assert road.equals(shapely.LineString([(0, 50), (99, 50)]))


def test_a_branch_longer_than_a_spur_a_ring_and_a_lone_line_stay() -> None:
    tee = lines_of(((0, 50), (50, 50)), ((50, 50), (99, 50)), ((50, 50), (50, 62)))
    assert len(without_spurs(tee, 10.0)) == 3 and len(without_spurs(tee, 13.0)) == 1
    alone = np.array([shapely.LinearRing([(0, 0), (4, 0), (4, 4)]), *lines_of(((90, 90), (93, 90)))], object)
    alone[0] = shapely.LineString(alone[0].coords)
    assert len(without_spurs(alone, 50.0)) == 2


def test_a_network_counts_as_far_as_it_reaches_together() -> None:
    chain = lines_of(((0, 0), (30, 0)), ((30, 0), (30, 40)), ((100, 100), (140, 100)))
    assert len(far_reaching(chain, 45.0)) == 2 and len(far_reaching(chain, 51.0)) == 0 and len(far_reaching(chain, 40.0)) == 3


def test_a_network_without_support_is_left_out() -> None:
    likelihood = NOTHING.copy()
    likelihood[10, :] = 0.9
    likelihood[50, :] = 0.6
    both = lines_of(((0, 10.5), (90, 10.5)), ((0, 50.5), (90, 50.5)))
    assert mean_along(both, likelihood) == pytest.approx([0.9, 0.6])
    assert [piece.bounds[1] for piece in supported(both, likelihood, 0.8)] == [10.5]


# ---- gaps --------------------------------------------------------------------------------------------------------


def test_a_gap_in_a_straight_road_is_closed_up_to_its_length() -> None:
    broken = lines_of(((0, 50), (60, 50)), ((75, 50), (150, 50)))
    (road,) = close(broken, gap=15.0)
    assert road.length == pytest.approx(150)
    assert len(close(broken, gap=14.9)) == 2


@pytest.mark.parametrize(("degrees", "joined"), [(0, True), (30, True), (50, False), (90, False)])
def test_ends_are_joined_only_where_directions_agree(degrees: int, joined: bool) -> None:
    onwards = (90 * np.cos(np.radians(degrees)), 90 * np.sin(np.radians(degrees)))
    start = (60 + onwards[0] * 12 / 90, 50 + onwards[1] * 12 / 90)
    pieces = lines_of(((0, 50), (60, 50)), (start, (60 + onwards[0], 50 + onwards[1])))
    assert len(close(pieces)) == (1 if joined else 2)


def test_parallel_ends_side_by_side_are_not_joined() -> None:
    assert len(close(lines_of(((0, 50), (60, 50)), ((0, 58), (60, 58))))) == 2


def test_an_end_that_leads_to_the_side_of_a_road_becomes_a_junction() -> None:
    pieces = close(lines_of(((0, 50), (120, 50)), ((60, 62), (60, 120))))
    assert len(pieces) == 3 and all(shapely.distance(piece, shapely.Point(60, 50)) == 0 for piece in pieces)
    assert shapely.length(pieces).sum() == pytest.approx(120 + 70)


def test_where_two_ways_lead_on_the_likely_one_is_taken() -> None:
    stem, up, down = ((0, 50), (60, 50)), ((72, 55), (150, 80)), ((72, 45), (150, 20))
    for chosen, row in (("up", 52), ("down", 47)):
        likelihood = NOTHING.copy()
        likelihood[row - 1 : row + 3, 60:72] = 1.0
        whole, other = sorted(close(lines_of(stem, up, down), likelihood=likelihood), key=lambda piece: -piece.length)
        assert whole.bounds[0] == 0 and whole.bounds[3 if chosen == "up" else 1] == (80 if chosen == "up" else 20)
        assert other.bounds[0] == 72


def test_nothing_to_close_is_no_error() -> None:
    assert len(close(np.empty(0, object))) == 0
    (ring,) = close(np.array([shapely.LineString([(0, 0), (9, 0), (9, 9), (0, 0)])], object))
    assert ring.is_closed


# ---- the whole way -----------------------------------------------------------------------------------------------

ROAD = ((20, 10), (60, 110), (150, 190))


def noisy(seed: int = 0) -> np.ndarray:
    """A road of 8 pixels with ragged edges and two holes right across it, among specks on a sixth of all pixels."""
    rng = np.random.default_rng(seed)
    road = drawn(*ROAD, width=8)
    specks = ndimage.gaussian_filter(rng.random((200, 200)), 1.0)
    mask = (road & (rng.random((200, 200)) < 0.95)) | (specks > np.quantile(specks, 0.84))
    rows, columns = np.indices(mask.shape)
    for row, column in ((40, 60), (105, 150)):
        mask[np.hypot(rows - row, columns - column) < 6] = False
    return mask


def test_broken_roads_in_noise_become_one_network_and_the_noise_none() -> None:
    """Where specks hang on to an end it leads astray, and its gap stays: three roads in twelve."""
    truth, whole = shapely.LineString([(c + 0.5, r + 0.5) for r, c in ROAD]), 0
    for seed in range(12):
        found = roads(noisy(seed))
        assert shapely.unary_union(found.buffer(0.1)).geom_type == "Polygon", "one network"
        assert truth.buffer(6).intersection(found).length >= 0.85 * found.length
        whole += found.buffer(4).intersection(truth).length >= 0.95 * truth.length
        assert not roads(noisy(seed), gap_m=1e-6, extent_m=500).buffer(4).contains(truth), "the gaps are there"
    assert whole >= 9


def test_noise_alone_has_no_roads() -> None:
    rng = np.random.default_rng(4)
    specks = ndimage.gaussian_filter(rng.random((300, 300)), 1.0)
    assert roads(specks > np.quantile(specks, 0.75)).is_empty
    assert roads(np.zeros((50, 50), bool)).is_empty


def test_limits_are_metres() -> None:
    road = drawn((50, 20), (50, 120), width=3)
    assert roads(road, 10.0, extent_m=900).length == pytest.approx(100, abs=4)
    assert roads(road, 10.0, extent_m=1100).is_empty
    assert roads(road, 20.0, extent_m=1100).length == pytest.approx(100, abs=4)


def test_the_same_mask_gives_the_same_lines_wherever_it_lies() -> None:
    once = roads(noisy())
    assert once.wkb == roads(noisy()).wkb
    moved = roads(np.pad(noisy(), ((40, 40), (24, 24))))
    assert shapely.transform(moved, lambda xy: xy - (24, 40)).hausdorff_distance(once) < 3
