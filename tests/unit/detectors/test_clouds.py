import sys
import types

import numpy as np
import pytest
from scipy import ndimage

from jagawana.detectors.clouds import BrightnessMask, LearnedMask, SceneClassificationMask, SkyClass, _disc_grown
from jagawana.schemas.errors import DataError, ErrorCode

FOREST = {"blue": 0.03, "green": 0.05, "red": 0.03, "nir": 0.3}


def forest(size: int = 200) -> dict[str, np.ndarray]:
    return {name: np.full((size, size), value, np.float32) for name, value in FOREST.items()}


def seen(size: int = 200) -> np.ndarray:
    return np.ones((size, size), bool)


def paint(bands: dict[str, np.ndarray], rows: slice, columns: slice, values: tuple[float, float, float, float]) -> None:
    for layer, value in zip(bands.values(), values, strict=True):
        layer[rows, columns] = value


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, 0), (1, 0), (2, 1), (3, 3), (4, 1), (5, 1), (6, 1), (7, 1), (8, 2), (9, 2), (10, 2), (11, 2)],
)
def test_every_scene_classification_code_has_its_sky(code: int, expected: int) -> None:
    codes = np.full((50, 50), code, np.uint8)
    sky = SceneClassificationMask()({}, seen(50), resolution_m=10, scene_class=codes)
    assert sky.dtype == np.uint8 and (sky == expected).all()


@pytest.mark.parametrize(("code", "sky_class", "margin_px"), [(9, SkyClass.CLOUD, 3), (3, SkyClass.SHADOW, 2)])
def test_clouds_and_shadows_get_their_margin_in_metres(code: int, sky_class: SkyClass, margin_px: int) -> None:
    codes = np.full((41, 41), 4, np.uint8)
    codes[20, 20] = code
    sky = SceneClassificationMask()({}, seen(41), resolution_m=10, scene_class=codes)
    row = np.flatnonzero(sky[20] == sky_class)
    assert (row[0], row[-1]) == (20 - margin_px, 20 + margin_px)
    finer = SceneClassificationMask()({}, seen(41), resolution_m=5, scene_class=codes)
    assert (finer[20] == sky_class).sum() == 4 * margin_px + 1


def test_fill_wins_over_cloud_and_cloud_over_shadow() -> None:
    codes = np.full((30, 30), 4, np.uint8)
    codes[:, 14], codes[:, 15] = 9, 3
    valid = seen(30)
    valid[:, 14] = False
    sky = SceneClassificationMask()({}, valid, resolution_m=10, scene_class=codes)
    assert (sky[:, 14] == SkyClass.FILL).all() and (sky[:, 15] == SkyClass.CLOUD).all() and (sky[:, 0] == SkyClass.CLEAR).all()


def test_a_clear_forest_with_a_dark_lake_stays_clear() -> None:
    bands = forest()
    paint(bands, slice(50, 90), slice(50, 90), (0.04, 0.04, 0.03, 0.02))
    assert (BrightnessMask()(bands, seen(), resolution_m=10) == SkyClass.CLEAR).all()


def test_a_white_cloud_and_the_dark_beside_it_are_found_at_any_pixel_size() -> None:
    bands = forest()
    paint(bands, slice(20, 60), slice(20, 60), (0.5, 0.5, 0.5, 0.55))
    paint(bands, slice(60, 100), slice(60, 100), (0.02, 0.03, 0.02, 0.08))
    for resolution_m in (5, 10):
        sky = BrightnessMask()(bands, seen(), resolution_m=resolution_m)
        assert (sky[20:60, 20:60] == SkyClass.CLOUD).all()
        assert (sky[70:95, 70:95] == SkyClass.SHADOW).all()
        assert (sky[150:, 150:] == SkyClass.CLEAR).all()


def test_red_earth_and_a_single_white_roof_are_no_clouds() -> None:
    bands = forest()
    paint(bands, slice(20, 60), slice(20, 60), (0.19, 0.25, 0.35, 0.4))
    paint(bands, slice(100, 104), slice(100, 104), (0.5, 0.5, 0.5, 0.5))
    assert (BrightnessMask()(bands, seen(), resolution_m=10) == SkyClass.CLEAR).all()


@pytest.mark.parametrize("mask", [SceneClassificationMask(), BrightnessMask()])
def test_what_a_mask_needs_and_does_not_get_is_said(mask: SceneClassificationMask | BrightnessMask) -> None:
    with pytest.raises(DataError) as refused:
        mask({"blue": np.zeros((50, 50), np.float32)}, seen(50), resolution_m=10)
    assert refused.value.code == ErrorCode.BANDS_MISSING


def test_without_the_optional_package_the_learned_mask_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ukis_csmask.mask", None)
    with pytest.raises(DataError, match="brightness") as refused:
        LearnedMask()(forest(50), seen(50), resolution_m=10)
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_the_learned_mask_translates_pixel_size_and_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = []

    class CSmask:
        def __init__(self, img: np.ndarray, band_order: list[str], product_level: str, intra_op_num_threads: int) -> None:
            assert (band_order, product_level, intra_op_num_threads) == (["blue", "green", "red", "nir"], "l2a", 1)
            pictures.append(img)
            self.csm = np.zeros((*img.shape[:2], 1), np.uint8)
            self.csm[10, 10], self.csm[20, 20] = 1, 2

    module = types.ModuleType("ukis_csmask.mask")
    module.CSmask = CSmask  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ukis_csmask.mask", module)
    sky = LearnedMask()(forest(101), seen(101), resolution_m=5)
    assert pictures[0].shape == (51, 51, 4) and pictures[0].dtype == np.float32
    assert sky.shape == (101, 101)
    assert sky[21, 21] == SkyClass.CLOUD and sky[41, 41] == SkyClass.SHADOW and sky[90, 90] == SkyClass.CLEAR


@pytest.mark.parametrize("radius_px", [1, 2, 3, 4, 5.3, 6, 8])
def test_a_margin_laid_row_by_row_is_the_margin_by_distance(radius_px: float) -> None:
    mask = np.random.default_rng(0).random((97, 130)) < 0.01
    assert np.array_equal(_disc_grown(mask, radius_px), ndimage.distance_transform_edt(~mask) <= radius_px)
