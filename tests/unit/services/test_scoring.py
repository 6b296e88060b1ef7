"""Scores on truth made by hand, where every figure can be counted on fingers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import shapely
from alert_examples import content, record, shape
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject
from jagawana.schemas.alert import AlertPublished, AlertState, AlertType, ChangeClass
from jagawana.schemas.geometry import MultiLineString, MultiPolygon
from jagawana.services.evaluation.scoring import TOLERANCE_M, WorldScore, score
from jagawana.services.evaluation.truth import TrueEvent, TrueSite, TrueState, Truth

EPSG = 32749
X, Y = 830_000.0, 9_750_000.0
START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIRMED = AlertState.CONFIRMED


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def pit(east: float, side: float = 100) -> BaseGeometry:
    return shapely.box(X + east, Y, X + east + side, Y + side)


def event(name: str, east: float, day: float, should_alert: bool = True) -> TrueEvent:
    return TrueEvent(name, at(day), should_alert, pit(east))


def truth(*events: TrueEvent, sites: tuple[TrueSite, ...] = ()) -> Truth:
    return Truth(EPSG, events, tuple(TrueState(e.first_visible_at, e.final) for e in events), sites)


def told(
    number: int, day: float, east: float, state: AlertState = AlertState.PROVISIONAL, *, of: int | None = None, road: bool = False
) -> AlertPublished:
    """Record `number` of alert `of` (its own by default): a pit or a road at a place, decided by the scene of a day."""
    degrees = reproject(pit(east) if not road else shapely.LineString([(X + east, Y), (X + east, Y + 300)]), EPSG, 4326)
    geometry: Any = (
        MultiLineString(coordinates=(tuple(degrees.coords),)) if road else MultiPolygon(coordinates=((tuple(degrees.exterior.coords),),))
    )
    kind = ChangeClass.ROAD if road else ChangeClass.MINING
    seen = {"geometry": geometry, "state": AlertState.PROVISIONAL, "first_seen_at": at(day), "last_seen_at": at(day)}
    believed = content(
        (shape(kind, **seen, last_clear_before_at=at(day - 1)),), state=state, alert_id=UUID(int=of or number + int(day * 100) + 1),
        first_seen_at=at(day), last_seen_at=at(day),
    )  # fmt: skip
    kinds = {AlertState.RETRACTED: AlertType.RETRACTION}
    return record(believed, number=number, kind=kinds.get(state))


def scored(records: list[AlertPublished], real: Truth, *, watched_km2: float = 100.0, months: float = 2.0) -> WorldScore:
    return score(
        records, real, lambda _place, after, until: round((until - after) / timedelta(days=5)), watched_km2=watched_km2, months=months
    )


def test_every_event_told_and_nothing_else_is_perfect() -> None:
    found = scored([told(1, 10, 0), told(1, 20, 1_000, of=77)], truth(event("a", 0, 5), event("b", 1_000, 15)))
    assert (found.events, found.events_told, found.recall, found.missed) == (2, 2, 1.0, ())
    assert (found.provisional_told, found.provisional_precision, found.false_alerts) == (2, 1.0, 0)
    assert (found.confirmed_told, found.confirmed_precision) == (0, None), "nothing confirmed is not a precision of nought"


def test_a_missed_event_is_named() -> None:
    found = scored([told(1, 10, 0)], truth(event("a", 0, 5), event("b", 1_000, 15)))
    assert (found.recall, found.missed) == (0.5, ("b",))


def test_what_need_not_be_told_is_not_missed() -> None:
    found = scored([], truth(event("legal", 0, 5, should_alert=False)))
    assert (found.events, found.recall, found.missed) == (0, None, ())


def test_a_false_alert_counts_against_precision_and_per_area_and_month() -> None:
    found = scored([told(1, 10, 0), told(1, 12, 5_000)], truth(event("a", 0, 5)), watched_km2=500.0, months=4.0)
    assert (found.provisional_precision, found.false_alerts, found.false_per_1000_km2_month) == (0.5, 1, 0.5)


def test_further_records_of_one_alert_are_not_further_alerts() -> None:
    life = [told(1, 10, 5_000, of=9), told(2, 20, 5_000, CONFIRMED, of=9), told(3, 30, 5_000, CONFIRMED, of=9)]
    found = scored(life, truth(event("a", 0, 5)))
    assert (found.provisional_told, found.confirmed_told, found.false_alerts) == (1, 1, 1)


def test_a_retraction_tells_nothing() -> None:
    found = scored([told(1, 10, 0, of=9), told(2, 20, 0, AlertState.RETRACTED, of=9)], truth(event("a", 0, 5)))
    assert (found.provisional_told, found.recall) == (1, 1.0)


@pytest.mark.parametrize(("gap_m", "hit"), [(TOLERANCE_M - 1, True), (TOLERANCE_M + 1, False)])
def test_beside_the_pit_is_about_the_pit_within_three_pixels(gap_m: float, hit: bool) -> None:
    found = scored([told(1, 10, 100 + gap_m)], truth(event("a", 0, 5)))
    assert (found.recall, found.false_alerts) == ((1.0, 0) if hit else (0.0, 1))


def test_told_long_before_it_began_is_chance_and_not_foresight() -> None:
    found = scored([told(1, 10, 0)], truth(event("a", 0, 60)))
    assert (found.recall, found.provisional_precision, found.false_alerts) == (0.0, 0.0, 1)
    assert scored([told(1, 50, 0)], truth(event("a", 0, 60))).recall == 1.0, "the truth is written every 15 days"


def test_waiting_is_from_first_visible_to_first_told_and_to_first_confirmed() -> None:
    records = [told(1, 11, 0, of=9), told(2, 25, 0, CONFIRMED, of=9), told(1, 30, 1_000, of=8)]
    found = scored(records, truth(event("a", 0, 5), event("b", 1_000, 10)))
    assert (found.to_provisional.events, found.to_provisional.days, found.to_provisional.clear_looks) == (2, 13.0, 2.5)
    assert (found.to_confirmed.events, found.to_confirmed.days, found.to_confirmed.clear_looks) == (1, 20.0, 4)


def test_told_at_once_is_a_wait_of_nought() -> None:
    assert scored([told(1, 4, 0)], truth(event("a", 0, 5))).to_provisional.days == 0.0


def test_a_precursor_leads_when_it_is_told_before_the_first_pit() -> None:
    site = TrueSite("s1", at(50), shapely.LineString([(X, Y), (X, Y + 500)]))
    early = scored([told(1, 20, 50, road=True)], truth(event("a", 0, 50), sites=(site,)))
    assert (early.precursors_told, early.precursor_sites_led, early.precursor_lead_days, early.false_alerts) == (1, 1, 30.0, 0)
    assert early.provisional_told == 0, "a road is not mining"
    late = scored([told(1, 60, 50, road=True)], truth(event("a", 0, 50), sites=(site,)))
    assert (late.precursors_told, late.precursor_sites_led, late.precursor_lead_days) == (1, 0, None)
    elsewhere = scored([told(1, 20, 3_000, road=True)], truth(event("a", 0, 50), sites=(site,)))
    assert (elsewhere.precursor_sites_led, elsewhere.false_alerts) == (0, 1)


def test_where_nothing_was_watched_there_is_no_rate() -> None:
    found = scored([], truth(), watched_km2=0.0, months=0.0)
    assert found.false_per_1000_km2_month is None and found.as_dict()["what"] == "simulated scenes"
