"""How estimates agree with measurements: rank, size and spread of the error, with intervals from resampling whole dates."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from jagawana.schemas.base import Model

RESAMPLES = 500
Numbers = npt.NDArray[np.floating[Any]]


class Agreement(Model):
    """Estimates against measurements of turbidity."""

    n: int = Field(ge=2)
    spearman: float = Field(ge=-1, le=1)
    spearman_low: float | None = Field(description="central 95 % of resampled dates; none from a single date")
    spearman_high: float | None
    rmse_fnu: float = Field(ge=0)
    bias_fnu: float = Field(description="mean of estimate minus measurement")
    bias_factor: float = Field(gt=0, description="geometric mean of estimate over measurement")
    median_estimate_fnu: float
    median_measured_fnu: float
    factor_68: float = Field(ge=1, description="68 % of the estimates lie within this factor of the measurement, up or down")
    factor_95: float = Field(ge=1)


def agreement(estimated_fnu: Numbers, measured_fnu: Numbers, days: Sequence[date]) -> Agreement:
    """Agreement of positive estimates with positive measurements, all of one length."""
    error, ratio = estimated_fnu - measured_fnu, np.log(estimated_fnu / measured_fnu)
    low, high = _interval(estimated_fnu, measured_fnu, days)
    within_68, within_95 = np.exp(np.quantile(np.abs(ratio), [0.68, 0.95])).tolist()
    return Agreement(
        n=len(error), spearman=_rounded(_spearman(estimated_fnu, measured_fnu)), spearman_low=low, spearman_high=high,
        rmse_fnu=_rounded(np.sqrt((error**2).mean()), 1), bias_fnu=_rounded(error.mean(), 1), bias_factor=_rounded(np.exp(ratio.mean()), 2),
        median_estimate_fnu=_rounded(np.median(estimated_fnu), 1), median_measured_fnu=_rounded(np.median(measured_fnu), 1),
        factor_68=_rounded(within_68, 2), factor_95=_rounded(within_95, 2),
    )  # fmt: skip


def _interval(estimated: Numbers, measured: Numbers, days: Sequence[date]) -> tuple[float | None, float | None]:
    _, member = np.unique([d.toordinal() for d in days], return_inverse=True)
    blocks = [np.flatnonzero(member == n) for n in range(member.max() + 1)]
    if len(blocks) == 1:
        return None, None
    draws = np.random.default_rng(0).integers(0, len(blocks), (RESAMPLES, len(blocks)))
    rhos = [_spearman(estimated[rows], measured[rows]) for rows in (np.concatenate([blocks[n] for n in d]) for d in draws)]
    low, high = np.nanpercentile(rhos, [2.5, 97.5])
    return _rounded(low), _rounded(high)


def _spearman(x: Numbers, y: Numbers) -> float:
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])


def _rounded(value: Any, decimals: int = 3) -> float:
    return round(float(value), decimals)
