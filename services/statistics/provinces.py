"""The map of provinces with a pie on each. Where there are many, pies are small, stand apart, and are named in a list by number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import cos, hypot, radians, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import shapely

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import Category
from jagawana.services.drawing.plots import INK, SOFT, save
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.facts import hectares
from jagawana.services.notify.wording.names import safe_name
from jagawana.services.statistics.charts import CATEGORY, footnote
from jagawana.services.statistics.national import Picture
from jagawana.services.statistics.sums import category_ha
from jagawana.services.statistics.words import words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_PIE, SMALLEST_PIE = 0.075, 0.022
"""Radius of a pie, as a share of the map's width."""
NAMED_PIES, CROWDED = 8, 0.4
"""More pies than this are numbered and listed; on a map of more provinces they are drawn by this factor smaller."""
STEPS = 200
LIST_COLUMNS = 5


@dataclass
class _Pie:
    """A province's pie: where it belongs and where it is drawn, in degrees shrunk to scale."""

    name: str
    ha: Mapping[Category, float]
    home: tuple[float, float]
    x: float
    y: float
    radius: float

    @property
    def whole(self) -> float:
        """Hectares."""
        return sum(self.ha.values())


def draw_map(p: Picture, paths: Sequence[Path], language: Language) -> None:
    """Provinces with a pie each; a legend of categories. Plate carrée, true to scale at the middle latitude."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    words = words_of(language)
    is_listed = sum(has_any for has_any in _has_mining(p).values()) > NAMED_PIES
    figure = Figure(figsize=(11.5, 7.4 if is_listed else 6.2), layout="constrained", dpi=120)
    axes = figure.subplots(2 if is_listed else 1, 1, height_ratios=[5.0, 1.2] if is_listed else [1.0], squeeze=False)[:, 0].tolist()
    for empty in axes:
        empty.set_axis_off()
    ax = axes[0]
    ax.set_title(words.provinces, loc="left", fontsize=11, fontweight="bold")
    if p.provinces:
        pies = _map(ax, p, language)
        if is_listed:
            _list(axes[1], pies, language)
    else:
        ax.annotate(words.no_province, (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
    handles = [Patch(color=CATEGORY[c], label=words.category[c]) for c in Category]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, frameon=False, fontsize=8.5)
    footnote(figure, p, words)
    save(figure, paths)


def _has_mining(p: Picture) -> Mapping[str, bool]:
    """Provinces on the map, by name, and whether one gets a pie."""
    sums = p.by_province
    return {z.name: sum(category_ha(sums.get(z.name, ())).values()) > 0 for z in p.provinces}


def _map(ax: "Axes", p: Picture, language: Language) -> list[_Pie]:
    """Draw it; the pies, in the order of their numbers."""
    west, south, east, north = shapely.total_bounds([z.geometry for z in p.provinces])
    shrink = cos(radians((south + north) / 2))
    width = max((east - west) * shrink, north - south)
    for zone in p.provinces:
        _outline(ax, zone, shrink, width)
    pies = _pies(p, shrink, width)
    for number, pie in enumerate(pies, 1):
        _draw(ax, pie)
        if len(pies) > NAMED_PIES:
            ax.annotate(str(number), (pie.x, pie.y), ha="center", va="center", fontsize=6, color=INK, zorder=4, bbox=_plate(0.8, 0.6))
        else:
            _name(ax, pie, language)
    ax.set_aspect("equal")
    ax.set_xlim(west * shrink - 0.03 * width, east * shrink + 0.03 * width)
    ax.set_ylim(south - 0.03 * width, north + 0.03 * width)
    return pies


def _pies(p: Picture, shrink: float, width: float) -> list[_Pie]:
    """The largest first."""
    found, has_mining = p.by_province, _has_mining(p)
    shown = [(z, category_ha(found[z.name])) for z in p.provinces if has_mining[z.name]]
    most, size = max([sum(ha.values()) for _, ha in shown], default=0.0), width * (CROWDED if len(p.provinces) > NAMED_PIES else 1.0)
    pies = []
    for zone, ha in shown:
        x, y = max(shapely.get_parts(zone.geometry), key=lambda part: part.area).representative_point().coords[0]
        pies.append(
            _Pie(zone.name, ha, (x * shrink, y), x * shrink, y, size * max(SMALLEST_PIE, LARGEST_PIE * sqrt(sum(ha.values()) / most)))
        )
    pies.sort(key=lambda pie: (-pie.whole, pie.name))
    _part(pies)
    return pies


def _part(pies: Sequence[_Pie]) -> None:
    """Push pies that lie over one another apart, a little at a time."""
    for _ in range(STEPS):
        for a, b in combinations(pies, 2):
            far = hypot(b.x - a.x, b.y - a.y)
            over = a.radius + b.radius - far
            if over > 0:
                dx, dy = ((b.x - a.x) / far, (b.y - a.y) / far) if far else (1.0, 0.0)
                a.x, a.y, b.x, b.y = a.x - dx * over / 2, a.y - dy * over / 2, b.x + dx * over / 2, b.y + dy * over / 2


def _outline(ax: "Axes", zone: Zone, shrink: float, width: float) -> None:
    for part in shapely.get_parts(zone.geometry.simplify(width / 1500)):
        if part.area > (width / 400) ** 2 or part.area == zone.geometry.area:
            x, y = part.exterior.xy
            ax.fill([v * shrink for v in x], list(y), facecolor="#eef2ea", edgecolor="#9aa39d", linewidth=0.6)


def _draw(ax: "Axes", pie: _Pie) -> None:
    from matplotlib.patches import Wedge

    if hypot(pie.x - pie.home[0], pie.y - pie.home[1]) > pie.radius:
        ax.plot([pie.home[0], pie.x], [pie.home[1], pie.y], color=SOFT, linewidth=0.7, zorder=2, marker="o", markersize=2, markevery=[0])
    turned = 90.0
    for c in Category:
        angle = 360 * pie.ha[c] / pie.whole
        if angle > 0:
            wedge = Wedge((pie.x, pie.y), pie.radius, turned - angle, turned, facecolor=CATEGORY[c], edgecolor="white", linewidth=0.6)
            wedge.set_zorder(3)
            ax.add_patch(wedge)
            turned -= angle


def _plate(alpha: float, pad: float) -> dict[str, object]:
    return {"facecolor": "white", "alpha": alpha, "edgecolor": "none", "pad": pad}


def _name(ax: "Axes", pie: _Pie, language: Language) -> None:
    label = f"{safe_name(pie.name)}\n{hectares(pie.whole, phrases_of(language))} ha"
    below = pie.x, pie.y - pie.radius
    ax.annotate(
        label, below, (0, -4), textcoords="offset points", ha="center", va="top", fontsize=8, color=INK, zorder=4, bbox=_plate(0.7, 1)
    )


def _list(ax: "Axes", pies: Sequence[_Pie], language: Language) -> None:
    """Numbers, names and hectares."""
    said = [f"{n}  {safe_name(pie.name)}, {hectares(pie.whole, phrases_of(language))} ha" for n, pie in enumerate(pies, 1)]
    rows = -(-len(said) // LIST_COLUMNS)
    for column in range(LIST_COLUMNS):
        text = "\n".join(said[column * rows : (column + 1) * rows])
        ax.annotate(text, (column / LIST_COLUMNS, 1.0), xycoords="axes fraction", ha="left", va="top", fontsize=7, color=INK)
