import json
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from shapely import box

from jagawana.rules.judge import judge
from jagawana.rules.pack import SHIPPED, NamedList, alert_worthy, indonesia, load_pack, shipped_pack
from jagawana.rules.publish import published_files
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
        ("id.cat2.protected_forest_exempt", Category.CONDITIONAL),
        ("id.cat2.protected_forest_underground", Category.CONDITIONAL),
        ("id.cat2.production_forest", Category.CONDITIONAL),
        ("id.cat2.riparian", Category.CONDITIONAL),
        ("id.cat2.peoples_mining_area", Category.CONDITIONAL),
        ("id.cat1.forest_use_approved", Category.HIGH),
        ("id.cat1.concession", Category.HIGH),
        ("id.undetermined.no_concession_layer", Category.UNDETERMINED),
        ("id.undetermined.no_rule", Category.UNDETERMINED),
    ]


FIRST_WORDS = {"en": "Possible mining", "id": "Kemungkinan kegiatan tambang", "pt": "Possível atividade de mineração"}


@pytest.mark.parametrize("name", SHIPPED)
def test_outward_words_say_possible_and_never_illegal_in_every_language(name):
    pack = shipped_pack(name)
    assert len(pack.languages) == 2 and "en" in pack.languages
    for rule in pack.rules:
        assert all(rule.wording[language].sentence.startswith(FIRST_WORDS[language]) for language in pack.languages)
        assert "legal" not in json.dumps(rule.model_dump(mode="json")["wording"]).lower()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rule_that_decides_by_law_cites_one(name):
    assert all(r.articles and r.in_force_from for r in shipped_pack(name).rules if r.category is not Category.UNDETERMINED)


@pytest.mark.parametrize("name", SHIPPED)
def test_on_every_day_each_article_of_a_rule_is_cited_once_and_as_the_law_then_stood(name):
    for rule in shipped_pack(name).rules:
        steps = [d for a in rule.articles for d in (a.cited_from, a.cited_to) if d] + [rule.in_force_from or date(2009, 1, 12)]
        for day in (d + timedelta(days=n) for d in steps for n in (-1, 0, 1)):
            known = {(_act(a), a.article) for a in rule.articles if a.cited_to or not a.cited_from or a.cited_from <= day}
            assert sorted((_act(a), a.article) for a in rule.articles_on(day)) == sorted(known), (rule.rule_id, day)


def _act(article):
    """The act itself, without its amendments."""
    return article.law.split(" jo.")[0]


@pytest.mark.parametrize(
    ("day", "mining", "forest"),
    [
        (date(2020, 6, 9), "UU 4/2009", "UU 41/1999"),
        (date(2020, 6, 10), "UU 4/2009 jo. UU 3/2020", "UU 41/1999"),
        (date(2020, 11, 2), "UU 4/2009 jo. UU 3/2020", "UU 41/1999 jo. UU 11/2020"),
        (date(2022, 12, 30), "UU 4/2009 jo. UU 3/2020", "UU 41/1999 jo. Perppu 2/2022"),
        (date(2025, 3, 18), "UU 4/2009 jo. UU 3/2020", "UU 41/1999 jo. UU 6/2023"),
        (date(2025, 3, 19), "UU 4/2009 jo. UU 3/2020 jo. UU 2/2025", "UU 41/1999 jo. UU 6/2023"),
    ],
)
def test_a_verdict_cites_the_amendments_that_were_in_force_on_its_day_and_no_later_one(day, mining, forest):
    def cited(*zones):
        index = ZoneIndex(zones, kinds_loaded=[ZoneKind.CONCESSION])
        (piece,) = judge(box(100, 100, 200, 200), zones=index, on=day, pack=indonesia(), pixel_m=10)
        return {a.law for a in piece.verdict.articles}

    assert cited() == {mining}
    assert cited(Zone("f", ZoneKind.PROTECTED_FOREST, "f", box(0, 0, 500, 500), "l", "1", "s")) == {forest}


