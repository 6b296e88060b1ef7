"""Valid alert records built by code, one for every thing a ranger can be told. Places, names and numbers are invented."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from jagawana.rules.severity import Near, severity
from jagawana.schemas.alert import (
    AlertContent,
    AlertPublished,
    AlertShape,
    AlertState,
    AlertType,
    Article,
    Category,
    ChangeClass,
    Cutout,
    Evidence,
    RuleTrial,
    Stage,
    Verdict,
    WhatChanged,
    ZoneKind,
    ZoneOverlap,
)
from jagawana.schemas.geometry import Geometry, MultiLineString, MultiPoint, MultiPolygon, Point
from jagawana.schemas.hints import Hint, HintName, Leaning
from jagawana.schemas.ids import alert_id, message_id, sha256_of
from jagawana.schemas.observation import AlertTense, ModelRef

CELL, TILE = "49MHT2554", "49MHT25"
LON, LAT = 113.92253, -2.21811
CELL_BOUNDS = (825_000.0, 9_754_000.0, 826_000.0, 9_755_000.0)
"""West, south, east, north of CELL, metres in EPSG:32749."""
DAY = timedelta(days=1)
FIRST_SEEN = datetime(2026, 8, 14, 2, 36, 41, tzinfo=UTC)
NOW = FIRST_SEEN + 3 * DAY
MODEL = ModelRef(model_id="s2", sha256="ab" * 32, fingerprint="s2-unet-3f1c")


def square(lon: float, lat: float, side: float) -> tuple[tuple[tuple[float, float], ...], ...]:
    """A ring of `side` degrees around a place."""
    h = side / 2
    return (((lon - h, lat - h), (lon + h, lat - h), (lon + h, lat + h), (lon - h, lat + h), (lon - h, lat - h)),)


GEOMETRIES: dict[ChangeClass, Geometry] = {
    ChangeClass.MINING: MultiPolygon(coordinates=(square(LON, LAT, 0.0008), square(LON + 0.0016, LAT - 0.0008, 0.0004))),
    ChangeClass.ROAD: MultiLineString(coordinates=(((LON - 0.004, LAT + 0.002), (LON - 0.002, LAT + 0.0011), (LON - 0.0004, LAT)),)),
    ChangeClass.HUT: MultiPoint(coordinates=((LON - 0.0012, LAT + 0.0007), (LON - 0.0010, LAT + 0.0009), (LON - 0.0013, LAT + 0.0010))),
}
SIZES: dict[ChangeClass, dict[str, Any]] = {
    ChangeClass.MINING: {"area_ha": 0.84},
    ChangeClass.ROAD: {"length_m": 450.0},
    ChangeClass.HUT: {"count": 3},
}


def shape(change_class: ChangeClass = ChangeClass.MINING, **changes: Any) -> AlertShape:
    """One shape of an alert; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "change_class": change_class,
        "state": AlertState.PROVISIONAL,
        "geometry": GEOMETRIES[change_class],
        **SIZES[change_class],
        "last_clear_before_at": FIRST_SEEN - 10 * DAY,
        "first_seen_at": FIRST_SEEN,
        "last_seen_at": FIRST_SEEN,
        "probability": 0.91,
        "looks_positive": 1,
        "looks_clear": 1,
    }
    return AlertShape.model_validate({**fields, **changes})


def zone(kind: ZoneKind = ZoneKind.PROTECTED_FOREST, name: str = "Hutan Lindung Bukit Batu", **changes: Any) -> ZoneOverlap:
    """One zone the alert touches."""
    fields: dict[str, Any] = {
        "zone_id": f"{kind}:12",
        "kind": kind,
        "name": name,
        "layer": "kawasan_hutan",
        "layer_version": "2026-01",
        "source": "KLHK",
        "overlap_ha": 0.84,
        "share": 1.0,
    }
    return ZoneOverlap.model_validate({**fields, **changes})


PERMIT = zone(
    ZoneKind.CONCESSION,
    "IUP Sumber Batu",
    zone_id="concession:7",
    layer="wiup",
    source="ESDM",
    holder="PT Sumber Batu",
    valid_from=date(2020, 1, 1),
    valid_to=date(2030, 12, 31),
)


