"""The plot: mining, roads, huts and what was seen, a column for every stream; nothing is drawn where nothing is known."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jagawana.services.drawing.plots import INK, dated, save, tidy
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.timeline.run import Point, Timeline
from jagawana.services.timeline.words import TimelineWords, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KNOWN, NEW, ROAD, ROAD_KNOWN, HUT, HUT_KNOWN = "#cc79a7", "#d52b1e", "#e69f00", "#b8a200", "#0072b2", "#56b4e9"


def draw(timelines: Sequence[Timeline], name: str, paths: Sequence[Path], language: Language) -> None:
    """Write the plot, once for every path; the ending says the format."""
    from matplotlib.figure import Figure

    words = words_of(language)
    figure = Figure(figsize=(2.2 + 5.4 * len(timelines), 7.4), layout="constrained", dpi=130)
    rows = figure.subplots(4, len(timelines), sharex=True, sharey="row", height_ratios=[2.6, 1.1, 1.0, 0.8], squeeze=False)
    for column, timeline in enumerate(timelines):
        axes = rows[:, column].tolist()
        _mining(axes[0], timeline, words, has_legend=column == 0)
        _pair(
            axes[1],
            timeline,
            [(ROAD_KNOWN, words.known, lambda p: p.length_m("roads_known")), (ROAD, words.new, lambda p: p.length_m("roads_new"))],
        )
        _pair(
            axes[2],
            timeline,
            [(HUT_KNOWN, words.known, lambda p: float(p.count("huts_known"))), (HUT, words.new, lambda p: float(p.count("huts_new")))],
        )
        axes[2].yaxis.get_major_locator().set_params(integer=True)
        _clear(axes[3], timeline)
        axes[0].set_title(
            words.stream.format(model=timeline.model_id, pixel=timeline.resolution_m, looks=len(timeline.points), seen=len(timeline.seen)),
            loc="left", fontsize=9,
        )  # fmt: skip
        dated(axes[3], phrases_of(language).short_months)
        for ax in axes:
            tidy(ax)
    for row in rows[:3].tolist():
        tops = [ax.dataLim.y1 for ax in row if np.isfinite(ax.dataLim.y1)]  # without any value it is infinite
        row[0].set_ylim(0, 1.35 * max(tops, default=0.0) or 1.0)
    _names(rows[:, 0].tolist(), words, timelines[0].least_clear)
    figure.suptitle(words.title.format(name=name), x=0.01, ha="left", fontweight="bold")
    if not all(p.tense.is_real for t in timelines for p in t.points):
        figure.supxlabel(words.test, x=0.01, ha="left", fontsize=8, color="#8a5a00")
    save(figure, paths)


def runs(timeline: Timeline) -> Iterator[list[Point]]:
    """Unbroken runs of looks with a value."""
    for is_gap, group in groupby(timeline.points, timeline.is_gap):
        if not is_gap:
            yield list(group)


def _days(points: Sequence[Point]) -> list[float]:
    """Their times as an axis of dates counts them."""
    from matplotlib.dates import date2num

    return [float(date2num(p.at)) for p in points]  # type: ignore[no-untyped-call]


def _mining(ax: "Axes", timeline: Timeline, words: TimelineWords, *, has_legend: bool) -> None:
    for n, run in enumerate(runs(timeline)):
        at = _days(run)
        known, whole = [p.ha("mining_known") for p in run], [p.ha("mining_known") + p.ha("mining_new") for p in run]
        label = (lambda text: text) if n == 0 else (lambda _text: None)
        ax.fill_between(at, 0, known, color=KNOWN, alpha=0.35, linewidth=0)
        ax.fill_between(at, known, whole, color=NEW, alpha=0.25, linewidth=0)
        ax.plot(at, known, color=KNOWN, marker="o", markersize=3, linewidth=1.4, label=label(words.mining_known))
        ax.plot(at, whole, color=NEW, marker="o", markersize=4, linewidth=1.8, label=label(words.mining_new))
        dated_back = [p.dated_back_ha for p in run]
        ax.plot(at, dated_back, color=INK, marker="o", markersize=3, markerfacecolor="white", linewidth=0.9, linestyle=(0, (1, 2)),
                label=label(words.dated_back))  # fmt: skip
    seen = timeline.seen
    whole = [p.ha("mining_known") + p.ha("mining_new") for p in seen]
    ax.plot(_days(seen), whole, color=NEW, linewidth=0.8, alpha=0.4, linestyle=(0, (4, 4)), zorder=1)
    if has_legend and seen:
        ax.legend(loc="upper left", frameon=False, fontsize=8)


def _pair(ax: "Axes", timeline: Timeline, kinds: Sequence[tuple[str, str, Callable[[Point], float]]]) -> None:
    for n, run in enumerate(runs(timeline)):
        for colour, label, value in kinds:
            ax.plot(
                _days(run), [value(p) for p in run], color=colour, marker="o", markersize=3, linewidth=1.4,
                label=label if n == 0 else None,
            )  # fmt: skip
    if ax.lines:
        ax.legend(loc="upper left", frameon=False, fontsize=7.5, ncols=2)


def _clear(ax: "Axes", timeline: Timeline) -> None:
    """A stem for every look: filled where it gave values, empty where it was a gap."""
    for point in timeline.points:
        at, inside = _days([point]), "white" if timeline.is_gap(point) else INK
        ax.vlines(at, 0, point.clear_share, color="#9aa39d", linewidth=1.4)
        ax.plot(at, [point.clear_share], marker="o", markersize=4, color=INK, markerfacecolor=inside)
    ax.axhline(timeline.least_clear, color="#8b948e", linewidth=0.8, linestyle=(0, (4, 3)))
    ax.set_ylim(0, 1.08)
    ax.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])


def _names(axes: Sequence["Axes"], words: TimelineWords, least_clear: float) -> None:
    for ax, text in zip(axes, (words.mining, words.roads, words.huts, words.clear), strict=True):
        ax.set_ylabel(text, fontsize=8.5)
    axes[3].annotate(
        words.gap.format(share=round(least_clear * 100)), (0, least_clear), xycoords=("axes fraction", "data"), xytext=(3, 2),
        textcoords="offset points", fontsize=7, color="#55605a",
    )  # fmt: skip