def test_a_pack_that_nobody_ships_is_refused_with_those_that_are():
    with pytest.raises(DataError, match="there are indonesia, brazil"):
        shipped_pack("peru")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.pop("version"), "rule pack at version: Field required"),
        (lambda d: d["rules"][0].update(colour="red"), r"rules.0.colour: there is no such field"),
        (lambda d: d["rules"][0].update(category="4"), "rules.0.category"),
        (lambda d: d["rules"][0]["where"].update(inside_any=["park"]), "names the ground 'park'; there are concession"),
        (lambda d: d["rules"][0]["where"].update(inside_any=["A park"]), "rules.0.where.inside_any.0"),
        (lambda d: d["rules"][0]["wording"].pop("en"), "needs wording in id and en"),
        (lambda d: d["rules"].append(d["rules"][0]), "used twice"),
        (lambda d: d["rules"].insert(0, d["rules"].pop(10)), "softer rule stands before a stricter"),
        (lambda d: d["rules"].pop(), "must apply everywhere and always"),
        (lambda d: d["rules"][3]["where"].update(outside_all=["conservation"]), "'conservation', a restricted zone"),
        (lambda d: d["rules"][3]["where"].update(unless_inside=["riparian"]), "'riparian', a restricted zone"),
        (lambda d: d["rules"][3]["where"].update(not_loaded=["conservation"]), "'conservation', a restricted zone"),
        (lambda d: d["rules"][0].update(in_force_to="1990-01-01"), "before it begins"),
        (lambda d: d["grounds"]["conservation"].update(kind="park"), "grounds.conservation.kind"),
        (lambda d: d["rules"][-1].update(in_force_from="2009-01-12"), "must apply everywhere and always"),
        (lambda d: d["rules"][-1].update(in_force_to="2099-01-12"), "must apply everywhere and always"),
        (lambda d: d["rules"][0]["articles"][1].update(cited_to="2019-01-01"), "cited to 2019-01-01, before it is from 2020-11-02"),
        (lambda d: d["grounds"]["conservation"].update(colour="red"), "grounds.conservation.colour: there is no such field"),
        (lambda d: d["lists"].update(code={"source": "s", "values": []}), "the list code has the name of a fact"),
        (lambda d: d["lists"]["keppres_41_2004"].update(values=[41]), "lists.keppres_41_2004.values.0"),
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


ON = date(2024, 5, 1)


@pytest.mark.parametrize(
    ("stage", "ground"),
    [
        ("IUP Operasi Produksi", "concession"),
        (None, "concession"),
        ("IPR", "concession"),
        ("WIUP pencadangan", "exploration"),
        ("Studi kelayakan, kemudian operasi produksi", "concession"),
    ],
)
def test_the_stage_of_a_concession_says_what_it_allows(stage, ground):
    assert indonesia().grounds_of(zone_of(stage), ON) == (ground,)


@pytest.mark.parametrize(
    ("stage", "ground"),
    [
        ("CONCESSÃO DE LAVRA", "mining_title"),
        ("LAVRA GARIMPEIRA", "mining_title"),
        ("REQUERIMENTO DE LAVRA GARIMPEIRA", "research_title"),
        ("AUTORIZAÇÃO DE PESQUISA", "research_title"),
        ("DIREITO DE REQUERER A LAVRA", "research_title"),
    ],
)
def test_a_brazilian_application_is_no_title(stage, ground):
    assert shipped_pack("brazil").grounds_of(zone_of(stage), ON) == (ground,)


def test_the_stage_of_another_kind_of_zone_means_nothing():
    assert indonesia().grounds_of(zone_of("Eksplorasi", ZoneKind.RIPARIAN), ON) == ("riparian",)


def test_a_kind_that_a_pack_does_not_know_means_nothing_to_it():
    assert indonesia().grounds_of(zone_of(None, ZoneKind.INDIGENOUS_LAND), ON) == ()


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


SCHEMA = Path(__file__).parents[3] / "schemas" / "json" / "rule-pack" / "1.0.schema.json"


