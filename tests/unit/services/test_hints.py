"""An alert carries hints; they are never the reason for a record, old alerts without them read, and a lost picture costs only colours."""

import json
from pathlib import Path

import pytest
from alert_examples import NOW, content, hints, record
from chain import PIT, load_zones, records, service, told
from scenes import Scene
from sqlmodel import select

from jagawana.schemas.alert import AlertContent, AlertPublished, ChangeClass
from jagawana.schemas.envelope import decode_as, encode
from jagawana.schemas.hints import Hint, HintName, Leaning
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess import alerts as assess_alerts
from jagawana.services.assess.records import material_changes, next_record
from jagawana.services.store import observations
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import AlertRow
from jagawana.services.web.report import render_report
from jagawana.services.web.view import ReportSource, report_view
from jagawana.services.wiring import Service

COLOURS = {HintName.BRIGHTNESS, HintName.DARK_SHARE}
OUTLINE = {HintName.SOLIDITY, HintName.COMPACTNESS, HintName.RECTANGULARITY, HintName.STRAIGHTNESS}
SEEN_ONCE = (Scene(0), Scene(10, mining=[PIT]))


def started(data: Path) -> Service:
    made = service(data)
    load_zones(made)
    return made


def believed(of: Service) -> AlertContent:
    with transaction(of.engine) as session:
        (row,) = session.exec(select(AlertRow)).all()
        return AlertContent.model_validate_json(row.content)


def by_name(of: AlertContent) -> dict[HintName, Hint]:
    return {h.name: h for h in of.hints}


def test_an_alert_carries_the_hints_of_its_pit(tmp_path: Path) -> None:
    made = started(tmp_path / "data")
    told(made, SEEN_ONCE, tmp_path / "scenes")
    (first,) = records(made)
    found = by_name(first.content)
    assert set(found) >= COLOURS | OUTLINE
    assert found[HintName.SOLIDITY].value == found[HintName.STRAIGHTNESS].value == 1.0, "the pit is a square"
    assert found[HintName.DIGGING_HA].value == first.content.mining_ha == 1.44
    assert found[HintName.BRIGHTNESS].value == pytest.approx(0.19, abs=0.01) and found[HintName.DARK_SHARE].value == 0
    assert HintName.REDNESS not in found, "sand too bright for the picture"
    assert {h.leaning for h in found.values()} == {Leaning.NONE} and found[HintName.POND_SHARE].value == 0
    assert first.content == believed(made)
    page = render_report(report_view(ReportSource(made.engine, made.blobs, made.assess.histories), title="t", made_at=NOW))
    assert "HINTS" in page and "100 % in straight sides" in page


def test_an_upgrade_tells_nobody_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(assess_alerts, "hints_for", lambda *_: ())
        made = started(tmp_path / "data")
        told(made, SEEN_ONCE, tmp_path / "scenes")
    (first,) = records(made)
    assert first.content.hints == () == believed(made).hints
    tile = first.content.tile
    effects = made.assess.assess(tile)
    with made.store.transaction() as tx:
        effects.apply(tx, made.clock.now())
    assert set(by_name(believed(made))) >= OUTLINE, "what is believed has them now"
    assert records(made) == [first], "and nobody was told for that"


def test_hints_alone_are_no_change_and_ride_along_with_one() -> None:
    then, now = content(), content(hints=hints())
    assert material_changes(then, now) == material_changes(now, then) == ()
    kept = {"told_as": AlertTense.TEST, "tense": AlertTense.TEST, "at": NOW}
    assert next_record(then, now, 1, **kept) is None
    grown = next_record(then, now.model_copy(update={"mining_ha": 2 * now.mining_ha}), 1, **kept)
    assert grown is not None and grown.content.hints == hints()


def test_an_alert_stored_before_there_were_hints_reads() -> None:
    envelope = json.loads(encode(record(), source="/jagawana/test", at=NOW))
    stored = json.loads(content(hints=hints()).model_dump_json())
    del envelope["data"]["content"]["hints"], stored["hints"]
    assert AlertContent.model_validate_json(json.dumps(stored)) == content()
    old = Path(__file__).parents[3] / "schemas" / "json" / "alert-published" / "1.0.example.json"
    read = decode_as(AlertPublished, old.read_bytes())
    assert read.content.hints == () and "hints" not in json.loads(old.read_text())["data"]["content"]


def test_a_lost_picture_costs_the_colours_and_not_the_alert(tmp_path: Path) -> None:
    made = started(tmp_path / "data")
    told(made, SEEN_ONCE, tmp_path / "scenes")
    whole = believed(made)
    with transaction(made.engine) as session:
        (after,) = [r for r in observations.current(session) if r.scene_id in whole.evidence.scene_ids]
    (made.settings.blobs / after.quicklook[:2] / after.quicklook).unlink()
    again = service(tmp_path / "data")
    (finding,) = again.assess.assess(whole.tile).findings
    assert {h.name for h in whole.hints} - {h.name for h in finding.content.hints} == COLOURS
    assert finding.content == whole.model_copy(update={"hints": finding.content.hints})


def test_what_has_ended_or_is_no_mining_has_no_hints(tmp_path: Path) -> None:
    made = started(tmp_path / "data")
    looks = [*SEEN_ONCE, Scene(20, mining=[PIT]), *(Scene(30 + 10 * n) for n in range(5))]
    told(made, looks, tmp_path / "scenes")
    assert believed(made).state == "ended" and believed(made).hints == ()
    assert all(s.change_class is ChangeClass.MINING for s in believed(made).shapes)
    assert records(made)[0].content.hints
