"""Reflectance that no sensor sees on Earth is refused; whatever may be ground, water, cloud or snow is not."""

import numpy as np
import pytest

from jagawana.detectors.plausibility import ENOUGH_PX, check_values
from jagawana.schemas.errors import DataError, ErrorCode

SIDE = 80
EVERYWHERE = np.ones((SIDE, SIDE), bool)


def scene(low: float, high: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (4, SIDE, SIDE)).astype(np.float32)


def refused(reflectance: np.ndarray, valid: np.ndarray = EVERYWHERE) -> str:
    with pytest.raises(DataError) as caught:
        check_values(reflectance, valid, where="s, tile 49MDU57")
    assert caught.value.code is ErrorCode.VALUES_IMPLAUSIBLE and caught.value.detail.startswith("s, tile 49MDU57: ")
    return caught.value.detail


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.4), (-0.1, 0.02), (0.5, 6.5), (0, 0.003)])
def test_ground_water_cloud_and_shadow_are_plausible(low: float, high: float) -> None:
    check_values(scene(low, high), EVERYWHERE, where="")


@pytest.mark.parametrize("value", [-1e30, 1e20, -9999, 57])
def test_one_impossible_pixel_is_enough_unless_it_is_fill(value: float) -> None:
    made = scene(0.01, 0.4)
    made[2, 5, 7] = value
    assert "nodata" in refused(made)
    valid = EVERYWHERE.copy()
    valid[5, 7] = False
    check_values(made, valid, where="")


def test_a_scene_of_one_value_in_every_band_is_made_up_and_one_band_of_one_value_is_not() -> None:
    made = np.ones((4, SIDE, SIDE), np.float32) * np.float32([[[0.02]], [[0.04]], [[0.03]], [[0.3]]])
    assert "same values" in refused(made)
    made[3, 11, 13] += 0.01
    check_values(made, EVERYWHERE, where="")


def test_reflectance_scaled_twice_is_noticed() -> None:
    assert "twice" in refused(scene(0.01, 0.4) * 1e-4 - 0.1)
    assert "twice" in refused(scene(0.01, 1.2) * 1e-4)


def test_a_few_pixels_prove_nothing() -> None:
    few = np.zeros((SIDE, SIDE), bool)
    few.flat[: ENOUGH_PX - 1] = True
    check_values(np.full((4, SIDE, SIDE), 0.1, np.float32), few, where="")
    check_values(np.full((4, SIDE, SIDE), 1e9, np.float32), ~EVERYWHERE, where="")