def test_the_committed_schema_of_packs_is_what_the_code_says():
    ((_, content),) = published_files().items()
    assert SCHEMA.read_text(encoding="utf-8") == content, "run make schemas"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_packs_fit_the_schema_and_one_with_an_unknown_field_does_not(name):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    pack = json.loads(files("jagawana.rules").joinpath(f"packs/{name}.json").read_bytes())
    jsonschema.validate(pack, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(pack | {"colour": "red"}, schema)


def test_an_exempted_permit_and_an_underground_one_make_protected_forest_conditional_and_nothing_else_does():
    forest = Zone("f", ZoneKind.PROTECTED_FOREST, "f", box(0, 0, 500, 500), "l", "1", "s")
    pack = indonesia().model_copy(update={"lists": {"keppres_41_2004": NamedList(source="made up", values=("13/A",))}})

    def rule(**record):
        permit = Zone("p", ZoneKind.CONCESSION, "p", box(0, 0, 500, 500), "l", "1", "s", **record)
        index = ZoneIndex([forest, permit])
        return judge(box(100, 100, 200, 200), zones=index, on=ON, pack=pack, pixel_m=10)[0].verdict.rule_id

    assert rule() == rule(method="Tambang terbuka") == rule(code="14/B") == "id.cat3.protected_forest"
    assert rule(method="Tambang bawah tanah") == rule(method="terbuka dan bawah tanah") == "id.cat2.protected_forest_underground"
    assert rule(method="bawah tanah", stage="Eksplorasi") == rule(code="13/A", stage="Eksplorasi") == "id.cat3.protected_forest"
    assert rule(code="13/A") == rule(code="13/A", method="bawah tanah") == "id.cat2.protected_forest_exempt"
    assert rule(code="13/A", valid_to=date(2024, 4, 30)) == "id.cat3.protected_forest"


@pytest.mark.parametrize(
    "day", ["1999-09-30", "2004-05-11", "2004-05-12", "2008-12-31", "2009-01-12", "2011-05-18", "2011-05-19", "2026-01-01"]
)
@pytest.mark.parametrize("record", [{}, {"code": "13/A"}, {"method": "bawah tanah"}, {"method": "bawah permukaan"}, {"method": "terbuka"}])
def test_on_no_day_since_the_forestry_act_is_a_permit_in_protected_forest_called_in_order_or_forgotten(day, record):
    forest = Zone("f", ZoneKind.PROTECTED_FOREST, "f", box(0, 0, 500, 500), "l", "1", "s")
    pack = indonesia().model_copy(update={"lists": {"keppres_41_2004": NamedList(source="made up", values=("13/A",))}})
    index = ZoneIndex([forest, Zone("p", ZoneKind.CONCESSION, "p", box(0, 0, 500, 500), "l", "1", "s", **record)])
    (piece,) = judge(box(100, 100, 200, 200), zones=index, on=date.fromisoformat(day), pack=pack, pixel_m=10)
    exempt = "code" in record and day >= "2004-05-12"
    conditional = exempt or record.get("method", "terbuka") != "terbuka"
    assert piece.verdict.category is (Category.CONDITIONAL if conditional else Category.LOW)


def test_as_shipped_no_permit_is_exempt():
    assert indonesia().lists["keppres_41_2004"].values == ()


@pytest.mark.parametrize(
    ("kinds", "rule_id"),
    [
        (["concession", "production_forest"], "id.cat2.production_forest"),
        (["concession", "production_forest", "forest_use_approval"], "id.cat1.forest_use_approved"),
        (["production_forest", "forest_use_approval"], "id.cat3.outside_concession"),
        (["concession", "riparian", "production_forest", "forest_use_approval"], "id.cat2.riparian"),
        (["peoples_mining_area"], "id.cat2.peoples_mining_area"),
        (["peoples_mining_area", "concession"], "id.cat1.concession"),
        (["peoples_mining_area", "protected_forest"], "id.cat3.protected_forest"),
        (["forest_use_approval"], "id.cat3.outside_concession"),
    ],
)
def test_approvals_and_peoples_mining_areas(kinds, rule_id):
    assert verdict(*kinds).rule_id == rule_id


@pytest.mark.parametrize(
    ("zones", "rule_id"),
    [
        ([("indigenous_land", {}), ("concession", {})], "br.cat3.indigenous_land"),
        ([("conservation", {}), ("concession", {})], "br.cat3.full_protection"),
        ([("sustainable_use", {"designation": "Reserva Extrativista"}), ("concession", {})], "br.cat3.extractive_reserve"),
        ([("sustainable_use", {"designation": "Floresta"}), ("concession", {"stage": "LAVRA GARIMPEIRA"})], "br.cat2.sustainable_use"),
        ([("sustainable_use", {}), ("concession", {"stage": "REQUERIMENTO DE LAVRA"})], "br.cat3.research_only"),
        ([("sustainable_use", {})], "br.cat3.outside_titles"),
        ([("riparian", {}), ("concession", {})], "br.cat2.riparian"),
        ([("concession", {"stage": "CONCESSÃO DE LAVRA"})], "br.cat1.mining_title"),
        ([], "br.cat3.outside_titles"),
    ],
)
def test_the_rules_of_brazil(zones, rule_id):
    near = [Zone(k, ZoneKind(k), k, box(0, 0, 500, 500), "l", "1", "s", **record) for k, record in zones]
    index = ZoneIndex(near, kinds_loaded=[ZoneKind.CONCESSION])
    assert judge(box(100, 100, 200, 200), zones=index, on=ON, pack=shipped_pack("brazil"), pixel_m=10)[0].verdict.rule_id == rule_id


@pytest.mark.parametrize(("first", "last", "applies"), [(0, 0, True), (1, None, False), (None, -1, False), (None, 0, True), (-1, 1, True)])
def test_a_rule_applies_on_its_first_and_its_last_day_and_not_beyond(first, last, applies):
    day = date(2011, 7, 27)
    ends = {name: n if n is None else day + timedelta(days=n) for name, n in (("in_force_from", first), ("in_force_to", last))}
    assert indonesia().rules[0].model_copy(update=ends).in_force(day) is applies
