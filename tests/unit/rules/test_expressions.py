"""Conditions are refused when they are loaded; one that is taken has a truth value for every zone."""

from dataclasses import fields, replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from jagawana.rules.expressions import check, holds
from jagawana.rules.facts import FACTS, MiningMethod, PermitStage, ZoneFacts, method_of
from jagawana.rules.pack import SHIPPED, shipped_pack
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind

LISTS = (("exempt", ("a-1", "b-2")),)
texts = st.text(max_size=20)
days = st.dates(date(1, 1, 1), date(9999, 12, 31))
facts = st.builds(
    ZoneFacts, kind=st.sampled_from(ZoneKind), code=st.sampled_from(["", "a-1", "c-3"]) | texts, holder=texts, commodity=texts,
    designation=texts, stage=st.sampled_from(PermitStage), method=st.sampled_from(MiningMethod), approximate=st.booleans(),
    accuracy_m=st.floats(0, 100_000), valid_from=days, valid_to=days, day=days,
)  # fmt: skip
SOUND = {
    "stage != 'exploration'": lambda f: f.stage != "exploration",
    "code in exempt and not approximate": lambda f: f.code in ("a-1", "b-2") and not f.approximate,
    "method in ['underground', 'unknown'] or kind == 'riparian'": lambda f: f.method in ("underground", "unknown") or f.kind == "riparian",
    'day >= d"2021-04-01" and valid_from < d"2010-01-01"': lambda f: f.day >= date(2021, 4, 1) and f.valid_from < date(2010, 1, 1),
    "accuracy_m <= 30 and approximate == true": lambda f: f.accuracy_m <= 30 and f.approximate,
    "valid_to <= day": lambda f: f.valid_to <= f.day,
    "code not in exempt": lambda f: f.code not in ("a-1", "b-2"),
    "approximate": lambda f: f.approximate,
}
UNSOUND = {
    "stge == 'production'": "names 'stge'; there are kind, code",
    "stage == 'prodution'": "compares stage with 'prodution'; it is one of production, exploration",
    "'park' == kind": "compares kind with 'park'",
    "method in ['surface', 'undergrund']": "compares method with 'undergrund'",
    "stage == 3": "compares the fact stage with the constant",
    "approximate == 'yes'": "is of another type",
    "accuracy_m > 'a'": "is not understood",
    "day >= '2021-04-01'": "is not understood",
    'day >= d"2021-99-01"': "is not understood",
    "code in kind": "looks into the fact kind",
    "code in unheard_of": "names 'unheard_of'",
    "accuracy_m in exempt": "looks for the fact accuracy_m in a list of text",
    "exempt == exempt": "compares the name exempt",
    "code": "where something true or false belongs",
    "accuracy_m + 1 > 3": "only facts and constants",
    "code =~ '(a+)+$'": "which asks nothing of the zone",
    "code.length > 3": "only facts and constants",
    "code and approximate": "where something true or false belongs",
    "approximate ? true : false": "which asks nothing of the zone",
    "true": "which asks nothing of the zone",
    "stage ==": "is not understood",
    "": "is not understood",
    "code == 'a' or " * 30 + "approximate": "more than 400 characters",
    "code in $now": "",
    "$now > day": "only facts and constants",
    "null == code": "only facts and constants",
    "$abs(accuracy_m) > 1": "only facts and constants",
    "code[0] == 'a'": "only facts and constants",
}


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_condition_says_what_python_says(text):
    check(text, LISTS)

    @settings(deadline=None)
    @given(facts)
    def asked(of):
        assert holds(text, of, LISTS) is SOUND[text](of)

    asked()


@pytest.mark.parametrize("text", UNSOUND)
def test_an_unsound_condition_is_refused_with_what_there_is(text):
    with pytest.raises(ValueError) as e:
        check(text, LISTS)
    assert UNSOUND[text] in str(e.value)


@settings(deadline=None)
@given(facts)
def test_no_condition_of_a_shipped_pack_fails_for_any_zone(of):
    for name in SHIPPED:
        pack = shipped_pack(name)
        lists = tuple((n, found.values) for n, found in pack.lists.items())
        for ground in pack.grounds.values():
            assert ground.when is None or holds(ground.when, of, lists) in (True, False)


def test_facts_are_the_fields_of_a_zones_facts():
    assert list(FACTS) == [f.name for f in fields(ZoneFacts)]


@pytest.mark.parametrize(
    ("text", "method"),
    [
        (None, MiningMethod.UNRECORDED),
        ("Tambang Bawah Tanah", MiningMethod.UNDERGROUND),
        ("Tambang Terbuka", MiningMethod.SURFACE),
        ("terbuka dan bawah tanah", MiningMethod.UNKNOWN),
        ("lainnya", MiningMethod.UNKNOWN),
    ],
)
def test_a_method_with_words_of_both_kinds_or_of_none_is_unknown(text, method):
    assert method_of(text, surface=("terbuka",), underground=("bawah tanah",)) is method


def test_a_zone_without_days_on_record_is_in_force_from_and_until_any_day() -> None:
    zone = Zone("z", ZoneKind.CONCESSION, "z", box(0, 0, 1, 1), "l", "1", "s")
    pack = shipped_pack("indonesia")
    found = pack.facts_of(zone, date(2026, 1, 1))
    assert (found.valid_from, found.valid_to) == (date.min, date.max)
    dated = pack.facts_of(replace(zone, valid_from=date(2020, 1, 1), valid_to=date(2027, 1, 1)), date(2026, 1, 1))
    assert (dated.valid_from, dated.valid_to, dated.day) == (date(2020, 1, 1), date(2027, 1, 1), date(2026, 1, 1))
