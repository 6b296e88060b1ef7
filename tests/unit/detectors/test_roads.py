"""Road masks to lines: spurs cut, gaps closed where directions agree, noise left out; all limits in metres."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.draw import line

from jagawana.detectors.roads.gaps import closed
from jagawana.detectors.roads.lines import RoadLimits, road_lines
from jagawana.detectors.roads.mask import GAP_M, SPUR_M, STUB_M, Networks, road_networks
from jagawana.detectors.roads.networks import ends_of, far_reaching, mean_along, network_of, supported, without_spurs
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


# ---- roads of a class mask ---------------------------------------------------------------------------------------


def networks(mask: np.ndarray, resolution_m: float = 10.0, at_least_m: float = 200.0) -> Networks:
    return road_networks(mask, resolution_m, at_least_m=at_least_m)


def broken(gap_px: int, side: int = 200, width: int = 1) -> np.ndarray:
    """A straight road of 600 m at 10 m, with a hole in its middle; all of it is 61 pixels long."""
    mask = drawn((50, 20), (50, 80), width=width, side=side)
    mask[:, 50 : 50 + gap_px] = False
    return mask


@pytest.mark.parametrize(("gap_px", "parts"), [(1, 1), (6, 1), (14, 1), (15, 2), (20, 2)])
def test_a_gap_of_150_m_is_closed_and_what_was_not_seen_does_not_count(gap_px: int, parts: int) -> None:
    found = networks(broken(gap_px), at_least_m=100.0)
    assert GAP_M == 150 and len(found.seen_m) == parts
    assert found.seen_m.sum() == pytest.approx((60 - gap_px - 1) * 10)
    assert shapely.length(found.lines).sum() == pytest.approx(60 if parts == 1 else 60 - gap_px - 1)
    assert np.array_equal(found.labels > 0, broken(gap_px))


@pytest.mark.parametrize(("down_px", "parts"), [(6, 1), (14, 2)])
def test_a_gap_where_the_road_would_turn_by_more_than_40_degrees_stays_open(down_px: int, parts: int) -> None:
    mask = drawn((50, 20), (50, 50)) | drawn((50 + down_px, 60), (50 + down_px, 90))
    assert len(networks(mask).seen_m) == parts


def test_metres_that_were_not_seen_make_no_road() -> None:
    """Two roads of 90 m with 100 m between are 180 m, though their line is 280 m long."""
    mask = drawn((50, 20), (50, 29)) | drawn((50, 39), (50, 48))
    assert networks(mask, at_least_m=180.0).seen_m == pytest.approx([180])
    assert len(networks(mask, at_least_m=180.1).lines) == 0 and not networks(mask, at_least_m=180.1).labels.any()


@pytest.mark.parametrize(("stub_px", "counts"), [(2, False), (3, True)])
def test_what_lies_alone_and_is_shorter_than_a_stub_is_no_road(stub_px: int, counts: bool) -> None:
    mask = drawn((50, 20), (50, 50)) | drawn((50, 56), (50, 55 + stub_px))
    found = networks(mask)
    assert STUB_M == 20 and found.seen_m == pytest.approx([300 + 20 * counts])
    assert found.labels[50, 56] == counts


def test_spurs_are_cut_until_none_is_left() -> None:
    """A twig on a twig, each of 30 m, and a row of them: the road is one line."""
    mask = drawn((50, 20), (50, 80)) | drawn((50, 40), (47, 40)) | drawn((50, 50), (53, 50)) | drawn((50, 60), (47, 60))
    mask |= drawn((47, 40), (45, 38)) | drawn((47, 40), (45, 42))
    (road,) = networks(mask).lines
    assert road.length == pytest.approx(60, abs=2)


def test_a_road_of_two_pixels_at_5_m_is_not_smoothed_away() -> None:
    found = networks(broken(10, width=2), 5.0, at_least_m=150.0)
    assert len(found.seen_m) == 1 and shapely.length(found.lines).sum() == pytest.approx(60, abs=3)


def test_a_closed_gap_with_a_junction_is_one_network_the_same_in_all_eight_views() -> None:
    mask = broken(8) | drawn((58, 30), (110, 34))
    lengths = set()
    for view in (mask, mask.T):
        for turns in range(4):
            found = networks(np.ascontiguousarray(np.rot90(view, turns)))
            assert len(found.seen_m) == 1 and len(found.lines) == 3
            lengths.add(round(shapely.length(found.lines).sum()))
    assert max(lengths) - min(lengths) <= 2


def test_a_mask_without_roads_has_no_networks() -> None:
    nothing = networks(np.zeros((9, 9), bool))
    assert len(nothing.lines) == len(nothing.network) == len(nothing.seen_m) == 0 and not nothing.labels.any()
    assert len(networks(drawn((40, 10), (40, 12))).lines) == 0


@st.composite
def road_masks(draw: st.DrawFn) -> np.ndarray:
    """A few bent roads with holes, one or two pixels wide, off the edges."""
    places, mask = st.tuples(st.integers(8, 71), st.integers(8, 71)), np.zeros((80, 80), bool)
    for points in draw(st.lists(st.lists(places, min_size=2, max_size=3), min_size=1, max_size=4)):
        mask |= drawn(*points, width=draw(st.integers(1, 2)), side=80)
    for row, column in draw(st.lists(places, max_size=6)):
        mask[row - 4 : row + 4, column - 4 : column + 4] = False
    return mask


@settings(max_examples=120, deadline=None)
@given(road_masks(), st.sampled_from([(5.0, 150.0), (10.0, 200.0)]))
def test_networks_are_of_whole_pieces_long_enough_and_without_spurs(mask: np.ndarray, grid: tuple[float, float]) -> None:
    found = networks(mask, *grid)
    assert np.array_equal(np.unique(found.network), np.arange(len(found.seen_m))) and (found.seen_m >= grid[1]).all()
    assert np.array_equal(np.unique(np.append(found.labels, 0)), np.arange(len(found.seen_m) + 1)) and mask[found.labels > 0].all()
    for number, piece in enumerate(ndimage.find_objects(pieces := ndimage.label(mask, np.ones((3, 3)))[0]), 1):
        assert len(np.unique(found.labels[piece][pieces[piece] == number])) == 1, "a piece is of one network or of none"
    for number in range(len(found.seen_m)):
        lines = found.lines[found.network == number]
        assert len(np.unique(network_of(lines))) == 1, "it hangs together"
        free = (ends_of(lines)[2] == 1).sum(axis=0) == 1
        assert (shapely.length(lines[free & ~shapely.is_closed(lines)]) >= SPUR_M / grid[0]).all()


@settings(max_examples=60, deadline=None)
@given(road_masks(), st.lists(st.tuples(st.integers(0, 79), st.integers(0, 79)), max_size=8), st.integers(0, 9))
def test_specks_off_the_road_and_where_it_lies_change_nothing(mask: np.ndarray, specks: list[tuple[int, int]], by: int) -> None:
    with_specks = mask.copy()
    for row, column in specks:
        if not with_specks[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].any():
            with_specks[row, column] = True
    once, again = networks(mask), networks(np.pad(with_specks, ((by, 0), (2 * by, 3))))
    assert np.array_equal(once.labels, again.labels[by:, 2 * by : -3]) and np.array_equal(once.seen_m, again.seen_m)
    assert np.array_equal(np.add(shapely.get_coordinates(once.lines), (2 * by, by)), shapely.get_coordinates(again.lines))