def verdict(zones: tuple[ZoneOverlap, ...], **changes: Any) -> Verdict:
    """Category 3 in the first of the zones, or outside every concession."""
    restricted = [z for z in zones if z.kind is not ZoneKind.CONCESSION]
    fields: dict[str, Any] = {
        "category": Category.LOW,
        "rule_id": "id-protected-forest",
        "pack": "indonesia",
        "pack_version": "1.0",
        "articles": (Article(law="UU 41/1999", article="Pasal 38 ayat (4)"),),
        "decisive_zone": restricted[0].zone_id if restricted else None,
        "judged_on": FIRST_SEEN.date(),
        "zones": zones,
        "near_boundary": False,
        "boundary_margin_m": 240.0,
        "tolerance_m": 20.0,
        "trace": (
            RuleTrial(rule_id="id-conservation", fired=False, because="touches no conservation area"),
            RuleTrial(rule_id="id-protected-forest", fired=True, because="0.84 ha lie in protected forest"),
        ),
    }
    return Verdict.model_validate({**fields, **changes})


def evidence(**changes: Any) -> Evidence:
    """Two scenes and a pair of pictures."""
    fields: dict[str, Any] = {
        "scene_ids": ("S2A_49MHT_20260814_0_L2A",),
        "observation_ids": ("cd" * 32,),
        "models": (MODEL,),
        "calibrated": True,
        "before": Cutout(scene_id="S2B_49MHT_20260804_0_L2A", acquired_at=FIRST_SEEN - 10 * DAY, blob="01" * 32, bounds=CELL_BOUNDS),
        "after": Cutout(scene_id="S2A_49MHT_20260814_0_L2A", acquired_at=FIRST_SEEN, blob="02" * 32, bounds=CELL_BOUNDS),
    }
    return Evidence.model_validate({**fields, **changes})


def hints() -> tuple[Hint, ...]:
    """A value of each kind, with one that leans."""
    values = (14.2, 0.45, 12.5, 0.05, 0.08, 0.82, 0.38, 0.66, 0.61, 0.31, 0.16, 0.02)
    red = HintName.REDNESS
    return tuple(
        Hint(
            name=name, value=value, unit="1", leaning=Leaning.LATERITE_LIKE_RED if name is red else Leaning.NONE,
            threshold=0.25 if name is red else None, source="example",
        )
        for name, value in zip(HintName, values, strict=True)
    )  # fmt: skip


def content(shapes: tuple[AlertShape, ...] | None = None, zones: tuple[ZoneOverlap, ...] | None = None, **changes: Any) -> AlertContent:
    """What is believed; sizes add up from the shapes."""
    shapes = (shape(),) if shapes is None else shapes
    judged = verdict((zone(),) if zones is None else zones)
    kinds, state = {z.kind for z in judged.zones}, changes.get("state", AlertState.PROVISIONAL)
    surest = max(s.probability for s in shapes)
    fields: dict[str, Any] = {
        "severity": severity(judged.category, kinds, growth_ha=0.84, near=Near(), probability=surest, state=state),
        "alert_id": alert_id(CELL, judged.decisive_zone, judged.rule_id),
        "tile": TILE,
        "cell": CELL,
        "stage": Stage.MINING if any(s.change_class is ChangeClass.MINING for s in shapes) else Stage.PRECURSOR,
        "state": AlertState.PROVISIONAL,
        "place": Point(coordinates=(LON, LAT)),
        "shapes": shapes,
        "mining_ha": sum(s.area_ha or 0.0 for s in shapes),
        "road_m": sum(s.length_m or 0.0 for s in shapes),
        "huts": sum(s.count or 0 for s in shapes),
        "inventory_ha": 0.0,
        "first_seen_at": min(s.first_seen_at for s in shapes),
        "last_seen_at": max(s.last_seen_at for s in shapes),
        "verdict": judged,
        "province": "Kalimantan Tengah",
        "evidence": evidence(),
    }
    return AlertContent.model_validate({**fields, **changes})


