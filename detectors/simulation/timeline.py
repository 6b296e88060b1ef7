"""When a mining site does what: road, clearing, huts, pits, growth, pause, abandonment."""

from dataclasses import dataclass

import numpy as np

from jagawana.detectors.simulation.frame import Grid
from jagawana.detectors.simulation.noise import stream
from jagawana.detectors.simulation.paint import NEVER

SIZES_HA = (0.32, 0.49, 0.88, 1.86, 4.63, 11.5, 22.0)
SIZE_SHARES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""Quantiles of 449 hand-digitised artisanal sites in West Africa (CC BY 4.0): median 1.86 ha."""
HISTORIES = ("new", "paused", "abandoned", "new", "old", "late")
"""How sites differ, in turn: opened during the history; with a pause; given up and overgrown; there before the first look; opened late."""


@dataclass(frozen=True)
class Timeline:
    """Days since the world's first day (negative: before it).

    Attributes:
        road_day, road_end_day: the spur is driven in. clearing_day: the camp is cleared. hut_day: first hut. pit_day: first pit.
        end_day: work stops for good; NEVER while it goes on.
        events: (first day, last day) of each spell of work.
        days, areas_m2: the growth curve, both ascending.
    """

    history: str
    road_day: float
    road_end_day: float
    clearing_day: float
    hut_day: float
    pit_day: float
    end_day: float
    events: tuple[tuple[float, float], ...]
    days: tuple[float, ...]
    areas_m2: tuple[float, ...]

    @property
    def final_ha(self) -> float:
        """Area ever worked, ha."""
        return self.areas_m2[-1] / 1e4

    def day_of_area(self, rank_m2: Grid) -> Grid:
        """Day on which the worked area passes each value."""
        day: Grid = np.interp(rank_m2, self.areas_m2, self.days).astype(np.float32)
        return day

    def event_at(self, day: float) -> int:
        """Number (1, 2, ...) of the spell of work that `day` belongs to, the last one begun; 0 before the first."""
        return sum(first <= day for first, _ in self.events)

    def state_at(self, day: float) -> str:
        """not_begun, active, paused or abandoned."""
        if day < self.pit_day:
            return "not_begun"
        if day >= self.end_day:
            return "abandoned"
        return "active" if any(first <= day <= last for first, last in self.events) else "paused"


def artisanal_timeline(seed: int, index: int, *, days: int, max_ha: float) -> Timeline:
    """The history of artisanal site number `index`."""
    rng = stream(seed, "timeline", index)
    history = HISTORIES[index % len(HISTORIES)]
    begins = {"new": (0.12, 0.42), "paused": (0.05, 0.16), "abandoned": (0.03, 0.12), "old": (-1.0, -0.5), "late": (0.5, 0.68)}[history]
    road = float(rng.uniform(*begins)) * days
    road_end = road + float(rng.uniform(8, 25))
    clearing = road_end - float(rng.uniform(0, 3.5))
    hut = clearing + float(rng.uniform(4, 14))
    pit = hut + float(rng.uniform(12, 45))
    # The size drawn is the one at the end of the growth, about nine months after the first pit.
    area_ha = min(max_ha, max(0.5, float(np.interp(rng.uniform(0.15, 0.93), SIZE_SHARES, SIZES_HA))))
    spells, end = _spells(rng, history, pit, days)
    curve_days, curve_areas = _curve(spells, area_ha * 1e4, rng)
    return Timeline(history, road, road_end, clearing, hut, pit, end, spells, curve_days, curve_areas)


def _spells(rng: np.random.Generator, history: str, pit: float, days: int) -> tuple[tuple[tuple[float, float], ...], float]:
    if history == "paused":
        stop = pit + float(rng.uniform(0.14, 0.2)) * days
        again = stop + float(rng.uniform(0.17, 0.25)) * days
        return ((pit, stop), (again, days + 60.0)), NEVER
    if history == "abandoned":
        stop = pit + float(rng.uniform(0.2, 0.3)) * days
        return ((pit, stop),), stop
    return ((pit, days + 60.0),), NEVER


def _curve(
    spells: tuple[tuple[float, float], ...], final_m2: float, rng: np.random.Generator
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Area over time: fast at first, slower later, flat in a pause (kept ascending by a thousandth of a square metre)."""
    days, areas, done = [spells[0][0]], [0.0], 0.0
    shares = np.diff([0.0, *sorted(rng.uniform(0.4, 0.6, len(spells) - 1)), 1.0])
    for (first, last), share in zip(spells, shares, strict=True):
        for t, part in ((0.0, 0.0), (0.12, 0.16), (0.35, 0.5), (0.65, 0.8), (1.0, 1.0)):
            days.append(first + t * (last - first) + 0.01)
            areas.append(done + max(part * share * final_m2, 1e-3))
        done = areas[-1]
    return tuple(days), tuple(areas)


def industrial_timeline(seed: int, *, days: int, max_ha: float) -> Timeline:
    """The legal pit: years old at the first look, and still growing evenly."""
    rng = stream(seed, "timeline-industrial")
    final = min(max_ha, float(rng.uniform(12, 20)))
    opened = -900.0
    curve_days, areas = (opened, 0.0, days + 60.0), (0.0, 0.5 * final * 1e4, final * 1e4)
    return Timeline(
        "industrial", opened - 90, opened - 60, opened - 55, opened - 40, opened, NEVER, ((opened, days + 60.0),), curve_days, areas
    )
