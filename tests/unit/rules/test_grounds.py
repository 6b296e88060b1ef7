"""On what ground a shape lies, each hectare once."""

from datetime import date
from itertools import combinations

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.rules.grounds import Concession, Ground, ground_areas
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind

ON = date(2026, 5, 1)
SHAPE = shapely.box(0, 0, 200, 100)
"""Two hectares."""


def zone(kind: ZoneKind, box: tuple[float, float, float, float], zone_id: str = "", **more: object) -> Zone:
    return Zone(zone_id or kind.value, kind, kind.value, shapely.box(*box), kind.value, "1", "test", **more)  # type: ignore[arg-type]


def areas(*zones: Zone) -> dict[Ground, float]:
    return {g: round(ha, 4) for g, ha in ground_areas(SHAPE, ZoneIndex(zones), ON).items()}


def test_inside_and_outside_concessions_crossed_with_what_is_restricted() -> None:
    concession, park = zone(ZoneKind.CONCESSION, (-50, -50, 150, 150)), zone(ZoneKind.CONSERVATION, (100, -50, 300, 150))
    assert areas(concession, park) == {
        Ground(Concession.INSIDE, None): 1.0,
        Ground(Concession.INSIDE, ZoneKind.CONSERVATION): 0.5,
        Ground(Concession.OUTSIDE, ZoneKind.CONSERVATION): 0.5,
    }


def test_ground_under_two_restricted_zones_counts_once_under_the_stricter() -> None:
    park, forest = zone(ZoneKind.CONSERVATION, (0, 0, 50, 100)), zone(ZoneKind.PRODUCTION_FOREST, (0, 0, 100, 100))
    twice = zone(ZoneKind.CONSERVATION, (0, 0, 50, 100), "again")
    expected = {ZoneKind.CONSERVATION: 0.5, ZoneKind.PRODUCTION_FOREST: 0.5, None: 1.0}
    assert areas(park, forest, twice) == {Ground(Concession.UNKNOWN, kind): ha for kind, ha in expected.items()}


def test_of_any_two_restricted_zones_the_stricter_takes_the_ground() -> None:
    order = [
        ZoneKind.CONSERVATION, ZoneKind.INDIGENOUS_LAND, ZoneKind.PROTECTED_FOREST, ZoneKind.SUSTAINABLE_USE, ZoneKind.RIPARIAN,
        ZoneKind.PRODUCTION_FOREST,
    ]  # fmt: skip
    for stricter, softer in combinations(order, 2):
        both = zone(softer, (0, 0, 200, 100)), zone(stricter, (0, 0, 200, 100))
        assert areas(*both) == {Ground(Concession.UNKNOWN, stricter): 2.0}


def test_a_permit_counts_on_its_days_only() -> None:
    over = zone(ZoneKind.CONCESSION, (-1, -1, 300, 300), valid_to=date(2026, 4, 30))
    assert areas(over) == {Ground(Concession.OUTSIDE, None): 2.0}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(ZoneKind)), *[st.integers(-50, 250)] * 2, *[st.integers(10, 200)] * 2), max_size=7))
def test_grounds_together_are_the_shape(drawn: list[tuple[ZoneKind, int, int, int, int]]) -> None:
    zones = [zone(k, (x, y, x + w, y + h), f"z{n}") for n, (k, x, y, w, h) in enumerate(drawn)]
    found = ground_areas(SHAPE, ZoneIndex(zones), ON)
    assert sum(found.values()) == pytest.approx(2.0, abs=1e-6)
    granted = shapely.union_all([z.geometry for z in zones if z.kind is ZoneKind.CONCESSION]).intersection(SHAPE).area / 1e4
    assert sum(ha for g, ha in found.items() if g.concession is Concession.INSIDE) == pytest.approx(granted, abs=1e-6)
    strictest = shapely.union_all([z.geometry for z in zones if z.kind is ZoneKind.CONSERVATION]).intersection(SHAPE).area / 1e4
    assert sum(ha for g, ha in found.items() if g.restricted is ZoneKind.CONSERVATION) == pytest.approx(strictest, abs=1e-6)
