"""The small picture of an observation."""

import numpy as np

from jagawana.detectors.quicklook import BRIGHTEST, quicklook, read_quicklook


def flat(red: float, green: float, blue: float) -> np.ndarray:
    return np.broadcast_to(np.array([red, green, blue], np.float32)[:, None, None], (3, 24, 40)).copy()


def test_the_picture_has_the_observation_s_shape_and_its_colours() -> None:
    picture = read_quicklook(quicklook(flat(BRIGHTEST, 0.05, 0.0)))
    assert picture.shape == (24, 40, 3) and picture.dtype == np.uint8
    red, green, blue = picture.reshape(-1, 3).mean(axis=0)
    assert red > 235 and 60 < green < 130 and blue < 20


def test_brighter_than_white_is_white_and_no_data_is_black() -> None:
    layers = flat(5.0, 5.0, 5.0)
    layers[:, :, :20] = np.nan
    picture = read_quicklook(quicklook(layers)).astype(int)
    assert picture[:, :16].max() < 10 and picture[:, 24:].min() > 245


def test_negative_reflectance_is_black_and_not_a_warning() -> None:
    with np.errstate(all="raise"):
        assert read_quicklook(quicklook(flat(-0.05, -0.01, 0.0))).max() < 10


def test_the_same_pixels_give_the_same_bytes() -> None:
    layers = np.random.default_rng(1).random((3, 24, 40)).astype(np.float32)
    assert quicklook(layers) == quicklook(layers)
