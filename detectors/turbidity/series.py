"""Series of a river: how turbid the reaches below a site were at each look, against their own usual and against the reaches above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from jagawana.detectors.turbidity.looks import ReachValue
from jagawana.detectors.turbidity.reaches import Reach

Numbers = npt.NDArray[np.float64]
MOST_MISSING = 0.5
"""Of the reaches on one side of the site; with fewer seen, a look says nothing of that side."""


class Quantity(StrEnum):
    """What a series is measured in."""

    TURBIDITY = "turbidity"
    NDTI = "ndti"


@dataclass(frozen=True)
class RiverSeries:
    """By look, oldest first. Each reach is compared with its own median over all looks, so that unseen reaches move nothing.

    `below` and `above` are medians over the reaches of that side: for turbidity the natural logarithm of the ratio to the usual (0.69 is
    twice the usual), for NDTI the difference. `contrast` is below minus above: what rain brings to both cancels. Not-a-number is a gap.
    """

    quantity: Quantity
    days: tuple[date, ...]
    below: Numbers
    above: Numbers
    contrast: Numbers


def river_series(looks: Mapping[date, Sequence[ReachValue]], reaches: Sequence[Reach]) -> RiverSeries:
    """The series of a river's looks.

    Args:
        looks: by day, one value per reach in the order of `reaches`.
        reaches: of both sides.
    """
    days = tuple(sorted(looks))
    quantity = quantity_of([v for day in days for v in looks[day]])
    table = values(looks, quantity).T  # (reaches, looks)
    departures = np.full(table.shape, np.nan)
    for row, mine in zip(departures, table, strict=True):
        if np.isfinite(mine).any():
            row[:] = mine - np.nanmedian(mine)
    upstream = np.array([r.is_upstream for r in reaches], bool)
    below, above = _side(departures[~upstream]), _side(departures[upstream])
    return RiverSeries(quantity, days, below, above, below - above)


def quantity_of(found: Sequence[ReachValue]) -> Quantity:
    """Turbidity where half of the values or more have it, else NDTI: a series mixes nothing."""
    with_value = [v for v in found if v.gap is None]
    in_fnu = [v for v in with_value if v.turbidity_fnu is not None]
    return Quantity.TURBIDITY if with_value and 2 * len(in_fnu) >= len(with_value) else Quantity.NDTI


def values(looks: Mapping[date, Sequence[ReachValue]], quantity: Quantity) -> Numbers:
    """The quantity as a series compares it, (looks, reaches): logarithm of FNU, or NDTI; not-a-number in gaps."""
    rows = [[_number(v, quantity) for v in looks[day]] for day in sorted(looks)]
    return np.array(rows, np.float64)


def _number(value: ReachValue, quantity: Quantity) -> float:
    number = value.turbidity_fnu if quantity is Quantity.TURBIDITY else value.ndti
    if number is None:
        return float("nan")
    return float(np.log(max(number, 0.1))) if quantity is Quantity.TURBIDITY else number


def _side(departures: Numbers) -> Numbers:
    """Median over reaches at each look, (looks,); a gap where more than MOST_MISSING of them are unseen."""
    result = np.full(departures.shape[1], np.nan)
    if not departures.shape[0]:
        return result
    seen = np.isfinite(departures).mean(axis=0) >= 1 - MOST_MISSING
    result[seen] = np.nanmedian(departures[:, seen], axis=0)
    return result
