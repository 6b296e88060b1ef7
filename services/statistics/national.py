"""Everything that is counted for a country or a province, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from shapely import Point
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine

from jagawana.rules.reach import Nearest, nearest, within
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertState, ZoneKind
from jagawana.services.statistics.layers import Layer, read_layer
from jagawana.services.statistics.mined import Mined
from jagawana.services.statistics.people import PeopleIn
from jagawana.services.statistics.sums import Selection, by
from jagawana.services.store import observations, zones
from jagawana.services.store.database import transaction


@dataclass(frozen=True)
class Surroundings:
    """Layers that people brought, and how far people are counted."""

    settlements: Layer | None = None
    roads: Layer | None = None
    rivers: Layer | None = None
    people_in: PeopleIn | None = None
    population_source: str | None = None
    radius_km: float = 10.0


@dataclass(frozen=True)
class Near:
    """The nearest settlement, road and river of one finding; None where there is none within 100 km, or no layer was given."""

    settlement: Nearest | None
    settlement_name: str
    road: Nearest | None
    river: Nearest | None


@dataclass(frozen=True)
class Picture:
    """What is counted, and what was left out. `people` is of all provinces together, nobody counted twice."""

    selection: Selection
    counted: tuple[Mined, ...]
    tests_left_out: int
    has_known: bool
    near: tuple[Near, ...]
    people: float | None
    people_by_province: dict[str | None, float]
    surroundings: Surroundings
    provinces: tuple[Zone, ...]
    kinds_loaded: frozenset[ZoneKind]
    observed_from: datetime | None
    observed_to: datetime | None

    @property
    def period(self) -> tuple[date | None, date | None]:
        """The days that are counted; where none was asked for, those of the recorded scenes."""
        first, last = self.observed_from and self.observed_from.date(), self.observed_to and self.observed_to.date()
        return self.selection.first_day or first, self.selection.last_day or last

    @property
    def by_province(self) -> dict[str | None, list[Mined]]:
        """Names in order, those outside every province on record last."""
        groups = by(self.counted, lambda m: m.province)
        return {name: groups[name] for name in sorted(groups, key=lambda n: (n is None, n or ""))}


def picture(engine: Engine, found: Sequence[Mined], selection: Selection, around: Surroundings, *, has_known: bool) -> Picture:
    """Select, measure what lies near, count people.

    Raises:
        DataError: of the population source.
    """
    counted = tuple(m for m in found if selection.holds(m))
    with transaction(engine) as session:
        provinces = tuple(zones.of_kind(session, ZoneKind.PROVINCE))
        kinds, rows = zones.kinds_loaded(session), observations.current(session)
    mining = [m for m in counted if m.mining_ha > 0 and m.state is not AlertState.ENDED]
    groups = by(mining, lambda m: m.province)
    people_in, radius_m = around.people_in, around.radius_km * 1000
    times = [r.acquired_at for r in rows]
    return Picture(
        selection=selection, counted=counted, tests_left_out=sum(not selection.holds_tense(m) for m in found), has_known=has_known,
        near=tuple(_near(counted, around)), surroundings=around, provinces=provinces, kinds_loaded=kinds,
        people=people_in(within([m.geometry for m in mining], radius_m)) if people_in and mining else 0.0 if people_in else None,
        people_by_province={n: people_in(within([m.geometry for m in g], radius_m)) for n, g in groups.items()} if people_in else {},
        observed_from=min(times, default=None), observed_to=max(times, default=None),
    )  # fmt: skip


def _near(counted: Sequence[Mined], around: Surroundings) -> list[Near]:
    """Measured from the mining, or from the finding's place where only roads or huts were seen."""
    places: list[BaseGeometry] = [m.geometry if m.mining_ha > 0 and not m.geometry.is_empty else _place(m) for m in counted]
    columns = [nearest(places, layer.geometries if layer else []) for layer in (around.settlements, around.roads, around.rivers)]
    names = around.settlements.names if around.settlements else []
    return [Near(s, names[s.feature] if s else "", road, river) for s, road, river in zip(*columns, strict=True)]


def _place(m: Mined) -> BaseGeometry:
    return Point(m.content.place.coordinates) if m.content else m.geometry


def surroundings(
    *,
    settlements: Path | None,
    roads: Path | None,
    rivers: Path | None,
    people_in: PeopleIn | None,
    population: Path | None,
    radius_km: float,
) -> Surroundings:
    """Read the layers.

    Raises:
        DataError: ZONES_INVALID.
    """
    lines, points = frozenset({1}), frozenset({0})
    return Surroundings(
        read_layer(settlements, dimensions=points) if settlements else None, read_layer(roads, dimensions=lines) if roads else None,
        read_layer(rivers, dimensions=lines) if rivers else None, people_in, population.name if population else None, radius_km,
    )  # fmt: skip
