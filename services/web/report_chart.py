"""The series of one cell as an inline SVG: mining, road and huts over time, one lane each, with what every look could see."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from markupsafe import Markup

from jagawana.services.notify.coordinates import spaced_cell
from jagawana.services.notify.cutouts import nice_length
from jagawana.services.web.report_view import FirstAlert, Sample, Series
from jagawana.services.web.report_words import PageWords

WIDTH, LEFT, RIGHT = 760.0, 58.0, 14.0
MIN_CLEAR_SHARE = 0.5
"""Below this a look counts as hidden: the line breaks, because nothing is known."""
_MAX_TICKS = 7
_TOP, _LOOKS, _GAP = 34.0, 14.0, 26.0


@dataclass(frozen=True)
class Lane:
    """One quantity: its name on the page, its style, its height and how to read it off a sample."""

    style: str
    height: float
    of: Callable[[Sample], float]


_LANES = (
    Lane("mining", 96.0, lambda s: s.mining_ha),
    Lane("road", 46.0, lambda s: s.road_m),
    Lane("hut", 40.0, lambda s: float(s.huts)),
)


def chart_svg(series: Series, words: PageWords) -> Markup:
    """The chart; lanes that never leave zero are left out, except mining."""
    lanes = [lane for lane in _LANES if lane.style == "mining" or any(lane.of(s) > 0 for s in series.samples)]
    if not series.samples:
        return Markup("")
    height = _TOP + sum(lane.height + _GAP for lane in lanes) + _LOOKS + 26
    x_of = _time_axis(series.samples)
    drawn, top = [], _TOP
    for lane in lanes:
        drawn.append(_lane(lane, series.samples, x_of, top, words))
        top += lane.height + _GAP
    drawn += [_looks(series.samples, x_of, top, words), _dates(series.samples, x_of, top + _LOOKS, words)]
    drawn += [_first_alert(a, x_of, top - 2) for a in series.first_alerts]
    head = Markup('<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{} {}">').format(
        WIDTH,
        height,
        words.series_title,
        spaced_cell(series.cell),
    )
    return Markup("").join([head, *drawn, Markup("</svg>")])


def is_clear(sample: Sample) -> bool:
    """Whether enough of the cell was seen to say anything."""
    return sample.clear_share >= MIN_CLEAR_SHARE


_XOf = Callable[[datetime], float]


def _time_axis(samples: Sequence[Sample]) -> _XOf:
    first, last = samples[0].at, samples[-1].at
    span_s = max((last - first).total_seconds(), 1.0)
    room = WIDTH - LEFT - RIGHT - 16
    return lambda at: LEFT + 8 + room * (at - first).total_seconds() / span_s


def _lane(lane: Lane, samples: Sequence[Sample], x_of: _XOf, top: float, words: PageWords) -> Markup:
    most = max((lane.of(s) for s in samples if is_clear(s)), default=0.0)
    ceiling = _ceiling(most)
    base = top + lane.height

    def y_of(value: float) -> float:
        return base - value / ceiling * lane.height

    axis = Markup(
        '<line class="base" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/><line class="grid" x1="{0}" x2="{1}" y1="{3:.1f}" y2="{3:.1f}"/>'
        '<text class="value" x="{4}" y="{5:.1f}">{6}</text><text class="value" x="{4}" y="{2:.1f}">0</text>'
        '<text class="lane-name {7}" x="{8}" y="{9:.1f}">{10}</text>'
    ).format(LEFT, WIDTH - RIGHT, base, top, LEFT - 7, top + 4, f"{ceiling:g}", lane.style, LEFT + 4, top - 6, words.lanes[lane.style])
    return axis + _line(lane, samples, x_of, y_of)


def _ceiling(most: float) -> float:
    """A round number no smaller than the largest value."""
    if most <= 0:
        return 1.0
    step = nice_length(most)
    return step * math.ceil(most / step - 1e-9)


def _line(lane: Lane, samples: Sequence[Sample], x_of: _XOf, y_of: Callable[[float], float]) -> Markup:
    """A line per unbroken run of clear looks, faint dashes over what cloud hid, a dot per clear look."""
    points = [(x_of(s.at), y_of(lane.of(s)), n) for n, s in enumerate(samples) if is_clear(s)]
    pieces = []
    for (x1, y1, n1), (x2, y2, n2) in pairwise(points):
        style = lane.style if n2 == n1 + 1 else f"{lane.style} hidden"
        pieces.append(Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(style, x1, y1, x2, y2))
    pieces += [Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2.6"/>').format(lane.style, x, y) for x, y, _ in points]
    return Markup('<g class="line">{}</g>').format(Markup("").join(pieces))


def _looks(samples: Sequence[Sample], x_of: _XOf, top: float, words: PageWords) -> Markup:
    """One mark per look: filled where the cell was clear, empty where it was hidden."""
    marks = [
        Markup('<rect class="look {}" x="{:.1f}" y="{:.1f}" width="5" height="9"><title>{}</title></rect>').format(
            "clear" if is_clear(s) else "cloudy",
            x_of(s.at) - 2.5,
            top,
            f"{s.at:%Y-%m-%d}: {s.clear_share:.0%}",
        )
        for s in samples
    ]
    return Markup('<text class="value" x="{}" y="{:.1f}">{}</text>').format(LEFT - 7, top + 8, words.looks) + Markup("").join(marks)


def _dates(samples: Sequence[Sample], x_of: _XOf, top: float, words: PageWords) -> Markup:
    marks = []
    for at in _month_starts(samples[0].at, samples[-1].at):
        x = x_of(at)
        marks.append(
            Markup(
                '<line class="tick" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>'
                '<text class="date" x="{0:.1f}" y="{3:.1f}">{4}</text>'
            ).format(
                x,
                top,
                top + 4,
                top + 16,
                f"{words.months[at.month - 1]} {at.year}",
            )
        )
    return Markup("").join(marks)


def _month_starts(first: datetime, last: datetime) -> list[datetime]:
    """Month starts between two times, thinned to at most _MAX_TICKS; the first day itself where no month starts."""
    months = range(first.year * 12 + first.month, last.year * 12 + last.month)
    starts = [datetime(m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in months]
    return starts[:: math.ceil(len(starts) / _MAX_TICKS)] if starts else [first]


def _first_alert(alert: FirstAlert, x_of: _XOf, bottom: float) -> Markup:
    x = x_of(alert.at)
    anchor, shift = ("end", -4) if x > WIDTH * 0.8 else ("start", 4)
    return Markup(
        '<line class="first-alert" x1="{0:.1f}" x2="{0:.1f}" y1="8" y2="{1:.1f}"/>'
        '<text class="first-alert" x="{2:.1f}" y="12" text-anchor="{3}">{4}</text>'
    ).format(x, bottom, x + shift, anchor, alert.code)
