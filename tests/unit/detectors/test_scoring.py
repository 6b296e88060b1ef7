"""Every figure against what one counts by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.model_card import Evaluation, Ratio
from jagawana.detectors.scoring.calibration import calibration_error, curve, reliability
from jagawana.detectors.scoring.called import Called
from jagawana.detectors.scoring.changes import Dates, count_pair, pixels_of
from jagawana.detectors.scoring.evaluation import Counts, count_image, evaluate_called, evaluation
from jagawana.detectors.scoring.intervals import auc, ratio
from jagawana.detectors.scoring.roads import count_roads

MASKS = arrays(np.uint8, (2, 3, 12, 12), elements=st.sampled_from([0, 1, 2, 3, 4, 5, NOT_OBSERVED]))


def certain(classes: np.ndarray) -> np.ndarray:
    return (classes == LandClass.MINING).astype(np.float32)


def scored(truth: np.ndarray, said: np.ndarray, block: tuple[str, ...], resolution_m: float = 10.0) -> Evaluation:
    counts = Counts()
    for true, called, name in zip(truth.astype(np.uint8), said.astype(np.uint8), block, strict=True):
        counts.add(count_image(true, called, certain(called), resolution_m=resolution_m), name)
    return evaluation(counts, data="")


def scored_pairs(
    truth: np.ndarray, said: np.ndarray, *, unchanged: tuple[bool, ...], block: tuple[str, ...] = (), resolution_m: float = 10.0
) -> Evaluation:
    """Both (2, N, H, W): dates first."""
    block = block or tuple(map(str, range(len(unchanged))))
    dates = [Called(t.astype(np.uint8), s.astype(np.uint8), certain(s), block, resolution_m) for t, s in zip(truth, said, strict=True)]
    return evaluate_called(dates[0], dates[1], np.array(unchanged), data="")


def of(value: Ratio) -> tuple[float | None, int]:
    return value.share, value.n


def test_scores_are_what_one_counts_by_hand() -> None:
    truth, said = np.zeros((2, 10, 10), int), np.zeros((2, 10, 10), int)
    truth[0, :2], said[0, 1:4] = 1, 1  # 20 true, 30 called, 10 both
    truth[0, 9], said[0, 9] = NOT_OBSERVED, 1  # never counted
    said[1, 0] = 1  # 10 px of false alarm on an image without mining
    truth[1, 5, :], said[1, 7, 2:] = LandClass.ROAD, LandClass.ROAD  # two rows off: within tolerance
    result = scored(truth, said, ("a", "b"))
    mining = result.classes[LandClass.MINING]
    assert of(mining.iou) == (0.2, 50) and of(mining.f1) == (0.333, 60)
    assert (mining.precision.share, mining.recall.share) == (0.25, 0.5)
    assert (result.road_precision_2px.share, result.road_recall_2px.share) == (1.0, 1.0)
    assert result.classes[LandClass.ROAD].iou.share == 0
    assert of(result.images_without_mining_called) == (1.0, 1)
    assert of(result.mining_images_found) == (1.0, 1)
    assert result.classes[LandClass.HUT].recall.share is None
    assert result.confusion[LandClass.MINING] == (10, 10, 0, 0, 0, 0)
    assert result.confusion[LandClass.BACKGROUND] == (122, 30, 8, 0, 0, 0)
    assert sum(map(sum, result.confusion)) == 190 and result.pairs == 0 and result.flipped.share is None


@settings(max_examples=60, deadline=None)
@given(MASKS, MASKS)
def test_shares_are_shares_and_iou_is_the_strictest(truth: np.ndarray, said: np.ndarray) -> None:
    said = np.where(said == NOT_OBSERVED, LandClass.BACKGROUND, said)
    result = scored_pairs(truth, said, unchanged=(True, False, False))
    for score in result.classes:
        if score.iou.share is not None:
            parts = [p.share for p in (score.f1, score.precision, score.recall) if p.share is not None]
            assert 0 <= score.iou.share <= min(parts) <= 1
            assert score.f1.share == pytest.approx(2 * score.iou.share / (1 + score.iou.share), abs=2e-3)
    assert result.road_completeness.share is None or 0 <= result.road_completeness.share <= 1
    assert sum(map(sum, result.confusion)) == int((truth != NOT_OBSERVED).sum())


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_who_says_the_truth_scores_full_marks(truth: np.ndarray) -> None:
    said = np.where(truth == NOT_OBSERVED, LandClass.BACKGROUND, truth)
    result = scored_pairs(truth, said, unchanged=(False, False, True))
    wrong = {"images_without_mining_called", "unchanged_pairs_with_event", "unchanged_pairs_with_road_event", "flipped"}
    for name, value in result:
        if isinstance(value, Ratio) and value.share is not None:
            assert value.share == (0 if name in wrong else 1), name
    assert all(c.iou.share in (None, 1) and c.f1.share in (None, 1) for c in result.classes)
    assert result.calibration_error in (None, 0)


def line(row: int, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[row, 4:36] = True
    return mask


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (1, 1), (2, 1), (3, 0), (5, 0)])
@pytest.mark.parametrize("resolution_m", [10.0, 4.77])
def test_a_road_counts_where_it_lies_within_two_pixels(shift: int, expected: int, resolution_m: float) -> None:
    counts = count_roads(line(20), line(20 + shift), resolution_m=resolution_m)
    assert counts.found_px / counts.labelled_px == counts.right_px / counts.called_px == expected
    assert counts.found_m / counts.labelled_m == pytest.approx(expected, abs=1e-9)
    assert counts.right_m / counts.called_m == pytest.approx(expected, abs=1e-9)
    assert counts.labelled_m == pytest.approx(31 * resolution_m)


def test_length_is_of_lines_not_of_pixels() -> None:
    wide = np.zeros((40, 40), bool)
    wide[18:23, 4:36] = True
    short = line(20)
    short[:, 20:] = False
    counts = count_roads(wide, short, resolution_m=10)
    assert counts.labelled_px == 160 and 250 < counts.labelled_m < 320
    assert counts.right_m == counts.called_m == 150
    assert counts.found_m / counts.labelled_m == pytest.approx(0.5, abs=0.1)
    gapped = line(20)
    gapped[:, 18:21] = False
    assert count_roads(gapped, gapped, resolution_m=10).labelled_m == 310


def test_new_mining_counts_from_a_third_of_a_hectare() -> None:
    truth, said = np.zeros((2, 2, 3, 20, 20), int)
    truth[1, 0, :2], said[1, 0, :2] = 1, 1  # 40 px: found
    truth[1, 1, :1], said[1, 1, :3] = 1, 1  # 20 px: too small to be an event, called one; and the pair is unchanged
    truth[1, 2, :5] = 1  # missed
    result = scored_pairs(truth, said, unchanged=(False, True, False))
    assert of(result.event_precision) == (0.5, 2) and of(result.event_recall) == (0.5, 2)
    assert of(result.unchanged_pairs_with_event) == (1.0, 1)
    assert of(result.new_mining_precision) == (0.6, 100) and of(result.new_mining_recall) == (0.375, 160)
    assert of(result.new_mining_iou) == (0.3, 200)
    assert of(result.patch_precision) == (1.0, 2) and of(result.patch_recall) == (0.5, 2)
    finer = scored_pairs(truth, said, unchanged=(False, True, False), resolution_m=5.0)
    assert finer.event_recall.n == 0 and finer.new_mining_iou == result.new_mining_iou, "0.3 ha are 120 pixels at 5 m"


def test_pieces_of_new_mining_are_told_apart() -> None:
    truth, said = np.zeros((2, 2, 20, 20), int)
    truth[1, :6, :6], truth[1, 10:16, :6], truth[1, 18, 18] = 1, 1, 1
    said[1, 5:12, 5:12], said[1, :6, 14:20] = 1, 1
    counts = count_pair(Dates(*truth), Dates(*said), resolution_m=10)
    assert (counts.patches, counts.patches_found) == (2, 2), "one pixel is no patch"
    assert (counts.patches_called, counts.patches_right) == (2, 1)


def test_mining_that_was_there_or_is_unsure_at_one_date_is_not_new() -> None:
    truth, said = np.zeros((2, 2, 1, 20, 20), int)
    truth[:, 0, :4], truth[0, 0, 10:14], truth[1, 0, 10:14] = 1, NOT_OBSERVED, 1
    said[1, 0, :4], said[1, 0, 10:14] = 1, 1
    result = scored_pairs(truth, said, unchanged=(False,))
    assert of(result.new_mining_precision) == (0.0, 80) and result.new_mining_recall.n == 0
    assert of(result.flipped) == (0.25, 320)


def test_a_road_that_only_moved_is_not_new_and_one_of_two_hundred_metres_is() -> None:
    before, moved, new = line(20), line(22), line(5)
    truth, said = np.zeros((2, 2, 3, 40, 40), int)
    truth[:, :, before] = said[0][:, before] = LandClass.ROAD
    said[1][:, moved] = LandClass.ROAD
    truth[1, 0, new] = said[1, 1, new] = truth[1, 2, new] = said[1, 2, new] = LandClass.ROAD
    result = scored_pairs(truth, said, unchanged=(False, True, False))
    assert of(result.new_road_recall_2px) == (0.5, 64) and of(result.new_road_precision_2px) == (0.5, 64)
    assert of(result.new_road_completeness) == (0.5, 620) and of(result.new_road_correctness) == (0.5, 620)
    assert of(result.road_event_recall) == (0.5, 2) and of(result.road_event_precision) == (0.5, 2)
    assert of(result.unchanged_pairs_with_road_event) == (1.0, 1)
    short = np.where(np.arange(40) < 24, truth, 0)
    assert scored_pairs(short, said, unchanged=(False,) * 3).road_event_recall.n == 0


def test_a_place_that_did_not_change_must_not_change_class() -> None:
    truth, said = np.zeros((2, 2, 1, 10, 10), int)
    truth[1, 0, 0] = LandClass.BARE
    said[1, 0, :3] = LandClass.BARE
    assert of(scored_pairs(truth, said, unchanged=(True,)).flipped) == (0.222, 90)


def test_intervals_come_from_blocks_not_from_images() -> None:
    top = np.array([10] * 50 + [0] * 50)
    bottom = np.full(100, 10)
    two_places = ratio(top, bottom, ["a"] * 50 + ["b"] * 50)
    many_places = ratio(top, bottom, [str(i) for i in range(100)])
    assert two_places.share == many_places.share == 0.5
    assert (two_places.low, two_places.high) == (0, 1)
    assert many_places.low is not None and many_places.low > 0.35
    one_place = ratio(top, bottom, ["a"] * 100)
    assert (one_place.share, one_place.low, one_place.high) == (0.5, None, None), "one block says nothing of the others"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_an_interval_holds_its_share_bounds(rows: list[tuple[int, int, str]]) -> None:
    bottom = np.array([max(a, b) for a, b, _ in rows])
    top = np.array([min(a, b) for a, b, _ in rows])
    value = ratio(top, bottom, [block for *_, block in rows])
    assert value.n == bottom.sum()
    if value.low is not None and value.high is not None:
        assert 0 <= value.low <= value.high <= 1


def test_an_auc_counts_pairs_and_its_interval_draws_blocks() -> None:
    value, positive = np.array([3.0, 2.0, 2.0, 1.0, 0.0]), np.array([True, False, True, False, False])
    told = auc(value, positive, ["a", "a", "b", "b", "c"])
    assert (told.share, told.n) == (pytest.approx(5.5 / 6, abs=1e-3), 6), "five pairs won and one equal"
    assert told.low is not None and told.high is not None and told.low <= told.share <= told.high == 1
    assert auc(-value, positive, ["a", "a", "b", "b", "c"]).share == pytest.approx(0.5 / 6, abs=1e-3)
    assert auc(value, np.ones(5, bool), ["a"] * 5) == Ratio(share=None, n=0)
    one_place = auc(value, positive, ["a"] * 5)
    assert (one_place.low, one_place.high) == (None, None), "one block says nothing of the others"


def test_calibration_error_is_the_gap_between_said_and_so() -> None:
    said = np.full(1000, 0.75, np.float32)
    right, wrong = (reliability(said, np.arange(1000) < n) for n in (750, 250))
    assert calibration_error(right) == 0 and calibration_error(wrong) == 0.5
    (bin_,) = curve(wrong)
    assert (bin_.n, bin_.probability, bin_.frequency) == (1000, 0.75, 0.25)
    assert calibration_error(reliability(said[:0], np.zeros(0, bool))) is None
    both = reliability(np.array([0.0, 1.0], np.float32), np.array([False, True]))
    assert [b.n for b in curve(both)] == [1, 1] and calibration_error(both) == 0
    assert calibration_error(right + wrong) == 0.25, "counts of images add up"


def test_each_block_is_told_where_blocks_are_more_than_places() -> None:
    truth, said = np.zeros((2, 2, 3, 20, 20), int)
    truth[1, :, :2] = said[1, :2, :2] = 1
    blocks = scored_pairs(truth, said, unchanged=(False,) * 3, block=("a", "b", "b")).blocks
    assert [(b.block, b.images, b.mining_recall.share, b.event_recall.share) for b in blocks] == [("a", 2, 1, 1), ("b", 4, 0.5, 0.5)]
    assert scored_pairs(truth, said, unchanged=(False,) * 3).blocks == ()


def test_the_fewest_pixels_of_an_area() -> None:
    assert [pixels_of(0.3, r) for r in (10, 5, 4.77, 3)] == [30, 120, 132, 334]


def test_images_of_other_shapes_are_scored_together() -> None:
    seen = [Called([np.zeros(s, np.uint8) for s in ((48, 48), (9, 70))], [np.zeros(s, np.uint8) for s in ((48, 48), (9, 70))],
                   [np.zeros(s, np.float32) for s in ((48, 48), (9, 70))], ("a", "b")) for _ in range(2)]  # fmt: skip
    assert evaluate_called(seen[0], seen[1], np.zeros(2, bool), data="").classes[0].iou.n == 2 * (48 * 48 + 9 * 70)
