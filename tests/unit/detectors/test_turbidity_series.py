"""Series of a river and how they go with a mined area: gaps stay gaps, and intervals are as wide as time makes them."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy import stats
from shapely import LineString

from jagawana.detectors.turbidity.correlation import FEWEST, MinedArea, RankCorrelation, block_length, lagged, rank_correlation
from jagawana.detectors.turbidity.looks import Gap, ReachValue
from jagawana.detectors.turbidity.reaches import Reach
from jagawana.detectors.turbidity.series import Quantity, river_series

DAY = date(2026, 1, 1)
REACHES = [Reach(a * 1000.0, a * 1000.0 + 1000, LineString([(0, -a), (0, -a - 1)])) for a in (-1, 0, 1, 2)]
GONE = ReachValue(Gap.CLOUD, 0, 0.1)


def day(n: int) -> date:
    return DAY + timedelta(days=n)


def value(fnu: float | None, ndti: float = 0.1) -> ReachValue:
    return ReachValue(None, 50, 1.0, ndti=ndti, turbidity_fnu=fnu)


# ---- series ------------------------------------------------------------------------------------------------------


def test_each_reach_is_measured_by_its_own_usual() -> None:
    usual = [10.0, 20, 40, 80]
    looks = {day(10 * k): [value(f * factor) for f in usual] for k, factor in enumerate((1, 1, 2, 0.5, 1))}
    s = river_series(looks, REACHES)
    assert s.quantity is Quantity.TURBIDITY
    assert s.below == pytest.approx(np.log([1, 1, 2, 0.5, 1])) and s.above == pytest.approx(s.below)
    assert s.contrast == pytest.approx(0), "what rain brings to both cancels"


def test_an_unseen_reach_moves_nothing_and_too_few_are_a_gap() -> None:
    usual = [10.0, 20, 40, 80]
    full = [value(f) for f in usual]
    looks = {day(0): full, day(10): full, day(20): [*full[:3], GONE], day(30): [full[0], full[1], GONE, GONE], day(40): [GONE, *full[1:]]}
    s = river_series(looks, REACHES)
    assert s.below[:3] == pytest.approx(0) and np.isnan(s.below[3]) and s.below[4] == pytest.approx(0)
    assert np.isnan(s.above[4]) and np.isnan(s.contrast[[3, 4]]).all() and s.contrast[2] == pytest.approx(0)


def test_without_fnu_a_series_is_of_the_index_and_mixes_nothing() -> None:
    looks = {day(n): [value(None, ndti=0.1 + n / 100) for _ in REACHES] for n in range(3)} | {day(3): [value(50.0, 0.13)] * 4}
    s = river_series(looks, REACHES)
    assert s.quantity is Quantity.NDTI and s.below == pytest.approx([-0.015, -0.005, 0.005, 0.015])


def test_a_river_never_seen_is_all_gaps() -> None:
    s = river_series({day(0): [GONE] * 4, day(5): [GONE] * 4}, REACHES)
    assert np.isnan(s.below).all() and np.isnan(s.contrast).all()


# ---- correlation -------------------------------------------------------------------------------------------------


def test_the_mined_area_is_the_last_one_known() -> None:
    mined = MinedArea((day(10), day(20)), (1.0, 3.0))
    assert [mined.at(day(n)) for n in (10, 19, 20, 99)] == [1, 1, 3, 3] and np.isnan(mined.at(day(9)))


def test_the_lag_at_which_a_river_answers_is_found() -> None:
    rng = np.random.default_rng(3)
    days = [day(5 * k) for k in range(80)]
    growth = np.where(rng.random(80) < 0.4, rng.exponential(2.0, 80), 0.0)
    area = np.cumsum(growth)
    mined = MinedArea(tuple(days), tuple(area.tolist()))
    response = np.array([mined.at(d - timedelta(days=30)) for d in days])
    found = {c.lag_days: c for c in lagged(mined, days, response + rng.normal(0, 0.2, 80))}
    best = max(found.values(), key=lambda c: c.change.rho or -1)
    assert best.lag_days == 30 and best.change.excludes_zero and best.change.rho > 0.6
    assert found[30].level.n == 80 - 6 and found[0].level.n == np.isfinite(response).sum()


def test_gaps_are_left_out_and_few_pairs_have_no_figure() -> None:
    days = [day(10 * k) for k in range(FEWEST + 3)]
    mined = MinedArea(tuple(days), tuple(float(k) for k in range(len(days))))
    response = np.arange(len(days), dtype=float)
    response[[2, 5]] = np.nan
    (found,) = lagged(mined, days, response, [0])
    assert found.level.n == FEWEST + 1 and found.level.rho == 1 and found.change.n == FEWEST
    response[:4] = np.nan
    (few,) = lagged(mined, days, response, [0])
    assert few.level == RankCorrelation(FEWEST - 2, block_length(FEWEST - 2)) and few.level.low is None and not few.level.excludes_zero


def test_what_never_varies_has_no_correlation() -> None:
    assert rank_correlation(np.ones(30), np.arange(30.0)).rho is None


def test_the_correlation_is_spearmans_and_the_same_every_time() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=40).round(1)
    y = x + rng.normal(size=40)
    found = rank_correlation(x, y)
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic, abs=5e-4) and found == rank_correlation(x, y)
    assert found.low < found.rho < found.high and found.block == 4


def autoregressive(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    x = rng.normal(size=n)
    for k in range(1, n):
        x[k] = phi * x[k - 1] + x[k] * np.sqrt(1 - phi**2)
    return x


def test_the_interval_of_unrelated_series_holds_zero_oftener_than_a_test_that_knows_no_time() -> None:
    """Two independent series that remember (phi 0.8), 60 looks: 95 % is meant, about 88 % is kept; the usual test keeps 72 %."""
    rng = np.random.default_rng(11)
    holds, usual = 0, 0
    for _ in range(40):
        x, y = autoregressive(rng, 60, 0.8), autoregressive(rng, 60, 0.8)
        found = rank_correlation(x, y)
        holds += found.low <= 0 <= found.high
        usual += stats.spearmanr(x, y).pvalue > 0.05
    assert holds >= 32 and holds > usual


def test_two_rises_correlate_in_level_and_not_in_change() -> None:
    rng = np.random.default_rng(2)
    x, y = np.cumsum(rng.exponential(size=50)), np.cumsum(rng.exponential(size=50))
    assert rank_correlation(x, y).rho > 0.95
    change = rank_correlation(np.diff(x), np.diff(y))
    assert change.low < 0 < change.high
