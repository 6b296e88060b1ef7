"""The overview: categories, grounds and months on one sheet, or one of them alone."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from jagawana.rules.grounds import RESTRICTED, Concession, Ground
from jagawana.schemas.alert import Category, ZoneKind
from jagawana.services.drawing.plots import INK, SOFT, save, tidy
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.facts import hectares
from jagawana.services.notify.wording.phrases import Phrases
from jagawana.services.statistics.national import Picture
from jagawana.services.statistics.sums import category_ha, ground_ha, months
from jagawana.services.statistics.words import PictureWords, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

CATEGORY = {Category.HIGH: "#4d8a57", Category.CONDITIONAL: "#e69f00", Category.LOW: "#c22b1e", Category.UNDETERMINED: "#9aa39d"}
CONCESSION = {Concession.INSIDE: "#7b5aa6", Concession.OUTSIDE: "#c9b8de", Concession.UNKNOWN: "#d9d9d9"}
RESTRICTED_COLOURS: Mapping[ZoneKind | None, str] = {
    ZoneKind.CONSERVATION: "#1f4d3a", ZoneKind.INDIGENOUS_LAND: "#b5651d", ZoneKind.PROTECTED_FOREST: "#4d8a57",
    ZoneKind.SUSTAINABLE_USE: "#8fbf8a", ZoneKind.RIPARIAN: "#5d9dbd", ZoneKind.PRODUCTION_FOREST: "#a3a75b", None: "#e4e0d6",
}  # fmt: skip


class Panel(StrEnum):
    """A part of the overview."""

    CATEGORIES = "categories"
    GROUNDS = "grounds"
    MONTHS = "months"


MONTH_NAMES = 14
"""More months than this are named every second, third, … time."""


def draw_overview(p: Picture, name: str, paths: Sequence[Path], language: Language) -> None:
    """Categories, grounds and months on one sheet."""
    from matplotlib.figure import Figure

    words, phrases = words_of(language), phrases_of(language)
    figure = Figure(figsize=(11.5, 7.4), layout="constrained", dpi=120)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.0, 1.25], height_ratios=[1.15, 1.0])
    for panel, place in ((Panel.CATEGORIES, grid[0, 0]), (Panel.GROUNDS, grid[0, 1]), (Panel.MONTHS, grid[1, :])):
        PANELS[panel](figure.add_subfigure(place), p, words, phrases)
    figure.suptitle(words.title.format(name=name), x=0.01, ha="left", fontweight="bold", fontsize=13)
    footnote(figure, p, words)
    save(figure, paths)


def draw_panel(panel: Panel, p: Picture, language: Language) -> bytes:
    """One of them alone, as PNG, small enough to be read on a phone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.3), layout="constrained", dpi=200)
    PANELS[panel](figure, p, words_of(language), phrases_of(language))
    out = BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def footnote(figure: "Figure", p: Picture, words: PictureWords) -> None:
    """Say so where only test scenes were counted."""
    if p.counted and not all(m.tense.is_real for m in p.counted):
        figure.supxlabel(words.test, x=0.01, ha="left", fontsize=9, color="#8a5a00")


