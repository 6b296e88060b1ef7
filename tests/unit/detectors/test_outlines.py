"""Runs, components and outlines against slower ways of finding the same."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import features
from scipy import ndimage

from jagawana.detectors.outlines import outlines
from jagawana.detectors.runs import components, runs_of, set_positions

EIGHT = np.ones((3, 3), bool)


def mask_of(*rows: str) -> np.ndarray:
    return np.array([[c == "#" for c in row] for row in rows])


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 19))
    return np.random.default_rng(draw(st.integers(0, 2**31))).random((height, width)) < draw(
        st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    )


ADVERSARIAL = {
    "nothing": mask_of("....", "...."),
    "one": mask_of("#"),
    "a diagonal": mask_of("#..", ".#.", "..#"),
    "a chessboard": mask_of("#.#.#", ".#.#.", "#.#.#"),
    "a ring": mask_of("###", "#.#", "###"),
    "a ring open at a corner": mask_of(".###", "##.#", "#..#", "####"),
    "a ring whose hole touches its outline": mask_of("###.", "#.##", "####"),
    "an island in a hole": mask_of("#####", "#...#", "#.#.#", "#...#", "#####"),
    "two holes that touch": mask_of("#####", "#.###", "##.##", "#####"),
    "a spiral": mask_of("######", ".....#", "####.#", "#..#.#", "#.##.#", "#....#", "######"),
    "full rows": mask_of("#########", "#########", ".........", "#########"),
}


def by_rasterio(mask: np.ndarray) -> shapely.MultiPolygon:
    found = features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4)
    parts = shapely.get_parts(shapely.union_all([shapely.geometry.shape(shape) for shape, _ in found]))
    return shapely.normalize(shapely.MultiPolygon(list(parts)))


def check(mask: np.ndarray) -> None:
    runs = runs_of(mask)
    assert np.array_equal(set_positions(mask), np.flatnonzero(mask)) and runs.length.sum() == mask.sum()
    for corners, structure in ((True, EIGHT), (False, None)):
        labels, count = ndimage.label(mask, structure)
        mine = components(runs, corners=corners)
        assert len(set(mine.tolist())) == count
        assert np.array_equal(mine, labels[runs.row, runs.start] - 1), "numbered in the order in which they appear"
    pieces, of_run = outlines(runs)
    assert len(pieces) == ndimage.label(mask)[1] and shapely.is_valid(pieces).all()
    assert np.array_equal(shapely.area(pieces), np.bincount(of_run, weights=runs.length, minlength=len(pieces)))
    if len(pieces):
        assert shapely.normalize(shapely.MultiPolygon(list(pieces))).equals_exact(by_rasterio(mask), 0)


@given(masks())
@settings(max_examples=300, deadline=None)
def test_any_mask(mask: np.ndarray) -> None:
    check(mask)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_masks_that_are_hard_to_trace(name: str) -> None:
    check(ADVERSARIAL[name])


def test_only_the_runs_given_are_traced() -> None:
    mask = mask_of("##...", ".....", "...##", "...##")
    runs = runs_of(mask)
    large = runs.where(np.array([False, True, True]))
    pieces, _ = outlines(large)
    assert [p.bounds for p in pieces] == [(3, 2, 5, 4)]


def test_a_large_mask_is_the_same(seed: int = 5) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.binary_dilation(rng.random((700, 900)) < 0.0008, iterations=4) & (rng.random((700, 900)) < 0.97)
    check(mask)
