"""Severity: points that add up, each part said; stricter, faster, nearer and surer never score less."""

from dataclasses import replace

import pytest
import shapely
from alert_examples import content
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jagawana.rules.pack import STRICTNESS
from jagawana.rules.severity import Near, ha_per_month, ranked, severity
from jagawana.schemas.alert import AlertState, Category, Severity, ZoneKind
from jagawana.schemas.geometry import Point

kinds = st.frozensets(st.sampled_from(ZoneKind), max_size=4)
nears = st.builds(Near, road=st.booleans(), huts=st.booleans(), river=st.booleans())
rest = st.fixed_dictionaries(
    {"growth_ha": st.floats(0, 1e6), "near": nears, "probability": st.floats(0, 1), "state": st.sampled_from(AlertState)}
)
categories = st.sampled_from(Category)


@given(categories, kinds, rest)
def test_the_parts_add_up_to_the_total_between_0_and_100(category, zones, more):
    s = severity(category, zones, **more)
    assert s.total == s.category + s.zone + s.growth + s.proximity + s.confidence and 0 <= s.total <= 100


@given(categories, categories, kinds, rest)
def test_a_stricter_category_never_lowers_it(one, other, zones, more):
    soft, strict = sorted((one, other), key=STRICTNESS.__getitem__)
    assert severity(strict, zones, **more).total >= severity(soft, zones, **more).total


@given(categories, kinds, kinds, rest, st.floats(0, 100), st.floats(0, 1))
def test_one_more_zone_faster_growth_something_near_or_more_certainty_never_lowers_it(category, zones, added, more, grown, surer):
    least = severity(category, zones, **more).total
    assert severity(category, zones | added, **more).total >= least
    assert severity(category, zones, **more | {"growth_ha": more["growth_ha"] + grown}).total >= least
    assert severity(category, zones, **more | {"probability": max(surer, more["probability"])}).total >= least
    for name in ("road", "huts", "river"):
        assert severity(category, zones, **more | {"near": replace(more["near"], **{name: True})}).total >= least


def test_the_worst_has_100_points_and_a_quiet_permit_few():
    all_near = Near(road=True, huts=True, river=True)
    kinds = [ZoneKind.CONSERVATION, ZoneKind.RIPARIAN]
    worst = severity(Category.LOW, kinds, growth_ha=10, near=all_near, probability=1, state=AlertState.CONFIRMED)
    assert worst == Severity(total=100, category=40, zone=20, growth=15, proximity=10, confidence=15)
    quiet = severity(Category.HIGH, [ZoneKind.CONCESSION], growth_ha=0.1, near=Near(), probability=0.5, state=AlertState.PROVISIONAL)
    assert quiet == Severity(total=4, category=0, zone=0, growth=0, proximity=0, confidence=4)


@pytest.mark.parametrize(
    ("kinds", "points"),
    [
        ([ZoneKind.CONSERVATION], 20),
        ([ZoneKind.INDIGENOUS_LAND, ZoneKind.CONSERVATION], 20),
        ([ZoneKind.PROTECTED_FOREST, ZoneKind.RIPARIAN], 15),
        ([ZoneKind.SUSTAINABLE_USE], 15),
        ([ZoneKind.RIPARIAN, ZoneKind.PRODUCTION_FOREST], 10),
        ([ZoneKind.PRODUCTION_FOREST, ZoneKind.PROVINCE], 5),
        ([ZoneKind.CONCESSION, ZoneKind.FOREST_USE_APPROVAL, ZoneKind.PEOPLES_MINING_AREA], 0),
    ],
)
def test_the_zone_with_most_points_counts_alone(kinds, points):
    quiet = {"growth_ha": 0, "near": Near(), "probability": 0, "state": AlertState.PROVISIONAL}
    assert severity(Category.UNDETERMINED, kinds, **quiet).total == points


@pytest.mark.parametrize(("area_ha", "days", "a_month"), [(1.0, 30.44, 1.0), (1.0, 0.0, 6.088), (1.0, 5.0, 6.088), (0.0, 10.0, 0.0)])
def test_growth_is_never_reckoned_over_less_than_a_revisit(area_ha, days, a_month):
    assert ha_per_month(area_ha, days) == pytest.approx(a_month)


def test_a_total_that_is_not_the_sum_is_refused():
    with pytest.raises(ValidationError, match="sum of its parts"):
        Severity(total=50, category=40, zone=0, growth=0, proximity=0, confidence=0)


def test_alerts_are_ranked_inside_an_area_by_severity_then_size():
    def alert(total, mining_ha, lon):
        score = Severity(total=total, category=total, zone=0, growth=0, proximity=0, confidence=0)
        return content(severity=score, mining_ha=mining_ha, place=Point(coordinates=(lon, -2.0)))

    old = content(severity=None, mining_ha=9.0, place=Point(coordinates=(113.0, -2.0)))
    small, large, worst, far = alert(20, 1.0, 113.1), alert(20, 2.0, 113.2), alert(40, 0.5, 114.0), alert(40, 9.0, 120.0)
    assert ranked([small, old, far, worst, large], shapely.box(113, -3, 114, -1)) == [worst, large, small, old]
    assert ranked([small, far]) == [far, small]
