"""The report page: what it shows, that it needs nothing from outside, and that names from outside stay text."""

import io
import math
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import numpy as np
import pytest
from alert_examples import CELL, CELL_BOUNDS, FIRST_SEEN, LAT, LON, NOW, TILE, all_records, content, record, zone
from PIL import Image
from shapely import LineString, box
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry import shape as to_shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.ids import short_code
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.cutouts import Bounds, Outline, Picture, draw_pair
from jagawana.services.notify.wording import Language, long
from jagawana.services.web.report import render_report
from jagawana.services.web.report_chart import chart_svg
from jagawana.services.web.report_map import map_svg
from jagawana.services.web.report_view import AlertCard, FirstAlert, MapZone, ReportView, Sample, Series, SentMessage, WatchedTile
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
        Picture(forest, cell.grown(100), "4 Agu 2026", seen), Picture(opened, cell.grown(100), "14 Agu 2026"), outlines, cell=cell,
    )


def card(shown: AlertPublished, lon: float, lat: float, *, history: tuple[AlertPublished, ...] = ()) -> AlertCard:
    before, after = pictures(shown)
    messages = tuple(
        SentMessage("logbook", lang, m.subject, m.body) for lang in Language for m in (long(shown, lang, now=NOW),)
    )
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
        title="Pemantauan hutan, Kalimantan Tengah", made_at=NOW, tense=AlertTense.TEST, scenes=36, scenes_refused=2,
        first_scene_at=FIRST_SEEN - 80 * DAY, last_scene_at=FIRST_SEEN + 65 * DAY,
        tiles=(WatchedTile(TILE, square(LON, LAT, 10), 36, 0.57, FIRST_SEEN), WatchedTile("49MHT35", square(LON + 10 * KM, LAT, 10), 34, 0.41, None)),
        zones=ZONES, cards=cards, series=(series(),), simulated=True,
    )
    return replace(view, **changes)  # type: ignore[arg-type]
