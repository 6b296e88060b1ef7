"""When does what is believed become a message? The life of an alert's records; pure, time passed in."""

from datetime import datetime

from jagawana.schemas.alert import AlertContent, AlertPublished, AlertState, AlertType, WhatChanged, ZoneKind, ZoneOverlap
from jagawana.schemas.base import Sha256
from jagawana.schemas.ids import message_id, sha256_of
from jagawana.schemas.observation import AlertTense

GREW_SHARE = 0.2
GREW_HA = 0.1
GREW_ROAD_M = 200.0
GREW_HUTS = 2


def content_sha256(content: AlertContent) -> Sha256:
    """One hash per belief."""
    return sha256_of(content)


def first_record(content: AlertContent, *, tense: AlertTense, at: datetime) -> AlertPublished:
    """Record 1: somebody is told for the first time."""
    return _record(content, 1, AlertType.INITIAL, (WhatChanged.FIRST_SEEN,), tense=tense, at=at)


def next_record(
    told: AlertContent, content: AlertContent, number: int, *, told_as: AlertTense, tense: AlertTense, at: datetime
) -> AlertPublished | None:
    """The record after `number`, or None when nothing changed that a reader would act on.

    Args:
        told: content of the last record.
        content: what is believed now.
        number: the last record's number.
        told_as: the last record's tense; what was only a test or history and now happens is news to people.
    """
    what = (*material_changes(told, content), *((WhatChanged.TENSE,) if tense.reality > told_as.reality else ()))
    if not what:
        return None
    same_evidence = told.evidence.observation_ids == content.evidence.observation_ids
    kind = AlertType.UPDATE if same_evidence else AlertType.SUBSEQUENT
    return _record(content, number + 1, kind, what, tense=tense, at=at)


def retraction(told: AlertContent, number: int, *, rejudged: bool, tense: AlertTense, at: datetime) -> AlertPublished:
    """Withdraw what was told.

    Args:
        told: content of the last record.
        number: its number.
        rejudged: whether zones or rules changed since, so that the place and not the evidence is the reason.
    """
    why = WhatChanged.NO_LONGER_IN_ZONE if rejudged else WhatChanged.NO_LONGER_SEEN
    content = told.model_copy(update={"state": AlertState.RETRACTED})
    return _record(content, number + 1, AlertType.RETRACTION, (why,), tense=tense, at=at)


def material_changes(told: AlertContent, now: AlertContent) -> tuple[WhatChanged, ...]:
    """What a reader of the last record would want to know (field practice: 20 % and 0.1 ha)."""
    verdict_then, verdict_now = told.verdict, now.verdict
    zones = [{_as_a_reader_knows(z) for z in v.zones if z.kind is not ZoneKind.PROVINCE} for v in (verdict_then, verdict_now)]
    tests = {
        WhatChanged.STAGE: told.stage is not now.stage,
        WhatChanged.STATE: told.state is not now.state,
        WhatChanged.AREA: _grew(told, now),
        WhatChanged.CATEGORY: verdict_then.category is not verdict_now.category,
        WhatChanged.ZONE_LAYER: zones[0] != zones[1] and told.evidence.observation_ids == now.evidence.observation_ids,
        WhatChanged.RULE_PACK: (verdict_then.pack, verdict_then.pack_version) != (verdict_now.pack, verdict_now.pack_version),
    }
    return tuple(what for what, yes in tests.items() if yes)


def _as_a_reader_knows(zone: ZoneOverlap) -> tuple[object, ...]:
    """Of a zone all but the version it came in and how much of it is touched: a layer that is published anew every month is no news."""
    return zone.layer, zone.zone_id, zone.kind, zone.name, zone.holder, zone.valid_from, zone.valid_to


def _grew(told: AlertContent, now: AlertContent) -> bool:
    return (
        _moved(told.mining_ha, now.mining_ha, GREW_HA)
        or _moved(told.road_m, now.road_m, GREW_ROAD_M)
        or _moved(told.huts, now.huts, GREW_HUTS)
    )


def _moved(then: float, now: float, at_least: float) -> bool:
    """Whether a size moved by enough; rounded, so that exactly 0.1 ha more is 0.1 ha more in binary fractions too."""
    return round(abs(now - then), 6) >= round(max(at_least, GREW_SHARE * then), 6)


def _record(
    content: AlertContent, number: int, kind: AlertType, what: tuple[WhatChanged, ...], *, tense: AlertTense, at: datetime
) -> AlertPublished:
    return AlertPublished(
        message_id=message_id(content.alert_id, number),
        record_number=number,
        supersedes=message_id(content.alert_id, number - 1) if number > 1 else None,
        alert_type=kind,
        alert_tense=tense,
        what_changed=what,
        content=content,
        content_sha256=content_sha256(content),
        decided_at=at,
    )
