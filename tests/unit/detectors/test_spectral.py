import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jagawana.detectors.classes import LandClass
from jagawana.detectors.spectral import DEFINITIONS, SpectralDetector, spectral_detector
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of

# Medians of the training blocks of the hand-labelled Amazon pairs: blue, green, red, nir, swir16, swir22.
MEDIANS = {
    LandClass.BACKGROUND: (0.028, 0.051, 0.030, 0.29, 0.16, 0.07),
    LandClass.MINING: (0.12, 0.17, 0.20, 0.27, 0.26, 0.18),
    LandClass.WATER: (0.05, 0.07, 0.05, 0.03, 0.02, 0.015),
    LandClass.BARE: (0.10, 0.12, 0.12, 0.20, 0.27, 0.19),
}


@pytest.mark.parametrize("model_id", list(DEFINITIONS))
@pytest.mark.parametrize("land_class", list(MEDIANS))
def test_textbook_pixels_get_their_class(model_id: str, land_class: LandClass) -> None:
    detector = spectral_detector(model_id)
    spectrum = np.array(MEDIANS[land_class][: len(detector.spec.bands)], np.float32)
    window = np.broadcast_to(spectrum[:, None, None], (len(spectrum), 48, 48))
    assert (detector(window, np.ones((48, 48), bool)).argmax(axis=0) == land_class).all()


@given(st.integers(0, 2**31), st.sampled_from(sorted(DEFINITIONS)))
def test_scores_are_probabilities_for_any_reflectance(seed: int, model_id: str) -> None:
    detector = spectral_detector(model_id)
    rng = np.random.default_rng(seed)
    window = rng.uniform(0, 1.2, (len(detector.spec.bands), 5, 7)).astype(np.float32) * rng.integers(0, 2, (1, 5, 7))
    probabilities = detector(window.astype(np.float32), np.ones((5, 7), bool))
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    assert probabilities[[LandClass.ROAD, LandClass.HUT]].max() == 0


def test_unseen_pixels_are_background_and_touch_no_neighbour() -> None:
    detector = spectral_detector("spectral-4")
    window = np.full((4, 48, 48), 0.2, np.float32)
    valid = np.ones((48, 48), bool)
    whole = detector(window, valid)
    valid[3, 4], window[:, 3, 4], window[2, 9, 9] = False, np.nan, np.nan
    holed = detector(window, valid)
    assert holed[LandClass.BACKGROUND, 3, 4] == holed[LandClass.BACKGROUND, 9, 9] == 1
    np.testing.assert_array_equal(holed[:, 20:, 20:], whole[:, 20:, 20:])


def test_its_identity_is_its_definition() -> None:
    first = spectral_detector("spectral-6").spec.ref
    assert first.sha256 == sha256_of(DEFINITIONS["spectral-6"])
    moved = DEFINITIONS["spectral-6"].model_copy(update={"version": "2"})
    second = SpectralDetector(moved, model_id="spectral-6", min_resolution_m=9, max_resolution_m=11).spec.ref
    assert second.sha256 != first.sha256 and second.fingerprint != first.fingerprint


def test_other_bands_and_other_names_are_refused() -> None:
    with pytest.raises(DataError) as bands:
        spectral_detector("spectral-6")(np.zeros((4, 48, 48), np.float32), np.ones((48, 48), bool))
    with pytest.raises(DataError) as name:
        spectral_detector("spectral-5")
    assert (bands.value.code, name.value.code) == (ErrorCode.BANDS_MISMATCH, ErrorCode.SETTINGS_INVALID)
