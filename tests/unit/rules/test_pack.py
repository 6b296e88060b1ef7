import json
from datetime import date
from importlib.resources import files

import pytest
from shapely import box

from jagawana.rules.judge import judge
from jagawana.rules.pack import Ground, alert_worthy, indonesia, load_pack
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import Category, ChangeClass, ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode


@pytest.fixture
def data():
    return json.loads(files("jagawana.rules").joinpath("packs/indonesia.json").read_bytes())


def refused(data, reason):
    with pytest.raises(DataError, match=reason) as e:
        load_pack(data if isinstance(data, bytes) else json.dumps(data).encode())
    assert e.value.code is ErrorCode.RULES_INVALID


def test_the_shipped_pack_has_the_three_categories_in_order_of_precedence():
    rules = indonesia().rules
    assert [(r.rule_id, r.category) for r in rules] == [
        ("id.cat3.conservation", Category.LOW),
        ("id.cat3.protected_forest", Category.LOW),
        ("id.cat3.exploration_only", Category.LOW),
        ("id.cat3.outside_concession", Category.LOW),
        ("id.cat2.production_forest", Category.CONDITIONAL),
        ("id.cat2.riparian", Category.CONDITIONAL),
        ("id.cat1.concession", Category.HIGH),
        ("id.undetermined.no_concession_layer", Category.UNDETERMINED),
        ("id.undetermined.no_rule", Category.UNDETERMINED),
    ]


def test_outward_words_say_possible_and_never_illegal_in_both_languages():
    for rule in indonesia().rules:
        assert rule.wording["en"].sentence.startswith("Possible mining")
        assert rule.wording["id"].sentence.startswith("Kemungkinan kegiatan tambang")
        assert "legal" not in json.dumps(rule.model_dump(mode="json")["wording"]).lower()


def test_every_rule_that_decides_by_law_cites_one():
    assert all(r.articles and r.in_force_from for r in indonesia().rules if r.category is not Category.UNDETERMINED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.pop("version"), "rule pack at version: Field required"),
        (lambda d: d["rules"][0].update(colour="red"), r"rules.0.colour: Extra inputs"),
        (lambda d: d["rules"][0].update(category="4"), "rules.0.category"),
        (lambda d: d["rules"][0]["where"].update(inside_any=["park"]), "rules.0.where.inside_any.0"),
        (lambda d: d["rules"][0]["wording"].pop("en"), "needs wording in id and en"),
        (lambda d: d["rules"].append(d["rules"][0]), "used twice"),
        (lambda d: d["rules"].insert(0, d["rules"].pop(6)), "softer rule stands before a stricter"),
        (lambda d: d["rules"].pop(), "must apply everywhere and always"),
        (lambda d: d["rules"][3]["where"].update(outside_all=["conservation"]), "rules.3.where.outside_all.0"),
        (lambda d: d.update(rules=[]), "rules"),
    ],
)
def test_a_pack_that_is_wrong_is_refused_with_the_place(data, change, reason):
    change(data)
    refused(data, reason)


def test_a_pack_that_is_not_json_is_refused():
    refused(b"\xff\x00 not json", "rule pack at")


def zone_of(stage, kind=ZoneKind.CONCESSION):
    return Zone("z", kind, "z", box(0, 0, 1, 1), "l", "1", "s", stage=stage)


@pytest.mark.parametrize(
    ("stage", "ground"),
    [("IUP Operasi Produksi", Ground.CONCESSION), (None, Ground.CONCESSION), ("WIUP pencadangan", Ground.EXPLORATION)],
)
def test_the_stage_of_a_concession_says_what_it_allows(stage, ground):
    assert indonesia().ground_of(zone_of(stage)) is ground


def test_the_stage_of_another_kind_of_zone_means_nothing():
    assert indonesia().ground_of(zone_of("Eksplorasi", ZoneKind.RIPARIAN)) is Ground.RIPARIAN


def verdict(*kinds, kinds_loaded=(ZoneKind.CONCESSION,)):
    zones = [Zone(k, ZoneKind(k), k, box(0, 0, 500, 500), "l", "1", "s") for k in kinds]
    index = ZoneIndex(zones, kinds_loaded=kinds_loaded)
    return judge(box(100, 100, 200, 200), zones=index, on=date(2024, 5, 1), pack=indonesia(), pixel_m=10)[0].verdict


@pytest.mark.parametrize(
    ("kinds", "mining", "precursor", "precursor_near_activity"),
    [
        (["conservation"], True, True, True),
        (["protected_forest"], True, True, True),
        ([], True, False, True),
        (["concession", "production_forest"], False, False, False),
        (["concession", "riparian"], False, False, False),
        (["concession"], False, False, False),
    ],
)
def test_what_leads_to_an_alert(kinds, mining, precursor, precursor_near_activity):
    v = verdict(*kinds)
    assert alert_worthy(v, ChangeClass.MINING, indonesia()) is mining
    for change in (ChangeClass.ROAD, ChangeClass.HUT):
        assert alert_worthy(v, change, indonesia()) is precursor
        assert alert_worthy(v, change, indonesia(), near_activity=True) is precursor_near_activity


def test_what_is_undetermined_pages_nobody():
    v = verdict(kinds_loaded=())
    assert v.category is Category.UNDETERMINED
    assert not any(alert_worthy(v, c, indonesia(), near_activity=True) for c in ChangeClass)


def test_a_verdict_of_another_pack_is_refused():
    with pytest.raises(DataError, match=r"has no rule id\.cat9\.new"):
        alert_worthy(verdict().model_copy(update={"rule_id": "id.cat9.new"}), ChangeClass.MINING, indonesia())
