"""What a ranger reads. The golden text is docs/messages.md itself; `python tests/unit/services/test_wording.py` writes it anew."""

import dataclasses
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from alert_examples import DAY, FIRST_SEEN, NOW, all_records, content, evidence, hints, record, shape, verdict, zone
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.schemas.alert import AlertPublished, AlertState, AlertType, Category, ChangeClass, WhatChanged, ZoneKind
from jagawana.schemas.hints import HintName, Leaning
from jagawana.schemas.ids import short_code
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.wording import Language, compact, long, phrases_of
from jagawana.services.notify.wording.gsm7 import SMS_SEPTETS, is_gsm7, plain, septets, shortened
from jagawana.services.notify.wording.hints import HintGroup
from jagawana.services.notify.wording.names import MAX_NAME, safe_id, safe_name

PAGE = Path(__file__).parents[3] / "docs" / "messages.md"
EXAMPLES = all_records()
BOTH = tuple(Language)
INTRODUCTION = """# What a ranger receives

Every message is about one record of one alert. Texts below are rendered from invented records by the test that checks this page.
The page shows them as they are sent; `now` is three days after the first image.

* **Compact** is one SMS: at most 160 characters of the GSM-7 alphabet, whatever the zone is called. It always holds the code, the record
  number, the category, what was seen, and the coordinates; the zone's name is shortened, and the day, the boundary warning, the
  probability and the cell follow as far as there is room.
* **Long** is an e-mail: one sentence first, then one fact on each line.
* `[UJI]`/`[TEST]`, `[ARSIP]`/`[ARCHIVE]` and `[SIMULASI]`/`[EXERCISE]` begin everything that is not happening now. Such records go to the
  logbook only.
* The five-letter code is the same for all records of an alert; it can be said over a radio, and mail programs thread by it.
* Outward text says *possible* mining. What is a violation is for the authorities to say.
* Names of zones and permit holders come from other people's files. They are shown without control characters, direction marks, markup,
  mentions and links, and cut at 60 characters.
"""


def rendered_page() -> str:
    """docs/messages.md."""
    parts = [INTRODUCTION]
    for name, shown in EXAMPLES.items():
        parts.append(f"\n## {name[0].upper()}{name[1:]}\n")
        parts += [f"\n{lang}, compact ({septets(compact(shown, lang))} of 160):\n\n```text\n{compact(shown, lang)}\n```\n" for lang in BOTH]
        for lang in BOTH:
            message = long(shown, lang, now=NOW)
            parts.append(f"\n{lang}, long:\n\n```text\nSubject: {message.subject}\n\n{message.body}```\n")
    return "".join(parts)


def test_the_documented_messages_are_the_ones_sent() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered_page()


def texts(shown: AlertPublished) -> Iterator[str]:
    for lang in BOTH:
        message = long(shown, lang, now=NOW)
        yield from (compact(shown, lang), message.subject, message.body)


@pytest.mark.parametrize("name", EXAMPLES)
def test_outward_text_never_judges(name: str) -> None:
    for text in texts(EXAMPLES[name]):
        assert not re.search(r"il+egal", text, re.IGNORECASE)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_email_says_possible_and_not_verified(name: str) -> None:
    indonesian, english = (long(EXAMPLES[name], lang, now=NOW) for lang in BOTH)
    assert "emungkinan" in indonesian.subject and "emungkinan" in indonesian.body
    assert "ossible" in english.subject and "ossible" in english.body and "not been verified in the field" in english.body
    assert "belum diperiksa di lapangan" in indonesian.body


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}[{key}]")
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            yield from leaves(item, f"{path}[{n}]")
    else:
        yield path, value


def test_both_languages_have_the_same_phrases_with_the_same_blanks() -> None:
    indonesian, english = (dict(leaves(phrases_of(lang))) for lang in BOTH)
    assert indonesian.keys() == english.keys()
    for path, phrase in indonesian.items():
        assert sorted(re.findall(r"{(\w+)}", str(phrase))) == sorted(re.findall(r"{(\w+)}", str(english[path]))), path


@pytest.mark.parametrize("lang", BOTH)
def test_every_enum_has_its_words(lang: Language) -> None:
    known = phrases_of(lang)
    full: list[tuple[Mapping[object, str], type[Enum]]] = [
        (known.tense_prefix, AlertTense),
        (known.tense_banner, AlertTense),
        (known.subject, AlertType),
        (known.size, ChangeClass),
        (known.news, WhatChanged),
        (known.withdrawn_because, WhatChanged),
        (known.category, Category),
        (known.zone_kind, ZoneKind),
        (known.state, AlertState),
        (known.compact.category, Category),
        (known.compact.state, AlertState),
        (known.compact.withdrawn_because, WhatChanged),
        (known.compact.zone_kind, ZoneKind),
        (known.hints.group, HintGroup),
        (known.hints.value, HintName),
        (known.hints.leaning, Leaning),
    ]  # type: ignore[list-item]
    for mapping, enum in full:
        assert set(mapping) == set(enum)
    assert len(known.months) == len(known.short_months) == 12


