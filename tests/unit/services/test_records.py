"""The life of an alert's records: what is worth telling again, and how records follow one another."""

from datetime import date, timedelta
from typing import Any

import pytest
from alert_examples import FIRST_SEEN, NOW, content, evidence, verdict, zone
from hypothesis import given
from hypothesis import strategies as st

from jagawana.schemas.alert import AlertContent, AlertPublished, AlertState, AlertType, Category, Stage, WhatChanged, ZoneKind, ZoneOverlap
from jagawana.schemas.ids import message_id
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.records import content_sha256, first_record, material_changes, next_record, retraction

TENSE: Any = {"tense": AlertTense.TEST, "at": NOW}
MORE_EVIDENCE = evidence(observation_ids=("cd" * 32, "ef" * 32))


def changed(told: AlertContent, **changes: Any) -> tuple[WhatChanged, ...]:
    return material_changes(told, told.model_copy(update=changes))


def test_record_one_is_initial_and_supersedes_nothing() -> None:
    record = first_record(content(), **TENSE)
    assert (record.record_number, record.alert_type, record.supersedes) == (1, AlertType.INITIAL, None)
    assert record.what_changed == (WhatChanged.FIRST_SEEN,) and record.alert_tense is AlertTense.TEST
    assert record.content_sha256 == content_sha256(record.content) and record.decided_at == NOW


def test_nothing_new_is_no_record() -> None:
    told = content(mining_ha=1.0)
    later = told.model_copy(update={"last_seen_at": told.last_seen_at + timedelta(days=5), "evidence": MORE_EVIDENCE})
    assert next_record(told, later, 1, told_as=AlertTense.TEST, **TENSE) is None, "another look at the same pit is not news"


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (0.30, 0.40, True), (0.30, 0.39, False), (0.50, 0.60, True), (0.50, 0.5999, False), (0.10, 0.20, True),
        (1.00, 1.20, True), (1.00, 1.19, False), (5.00, 5.99, False), (5.00, 6.00, True),
        (1.00, 0.80, True), (1.00, 0.81, False), (0.00, 0.10, True),
    ],
)  # fmt: skip
def test_an_area_is_news_from_a_tenth_of_a_hectare_and_a_fifth_on(then: float, now: float, told: bool) -> None:
    assert (WhatChanged.AREA in changed(content(mining_ha=then), mining_ha=now)) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"road_m": 649.0}, False), ({"road_m": 650.0}, True), ({"huts": 4}, False), ({"huts": 5}, True)],
)
def test_roads_and_huts_have_their_own_thresholds(changes: dict[str, Any], told: bool) -> None:
    assert (WhatChanged.AREA in changed(content(road_m=450.0, huts=3), **changes)) == told


def test_every_material_change_is_named() -> None:
    told = content(stage=Stage.PRECURSOR)
    assert changed(told) == ()
    assert changed(told, stage=Stage.MINING) == (WhatChanged.STAGE,)
    assert changed(told, state=AlertState.CONFIRMED) == (WhatChanged.STATE,)
    assert changed(told, verdict=told.verdict.model_copy(update={"category": Category.CONDITIONAL})) == (WhatChanged.CATEGORY,)
    assert changed(told, verdict=told.verdict.model_copy(update={"pack_version": "1.1"})) == (WhatChanged.RULE_PACK,)


@pytest.mark.parametrize(
    "zones",
    [(), (zone(zone_id="another"),), (zone(holder="PT Lain"),), (zone(valid_to=date(2030, 1, 1)),), (zone(), zone(zone_id="one more"))],
    ids=["none", "another zone", "another holder", "another end", "one more"],
)
def test_other_zones_on_the_same_evidence_are_an_update_and_never_blamed_on_new_evidence(zones: tuple[ZoneOverlap, ...]) -> None:
    told = content(verdict=verdict((zone(),)))
    judged = verdict(zones)
    record = next_record(told, told.model_copy(update={"verdict": judged}), 1, told_as=AlertTense.TEST, **TENSE)
    assert record is not None and (record.alert_type, record.what_changed) == (AlertType.UPDATE, (WhatChanged.ZONE_LAYER,))
    assert changed(told, verdict=judged, evidence=MORE_EVIDENCE) == (), "a growing shape may touch another zone; that is no new layer"


