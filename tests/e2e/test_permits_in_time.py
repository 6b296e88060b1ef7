"""A permit's last day decides, and a new version of the permit layer is judged without any new scene."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import shapely
from chain import FAR_CONCESSION, PIT, load_zones, records, service, told
from scenes import Scene

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertType, Category, WhatChanged, ZoneKind
from jagawana.services.wiring import Service

STORY = (Scene(0), Scene(10, mining=[PIT]), Scene(20, mining=[PIT]))
FIRST_SEEN = STORY[1].acquired_at.date()
PERMIT = Zone("permits/1", ZoneKind.CONCESSION, "IUP", shapely.box(110.5, -1.3, 110.7, -1.0), "permits", "1", "test", code="503/1")


def rejudged(chain: Service, permit: Zone) -> None:
    load_zones(chain, [permit])
    with chain.working():
        chain.drain()


def test_a_permit_that_expired_the_day_before_makes_an_alert_and_one_that_ends_that_day_withdraws_it(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain, [replace(PERMIT, valid_to=FIRST_SEEN), FAR_CONCESSION])
    summary = told(chain, STORY, tmp_path / "archive")
    assert summary.scenes_done == len(STORY) and records(chain) == []

    rejudged(chain, replace(PERMIT, layer_version="2", valid_to=FIRST_SEEN - timedelta(days=1)))
    (alert,) = records(chain)
    verdict = alert.content.verdict
    assert (alert.alert_type, verdict.category, verdict.rule_id) == (AlertType.INITIAL, Category.LOW, "id.cat3.outside_concession")
    assert any(f"permits/1 (IUP) ended on {FIRST_SEEN - timedelta(days=1)}" in trial.because for trial in verdict.trace)
    assert alert.content.severity is not None and alert.content.severity.category == 40

    rejudged(chain, replace(PERMIT, layer_version="3", valid_to=FIRST_SEEN))
    first, withdrawn = records(chain)
    assert first == alert and withdrawn.alert_type is AlertType.RETRACTION
    assert withdrawn.what_changed == (WhatChanged.NO_LONGER_IN_ZONE,)
