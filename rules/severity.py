"""How much an alert asks for a look: points from 0 to 100, added up of five parts; an order of work, no legal judgement."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import log10

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import AlertContent, AlertState, Category, Severity, ZoneKind

CATEGORY_POINTS = {Category.UNDETERMINED: 0, Category.HIGH: 0, Category.CONDITIONAL: 20, Category.LOW: 40}
ZONE_POINTS = {
    ZoneKind.CONSERVATION: 20,
    ZoneKind.INDIGENOUS_LAND: 20,
    ZoneKind.PROTECTED_FOREST: 15,
    ZoneKind.SUSTAINABLE_USE: 15,
    ZoneKind.RIPARIAN: 10,
    ZoneKind.PRODUCTION_FOREST: 5,
}
"""Of the zones it lies in, the one with most points counts."""
MOST_GROWTH, GROWTH_FROM_HA, GROWTH_TO_HA = 15, 0.1, 10.0
"""Hectares a month on a logarithmic scale: no points up to the first, all from the second on."""
ROAD_POINTS, RIVER_POINTS, HUT_POINTS = 4, 3, 3
MOST_CONFIDENCE = 15
STATE_SHARE = {AlertState.CONFIRMED: 1.0, AlertState.PROVISIONAL: 0.6, AlertState.ENDED: 0.3, AlertState.RETRACTED: 0.0}
DAYS_A_MONTH, SHORTEST_DAYS = 30.44, 5.0
"""Growth is never reckoned over less than a revisit of Sentinel-2."""
ROAD_NEAR_M, HUT_NEAR_M, RIVER_NEAR_M = 1_000.0, 1_000.0, 200.0


@dataclass(frozen=True, slots=True)
class Near:
    """What lies near the shape: a new road, new huts, a riparian strip."""

    road: bool = False
    huts: bool = False
    river: bool = False


def ha_per_month(area_ha: float, days: float) -> float:
    """How fast an area was cleared, from the last look without it to the last look."""
    return area_ha / (max(days, SHORTEST_DAYS) / DAYS_A_MONTH)


def severity(
    category: Category, kinds: Collection[ZoneKind], *, growth_ha: float, near: Near, probability: float, state: AlertState
) -> Severity:
    """Points and their parts.

    Args:
        kinds: of the zones the shape lies in.
        growth_ha: hectares a month; 0 where nothing is mined yet.
        probability: that it is what it is taken for, 0 to 1.
    """
    parts = {
        "category": CATEGORY_POINTS[category],
        "zone": max((ZONE_POINTS.get(kind, 0) for kind in kinds), default=0),
        "growth": _growth(growth_ha),
        "proximity": ROAD_POINTS * near.road + RIVER_POINTS * near.river + HUT_POINTS * near.huts,
        "confidence": round(MOST_CONFIDENCE * probability * STATE_SHARE[state]),
    }
    return Severity(total=sum(parts.values()), **parts)


def ranked(contents: Iterable[AlertContent], area: BaseGeometry | None = None) -> list[AlertContent]:
    """Alerts whose place lies in an area (degrees; None: everywhere), those that ask most for a look first."""
    inside = [c for c in contents if area is None or shapely.intersects_xy(area, *c.place.coordinates)]
    return sorted(inside, key=lambda c: (-(c.severity.total if c.severity else 0), -c.mining_ha, str(c.alert_id)))


def _growth(growth_ha: float) -> int:
    if growth_ha <= GROWTH_FROM_HA:
        return 0
    share = log10(growth_ha / GROWTH_FROM_HA) / log10(GROWTH_TO_HA / GROWTH_FROM_HA)
    return round(MOST_GROWTH * min(share, 1.0))
