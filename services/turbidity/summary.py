"""The report in a few lines: a row per look, and the sentences without which the figures mislead."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from jagawana.detectors.turbidity.correlation import FEWEST, LaggedCorrelation, RankCorrelation
from jagawana.detectors.turbidity.series import Quantity
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.facts import number
from jagawana.services.notify.wording.phrases import Phrases
from jagawana.services.turbidity.run import RiverReport
from jagawana.services.turbidity.words import RiverWords, words_of

CHANCE = 0.05
"""Of intervals at 95 % leave out what is true."""
TABLE_HEADER = ("date", "reaches with a value", "below, FNU", "above, FNU", "below, NDTI")


def summary(report: RiverReport, out: Path) -> dict[str, Any]:
    """For programs: counts, correlations and where the files are."""
    values = [v for look in report.looks for v in look.values]
    return {
        "looks": len(report.looks), "reaches": len(report.reaches), "values": sum(v.gap is None for v in values),
        "gaps": sum(v.gap is not None for v in values), "quantity": report.series.quantity, "refused": list(report.refused),
        "below": [asdict(c) for c in report.below], "below_against_above": [asdict(c) for c in report.contrast],
        "calibration": report.calibration.name, "out": str(out),
    }  # fmt: skip


def table_rows(report: RiverReport) -> Iterator[tuple[str, ...]]:
    """For people: a row per look; medians over the reaches of each side, a dash where there is none."""
    upstream = [r.is_upstream for r in report.reaches]
    for look in report.looks:
        seen = [(v, up) for v, up in zip(look.values, upstream, strict=True) if v.gap is None]
        below, above = ([v.turbidity_fnu for v, up in seen if up is side] for side in (False, True))
        yield (
            look.day.isoformat(), f"{len(seen)} of {len(upstream)}", _median(below, 0), _median(above, 0),
            _median([v.ndti for v, up in seen if not up], 3),
        )  # fmt: skip


def _median(numbers: Sequence[float | None], decimals: int) -> str:
    known = [n for n in numbers if n is not None]
    return f"{np.median(known):.{decimals}f}" if known else "–"


def said(report: RiverReport, language: Language) -> list[str]:
    """What a reader must know, in sentences."""
    words, phrases = words_of(language), phrases_of(language)
    left_out, dates = report.calibration.dates_left_out, len(report.calibration.dates)
    factor = number(left_out.factor_95, phrases, decimals=2)
    calibrated = words.calibrated.format(name=report.calibration.name, n=left_out.n, dates=dates, factor=factor)
    first = calibrated if report.series.quantity is Quantity.TURBIDITY else words.not_calibrated
    return [*_line_notes(report, words, phrases), first, _comparison(report, words, phrases), words.no_cause]


def _line_notes(report: RiverReport, words: RiverWords, phrases: Phrases) -> Iterator[str]:
    """How the river's line was followed, where that needs saying."""
    river = report.place.river
    for sentence, places in ((words.divides, river.divides_at_m), (words.ends, river.shorter_than(report.plan))):
        yield from (sentence.format(km=number(at_m / 1000, phrases, decimals=1)) for at_m in places)


def _comparison(report: RiverReport, words: RiverWords, phrases: Phrases) -> str:
    if not report.mined.days:
        return words.no_mined
    found = [r for r in _correlations((*report.below, *report.contrast)) if r.rho is not None]
    if not found:
        return words.too_few.format(n=max((c.level.n for c in report.below), default=0), fewest=FEWEST)
    chance = number(CHANCE * len(found), phrases, decimals=1)
    return words.intervals.format(clear=sum(r.excludes_zero for r in found), all=len(found), chance=chance)


def _correlations(lags: Iterable[LaggedCorrelation]) -> Iterator[RankCorrelation]:
    for lag in lags:
        yield from (lag.level, lag.change)
