"""Segments to choose by number, answers to masks, and the picture between them."""

from io import BytesIO
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.labelling.answer import ClassName, ImageAnswer
from jagawana.detectors.labelling.masks import mask_of, problems
from jagawana.detectors.labelling.picture import HEADING, MARGIN, picture
from jagawana.detectors.labelling.segments import segments

QUARTERS = np.repeat(np.repeat(np.array([[1, 2], [3, 4]], np.uint16), 24, axis=0), 24, axis=1)
ALL = np.ones((48, 48), bool)


def scene(seed: int = 0, bands: int = 6) -> np.ndarray:
    """Dark forest with a bright square in rows 12 to 31 and columns 8 to 27."""
    layers = np.full((bands, 48, 48), 0.05, np.float32)
    layers[:, 12:32, 8:28] = 0.25
    return (layers + np.random.default_rng(seed).normal(0, 0.005, layers.shape)).astype(np.float32)


def answer(**said: Any) -> ImageAnswer:
    return ImageAnswer.model_validate({"scene": "mining"} | said)


def mask(**said: Any) -> np.ndarray:
    return mask_of(answer(**said), QUARTERS, ALL)


# ---- segments ----------------------------------------------------------------------------------------------------


def test_segments_are_whole_numbered_from_one_and_keep_to_what_looks_alike() -> None:
    found = segments(scene(), 64)
    assert found.dtype == np.uint16 and found[0, 0] == 1 and np.array_equal(np.unique(found), np.arange(1, found.max() + 1))
    assert 40 <= found.max() <= 90
    for number in range(1, int(found.max()) + 1):
        assert ndimage.label(found == number)[1] == 1, number
    square = np.zeros((48, 48), bool)
    square[12:32, 8:28] = True
    inside = np.bincount(found[square], minlength=found.max() + 1) / np.bincount(found.ravel())[: found.max() + 1].clip(1)
    assert (np.minimum(inside, 1 - inside) < 0.1).all(), "no segment lies across the edge of the square"


def test_the_same_layers_give_the_same_segments() -> None:
    assert np.array_equal(segments(scene(), 64), segments(scene(), 64))


def test_where_nothing_was_seen_there_is_no_segment() -> None:
    layers = scene()
    layers[:, 40:, :10] = np.nan
    layers[0, 5, 5] = np.nan
    found = segments(layers, 64)
    assert np.array_equal(found == 0, np.isnan(layers).all(axis=0))
    assert (segments(np.full((4, 48, 48), np.nan, np.float32), 64) == 0).all()


# ---- answers to masks --------------------------------------------------------------------------------------------


def test_class_names_are_those_of_the_masks() -> None:
    assert get_args(ClassName) == tuple(c.name.lower() for c in LandClass)


def test_segments_then_polygons_then_roads_then_what_is_unsure() -> None:
    found = mask(
        segments={"mining": [1, 4], "water": [2]},
        polygons=[
            {"class": "bare", "points": [[0, 0], [10, 0], [10, 10], [0, 10]]},
            {"class": "hut", "points": [[4, 4], [6, 4], [6, 6], [4, 6]]},
        ],
        roads=[{"points": [[0, 5], [48, 5]], "width_px": 2}],
        unsure={"segments": [4], "polygons": [[[0, 4], [3, 4], [3, 6], [0, 6]]]},
    )
    expected = np.array([LandClass.MINING, LandClass.WATER, LandClass.BACKGROUND, NOT_OBSERVED], np.uint8)[QUARTERS - 1]
    expected[:10, :10] = LandClass.BARE
    expected[4:6, :] = LandClass.ROAD
    expected[4:6, :3] = NOT_OBSERVED
    assert found.dtype == np.uint8 and np.array_equal(found, expected)


def test_later_polygons_lie_over_earlier_ones_and_can_give_back_to_the_background() -> None:
    box = [[0, 0], [8, 0], [8, 8], [0, 8]]
    inner = [[2, 2], [4, 2], [4, 4], [2, 4]]
    found = mask(segments={"mining": [4]}, polygons=[{"class": "water", "points": box}, {"class": "background", "points": inner}])
    assert (found == LandClass.WATER).sum() == 60 and (found[2:4, 2:4] == LandClass.BACKGROUND).all()


def test_what_was_not_observed_is_never_labelled() -> None:
    observed = ALL.copy()
    observed[3, 3] = False
    found = mask_of(answer(segments={"mining": [1]}, roads=[{"points": [[0, 3.5], [48, 3.5]]}]), QUARTERS, observed)
    assert found[3, 3] == NOT_OBSERVED and (found == NOT_OBSERVED).sum() == 1


@pytest.mark.parametrize("angle", range(0, 180, 7))
def test_a_road_of_one_pixel_has_no_gaps_whatever_its_direction(angle: int) -> None:
    towards = 22 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    points = [(24.3 - towards).tolist(), (24.3 + towards).tolist()]
    road = mask(segments={"mining": [4]}, roads=[{"points": points, "width_px": 1}]) == LandClass.ROAD
    assert ndimage.label(road, np.ones((3, 3)))[1] == 1
    assert max(np.ptp(np.nonzero(road), axis=1)) >= 44 * max(abs(towards)) / 22 - 2
    assert road.sum() < 66


