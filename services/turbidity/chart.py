"""The picture: mined area, turbidity above and below the site, and the whole river by date and kilometre."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jagawana.detectors.turbidity.looks import ReachValue
from jagawana.detectors.turbidity.series import Quantity
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.turbidity.run import RiverReport
from jagawana.services.turbidity.summary import said
from jagawana.services.turbidity.words import RiverWords, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MINED, BELOW, ABOVE, GREY = "#b2182b", "#8c510a", "#01665e", "#d9d9d9"
COLOURS = "YlOrBr"
WIDEST = timedelta(days=12)


def drawing_is_possible() -> None:
    """Refuse at the start, not after an hour of reading.

    Raises:
        DataError: SETTINGS_INVALID without matplotlib.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as e:
        raise DataError(
            ErrorCode.SETTINGS_INVALID, "pictures need matplotlib: pip install 'jagawana[pictures]', or give --no-picture"
        ) from e


def draw(report: RiverReport, path: Path, language: Language) -> None:
    """Write the picture as PNG."""
    from matplotlib.figure import Figure

    words, has_mined = words_of(language), bool(report.mined.days)
    figure = Figure(figsize=(9.6, 7.6 if has_mined else 6.2), layout="constrained", dpi=130)
    heights = [1.0, 1.5, 2.2] if has_mined else [1.5, 2.2]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0].tolist()
    if has_mined:
        _mined(axes[0], report, words)
    _sides(axes[-2], report, words)
    colours = _river(axes[-1], report, words)
    bar = figure.colorbar(colours, ax=axes[-1], pad=0.01, label=words.quantity[report.series.quantity])
    if report.series.quantity is Quantity.TURBIDITY:
        _readable_log(bar.ax)
    _dates(axes, report, language)
    figure.suptitle(words.title.format(name=report.site.name), x=0.02, ha="left", fontweight="bold")
    figure.supxlabel("\n".join(said(report, language)), x=0.02, ha="left", fontsize=7.5, color="#555555", wrap=True)
    figure.savefig(path, format="png", metadata={"Software": None})


def _mined(ax: "Axes", report: RiverReport, words: RiverWords) -> None:
    days = [*report.mined.days, max(report.mined.days[-1], report.looks[-1].day)]
    area = [*report.mined.mining_ha, report.mined.mining_ha[-1]]
    ax.fill_between(days, area, step="post", color=MINED, alpha=0.25, linewidth=0)  # type: ignore[arg-type]
    ax.step(days, area, where="post", color=MINED)  # type: ignore[arg-type]
    ax.set_ylim(bottom=0)
    _titled(ax, words.mined)


def _sides(ax: "Axes", report: RiverReport, words: RiverWords) -> None:
    """The median of each side's reaches at each look, and how far apart the middle half of them lies."""
    quantity = report.series.quantity
    for upstream, colour, label in ((True, ABOVE, words.above), (False, BELOW, words.below)):
        chosen = [n for n, reach in enumerate(report.reaches) if reach.is_upstream is upstream]
        seen = [(look.day, _numbers([look.values[n] for n in chosen], quantity)) for look in report.looks]
        points = [(day, *np.quantile(v, [0.25, 0.5, 0.75])) for day, v in seen if len(v)]
        if not points:
            continue
        days, low, middle, high = zip(*points, strict=True)
        ax.fill_between(days, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(days, middle, color=colour, marker="o", markersize=3.5, linewidth=1.2, label=label)
    if quantity is Quantity.TURBIDITY:
        _readable_log(ax)
    if ax.lines:
        ax.legend(loc="upper left", frameon=False, ncols=2, fontsize=8, bbox_to_anchor=(0.0, 1.02))
    _titled(ax, words.quantity[quantity])


def _readable_log(ax: "Axes") -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _river(ax: "Axes", report: RiverReport, words: RiverWords) -> Any:
    """A column per look, the site as a line; grey where there is no value. Returns what the colours mean."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize

    quantity = report.series.quantity
    numbers = _numbers([v for look in report.looks for v in look.values], quantity)
    low, high = np.quantile(numbers, [0.02, 0.98]).tolist() if len(numbers) else (0.1, 1.0)
    high = high if high > low else low + 0.1
    scale = ScalarMappable(LogNorm(low, high) if quantity is Quantity.TURBIDITY else Normalize(low, high), COLOURS)
    for look, width in zip(report.looks, _widths([look.day for look in report.looks]), strict=True):
        for reach, value in zip(report.reaches, look.values, strict=True):
            number = _number(value, quantity)
            look_of = {"color": GREY, "hatch": "////"} if number is None else {"color": scale.to_rgba(np.asarray(number))}
            height, bottom = (reach.stop_m - reach.start_m) / 1000, reach.start_m / 1000
            ax.bar(look.day, height, width, bottom=bottom, edgecolor="white", linewidth=0.3, **look_of)  # type: ignore[arg-type]
    ax.axhline(0, color=MINED, linewidth=1.2)
    ax.annotate(words.site, (1.0, 0), xycoords=("axes fraction", "data"), xytext=(-3, 2), textcoords="offset points", ha="right",
                color=MINED, fontsize=8)  # fmt: skip
    ax.set_ylim(max(r.stop_m for r in report.reaches) / 1000, min(r.start_m for r in report.reaches) / 1000)
    _titled(ax, f"{words.along}; ▨ {words.no_value}")
    return scale


def _widths(days: Sequence[date]) -> list[timedelta]:
    """Of columns, so that none hides its neighbour."""
    most = max(WIDEST, (days[-1] - days[0]) / 30)
    spaces = [most, *(b - a for a, b in pairwise(days)), most]
    return [min(most, before * 0.9, after * 0.9) for before, after in pairwise(spaces)]


def _dates(axes: Sequence["Axes"], report: RiverReport, language: Language) -> None:
    from matplotlib.dates import AutoDateLocator, num2date

    months = phrases_of(language).short_months
    axes[-1].xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=9))  # type: ignore[no-untyped-call]

    def said_as(x: float, _position: float) -> str:
        at = num2date(x)  # type: ignore[no-untyped-call]
        return f"{at.day} {months[at.month - 1]} {at.year}"

    axes[-1].xaxis.set_major_formatter(said_as)
    room = max((report.looks[-1].day - report.looks[0].day) * 0.03, WIDEST)
    axes[-1].set_xlim(report.looks[0].day - room, report.looks[-1].day + room)  # type: ignore[arg-type]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)


def _titled(ax: "Axes", text: str) -> None:
    ax.set_title(text, loc="left", fontsize=9)


def _numbers(found: Sequence[ReachValue], quantity: Quantity) -> list[float]:
    return [n for v in found if (n := _number(v, quantity)) is not None]


def _number(value: ReachValue, quantity: Quantity) -> float | None:
    return value.turbidity_fnu if quantity is Quantity.TURBIDITY else value.ndti