def _categories(figure: "FigureBase", p: Picture, words: PictureWords, phrases: Phrases) -> None:
    """A bar a category: what was already there hatched, what is new full."""
    from matplotlib.patches import Patch

    ax = _titled(figure, words.categories)
    known, new = category_ha(m for m in p.counted if m.is_known), category_ha(m for m in p.counted if not m.is_known)
    rows = [c for c in Category if c is not Category.UNDETERMINED or known[c] + new[c] > 0]
    most = max([known[c] + new[c] for c in rows], default=0.0)
    for y, c in enumerate(reversed(rows)):
        ax.barh(y, new[c], color=CATEGORY[c], height=0.62)
        ax.barh(y, known[c], left=new[c], color=CATEGORY[c], alpha=0.45, hatch="////", edgecolor="white", linewidth=0, height=0.62)
        ax.annotate(
            hectares(known[c] + new[c], phrases),
            (known[c] + new[c], y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    ax.set_yticks(range(len(rows)), [words.category[c] for c in reversed(rows)], fontsize=9)
    ax.set_xlim(0, most * 1.18 or 1)
    if p.has_known:
        there = Patch(facecolor=SOFT, alpha=0.45, hatch="////", edgecolor="white", label=words.known)
        ax.legend(
            handles=[Patch(color=SOFT, label=words.new), there],
            frameon=False,
            fontsize=8,
            loc="upper center",
            bbox_to_anchor=(0.4, -0.08),
            ncols=2,
        )
    tidy(ax)
    ax.tick_params(axis="y", length=0, labelsize=9)


def _grounds(figure: "FigureBase", p: Picture, words: PictureWords, phrases: Phrases) -> None:
    from matplotlib.patches import Patch

    ha = ground_ha(p.counted)
    whole = sum(ha.values())
    ax = _titled(figure, words.grounds)
    if whole <= 0:
        ax.axis("off")
        ax.annotate(words.nothing, (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
        return
    ordered = [Ground(c, k) for c in Concession for k in (*RESTRICTED, None) if ha.get(Ground(c, k), 0) > 0]
    inner = {c: sum(v for g, v in ha.items() if g.concession is c) for c in Concession}
    shown = [c for c in Concession if inner[c] > 0]
    edge = {"width": 0.3, "edgecolor": "white", "linewidth": 1.2}
    ax.pie(
        [ha[g] for g in ordered],
        radius=1.0,
        colors=[RESTRICTED_COLOURS[g.restricted] for g in ordered],
        startangle=90,
        counterclock=False,
        wedgeprops=edge,
    )
    ax.pie(
        [inner[c] for c in shown], radius=0.68, colors=[CONCESSION[c] for c in shown], startangle=90, counterclock=False, wedgeprops=edge
    )
    ax.annotate(f"{hectares(whole, phrases)}\nha", (0, 0), ha="center", va="center", fontsize=13, fontweight="bold", color=INK)
    outer = {k: sum(v for g, v in ha.items() if g.restricted is k) for k in (*RESTRICTED, None)}
    handles = [Patch(color=CONCESSION[c], label=f"{words.concession[c]}\n{_share(inner[c], whole, phrases)}") for c in shown]
    handles += [
        Patch(color=RESTRICTED_COLOURS[k], label=f"{phrases.zone_kind[k] if k else words.unrestricted}\n{_share(v, whole, phrases)}")
        for k, v in outer.items() if v > 0
    ]  # fmt: skip
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7.5)
    ax.annotate(words.grounds_note, (0.5, -0.04), xycoords="axes fraction", ha="center", va="top", fontsize=7, color=SOFT)


def _titled(figure: "FigureBase", title: str) -> "Axes":
    """Axes below a title that may be wider than they are."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure.add_subplot()


def _share(ha: float, whole: float, phrases: Phrases) -> str:
    return f"{hectares(ha, phrases)} ha, {100 * ha / whole:.0f} %"


def _months(figure: "FigureBase", p: Picture, words: PictureWords, phrases: Phrases) -> None:
    rows, ax = months(p.counted), _titled(figure, words.months)
    tidy(ax)
    if not rows:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.annotate(words.nothing, (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
        return
    base = [0.0] * len(rows)
    for c in Category:
        values = [row[c] for row in rows.values()]
        if any(values):
            ax.bar(range(len(rows)), values, bottom=base, color=CATEGORY[c], width=0.72, label=words.category[c])
            base = [b + v for b, v in zip(base, values, strict=True)]
    every = -(-len(rows) // MONTH_NAMES)
    named = list(enumerate(rows))[::every]
    ax.set_xticks([n for n, _ in named], [f"{phrases.short_months[d.month - 1]}\n{d.year}" for _, d in named])
    ax.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    ax.set_ylim(0, max(base) * 1.28)


PANELS: Mapping[Panel, Callable[["FigureBase", Picture, PictureWords, Phrases], None]] = {
    Panel.CATEGORIES: _categories, Panel.GROUNDS: _grounds, Panel.MONTHS: _months,
}  # fmt: skip