def with_zone_name(shown: AlertPublished, name: str) -> AlertPublished:
    zones = tuple(z.model_copy(update={"name": name}) for z in shown.content.verdict.zones)
    judged = shown.content.verdict.model_copy(update={"zones": zones})
    return shown.model_copy(update={"content": shown.content.model_copy(update={"verdict": judged})})


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(EXAMPLES)), st.text(max_size=200), st.sampled_from(BOTH))
def test_an_sms_fits_whatever_the_zone_is_called(name: str, zone_name: str, lang: Language) -> None:
    shown = with_zone_name(EXAMPLES[name], zone_name)
    text = compact(shown, lang)
    assert is_gsm7(text) and septets(text) <= SMS_SEPTETS and "\n" not in text
    assert short_code(shown.content.alert_id) in text
    assert phrases_of(lang).compact.category[shown.content.verdict.category] in text
    assert "-2.21811,113.92253" in text


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0, 1e300),
    st.floats(0, 1e300),
    st.integers(0, 10**12),
    st.integers(2, 10**9),
    st.sampled_from(BOTH),
    st.sampled_from(AlertTense),
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.sampled_from(WhatChanged),
)
def test_an_sms_fits_whatever_was_measured(
    ha: float, road_m: float, huts: int, number: int, lang: Language, tense: AlertTense, lon: float, lat: float, changed: WhatChanged
) -> None:
    for shapes in ((shape(),), (shape(ChangeClass.ROAD), shape(ChangeClass.HUT))):
        place = content().place.model_copy(update={"coordinates": (lon, lat)})
        believed = content(shapes, mining_ha=ha, road_m=road_m, huts=huts, place=place)
        for kind in (AlertType.UPDATE, AlertType.SUBSEQUENT):
            text = compact(record(believed, number=number, kind=kind, tense=tense, changed=(changed,)), lang)
            assert is_gsm7(text) and septets(text) <= SMS_SEPTETS, text
        gone = believed.model_copy(update={"state": AlertState.RETRACTED})
        text = compact(record(gone, number=number, kind=AlertType.RETRACTION, tense=tense, changed=(changed,)), lang)
        assert septets(text) <= SMS_SEPTETS, text


def test_a_long_zone_name_is_cut_between_words_and_the_coordinates_stay() -> None:
    text = compact(with_zone_name(EXAMPLES["exercise"], "Taman Nasional Bukit Baka Bukit Raya dan Sekitarnya Sampai Hulu"), "id")
    assert text.startswith("[SIMULASI] ") and "TN Bukit Baka Bukit" in text and ".." in text and "-2.21811,113.92253" in text


def test_a_name_without_latin_letters_leaves_the_kind() -> None:
    assert " HL. " in compact(with_zone_name(EXAMPLES["new mining"], "保护森林"), "en")


@pytest.mark.parametrize(
    ("tense", "indonesian", "english"),
    [
        (AlertTense.TEST, "[UJI]", "[TEST]"),
        (AlertTense.ARCHIVAL, "[ARSIP]", "[ARCHIVE]"),
        (AlertTense.INJECTION, "[SIMULASI]", "[EXERCISE]"),
    ],
)
def test_what_is_not_happening_now_says_so_first(tense: AlertTense, indonesian: str, english: str) -> None:
    shown = record(tense=tense)
    for lang, prefix in ((Language.INDONESIAN, indonesian), (Language.ENGLISH, english)):
        message = long(shown, lang, now=NOW)
        assert compact(shown, lang).startswith(prefix) and message.subject.startswith(prefix)
        assert message.body.startswith(phrases_of(lang).tense_banner[tense])


def test_a_current_alert_has_no_prefix() -> None:
    assert compact(record(), "id").startswith(short_code(record().content.alert_id))


def test_a_retraction_withdraws_and_says_why() -> None:
    shown = EXAMPLES["withdrawn, no longer seen"]
    message = long(shown, "id", now=NOW)
    assert (
        "DITARIK" in message.subject
        and "tidak berlaku lagi" in message.body
        and "Alasan: citra lain tidak lagi mendukungnya" in message.body
    )
    assert "WITHDRAWN" in compact(shown, "en") and "no longer seen" in compact(shown, "en")
    assert "Keyakinan" not in message.body, "figures nobody should act on are not repeated"


