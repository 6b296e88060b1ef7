import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.decision import LIKELIEST, Decision, Votes, decided


def chances(seed: int, side: int = 12) -> np.ndarray:
    layers = np.random.default_rng(seed).random((6, side, side), dtype=np.float32) ** 3
    return layers / layers.sum(axis=0)


ALL = np.ones((12, 12), bool)


@given(st.integers(0, 99))
def test_without_preference_the_likeliest_class_wins(seed: int) -> None:
    p = chances(seed)
    np.testing.assert_array_equal(decided(p, ALL, LIKELIEST), p.argmax(axis=0))


@given(st.integers(0, 99), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_peak_only_ever_takes_mining_away_and_a_bonus_only_adds_roads(seed: int, low: float, high: float) -> None:
    p, (low, high) = chances(seed), sorted((low, high))
    few, many = (decided(p, ALL, Decision(mining_peak=peak)) == LandClass.MINING for peak in (high, low))
    assert not (few & ~many).any()
    bonus = tuple(high if c is LandClass.ROAD else 0.0 for c in LandClass)
    assert not ((p.argmax(axis=0) == LandClass.ROAD) & (decided(p, ALL, Decision(bonus)) != LandClass.ROAD)).any()


def test_a_patch_without_a_sure_pixel_becomes_what_else_it_is_like() -> None:
    p = np.zeros((6, 12, 12), np.float32)
    p[LandClass.BACKGROUND] = 1
    p[:, 1:4, 1:4] = np.array([0.1, 0.6, 0, 0, 0.3, 0])[:, None, None]
    p[:, 6:10, 6:10] = np.array([0.1, 0.6, 0, 0.3, 0, 0])[:, None, None]
    p[LandClass.MINING, 9, 9] = 0.9
    found = decided(p, ALL, Decision(mining_peak=0.8))
    assert (found[1:4, 1:4] == LandClass.BARE).all() and (found[6:10, 6:10] == LandClass.MINING).all()
    assert (found[10:] == LandClass.BACKGROUND).all()


def test_windows_together_decide_as_the_whole_and_what_was_not_seen_stays_so() -> None:
    p, seen, decision = chances(3), np.random.default_rng(0).random((12, 12)) > 0.3, Decision(mining_peak=0.7)
    votes = Votes.none((12, 12))
    for rows in (slice(0, 5), slice(5, 12)):
        votes.put((rows, slice(0, 12)), p[:, rows], seen[rows], decision)
    whole = decided(p, seen, decision)
    np.testing.assert_array_equal(votes.classes(), whole)
    assert (whole[~seen] == NOT_OBSERVED).all() and (whole[seen] != NOT_OBSERVED).all()