def test_a_layer_published_anew_with_the_same_zone_is_no_news() -> None:
    told = content(verdict=verdict((zone(),)))
    assert changed(told, verdict=verdict((zone(layer_version="2027-01", overlap_ha=0.31, share=0.5),))) == ()
    assert changed(told, verdict=verdict((zone(), zone(ZoneKind.PROVINCE, "Kalimantan Tengah")))) == (), "a province only names"


def test_new_evidence_is_subsequent() -> None:
    told = content()
    now = told.model_copy(update={"state": AlertState.CONFIRMED, "evidence": MORE_EVIDENCE})
    record = next_record(told, now, 3, told_as=AlertTense.TEST, **TENSE)
    assert record is not None and (record.alert_type, record.record_number) == (AlertType.SUBSEQUENT, 4)
    assert record.supersedes == message_id(told.alert_id, 3) and record.message_id == message_id(told.alert_id, 4)


@pytest.mark.parametrize(("rejudged", "why"), [(False, WhatChanged.NO_LONGER_SEEN), (True, WhatChanged.NO_LONGER_IN_ZONE)])
def test_a_retraction_repeats_what_was_told_and_says_why_it_is_withdrawn(rejudged: bool, why: WhatChanged) -> None:
    told = content()
    record = retraction(told, 2, rejudged=rejudged, **TENSE)
    assert (record.alert_type, record.record_number, record.what_changed) == (AlertType.RETRACTION, 3, (why,))
    assert record.content == told.model_copy(update={"state": AlertState.RETRACTED})


def test_what_was_withdrawn_and_is_seen_again_is_told_again() -> None:
    withdrawn = retraction(content(), 1, rejudged=False, **TENSE).content
    again = next_record(withdrawn, content(evidence=MORE_EVIDENCE), 2, told_as=AlertTense.TEST, **TENSE)
    assert again is not None and again.record_number == 3 and again.content.state is AlertState.PROVISIONAL
    assert again.what_changed == (WhatChanged.STATE,)


SIZES = st.floats(0, 50).map(lambda x: round(x, 4))


@given(st.lists(st.tuples(SIZES, st.sampled_from([AlertState.PROVISIONAL, AlertState.CONFIRMED, AlertState.ENDED])), max_size=8))
def test_records_are_a_chain_without_gaps(life: list[tuple[float, AlertState]]) -> None:
    records: list[AlertPublished] = [first_record(content(mining_ha=1.0), **TENSE)]
    for number, (area, state) in enumerate(life):
        seen = evidence(observation_ids=("cd" * 32, f"{number:064x}"))
        believed = content(mining_ha=area, state=state, evidence=seen, last_seen_at=FIRST_SEEN)
        record = next_record(records[-1].content, believed, records[-1].record_number, told_as=AlertTense.TEST, **TENSE)
        if record is not None:
            records.append(record)
    assert [r.record_number for r in records] == list(range(1, len(records) + 1))
    assert [r.supersedes for r in records] == [None, *(r.message_id for r in records[:-1])]
    assert len({r.message_id for r in records}) == len(records)


@given(SIZES, SIZES)
def test_news_is_symmetric_only_within_a_tenth_of_a_hectare(then: float, now: float) -> None:
    """Whatever moves less than 0.1 ha is never news, whatever doubles from 0.1 ha on always is."""
    is_news = WhatChanged.AREA in changed(content(mining_ha=then), mining_ha=now)
    if abs(now - then) < 0.0999:
        assert not is_news
    if then >= 0.1 and now >= 2 * then:
        assert is_news
