"""How a river's turbidity goes with the mined area some days before: rank correlation by lag, with an interval that respects time.

A correlation is no cause, and the intervals are wide on purpose: neighbouring looks resemble one another, so whole blocks of
consecutive looks are drawn (moving-block bootstrap: Künsch 1989, Annals of Statistics 17, 1217-1241).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Numbers = npt.NDArray[np.floating[Any]]
RESAMPLES = 2000
FEWEST = 12
"""Pairs behind any correlation; below this none is given."""
LAGS_DAYS = (0, 15, 30, 60, 90)


@dataclass(frozen=True)
class MinedArea:
    """What is believed of the mined area of a place: days, oldest first, and hectares."""

    days: tuple[date, ...]
    mining_ha: tuple[float, ...]

    def at(self, day: date) -> float:
        """The last area known on a day; not-a-number before the first."""
        position = int(np.searchsorted([d.toordinal() for d in self.days], day.toordinal(), side="right")) - 1
        return self.mining_ha[position] if position >= 0 else float("nan")


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho of `n` pairs, with the central 95 % of resampled blocks of `block` consecutive pairs; none below FEWEST pairs."""

    n: int
    block: int
    rho: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class LaggedCorrelation:
    """One lag. `level` compares the two series as they are; `change` what each did since the look before.

    Two series that both rise correlate in level whatever their cause; in change they do not.
    """

    lag_days: int
    level: RankCorrelation
    change: RankCorrelation


def lagged(mined: MinedArea, days: Sequence[date], response: Numbers, lags_days: Sequence[int] = LAGS_DAYS) -> list[LaggedCorrelation]:
    """The correlation at each lag. Reading the largest of several as the finding makes it too large: look at all of them.

    Args:
        mined: the mined area.
        days: of the looks at the river, oldest first.
        response: one number per look, not-a-number in gaps; see series.RiverSeries.
        lags_days: the mined area is taken so many days before each look.
    """
    return [_at_lag(mined, days, np.asarray(response, np.float64), lag) for lag in lags_days]


def _at_lag(mined: MinedArea, days: Sequence[date], response: Numbers, lag_days: int) -> LaggedCorrelation:
    areas = np.array([mined.at(date.fromordinal(d.toordinal() - lag_days)) for d in days])
    known = np.isfinite(areas) & np.isfinite(response)
    area, river = areas[known], response[known]
    return LaggedCorrelation(lag_days, rank_correlation(area, river), rank_correlation(np.diff(area), np.diff(river)))


def rank_correlation(x: Numbers, y: Numbers, *, seed: int = 0) -> RankCorrelation:
    """Rank correlation of two series in order of time, with its moving-block interval. None where one of them never varies."""
    n = len(x)
    block = block_length(n)
    if n < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return RankCorrelation(n, block)
    rho = float(stats.spearmanr(x, y).statistic)
    drawn = _drawn(n, block, seed)
    rhos = _row_correlation(x[drawn], y[drawn])
    low, high = np.nanpercentile(rhos, [2.5, 97.5])
    return RankCorrelation(n, block, round(rho, 3), round(float(low), 3), round(float(high), 3))


def block_length(n: int) -> int:
    """Looks in a block: the cube root of n, the usual order, rounded up; two at least."""
    return max(2, int(np.ceil(n ** (1 / 3))))


def _drawn(n: int, block: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions of each resample, (RESAMPLES, n): blocks of neighbours, laid end to end, cut to n."""
    starts = np.random.default_rng(seed).integers(0, n - block + 1, (RESAMPLES, -(-n // block)))
    return np.asarray((starts[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :n])


def _row_correlation(x: Numbers, y: Numbers) -> Numbers:
    """Spearman's rho of each row; not-a-number where a row never varies."""
    a, b = stats.rankdata(x, axis=1), stats.rankdata(y, axis=1)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray(np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0))
