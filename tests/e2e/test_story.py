"""A mine's life through the whole chain: what is told, when, and what is not."""

import json
from pathlib import Path

import pytest
from chain import FAR_CONCESSION, GROWN, PARK, PIT, STORY, load_zones, records, service, told
from scenes import Scene

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertState, AlertType, Category, Stage, WhatChanged, ZoneKind
from jagawana.schemas.observation import AlertTense
from jagawana.services.store import observations
from jagawana.services.store.database import transaction


def test_a_pit_is_told_once_seen_confirmed_when_seen_again_and_followed_as_it_grows(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain)
    summary = told(chain, STORY, tmp_path / "archive")
    first_pit = [r for r in records(chain) if r.content.first_seen_at == STORY[1].acquired_at]
    assert [(r.record_number, r.alert_type, r.content.state) for r in first_pit] == [
        (1, AlertType.INITIAL, AlertState.PROVISIONAL),
        (2, AlertType.SUBSEQUENT, AlertState.CONFIRMED),
        (3, AlertType.SUBSEQUENT, AlertState.CONFIRMED),
        (4, AlertType.SUBSEQUENT, AlertState.CONFIRMED),
    ]
    assert [r.what_changed for r in first_pit[1:]] == [(WhatChanged.STATE,), (WhatChanged.AREA,), (WhatChanged.AREA,)]
    assert [r.content.mining_ha for r in first_pit] == [1.44, 1.44, 3.84, 4.84]
    assert first_pit[1].content.last_seen_at == STORY[3].acquired_at, "the cloudy scene confirmed nothing"
    assert summary.dead == {} and summary.scenes_done == len(STORY)


def test_an_alert_carries_its_verdict_its_evidence_and_two_pictures(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain)
    told(chain, STORY[:2], tmp_path / "archive")
    (record,) = records(chain)
    content = record.content
    assert content.stage is Stage.MINING and content.verdict.category is Category.LOW and content.verdict.decisive_zone == "park-1"
    assert content.verdict.zones[0].overlap_ha == pytest.approx(1.44, abs=0.01) and content.verdict.trace
    assert content.evidence.scene_ids == (STORY[1].scene_id,)
    assert content.evidence.before is not None and content.evidence.before.scene_id == STORY[0].scene_id
    assert content.evidence.after is not None and chain.blobs.get(content.evidence.after.blob).startswith(b"\xff\xd8")
    assert record.alert_tense is AlertTense.TEST


def test_the_logbook_holds_every_message_in_both_languages(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain)
    told(chain, STORY, tmp_path / "archive")
    lines = [json.loads(line) for line in (tmp_path / "data" / "messages" / "messages.jsonl").read_text().splitlines()]
    assert len(lines) == 2 * len(records(chain)) == len({line["idempotency_key"] for line in lines})
    indonesian = next(line for line in lines if line["recipient"] == "logbook-id")
    assert "Kemungkinan penambangan" in indonesian["body"] and "[UJI]" in indonesian["subject"]
    assert len(indonesian["attachments"]) == 4


def test_what_the_first_look_shows_is_inventory_and_never_told(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain)
    told(chain, [Scene(day, mining=[PIT]) for day in (0, 10, 20)], tmp_path / "archive")
    assert records(chain) == []


def test_growth_of_what_was_there_is_told_with_the_inventory_beside_it(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain)
    told(chain, [Scene(0, mining=[PIT]), Scene(10, mining=[GROWN])], tmp_path / "archive")
    (record,) = records(chain)
    assert record.content.inventory_ha == pytest.approx(1.44) and record.content.mining_ha == pytest.approx(2.4, abs=0.2)


def test_a_provisional_alert_that_later_looks_deny_is_withdrawn_for_whoever_was_told(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain)
    told(chain, [Scene(0), Scene(10, mining=[PIT]), Scene(20), Scene(30)], tmp_path / "archive")
    assert [r.alert_type for r in records(chain)] == [AlertType.INITIAL, AlertType.RETRACTION]
    withdrawn = records(chain)[1]
    assert withdrawn.what_changed == (WhatChanged.NO_LONGER_SEEN,) and withdrawn.content.state is AlertState.RETRACTED


def test_mining_inside_a_concession_is_recorded_and_nobody_is_told(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain, [Zone("iup-2", ZoneKind.CONCESSION, "PT Sini", PARK.geometry, "concessions", "1", "test")])
    summary = told(chain, STORY, tmp_path / "archive")
    assert records(chain) == [] and sum(summary.alerts.values()) == 0


