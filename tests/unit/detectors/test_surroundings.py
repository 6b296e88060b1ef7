"""Bands less the mean of their surroundings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.surroundings import BLOCK_PX, REACH_PX, with_surroundings


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 0.4, (3, height, width)).astype(np.float32)


def test_each_band_comes_as_it_is_and_less_the_mean_of_52_px_around() -> None:
    reflectance = scene(96, 104)
    found = with_surroundings(reflectance, np.ones((96, 104), bool))
    assert found.shape == (6, 96, 104) and found.dtype == np.float32 and np.array_equal(found[:3], reflectance)
    row, column = 45, 50
    around = reflectance[:, 44 - 24 : 48 + 24, 48 - 24 : 52 + 24]
    assert found[3:, row, column] == pytest.approx(reflectance[:, row, column] - around.mean(axis=(1, 2)), abs=1e-6)


def test_what_was_not_seen_counts_for_nothing() -> None:
    reflectance, seen = scene(64, 64), np.ones((64, 64), bool)
    seen[10:30, 20:60] = False
    one, other = reflectance.copy(), reflectance.copy()
    one[:, ~seen], other[:, ~seen] = np.nan, 5
    a, b = with_surroundings(one, seen), with_surroundings(other, seen)
    assert np.array_equal(a[:, seen], b[:, seen]) and np.isfinite(a[:, seen]).all()


@given(veil=st.floats(-0.05, 0.2))
def test_haze_that_lies_over_everything_changes_nothing(veil: float) -> None:
    reflectance, seen = scene(56, 56), np.ones((56, 56), bool)
    hazy = reflectance + np.float32(veil)
    np.testing.assert_allclose(with_surroundings(hazy, seen)[3:], with_surroundings(reflectance, seen)[3:], atol=1e-6)


@given(row=st.integers(0, 6), column=st.integers(0, 6), height=st.integers(70, 120), width=st.integers(70, 120), seed=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_a_pixel_is_the_same_to_the_last_bit_in_every_window_that_reaches_far_enough(
    row: int, column: int, height: int, width: int, seed: int
) -> None:
    reflectance = scene(176, 176, seed)
    seen = np.random.default_rng(seed + 1).random((176, 176)) > 0.2
    top, left = 2 * BLOCK_PX * row, 2 * BLOCK_PX * column
    part = slice(top, top + height), slice(left, left + width)
    whole, cut = with_surroundings(reflectance, seen), with_surroundings(reflectance[:, *part], seen[part])
    inner = slice(REACH_PX, height - REACH_PX), slice(REACH_PX, width - REACH_PX)
    assert np.array_equal(cut[:, *inner][:, seen[part][inner]], whole[:, *part][:, *inner][:, seen[part][inner]])


def test_a_batch_is_its_images_one_by_one() -> None:
    images, seen = np.stack([scene(48, 51, n) for n in range(3)]), np.random.default_rng(0).random((3, 48, 51)) > 0.3
    together = with_surroundings(images, seen)
    assert np.array_equal(together, np.stack([with_surroundings(i, s) for i, s in zip(images, seen, strict=True)]))
