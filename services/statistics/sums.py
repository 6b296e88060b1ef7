"""Sums over what is recorded: by category, ground, province and month. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from jagawana.rules.grounds import Ground
from jagawana.schemas.alert import AlertState, Category
from jagawana.schemas.observation import AlertTense
from jagawana.services.statistics.mined import Mined

K = TypeVar("K")


@dataclass(frozen=True)
class Selection:
    """What is counted. `first_day` and `last_day` count too; without a tense whatever is real; without a province all of them."""

    first_day: date | None = None
    last_day: date | None = None
    tense: AlertTense | None = None
    province: str | None = None

    def holds(self, m: Mined) -> bool:
        """Whether something is counted. What was there before the first look has no day of its own: only `last_day` bounds it."""
        began = self.first_day is None or m.is_known or self.first_day <= m.first_seen_on
        ended = self.last_day is None or m.first_seen_on <= self.last_day
        return began and ended and self.holds_tense(m) and self.province in (None, m.province)

    def holds_tense(self, m: Mined) -> bool:
        """Whether it is as real as was asked for."""
        return m.tense.is_real if self.tense is None else m.tense is self.tense


@dataclass(frozen=True)
class Sum:
    """Of findings, and of cells with mining that was already there: how many, how much, and how many of them people were told."""

    findings: int = 0
    told: int = 0
    mining_ha: float = 0.0
    new_ha: float = 0.0
    known_ha: float = 0.0
    ended_ha: float = 0.0
    road_m: float = 0.0
    huts: int = 0


def total(found: Iterable[Mined]) -> Sum:
    """One sum. Mining that has ended is `ended_ha` only; `mining_ha` is what is believed to be there, `new_ha` and `known_ha` together."""
    items = list(found)
    new = [m for m in items if not m.is_known and m.state is not AlertState.ENDED]
    known_ha = sum(m.mining_ha for m in items if m.is_known)
    new_ha = sum(m.mining_ha for m in new)
    return Sum(
        findings=sum(not m.is_known for m in items), told=sum(m.was_told for m in items), mining_ha=round(new_ha + known_ha, 4),
        new_ha=round(new_ha, 4), known_ha=round(known_ha, 4),
        ended_ha=round(sum(m.mining_ha for m in items if m.state is AlertState.ENDED), 4),
        road_m=round(sum(m.road_m for m in new), 1), huts=sum(m.huts for m in new),
    )  # fmt: skip


def by(found: Iterable[Mined], key: Callable[[Mined], K]) -> dict[K, list[Mined]]:
    """Grouped, in the order met."""
    groups: dict[K, list[Mined]] = defaultdict(list)
    for m in found:
        groups[key(m)].append(m)
    return dict(groups)


def category_ha(found: Iterable[Mined]) -> dict[Category, float]:
    """Hectares believed to be there, by category, all four of them."""
    groups = by(found, lambda m: m.category)
    return {c: total(groups.get(c, ())).mining_ha for c in Category}


def ground_ha(found: Iterable[Mined]) -> dict[Ground, float]:
    """Hectares believed to be there, by ground."""
    sums: dict[Ground, float] = defaultdict(float)
    for m in found:
        if m.state is not AlertState.ENDED:
            for ground, ha in m.grounds.items():
                sums[ground] += ha
    return {g: round(sums[g], 4) for g in sorted(sums, key=lambda g: (g.concession, g.restricted or ""))}


def months(found: Sequence[Mined]) -> dict[date, Mapping[Category, float]]:
    """Hectares of new mining by the month in which it was first seen, of every month between the first and the last, ended or not."""
    new = [m for m in found if not m.is_known and m.mining_ha > 0]
    if not new:
        return {}
    numbers = [m.first_seen_on.year * 12 + m.first_seen_on.month - 1 for m in new]
    empty = dict.fromkeys(Category, 0.0)
    sums = {n: dict(empty) for n in range(min(numbers), max(numbers) + 1)}
    for n, m in zip(numbers, new, strict=True):
        sums[n][m.category] = round(sums[n][m.category] + m.mining_ha, 4)
    return {date(n // 12, n % 12 + 1, 1): row for n, row in sums.items()}
