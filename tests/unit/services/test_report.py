"""The report page: what it shows, that it needs nothing from outside, and that names from outside stay text."""

import math
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import numpy as np
import pytest
from alert_examples import CELL, CELL_BOUNDS, FIRST_SEEN, LAT, LON, NOW, TILE, all_records, content, record, zone
from shapely import LineString, box
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.cutouts import Bounds, Outline, Picture, draw_pair
from jagawana.services.notify.wording import Language, long
from jagawana.services.web.report import render_report
from jagawana.services.web.report_chart import chart_svg
from jagawana.services.web.report_map import map_svg
from jagawana.services.web.report_view import AlertCard, FirstAlert, MapZone, ReportView, Sample, SentMessage, Series, WatchedTile
from jagawana.services.web.report_words import words_of

KM = 1 / 111.2
DAY = timedelta(days=1)


def square(lon: float, lat: float, km: float) -> Polygon:
    h = km * KM / 2
    return box(lon - h, lat - h, lon + h, lat + h)


def wobbly(lon: float, lat: float, km: float, seed: int) -> Polygon:
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    radii = km * KM / 2 * (1 + 0.18 * np.sin(3 * angles + rng.random() * 6) + 0.06 * np.sin(9 * angles))
    return Polygon([(lon + r * math.cos(a), lat + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)])


def river(offset_km: float) -> BaseGeometry:
    xs = np.linspace(-7, 7, 60)
    line = [(LON + x * KM, LAT + (offset_km + 0.8 * math.sin(x) + 0.25 * math.sin(3 * x)) * KM) for x in xs]
    return LineString(line).buffer(0.1 * KM)


ZONES = (
    MapZone(ZoneKind.PROVINCE, "Kalimantan Tengah", square(LON, LAT, 60)),
    MapZone(ZoneKind.PROTECTED_FOREST, "Hutan Lindung Bukit Batu", wobbly(LON - 1.2 * KM, LAT + 1.0 * KM, 6.5, 3)),
    MapZone(ZoneKind.CONSERVATION, "Taman Nasional Sebangau", wobbly(LON + 4.2 * KM, LAT - 3.6 * KM, 5.2, 5)),
    MapZone(ZoneKind.PRODUCTION_FOREST, "Hutan Produksi Kahayan", wobbly(LON - 3.8 * KM, LAT - 3.5 * KM, 5.5, 8)),
    MapZone(ZoneKind.RIPARIAN, "Sempadan Sungai Kahayan", river(-0.6)),
    MapZone(ZoneKind.CONCESSION, "IUP Sumber Batu", MultiPolygon([square(LON - 3.2 * KM, LAT - 2.8 * KM, 2.4)])),
)


def pictures(shown: AlertPublished) -> tuple[bytes, bytes]:
    rng = np.random.default_rng(4)
    forest = (rng.normal(0, 7, (120, 120, 3)) + np.array([46, 78, 44])).clip(0, 255).astype(np.uint8)
    opened = forest.copy()
    opened[52:66, 18:32] = (rng.normal(0, 9, (14, 14, 3)) + np.array([196, 172, 132])).clip(0, 255)
    cell = Bounds(*CELL_BOUNDS)
    pit = box(825_080, 9_754_440, 825_220, 9_754_580)
    outlines = [Outline(s.change_class, pit) for s in shown.content.shapes if s.change_class == "mining"]
    seen = np.ones((120, 120), bool)
    seen[:25, 70:] = False
    return draw_pair(
        Picture(forest, cell.grown(100), "4 Agu 2026", seen),
        Picture(opened, cell.grown(100), "14 Agu 2026"),
        outlines,
        cell=cell,
    )


def card(shown: AlertPublished, lon: float, lat: float, *, history: tuple[AlertPublished, ...] = ()) -> AlertCard:
    before, after = pictures(shown)
    messages = tuple(SentMessage("logbook", lang, m.subject, m.body) for lang in Language for m in (long(shown, lang, now=NOW),))
    return AlertCard((*history, shown), square(lon, lat, 1.0), before, after, messages)


def series() -> Series:
    rng = np.random.default_rng(9)
    samples = []
    for n in range(30):
        grown = max(0.0, (n - 14) * 0.14)
        clear = float(rng.choice([1.0, 0.95, 0.1, 0.0], p=[0.4, 0.2, 0.2, 0.2]))
        samples.append(Sample(FIRST_SEEN + (n - 16) * 5 * DAY, grown, min(450.0, max(0, n - 10) * 120.0), 3 if n > 13 else 0, clear))
    return Series(CELL, tuple(samples), (FirstAlert(FIRST_SEEN, "Z4PHZ"),))