def test_without_a_concession_layer_nothing_is_called_outside_of_one(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    told(chain, STORY, tmp_path / "archive")
    assert records(chain) == []


def test_a_new_zone_layer_judges_again_without_a_scene(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    load_zones(chain, [FAR_CONCESSION])
    told(chain, STORY[:4], tmp_path / "archive")
    assert {r.content.verdict.rule_id for r in records(chain)} == {"id.cat3.outside_concession"}
    load_zones(chain, [PARK])
    with chain.working():
        chain.drain()
    after = [(r.alert_type, r.content.verdict.rule_id) for r in records(chain)[2:]]
    assert sorted(after) == [(AlertType.INITIAL, "id.cat3.conservation"), (AlertType.RETRACTION, "id.cat3.outside_concession")]
    assert next(r for r in records(chain) if r.alert_type is AlertType.RETRACTION).what_changed == (WhatChanged.NO_LONGER_IN_ZONE,)


def test_a_change_of_model_starts_a_new_baseline_and_tells_nobody(tmp_path: Path) -> None:
    load_zones(chain := service(tmp_path / "data"))
    told(chain, STORY[:4], tmp_path / "archive")
    before = records(chain)
    other = service(tmp_path / "data", model="spectral-4")
    told(other, [Scene(60, mining=[PIT]), Scene(70, mining=[PIT])], tmp_path / "later")
    assert records(other) == before, "the old model's alert stands, the new model calls it inventory"


def test_a_reprocessed_scene_replaces_the_old_one_whatever_comes_first(tmp_path: Path) -> None:
    old, new = Scene(10, mining=[PIT], baseline="03.01"), Scene(10, mining=[PIT], baseline="05.10", seed=1)
    digests = set()
    for number, order in enumerate([(old, new), (new, old)]):
        load_zones(chain := service(tmp_path / f"data{number}"))
        for step, scene in enumerate([Scene(0), *order]):
            told(chain, [scene], tmp_path / f"archive{number}-{step}")
        with transaction(chain.engine) as session:
            current = observations.current(session)
        assert len(current) == 2 and current[1].revision.startswith("05.10")
        digests.add(told(chain, [Scene(0)], tmp_path / f"archive{number}-0").digest)
        assert [r.alert_type for r in records(chain)] == [AlertType.INITIAL], "harmonised radiometry: no new alert"
    assert len(digests) == 1


def test_only_current_scenes_reach_people(tmp_path: Path) -> None:
    audience = tmp_path / "audience.toml"
    audience.write_text('[[recipient]]\nid = "post-7"\nname = "Pos 7"\nchannel = "json://127.0.0.1:9/"\nmin_state = "provisional"\n')
    for tense, owed in ((AlertTense.ARCHIVAL, 0), (AlertTense.CURRENT, 1)):
        chain = service(tmp_path / f"data-{tense}", audience=audience, channel_schemas=("json",))
        load_zones(chain)
        summary = told(chain, STORY[:2], tmp_path / "archive", tense=tense)
        assert sum(summary.deliveries.values()) == 2 + owed and summary.deliveries["sent"] == 2


def test_a_scene_tried_as_a_test_reaches_people_when_it_really_arrives(tmp_path: Path) -> None:
    audience = tmp_path / "audience.toml"
    audience.write_text('[[recipient]]\nid = "post-7"\nname = "Pos 7"\nchannel = "json://127.0.0.1:9/"\nmin_state = "provisional"\n')
    chain = service(tmp_path / "data", audience=audience, channel_schemas=("json",))
    load_zones(chain)
    assert sum(told(chain, STORY[:2], tmp_path / "archive", tense=AlertTense.TEST).deliveries.values()) == 2
    told(chain, STORY[:2], tmp_path / "archive", tense=AlertTense.CURRENT)
    test, withdrawn, real = records(chain)
    assert (test.alert_tense, withdrawn.alert_type, real.alert_tense) == (AlertTense.TEST, AlertType.RETRACTION, AlertTense.CURRENT)
    assert WhatChanged.TENSE in real.what_changed
    summary = told(chain, STORY[:2], tmp_path / "archive", tense=AlertTense.ARCHIVAL)
    assert records(chain) == [test, withdrawn, real], "a replay makes nothing less real"
    assert sum(summary.deliveries.values()) == 3 * 2 + 1, "the logbook heard all three, the post only what is real"
