"""What no sensor has seen is refused; what one has, is not."""

import numpy as np
import pytest

from jagawana.detectors.plausibility import check_values
from jagawana.schemas.errors import DataError, ErrorCode

VALID = np.ones((80, 80), bool)


def forest() -> np.ndarray:
    return np.random.default_rng(0).normal(0.1, 0.02, (4, 80, 80)).astype(np.float32)


@pytest.mark.parametrize("value", [0.02, 0.9, 2.5])
def test_dark_water_snow_and_glint_are_of_this_earth(value: float) -> None:
    check_values(forest() - 0.1 + value, VALID)


def test_what_is_not_valid_does_not_count() -> None:
    pixels, valid = forest(), VALID.copy()
    pixels[:, :40], valid[:40] = 1e6, False
    check_values(pixels, valid)
    check_values(np.full((4, 80, 80), 1e6, np.float32), ~VALID)


@pytest.mark.parametrize(
    "pixels",
    [forest() * 1e4, forest() - 99, np.full((4, 80, 80), 0.1, np.float32), forest() * 1e-4 * 1e-1],
    ids=["unscaled", "far below zero", "all alike", "scaled twice"],
)
def test_what_no_sensor_sees_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(DataError) as refused:
        check_values(pixels.astype(np.float32), VALID)
    assert refused.value.code is ErrorCode.VALUES_IMPLAUSIBLE


def test_one_stray_number_is_found_wherever_it_lies() -> None:
    pixels = forest()
    pixels[2, 33, 41] = 1e5
    with pytest.raises(DataError):
        check_values(pixels, VALID)


def test_a_picture_that_only_differs_between_the_sampled_pixels_is_no_constant() -> None:
    pixels = np.full((4, 80, 80), 0.1, np.float32)
    pixels[:, 1::8] = 0.2
    check_values(pixels, VALID)