def record(
    believed: AlertContent | None = None,
    *,
    number: int = 1,
    kind: AlertType | None = None,
    tense: AlertTense = AlertTense.CURRENT,
    changed: tuple[WhatChanged, ...] = (WhatChanged.FIRST_SEEN,),
) -> AlertPublished:
    """Record `number` of an alert."""
    believed = believed or content()
    return AlertPublished(
        message_id=message_id(believed.alert_id, number),
        record_number=number,
        supersedes=None if number == 1 else message_id(believed.alert_id, number - 1),
        alert_type=kind or (AlertType.INITIAL if number == 1 else AlertType.SUBSEQUENT),
        alert_tense=tense,
        what_changed=changed,
        content=believed,
        content_sha256=sha256_of(believed),
        decided_at=believed.last_seen_at + timedelta(hours=9),
    )


def _seen_twice(**changes: Any) -> AlertShape:
    again = FIRST_SEEN + 5 * DAY
    more: dict[str, Any] = {
        "state": AlertState.CONFIRMED,
        "confirmed_at": again,
        "last_seen_at": again,
        "probability": 0.985,
        "looks_positive": 2,
        "looks_clear": 2,
    }
    return shape(**{**more, **changes})


def _precursor() -> AlertContent:
    return content((shape(ChangeClass.ROAD, probability=0.83), shape(ChangeClass.HUT, probability=0.7)))


def _in_permit_and_forest() -> AlertContent:
    forest = zone(ZoneKind.PRODUCTION_FOREST, "Hutan Produksi Kahayan", zone_id="production_forest:3")
    judged = verdict(
        (PERMIT, forest),
        category=Category.CONDITIONAL,
        rule_id="id-production-forest",
        near_boundary=True,
        boundary_margin_m=12.0,
        articles=(Article(law="UU 41/1999", article="Pasal 38 ayat (3)"),),
    )
    return content(zones=(PERMIT, forest), verdict=judged)


def _outside_permits() -> AlertContent:
    judged = verdict((), rule_id="id-outside", articles=(Article(law="UU 4/2009", article="Pasal 158"),), boundary_margin_m=None)
    return content(zones=(), verdict=judged, evidence=evidence(calibrated=False))


def all_records() -> dict[str, AlertPublished]:
    """One record for every thing a ranger can be told, by name."""
    W = WhatChanged
    confirmed = content(
        (_seen_twice(area_ha=2.1),),
        state=AlertState.CONFIRMED,
        evidence=evidence(
            scene_ids=("S2A_49MHT_20260814_0_L2A", "S2B_49MHT_20260819_0_L2A"),
        ),
        hints=hints(),
    )
    ended = confirmed.model_copy(update={"state": AlertState.ENDED, "hints": ()})
    withdrawn = content(state=AlertState.RETRACTED)
    update, back = AlertType.UPDATE, AlertType.RETRACTION
    return {
        "new mining": record(),
        "new road and huts": record(_precursor()),
        "outside every permit": record(_outside_permits()),
        "inside a permit, in production forest": record(_in_permit_and_forest()),
        "mining where only a road was": record(content((shape(), shape(ChangeClass.ROAD))), number=2, changed=(W.STAGE,)),
        "seen again": record(number=2, changed=(W.SEEN_AGAIN,)),
        "confirmed and grown": record(confirmed, number=3, changed=(W.STATE, W.AREA)),
        "ended": record(ended, number=4, changed=(W.STATE,)),
        "judged anew": record(_in_permit_and_forest(), number=2, kind=update, changed=(W.CATEGORY, W.ZONE_LAYER)),
        "rules changed": record(number=2, kind=update, changed=(W.RULE_PACK,)),
        "withdrawn, no longer seen": record(withdrawn, number=2, kind=back, changed=(W.NO_LONGER_SEEN,)),
        "withdrawn, not in the zone": record(withdrawn, number=2, kind=back, changed=(W.NO_LONGER_IN_ZONE, W.ZONE_LAYER)),
        "test": record(tense=AlertTense.TEST),
        "archival": record(tense=AlertTense.ARCHIVAL),
        "exercise": record(tense=AlertTense.INJECTION),
    }
