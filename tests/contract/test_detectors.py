"""What every detector promises, networks and textbook rules alike."""

import numpy as np
import pytest

from jagawana.detectors.classes import LandClass
from jagawana.detectors.detector import Detector
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.detect.models import choose_model, load_detector

MODELS = ("spectral-6", "spectral-4", "s2", "rgbn")
FOREST = (0.025, 0.045, 0.025, 0.30, 0.14, 0.06)


@pytest.fixture(scope="module", params=MODELS)
def detector(request: pytest.FixtureRequest) -> Detector:
    return load_detector(request.param, device="cpu", precision="fp32")


def scene(detector: Detector, rows: int = 72, columns: int = 96) -> tuple[np.ndarray, np.ndarray]:
    ground = np.array(FOREST[: len(detector.spec.bands)], np.float32)[:, None, None]
    noise = np.random.default_rng(3).normal(0, 0.02, (len(ground), rows, columns))
    return (ground + noise).clip(0, 1).astype(np.float32), np.ones((rows, columns), bool)


def test_probabilities_are_of_six_classes_and_sum_to_one(detector: Detector) -> None:
    found = detector(*scene(detector))
    assert found.shape == (len(LandClass), 72, 96) and found.dtype == np.float32
    assert np.isfinite(found).all() and (found >= 0).all() and np.allclose(found.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(("rows", "columns"), [(48, 48), (49, 61), (130, 50)])
def test_any_window_of_at_least_48_pixels_is_read(detector: Detector, rows: int, columns: int) -> None:
    assert detector(*scene(detector, rows, columns)).shape == (len(LandClass), rows, columns)


def test_the_same_input_gives_the_same_output_and_is_not_changed(detector: Detector) -> None:
    reflectance, valid = scene(detector)
    kept = reflectance.copy()
    assert np.array_equal(detector(reflectance, valid), detector(reflectance, valid)) and np.array_equal(reflectance, kept)


def test_what_lies_under_invalid_pixels_does_not_matter(detector: Detector) -> None:
    reflectance, valid = scene(detector)
    valid[20:30, 20:30] = False
    other = reflectance.copy()
    other[:, 20:30, 20:30] = 0.9
    assert np.array_equal(detector(reflectance, valid), detector(other, valid))


def test_beyond_the_halo_a_pixel_does_not_depend_on_the_window(detector: Detector) -> None:
    halo = detector.spec.halo_px
    assert halo % 8 == 0, "windows start on the pooling grid"
    side = 2 * halo + 64
    reflectance, valid = scene(detector, side + 64, side)
    whole, part = detector(reflectance, valid), detector(reflectance[:, 64:], valid[64:])
    assert np.abs(whole[:, 64 + halo : side + 64 - halo, halo : side - halo] - part[:, halo : side - halo, halo : side - halo]).max() < 1e-4


def test_other_bands_than_declared_are_refused(detector: Detector) -> None:
    reflectance, valid = scene(detector)
    with pytest.raises(DataError) as caught:
        detector(reflectance[:-1], valid)
    assert caught.value.code is ErrorCode.BANDS_MISMATCH


def test_the_declaration_is_whole_and_chooses_the_model(detector: Detector) -> None:
    spec = detector.spec
    assert {"blue", "green", "red", "nir"} <= set(spec.bands) and spec.min_resolution_m < spec.max_resolution_m
    assert len(spec.ref.sha256) == 64 and spec.ref.model_id in spec.ref.fingerprint
    if not spec.ref.model_id.startswith("spectral"):
        assert choose_model(frozenset(spec.bands), 10.0) == spec.ref.model_id


def test_no_two_detectors_share_a_fingerprint() -> None:
    assert len({load_detector(m, device="cpu", precision="fp32").spec.ref.fingerprint for m in MODELS}) == len(MODELS)
