"""Observations in their sparse form, and the passes they are grouped into."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.history import FLOOR, SAME_PASS, STORED_CLASSES, Observation, passes, quantised, sparse

START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
STORED = hnp.arrays(np.uint8, (5, 4, 6), elements=st.sampled_from([0, 0, 0, FLOOR, 128, 255]))


def observation(stored: np.ndarray | None = None, *, minutes: float = 0, platform: str = "s2a", name: str = "o") -> Observation:
    stored = np.zeros((5, 4, 6), np.uint8) if stored is None else stored
    positions, values = sparse(stored, origin=(10, 20), side=1000)
    sky = np.full(stored.shape[1:], SkyClass.CLEAR, np.uint8)
    return Observation(name, name, platform, START + timedelta(minutes=minutes), 10, positions, values, sky, (10, 20))


@settings(max_examples=200, deadline=None)
@given(STORED)
def test_every_stored_probability_is_found_again_at_its_place(stored: np.ndarray) -> None:
    o = observation(stored)
    assert np.array_equal(o.positions, np.unique(o.positions)) and len(o.positions) == (stored > 0).sum()
    k, r, c = np.indices(stored.shape)
    where = (np.array(STORED_CLASSES)[k] * 1000 + r + 10) * 1000 + c + 20
    order = np.argsort(where.ravel())
    assert np.array_equal(o.values_at(where.ravel()[order]), stored.ravel()[order])


def test_where_nothing_is_stored_the_probability_is_nought() -> None:
    far = np.array([0, 5, 999_999], np.int64)
    assert observation().values_at(far).tolist() == [0, 0, 0]
    assert observation(np.full((5, 4, 6), 200, np.uint8)).values_at(far).tolist() == [0, 0, 0]


def test_outside_its_window_an_observation_saw_nothing() -> None:
    rows, columns = np.array([10, 13, 14, 9, 10]), np.array([20, 25, 20, 20, 26])
    assert observation().sky_at(rows, columns).tolist() == [SkyClass.CLEAR, SkyClass.CLEAR, 0, 0, 0]


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(np.float32, (6, 3, 3), elements=st.floats(0, 1, width=32)), hnp.arrays(np.bool_, (3, 3)))
def test_quantising_loses_half_a_step_and_the_floor_and_hides_what_was_not_seen(chances: np.ndarray, seen: np.ndarray) -> None:
    stored = quantised(chances, seen)
    assert stored.dtype == np.uint8 and stored.shape == (5, 3, 3)
    assert (stored[:, ~seen] == 0).all()
    wanted = chances[list(STORED_CLASSES)][:, seen]
    kept = stored[:, seen] / 255
    assert (np.abs(kept - wanted)[kept > 0] <= 0.5 / 255 + 1e-6).all()
    assert (wanted[kept == 0] < (FLOOR - 0.5) / 255 + 1e-6).all() and not ((stored > 0) & (stored < FLOOR)).any()


def test_the_floor_is_a_tenth() -> None:
    chances = np.zeros((6, 1, 2), np.float32)
    chances[LandClass.MINING, 0] = [0.099, 0.101]
    assert quantised(chances, np.ones((1, 2), bool))[0, 0].tolist() == [0, 26]


def test_granules_of_one_platform_within_ten_minutes_are_one_look() -> None:
    at = SAME_PASS.total_seconds() / 60
    granules = [observation(minutes=m, name=f"{m}") for m in (0, at, 2 * at)]
    later = observation(minutes=3 * at + 0.1, name="later")
    other = observation(minutes=1, platform="s2b", name="other")
    found = [[o.observation_id for o in group] for group in passes([later, *reversed(granules), other])]
    assert found == [["0", "10.0", "20.0"], ["other"], ["later"]]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab")), max_size=8), st.randoms(use_true_random=False))
def test_looks_do_not_depend_on_arrival_and_hold_every_observation_once(taken: list[tuple[int, str]], shuffle: object) -> None:
    made = [observation(minutes=m, platform=p, name=f"{n}") for n, (m, p) in enumerate(taken)]
    arrived = list(made)
    shuffle.shuffle(arrived)  # type: ignore[attr-defined]
    names = [[o.observation_id for o in g] for g in passes(made)]
    assert names == [[o.observation_id for o in g] for g in passes(arrived)]
    assert sorted(n for group in names for n in group) == sorted(o.observation_id for o in made)
    assert all(len({o.platform for o in g}) == 1 for g in passes(made))