def report_view(**changes: object) -> ReportView:
    known = all_records()
    cards = (
        card(known["confirmed and grown"], LON, LAT, history=(known["new mining"], known["seen again"])),
        card(known["new road and huts"], LON + 2.3 * KM, LAT + 1.9 * KM),
        card(known["inside a permit, in production forest"], LON - 3.0 * KM, LAT - 2.6 * KM),
        card(known["withdrawn, no longer seen"], LON + 3.4 * KM, LAT - 1.0 * KM),
    )
    view = ReportView(
        title="Pemantauan hutan, Kalimantan Tengah",
        made_at=NOW,
        tense=AlertTense.TEST,
        scenes=36,
        scenes_refused=2,
        first_scene_at=FIRST_SEEN - 80 * DAY,
        last_scene_at=FIRST_SEEN + 65 * DAY,
        tiles=(
            WatchedTile(TILE, square(LON, LAT, 10), 36, 0.57, FIRST_SEEN),
            WatchedTile("49MHT35", square(LON + 10 * KM, LAT, 10), 34, 0.41, None),
        ),
        zones=ZONES,
        cards=cards,
        series=(series(),),
        simulated=True,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(report_view())


class Outward(HTMLParser):
    """Everything in a page that could make a browser fetch or run something, and the tags still open at the end."""

    VOID = frozenset({"meta", "img", "br", "rect", "line", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "object", "embed", "base", "form"}:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in {"src", "href"} and not (value or "").startswith(("data:image/", "#"))):
                self.found.append(f"{tag} {name}")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in self.VOID:
            self.found.append(f"stray </{tag}>")


def examined(page: str) -> Outward:
    parser = Outward()
    parser.feed(page)
    parser.close()
    return parser


def test_the_page_fetches_nothing_runs_nothing_and_is_whole(page: str) -> None:
    parser = examined(page)
    assert parser.found == [] and parser.open == []
    assert "default-src 'none'" in page and "@import" not in page and "url(http" not in page


def test_pictures_travel_inside(page: str) -> None:
    assert page.count("data:image/jpeg;base64,") == 2 * len(report_view().cards)


def test_a_card_without_pictures_says_so() -> None:
    bare = replace(report_view().cards[0], before=None, after=None)
    assert render_report(report_view(cards=(bare,))).count('class="no-picture"') == 2


@pytest.mark.parametrize("language", Language)
def test_every_alert_has_its_card_messages_trace_and_hashes(language: Language) -> None:
    view = report_view(language=language)
    text = render_report(view)
    for shown in view.cards:
        latest = shown.latest
        assert f'id="a-{latest.content.alert_id}"' in text and f'href="#a-{latest.content.alert_id}"' in text
        assert latest.content_sha256 in text and latest.content.evidence.scene_ids[0] in text
        assert latest.content.verdict.trace[0].because in text
        assert all(m.body.splitlines()[0] in text for m in shown.messages)


@pytest.mark.parametrize(
    ("tense", "banners"), [(AlertTense.CURRENT, 0), (AlertTense.TEST, 1), (AlertTense.ARCHIVAL, 1), (AlertTense.INJECTION, 1)]
)
def test_what_is_not_current_carries_a_banner(tense: AlertTense, banners: int) -> None:
    assert render_report(report_view(tense=tense, simulated=False)).count('class="banner"') == banners


def test_an_empty_report_warns_that_silence_is_not_safety() -> None:
    text = render_report(report_view(cards=(), series=(), zones=(), tiles=(), first_scene_at=None, last_scene_at=None))
    assert words_of(Language.ENGLISH)[0].no_alerts in text and "<svg" not in text
    assert examined(text).found == []


def test_hostile_names_stay_text() -> None:
    evil = '</title></text><script>alert(1)</script>\u202e" onload="x'
    shown = record(content(zones=(zone(name=evil),)))
    hostile = report_view(
        title=evil,
        notes=(evil,),
        zones=(MapZone(ZoneKind.CONSERVATION, evil, square(LON, LAT, 20)),),
        cards=(AlertCard((shown,), square(LON, LAT, 1), messages=(SentMessage(evil, Language.ENGLISH, evil, evil),)),),
    )
    assert examined(render_report(hostile)).found == []


def test_the_page_is_the_same_for_the_same_view() -> None:
    assert render_report(report_view()) == render_report(report_view())


def test_the_map_keeps_north_up_and_shapes_true() -> None:
    view = report_view()
    svg = map_svg(view, words_of(Language.ENGLISH)[0])
    x, y, points = _cell_corners(svg, view.cards[0].latest.content.alert_id.hex)
    assert max(x) - min(x) == pytest.approx(max(y) - min(y), rel=0.02), "1 km is as long east as north"
    assert len(points) == 5
    east = _cell_corners(svg, view.cards[1].latest.content.alert_id.hex)
    assert east is not None


def _cell_corners(svg: str, alert: str) -> tuple[list[float], list[float], list[str]]:
    link = next(
        m for m in re.finditer(r'href="#a-([0-9a-f-]+)"><path class="cell \w+" d="M([^"Z]+)Z', svg) if m[1].replace("-", "") == alert
    )
    points = link[2].split("L")
    pairs = [tuple(map(float, p.split())) for p in points]
    return [p[0] for p in pairs], [p[1] for p in pairs], points


def test_a_zone_far_larger_than_the_map_is_clipped_and_one_elsewhere_is_empty() -> None:
    words = words_of(Language.ENGLISH)[0]
    svg = map_svg(report_view(zones=(MapZone(ZoneKind.CONSERVATION, "besar", wobbly(LON, LAT, 3000, 1)),)), words)
    numbers = [float(n) for n in re.findall(r"-?\d+\.\d", re.search(r'class="zone conservation" d="([^"]*)"', svg)[1])]  # type: ignore[index]
    assert numbers and min(numbers) > -20 and max(numbers) < 800
    assert 'class="zone conservation" d=""' in map_svg(
        report_view(zones=(MapZone(ZoneKind.CONSERVATION, "jauh", square(0, 50, 5)),)), words
    )


def test_the_line_breaks_where_cloud_hid_the_cell() -> None:
    words = words_of(Language.ENGLISH)[0]
    clear = tuple(Sample(FIRST_SEEN + n * DAY, float(n), 0.0, 0, 1.0) for n in range(5))
    clouded = (*clear[:2], replace(clear[2], clear_share=0.1), *clear[3:])
    whole, broken = chart_svg(Series(CELL, clear), words), chart_svg(Series(CELL, clouded), words)
    assert whole.count('<line class="mining"') == 4 and "hidden" not in whole
    assert broken.count('<line class="mining"') == 2 and broken.count('<line class="mining hidden"') == 1
    assert broken.count('class="look cloudy"') == 1


def test_lanes_that_stay_empty_are_left_out_and_first_alerts_are_marked() -> None:
    words = words_of(Language.ENGLISH)[0]
    sample = Sample(FIRST_SEEN, 0.0, 0.0, 0, 1.0)
    svg = chart_svg(Series(CELL, (sample,), (FirstAlert(FIRST_SEEN, "Z4PHZ"),)), words)
    assert "lane-name mining" in svg and "lane-name road" not in svg and ">Z4PHZ</text>" in svg
    assert chart_svg(Series(CELL, ()), words) == ""


def test_a_long_series_keeps_few_dates() -> None:
    words = words_of(Language.ENGLISH)[0]
    samples = tuple(Sample(FIRST_SEEN + n * 30 * DAY, 0.0, 0.0, 0, 1.0) for n in range(60))
    assert 2 <= chart_svg(Series(CELL, samples), words).count('class="date"') <= 7


@pytest.mark.parametrize(("language", "of"), [(Language.ENGLISH, "of"), (Language.INDONESIAN, "dari")])
def test_each_alert_that_stands_has_its_rank_and_a_withdrawn_one_has_none(language: Language, of: str) -> None:
    page = render_report(report_view(language=language))
    found = re.findall(r'<td class="n">(\d) (\w+) (\d), (\d+|–)</td>', page)
    assert [(n, word, m) for n, word, m, _ in found] == [("1", of, "3"), ("2", of, "3"), ("3", of, "3")]
    severities = [c.latest.content.severity for c in report_view().cards[:3]]
    assert [s for *_, s in found] == [str(s.total) if s else "–" for s in severities]
    assert len(re.findall(r'<td class="n">–</td><td><span class="chip cat-', page)) == 1


def test_why_a_rule_was_not_asked_is_on_the_page_to_its_end() -> None:
    long_reason = "; ".join(f"{n}.0000 of 9.0000 ha lies inside a permit that counts" for n in range(9)) + " THE END"
    shown = all_records()["confirmed and grown"]
    trace = (shown.content.verdict.trace[0].model_copy(update={"because": long_reason}),)
    verdict = shown.content.verdict.model_copy(update={"trace": trace})
    card_ = card(shown.model_copy(update={"content": shown.content.model_copy(update={"verdict": verdict})}), LON, LAT)
    assert "THE END" in render_report(report_view(cards=(card_,)))
