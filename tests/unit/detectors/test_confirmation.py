"""When a change is believed: the running evidence of an episode and the two published rules."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.confirmation import AgreeingLooks, BayesianOdds, ConfirmationRule, Episode

CHANCES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8)
YES = np.ones(1, bool)


def after(chances: Sequence[float], clip: float = 0.1) -> Episode:
    episode = Episode.none(1)
    for chance in chances:
        episode.add(YES, np.array([chance], np.float32), 0.5, clip)
    return episode


def verdict(rule: ConfirmationRule, chances: Sequence[float]) -> tuple[bool, bool, bool]:
    """Provisional, confirmed, rejected after the last look."""
    episode, now = after(chances), np.array([chances[-1] >= 0.5])
    return bool(rule.provisional(episode)[0]), bool(rule.confirmed(episode, now)[0]), bool(rule.rejected(episode)[0])


def test_the_posterior_is_bayes_rule_on_clipped_looks() -> None:
    assert after([0.9]).posterior[0] == pytest.approx(0.9)
    assert after([1.0]).posterior[0] == pytest.approx(0.9), "one scene never decides alone"
    assert after([0.9, 0.9]).posterior[0] == pytest.approx(81 / 82)
    assert after([0.9, 0.1]).posterior[0] == pytest.approx(0.5)
    assert after([0.0, 0.0]).posterior[0] == pytest.approx(1 / 82)


@settings(max_examples=200, deadline=None)
@given(CHANCES, st.randoms(use_true_random=False))
def test_evidence_does_not_depend_on_the_order_of_looks_and_counts_them(chances: list[float], shuffle: object) -> None:
    other = list(chances)
    shuffle.shuffle(other)  # type: ignore[attr-defined]
    a, b = after(chances), after(other)
    assert a.posterior == pytest.approx(b.posterior, abs=1e-5)
    assert a.clear[0] == b.clear[0] == len(chances) and a.positive[0] == b.positive[0] == sum(c >= 0.5 for c in chances)


def test_only_the_chosen_pixels_are_counted_and_reset() -> None:
    episode = Episode.none(2)
    episode.add(np.array([True, False]), np.array([0.9, 0.9], np.float32), 0.5, 0.1)
    assert episode.clear.tolist() == [1, 0] and episode.posterior.tolist() == pytest.approx([0.9, 0.5])
    episode.reset(np.array([True, False]))
    assert episode.clear.tolist() == [0, 0] and episode.positive.tolist() == [0, 0] and episode.posterior.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("rule", [BayesianOdds(), AgreeingLooks()], ids=["odds", "agreeing"])
def test_one_look_is_provisional_two_confirm_and_contradiction_rejects(rule: ConfirmationRule) -> None:
    assert verdict(rule, [1.0]) == (True, False, False), "one look never confirms"
    assert verdict(rule, [0.9, 0.9])[1]
    assert not verdict(rule, [0.9, 0.9, 0.4])[1], "a look that does not show it does not confirm it"
    assert verdict(rule, [0.9, 0.0, 0.0])[2]
    assert not verdict(rule, [0.6])[0], "a weak look is only a candidate"


def test_odds_need_two_positive_looks_and_enough_of_them() -> None:
    rule = BayesianOdds()
    assert not verdict(rule, [0.6, 0.6])[1] and verdict(rule, [0.9, 0.85])[1]
    assert verdict(rule, [0.9, 0.9, 0.1, 0.9, 0.9])[1]


def test_agreeing_looks_give_up_after_five() -> None:
    rule = AgreeingLooks()
    assert verdict(rule, [0.6, 0.0, 0.6])[1]
    assert verdict(rule, [0.6, 0.2, 0.2, 0.2, 0.2])[2] and not verdict(rule, [0.6, 0.2])[2]


@settings(max_examples=300, deadline=None)
@given(CHANCES, st.sampled_from([BayesianOdds(), AgreeingLooks()]))
def test_nothing_is_confirmed_on_fewer_than_two_looks_that_show_it(chances: list[float], rule: ConfirmationRule) -> None:
    _, confirmed, rejected = verdict(rule, chances)
    assert not confirmed or (sum(c >= 0.5 for c in chances) >= 2 and chances[-1] >= 0.5)
    assert not (confirmed and rejected)