# ---- answers that contradict their chip --------------------------------------------------------------------------

SQUARE = [[0, 0], [8, 0], [8, 8], [0, 8]]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such segment": ({"segments": {"mining": [1, 5]}}, "segments.mining: there is no segment 5; the picture has 1 to 4"),
    "segment zero": ({"segments": {"mining": [1], "water": [0]}}, "segments.water: there is no segment 0"),
    "unsure of no segment": ({"segments": {"mining": [1]}, "unsure": {"segments": [9]}}, "unsure.segments: there is no segment 9"),
    "two classes": ({"segments": {"mining": [1], "bare": [2, 1]}}, "segments: 1 is called mining and bare; name it once"),
    "outside": ({"polygons": [{"class": "mining", "points": [[0, 0], [49, 0], [8, 8]]}]}, "polygons[0] (mining): point [49.0, 0.0] lies"),
    "before the edge": ({"roads": [{"points": [[0, 0], [5, -1]]}]}, "roads[0]: point [5.0, -1.0] lies outside; columns go from 0 to 48"),
    "crosses itself": ({"polygons": [{"class": "mining", "points": [[0, 0], [8, 8], [8, 0], [0, 8]]}]}, "must not cross itself"),
    "too small": ({"unsure": {"polygons": [[[1, 1], [1.3, 1], [1.3, 1.3]]]}}, "unsure.polygons[0]: no pixel's centre lies inside"),
    "mining without any": ({"segments": {"water": [1]}}, "scene: says mining, but no mining is drawn"),
    "mining in spite of it": ({"scene": "not_mining", "segments": {"mining": [1]}}, "scene: says not_mining, but 576 pixels"),
    "no word": ({"scene": None, "segments": {"mining": [1]}}, "scene: say mining, not_mining or doubtful"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_told_where_and_what_to_do(case: str) -> None:
    said, words = WRONG[case]
    (told,) = problems(answer(**said), QUARTERS, ALL)
    assert words in told


def test_all_problems_are_told_at_once_and_a_good_answer_has_none() -> None:
    wrong = answer(segments={"mining": [7], "water": [8]}, roads=[{"points": [[0, 0], [99, 0]]}])
    assert len(problems(wrong, QUARTERS, ALL)) == 3
    assert problems(answer(segments={"mining": [1]}), QUARTERS, ALL) == []
    assert problems(answer(scene="doubtful"), QUARTERS, ALL) == []
    assert problems(ImageAnswer(segments={"mining": ()}), QUARTERS, ALL) == [] and ImageAnswer(segments={"mining": ()}).is_empty


# ---- the picture -------------------------------------------------------------------------------------------------


def layers_of(pixels: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(("blue", "green", "red", "nir", "swir16", "swir22"), pixels, strict=False))


def test_the_picture_shows_each_pixel_where_the_ticks_say_it_is() -> None:
    pixels = scene()
    pixels[:, 40, 20] = 0.25
    shown = np.asarray(Image.open(BytesIO(picture({"a": layers_of(pixels)}, segments(pixels, 64)))))
    panel = 48 * 10 + 2 * MARGIN
    assert shown.shape == (48 * 10 + HEADING + 2 * MARGIN, 3 * panel, 3)
    for left in (MARGIN, MARGIN + panel):
        block = shown[HEADING + MARGIN :, left:][400:410, 200:210]
        assert (block[1:, 1:] > 200).all(), "pixel (20, 40) is enlarged ten times, its corner at (200, 400)"
        around = shown[HEADING + MARGIN :, left:][412:418, 212:218]
        assert (around < 100).all()


def test_a_pair_has_two_rows_of_one_stretch_and_the_same_bytes_each_time() -> None:
    before, after = scene(1), scene(2)
    after[:, :5] *= 3
    numbers = segments(np.concatenate([before, after]), 64)
    png = picture({"t0": layers_of(before), "t1": layers_of(after)}, numbers)
    assert png == picture({"t0": layers_of(before), "t1": layers_of(after)}, numbers)
    shown = np.asarray(Image.open(BytesIO(png))).astype(int)
    rows = np.split(shown, 2)
    same = np.s_[HEADING + MARGIN + 70 : HEADING + MARGIN + 110, MARGIN + 300 : MARGIN + 400]
    assert abs(rows[0][same].mean() - rows[1][same].mean()) < 10


def test_four_bands_have_a_false_colour_too_and_fill_is_black() -> None:
    pixels = scene(bands=4)
    pixels[:, :, 40:] = np.nan
    shown = np.asarray(Image.open(BytesIO(picture({"a": layers_of(pixels)}, segments(pixels, 64)))))
    for left in (MARGIN, 3 * MARGIN + 480):
        assert (shown[HEADING + MARGIN + 2 : HEADING + MARGIN + 78, left + 402 : left + 478] == 0).all()


def test_nothing_at_all_is_still_a_picture() -> None:
    empty = np.full((4, 48, 48), np.nan, np.float32)
    assert picture({"a": layers_of(empty)}, segments(empty, 64)).startswith(b"\x89PNG")
