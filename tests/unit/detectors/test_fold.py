"""The fold: what is believed of a pixel, whatever the order in which scenes arrive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_fold import slow_fold

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.confirmation import AgreeingLooks, BayesianOdds
from jagawana.detectors.fold import FoldPolicy, Phase, TileState, fold
from jagawana.detectors.history import Observation, passes, sparse

START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
PX = 4


def look(
    day: float, mining: float | np.ndarray = 0.0, sky: int | np.ndarray = SkyClass.CLEAR, *, platform: str = "s2a", name: str = ""
) -> Observation:
    """An observation of PX x PX pixels in the middle of a tile."""
    chance = np.zeros((5, PX, PX), np.uint8)
    chance[0] = np.rint(np.asarray(mining) * 255)
    codes = np.full((PX, PX), sky, np.uint8) if np.isscalar(sky) else np.asarray(sky, np.uint8)
    chance[:, codes != SkyClass.CLEAR] = 0
    positions, values = sparse(chance, origin=(100, 200), side=1000)
    ident = name or f"{platform}-{day}"
    return Observation(ident, ident, platform, START + timedelta(days=day), 10, positions, values, codes, (100, 200))


def phase_of(observations: Sequence[Observation], policy: FoldPolicy | None = None) -> Phase:
    """The phase of the first pixel; absent when nothing was ever stored there."""
    state = fold(observations, policy)
    return Phase(state.phase[0]) if len(state.phase) else Phase.ABSENT


def canonical(state: TileState) -> list[list[object]]:
    arrays = [
        state.positions,
        state.phase,
        state.first,
        state.before,
        state.confirmed,
        state.last,
        state.positive,
        state.clear,
        state.posterior,
    ]
    return [a.tolist() for a in arrays] + [[o.observation_id for group in state.looks for o in group]]


def test_what_the_first_clear_look_shows_is_inventory_and_stays_it() -> None:
    assert phase_of([look(0, 0.9), look(5, 0.9), look(10, 0.9)]) is Phase.INVENTORY


def test_a_doubtful_first_look_is_inventory_too() -> None:
    assert phase_of([look(0, 0.35), look(5, 0.9), look(10, 0.9)]) is Phase.INVENTORY


def test_one_clear_look_is_provisional_and_two_confirm() -> None:
    assert phase_of([look(0), look(5, 0.9)]) is Phase.PROVISIONAL
    assert phase_of([look(0), look(5, 0.9), look(10, 0.9)]) is Phase.CONFIRMED


def test_a_weak_look_is_only_a_candidate() -> None:
    assert phase_of([look(0), look(5, 0.6)]) is Phase.CANDIDATE


def test_no_single_look_confirms_however_sure_it_is() -> None:
    assert phase_of([look(0), look(5, 1.0)]) is Phase.PROVISIONAL


@pytest.mark.parametrize("sky", [SkyClass.CLOUD, SkyClass.SHADOW, SkyClass.FILL])
def test_cloud_neither_confirms_nor_clears(sky: SkyClass) -> None:
    seen = [look(0), look(5, 0.9)]
    assert phase_of([*seen, *(look(10 + i, 0.9, sky) for i in range(5))]) is Phase.PROVISIONAL


def test_cloud_at_first_moves_the_baseline_to_the_first_clear_look() -> None:
    assert phase_of([look(0, 0.0, SkyClass.CLOUD), look(5, 0.9), look(10, 0.9)]) is Phase.INVENTORY


def test_a_contradicted_provisional_is_forgotten() -> None:
    assert phase_of([look(0), look(5, 0.9), look(10), look(15)]) is Phase.ABSENT


def test_a_confirmed_change_ends_after_three_clean_looks_and_can_begin_again() -> None:
    seen = [look(0), look(5, 0.9), look(10, 0.9), look(15), look(20)]
    assert phase_of(seen) is Phase.CONFIRMED
    assert phase_of([*seen, look(25)]) is Phase.ENDED
    assert phase_of([*seen, look(25), look(30, 0.9)]) is Phase.PROVISIONAL


def test_regrown_inventory_that_is_dug_again_is_news() -> None:
    seen = [look(0, 0.9), look(5), look(10), look(15)]
    assert phase_of(seen) is Phase.INVENTORY_ENDED
    assert phase_of([*seen, look(20, 0.9), look(25, 0.9)]) is Phase.CONFIRMED


def test_an_unconfirmed_change_expires() -> None:
    assert phase_of([look(0), look(5, 0.9), look(200, 0.9)]) is Phase.PROVISIONAL, "a new episode, not a confirmation"
    assert fold([look(0), look(5, 0.9), look(200, 0.9)]).first[0] == 2


def test_the_dates_of_an_episode_are_kept_apart() -> None:
    state = fold([look(0), look(5), look(10, 0.9), look(15, 0.0, SkyClass.CLOUD), look(20, 0.9), look(25, 0.9)])
    assert (state.before[0], state.first[0], state.confirmed[0], state.last[0]) == (1, 2, 4, 5)


def test_granules_of_one_pass_are_one_look_and_cannot_confirm_each_other() -> None:
    twins = [look(5, 0.9, name="a"), look(5.001, 0.9, name="b")]
    assert len(passes([look(0), *twins])) == 2
    assert phase_of([look(0), *twins]) is Phase.PROVISIONAL


def test_another_sensor_on_the_same_day_is_another_look() -> None:
    assert phase_of([look(0), look(5, 0.9), look(5.001, 0.9, platform="s2b")]) is Phase.CONFIRMED


def test_the_published_rule_of_agreeing_looks_is_the_other_choice() -> None:
    policy = FoldPolicy(rule=AgreeingLooks())
    assert phase_of([look(0), look(5, 0.6), look(10, 0.0), look(15, 0.6)], policy) is Phase.CONFIRMED
    assert phase_of([look(0), look(5, 0.9), look(10), look(15)], policy) is Phase.ABSENT


CHANCES = st.sampled_from([0.0, 0.2, 0.35, 0.55, 0.7, 0.9, 1.0])
SKIES = st.sampled_from([SkyClass.CLEAR, SkyClass.CLEAR, SkyClass.CLEAR, SkyClass.CLOUD, SkyClass.FILL])


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """Up to nine observations with their own pixels, some of the same pass, some repeated."""
    days = draw(st.lists(st.integers(0, 400), min_size=1, max_size=9))
    made = []
    for number, day in enumerate(days):
        mining = np.array(draw(st.lists(CHANCES, min_size=PX, max_size=PX))).repeat(PX).reshape(PX, PX)
        sky = np.array([int(c) for c in draw(st.lists(SKIES, min_size=PX, max_size=PX))]).repeat(PX).reshape(PX, PX)
        made.append(look(day, mining, sky, platform=draw(st.sampled_from(["s2a", "s2b"])), name=f"o{number}"))
    return made


@settings(max_examples=2000, deadline=None)
@given(histories(), st.randoms(use_true_random=False), st.sampled_from([BayesianOdds(), AgreeingLooks()]))
def test_arrival_order_and_duplicates_change_nothing(
    history: list[Observation], shuffle: object, rule: BayesianOdds | AgreeingLooks
) -> None:
    arrived = [*history, *history[: len(history) // 2]]
    shuffle.shuffle(arrived)  # type: ignore[attr-defined]
    assert canonical(fold(arrived, FoldPolicy(rule=rule))) == canonical(fold(history, FoldPolicy(rule=rule)))


@settings(max_examples=200, deadline=None)
@given(histories(), st.integers(0, 400))
def test_a_cloudy_look_changes_no_belief(history: list[Observation], day: int) -> None:
    cloudy = look(day + 0.4, 0.9, SkyClass.CLOUD, platform="other", name="cloudy")
    before, after = fold(history, FoldPolicy(expire_days=10_000)), fold([*history, cloudy], FoldPolicy(expire_days=10_000))
    assert before.phase.tolist() == after.phase.tolist() and before.posterior.tolist() == after.posterior.tolist()


def drifting(rng: np.random.Generator, number: int) -> list[Observation]:
    """Observations of overlapping windows, all classes; granules of one pass, two platforms, gaps longer than an episode lasts."""
    made = []
    for n in range(number):
        height, width, top, left = (*rng.integers(1, 7, 2), *rng.integers(0, 4, 2))
        sky = rng.choice(np.array([0, 1, 1, 1, 1, 2], np.uint8), (height, width))
        chance = rng.choice(np.array([0, 0, 60, 76, 77, 100, 127, 128, 150, 200, 255], np.uint8), (5, height, width))
        chance[:, sky == SkyClass.FILL] = 0  # what lies under cloud must not count, stored or not
        if rng.random() < 0.1:
            top, left, sky = 0, 0, np.pad(sky, ((0, 1000 - height), (0, 1000 - width)))  # the whole tile, most of it not recorded
        positions, values = sparse(chance, origin=(top, left), side=1000)
        at = START + timedelta(days=int(rng.integers(0, 8 * number)), minutes=int(rng.integers(0, 3)) * 4)
        made.append(Observation(f"o{n}", f"o{n}", str(rng.choice(["s2a", "s2b"])), at, 10, positions, values, sky, (top, left)))
    return made


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([BayesianOdds(), AgreeingLooks()]), st.sampled_from([0, 30, 180]))
def test_the_fold_is_the_slow_one_bit_for_bit(seed: int, number: int, rule: BayesianOdds | AgreeingLooks, expire_days: int) -> None:
    history, policy = drifting(np.random.default_rng(seed), number), FoldPolicy(rule=rule, expire_days=expire_days)
    state = fold(history, policy)
    arrays = (state.phase, state.first, state.before, state.confirmed, state.last, state.positive, state.clear, state.posterior)
    assert dict(zip(state.positions.tolist(), map(list, zip(*(a.tolist() for a in arrays), strict=True)), strict=True)) == slow_fold(
        history, policy
    )


def test_a_fold_never_mixes_pixel_sizes() -> None:
    odd = look(5)
    with pytest.raises(ValueError, match="one resolution"):
        fold([look(0), Observation(odd.observation_id, "x", "p", odd.acquired_at, 5, odd.positions, odd.values, odd.sky, odd.origin)])


def test_pixels_where_nothing_was_ever_stored_cost_nothing() -> None:
    assert len(fold([look(0), look(5)]).positions) == 0
    assert len(fold([look(0), look(5, 0.9)]).positions) == PX * PX
    assert fold([look(5, 0.9)]).positions.min() // 1_000_000 == LandClass.MINING