@pytest.mark.parametrize("lang", BOTH)
def test_hints_are_in_the_email_and_never_in_the_sms(lang: Language) -> None:
    bare, told = record(content()), record(content(hints=hints()))
    assert compact(told, lang) == compact(bare, lang)
    title, body = phrases_of(lang).hints.title, long(told, lang, now=NOW).body
    assert title in body and title not in long(bare, lang, now=NOW).body
    assert phrases_of(lang).hints.leaning[Leaning.LATERITE_LIKE_RED] in body
    gone = record(content(hints=hints(), state=AlertState.RETRACTED), number=2, kind=AlertType.RETRACTION)
    assert title not in long(gone, lang, now=NOW).body, "figures nobody should act on are not repeated"


def test_precursors_say_that_no_mining_is_seen() -> None:
    shown = EXAMPLES["new road and huts"]
    assert "blm ada tambang" in compact(shown, "id") and "no mining yet" in compact(shown, "en")
    assert "belum terlihat penambangan" in long(shown, "id", now=NOW).body


@pytest.mark.parametrize(("days", "said"), [(0, "hari ini"), (1, "kemarin"), (3, "3 hari lalu"), (-2, "hari ini")])
def test_the_age_of_the_image_is_told_in_days(days: int, said: str) -> None:
    assert f"diambil {said}" in long(record(), "id", now=FIRST_SEEN + days * DAY).body


def test_without_a_clean_look_before_only_the_first_sight_is_claimed() -> None:
    body = long(record(content((shape(last_clear_before_at=None),))), "en", now=NOW).body
    assert "Since: 14 August 2026 (first seen)" in body


def test_uncalibrated_probabilities_say_so() -> None:
    assert "not been calibrated" in long(record(content(evidence=evidence(calibrated=False))), "en", now=NOW).body
    assert "not been calibrated" not in long(record(), "en", now=NOW).body


def test_an_expired_permit_is_called_expired() -> None:
    expired = zone(ZoneKind.CONCESSION, "IUP Lama", holder="PT Lama", valid_to=FIRST_SEEN.date() - timedelta(days=1))
    body = long(record(content(zones=(zone(), expired))), "en", now=NOW).body
    assert "mining permit IUP Lama, holder PT Lama, EXPIRED on 13 August 2026" in body


def test_a_verdict_without_a_zone_is_outside_only_if_it_is_category_three() -> None:
    unclear = verdict((), category=Category.UNDETERMINED, decisive_zone=None)
    body = long(record(content(zones=(), verdict=unclear)), "en", now=NOW).body
    assert "land status is unclear" in body and "outside any mining permit" not in body


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Hutan\nLindung\tBukit\r\nBatu", "Hutan Lindung Bukit Batu"),
        ("\u202eutaB tikuB\u202c", "utaB tikuB"),
        ("@everyone lari", "(at) everyone lari"),
        ("<script>alert(1)</script>", "script alert(1) /script"),
        ("[klik](https://evil.example/x)", "(klik)(https. evil. example/x)"),
        ("**tebal** `kode` ~x~", "tebal 'kode' -x"),
        ("=cmd|' /C calc'!A0", "cmd/' /C calc'!A0"),
        ("PT. Sumber Batu No. 3.5", "PT. Sumber Batu No. 3.5"),
        ("0.84 ha di Sungai A.B", "0.84 ha di Sungai A. B"),
    ],
)
def test_names_from_outside_are_inert(name: str, shown: str) -> None:
    assert safe_name(name).rstrip("-") == shown


@given(st.text(max_size=300))
def test_a_safe_name_is_one_short_visible_line(name: str) -> None:
    safe = safe_name(name)
    assert len(safe) <= MAX_NAME and not set(safe) & set('@<>`*_|[]{}#=\\"') and "://" not in safe
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for c in safe)
    assert not safe.startswith(("=", "+", "-", " "))


def test_a_hostile_name_stays_text_in_every_message() -> None:
    shown = with_zone_name(record(), "x\u202e\n\nSubject: fake @here <img src=x>")
    for text in texts(shown):
        assert "\u202e" not in text and "@here" not in text and "<img" not in text
    assert "\n" not in long(shown, "id", now=NOW).subject
    assert "\nSubject:" not in long(shown, "id", now=NOW).body


def test_identifiers_keep_only_their_letters() -> None:
    assert safe_id("S2A_49MHT <b>\n") == "S2A_49MHTb"
    assert safe_id("\n") == "?"


def test_shortening_prefers_words_and_never_exceeds_the_room() -> None:
    assert shortened("Bukit Baka Bukit Raya", 12) == "Bukit Baka.."
    assert shortened("Sungaikapuashulu", 10) == "Sungaika.."
    assert shortened("Bukit", 3) == ""
    assert all(len(shortened("Bukit Baka Bukit Raya", n)) <= n for n in range(30))


def test_accents_become_plain_letters() -> None:
    assert plain("Sébangau – Ñusa “A”") == "Sebangau - Nusa A"


if __name__ == "__main__":
    PAGE.write_text(rendered_page(), encoding="utf-8")
