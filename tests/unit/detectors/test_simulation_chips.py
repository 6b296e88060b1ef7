"""Training chips: what a pixel is called, and that every class is there to learn."""

import numpy as np
import pytest

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.simulation.chips import chips, labels_of
from jagawana.detectors.simulation.spectra import Cover


def pixel(resolution_m: int, counts: dict[Cover, int]) -> int:
    side = resolution_m * 2 // 5
    cells = [c for c, n in counts.items() for _ in range(n)]
    assert len(cells) == side * side
    return int(labels_of(np.array(cells, dtype=np.uint8).reshape(side, side), resolution_m)[0, 0])


def test_most_frequent_class_names_a_pixel_even_if_its_covers_are_many() -> None:
    assert pixel(10, {Cover.TAILINGS: 5, Cover.POND_DARK: 5, Cover.FOREST_DENSE: 6}) == LandClass.MINING


def test_a_road_wins_from_thirty_percent() -> None:
    assert pixel(10, {Cover.ROAD: 5, Cover.FOREST_DENSE: 11}) == LandClass.ROAD
    assert pixel(10, {Cover.ROAD: 4, Cover.FOREST_DENSE: 12}) == LandClass.BACKGROUND


def test_roofs_have_names_at_five_metres_only() -> None:
    assert pixel(5, {Cover.ROOF_METAL: 2, Cover.FIELD_SOIL: 2}) == LandClass.HUT
    assert pixel(10, {Cover.ROOF_METAL: 6, Cover.FIELD_SOIL: 10}) == NOT_OBSERVED
    assert pixel(10, {Cover.ROOF_METAL: 4, Cover.FIELD_SOIL: 12}) == LandClass.BARE


def test_a_pixel_of_many_things_has_no_name() -> None:
    counts = {Cover.TAILINGS: 5, Cover.RIVER: 4, Cover.FIELD_SOIL: 4, Cover.FOREST_DENSE: 3}
    assert pixel(10, counts) == NOT_OBSERVED


@pytest.mark.parametrize(("bands", "resolution_m", "count"), [("s2", 10, 6), ("rgbn", 5, 4), ("rgbn", 10, 4)])
def test_chips_have_the_promised_shape_and_every_class(bands: str, resolution_m: int, count: int) -> None:
    made = chips(2, 48, resolution_m, bands)  # type: ignore[arg-type]
    assert made.reflectance.shape == (48, count, 64, 64) and made.reflectance.dtype == np.float32
    assert made.labels.shape == (48, 64, 64) and made.labels.dtype == np.uint8
    assert np.isfinite(made.reflectance).all() and made.reflectance.min() > 0 and made.reflectance.max() <= 1.2
    expected = {*LandClass} - ({LandClass.HUT} if resolution_m == 10 else set())
    assert {int(k) for k in np.unique(made.labels)} - {NOT_OBSERVED} == {int(k) for k in expected}
    has = {k: (made.labels == k).any(axis=(1, 2)).mean() for k in expected}
    assert min(has.values()) > 0.3


def test_chips_are_the_same_for_a_seed_and_more_of_them_begin_the_same() -> None:
    few, many, other = chips(4, 3, 10, "s2"), chips(4, 5, 10, "s2"), chips(5, 3, 10, "s2")
    assert np.array_equal(few.reflectance, many.reflectance[:3]) and np.array_equal(few.labels, many.labels[:3])
    assert not np.array_equal(few.reflectance, other.reflectance)
