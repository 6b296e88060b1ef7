"""The pictures: categories, grounds and months on one sheet, and a map of provinces with a pie on each."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from io import BytesIO
from math import cos, radians, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import shapely

from jagawana.rules.grounds import RESTRICTED, Concession, Ground
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import Category, ZoneKind
from jagawana.services.drawing.plots import INK, SOFT, save, tidy
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.facts import hectares
from jagawana.services.notify.wording.names import safe_name
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


LARGEST_PIE, SMALLEST_PIE = 0.075, 0.022
"""Radius of a pie, as a share of the map's width."""
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
    _footnote(figure, p, words)
    save(figure, paths)


def draw_panel(panel: Panel, p: Picture, language: Language) -> bytes:
    """One of them alone, as PNG, small enough to be read on a phone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.3), layout="constrained", dpi=200)
    PANELS[panel](figure, p, words_of(language), phrases_of(language))
    out = BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def draw_map(p: Picture, paths: Sequence[Path], language: Language) -> None:
    """Provinces with a pie each; a legend of categories."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    words, phrases = words_of(language), phrases_of(language)
    figure = Figure(figsize=(11.5, 6.6), layout="constrained", dpi=120)
    ax = figure.add_subplot()
    _map(ax, p, words, phrases)
    handles = [Patch(color=CATEGORY[c], label=words.category[c]) for c in Category]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, frameon=False, fontsize=8.5)
    ax.set_title(words.provinces, loc="left", fontsize=11, fontweight="bold")
    _footnote(figure, p, words)
    save(figure, paths)


def _footnote(figure: "Figure", p: Picture, words: PictureWords) -> None:
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


def _map(ax: "Axes", p: Picture, words: PictureWords, phrases: Phrases) -> None:
    """Plate carrée, true to scale at the middle latitude."""
    ax.set_axis_off()
    if not p.provinces:
        ax.annotate(words.no_province, (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
        return
    west, south, east, north = shapely.total_bounds([z.geometry for z in p.provinces])
    shrink = cos(radians((south + north) / 2))
    width = max((east - west) * shrink, north - south)
    for zone in p.provinces:
        _outline(ax, zone, shrink, width)
    sums = {name: category_ha(found) for name, found in p.by_province.items()}
    most = max([sum(ha.values()) for ha in sums.values()], default=0.0)
    for zone in p.provinces:
        ha = sums.get(zone.name)
        if ha and sum(ha.values()) > 0:
            x, y = zone.geometry.representative_point().coords[0]
            _pie(ax, (x * shrink, y), ha, most, width)
            below = x * shrink, y - _radius(sum(ha.values()), most, width)
            label = f"{safe_name(zone.name)}\n{hectares(sum(ha.values()), phrases)} ha"
            plate = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1}
            ax.annotate(label, below, (0, -4), textcoords="offset points", ha="center", va="top", fontsize=8, color=INK, bbox=plate)
    ax.set_aspect("equal")
    ax.set_xlim(west * shrink - 0.03 * width, east * shrink + 0.03 * width)
    ax.set_ylim(south - 0.03 * width, north + 0.03 * width)


def _outline(ax: "Axes", zone: Zone, shrink: float, width: float) -> None:
    for part in shapely.get_parts(zone.geometry.simplify(width / 1500)):
        if part.area > (width / 400) ** 2 or part.area == zone.geometry.area:
            x, y = part.exterior.xy
            ax.fill([v * shrink for v in x], list(y), facecolor="#eef2ea", edgecolor="#9aa39d", linewidth=0.6)


def _pie(ax: "Axes", centre: tuple[float, float], ha: Mapping[Category, float], most: float, width: float) -> None:
    from matplotlib.patches import Wedge

    whole, turned = sum(ha.values()), 90.0
    radius = _radius(whole, most, width)
    for c in Category:
        angle = 360 * ha[c] / whole
        if angle > 0:
            ax.add_patch(Wedge(centre, radius, turned - angle, turned, facecolor=CATEGORY[c], edgecolor="white", linewidth=0.8, zorder=3))
            turned -= angle


def _radius(ha: float, most: float, width: float) -> float:
    """Area of a pie goes with hectares, down to a size that is still seen."""
    return width * max(SMALLEST_PIE, LARGEST_PIE * sqrt(ha / most))


PANELS: Mapping[Panel, Callable[["FigureBase", Picture, PictureWords, Phrases], None]] = {
    Panel.CATEGORIES: _categories, Panel.GROUNDS: _grounds, Panel.MONTHS: _months,
}  # fmt: skip
