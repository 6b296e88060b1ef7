"""One example of every message: what a stranger parses first. Invented, and its tense is test."""

from datetime import UTC, date, datetime

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
    Severity,
    Stage,
    Verdict,
    WhatChanged,
    ZoneKind,
    ZoneOverlap,
)
from jagawana.schemas.base import Message
from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.geometry import MultiPolygon, Point, Polygon
from jagawana.schemas.hints import Hint, HintName, Leaning
from jagawana.schemas.ids import alert_id, message_id, observation_id, sha256_of
from jagawana.schemas.observation import AlertTense, CoverageObserved, ModelRef, ObservationRecorded
from jagawana.schemas.operation import Heartbeat, LetterBuried, inline
from jagawana.schemas.scene import MULTIHASH_SHA256, Asset, Band, SceneAcquired, SceneItem, SceneProperties

TILE, CELL = "49MDU57", "49MDU5370"
ACQUIRED_AT = datetime(2026, 1, 15, 2, 40, tzinfo=UTC)
BEFORE_AT = datetime(2026, 1, 5, 2, 40, tzinfo=UTC)
RING = ((110.577, -1.175), (110.586, -1.175), (110.586, -1.166), (110.577, -1.166), (110.577, -1.175))
MODEL = ModelRef(model_id="s2", sha256=sha256_of(b"weights"), fingerprint="s2-1/0123abcd/bf16/torch-cpu/halo56/p1/10m")
S2 = (("B02", "blue"), ("B03", "green"), ("B04", "red"), ("B08", "nir"), ("B11", "swir16"), ("B12", "swir22"))


def example_messages() -> list[Message]:
    """One of each kind, always the same."""
    return [_scene(), _observation(), _coverage(), _alert(), _heartbeat(), _letter()]


def _scene() -> SceneAcquired:
    bands = tuple(Band.model_validate({"name": n, "eo:common_name": c, "raster:scale": 1e-4, "raster:offset": -0.1}) for n, c in S2)
    asset = Asset.model_validate(
        {
            "href": "/archive/assets/S2A_20260115_image.tif", "type": "image/tiff; application=geotiff", "roles": ["data"], "bands": bands,
            "file:size": 118034, "file:checksum": MULTIHASH_SHA256 + sha256_of(b"image"), "proj:code": "EPSG:32749",
            "proj:shape": [96, 96], "proj:transform": [10, 0, 453000, 0, -10, 9871000], "nodata": 0,
        }
    )  # fmt: skip
    properties = SceneProperties.model_validate(
        {
            "datetime": ACQUIRED_AT, "platform": "sentinel-2a", "constellation": "sentinel-2", "gsd": 10,
            "created": datetime(2026, 1, 15, 8, 40, tzinfo=UTC), "grid:code": "MGRS-49MDU", "s2:processing_baseline": "05.10",
        }
    )  # fmt: skip
    item = SceneItem(
        id="S2A_20260115T024000_49MDU", bbox=(110.577, -1.175, 110.586, -1.166), geometry=Polygon(coordinates=(RING,)),
        properties=properties, assets={"image": asset},
    )  # fmt: skip
    return SceneAcquired(item=item, tense=AlertTense.TEST)


def _observation() -> ObservationRecorded:
    scene = _scene().item
    return ObservationRecorded(
        observation_id=observation_id(TILE, scene.acquisition_key, scene.id, scene.revision, MODEL.fingerprint), tile=TILE,
        scene_id=scene.id, acquisition_key=scene.acquisition_key, platform="sentinel-2a", acquired_at=ACQUIRED_AT,
        revision=scene.revision, model=MODEL, blob=sha256_of(b"observation"), tense=AlertTense.TEST,
    )  # fmt: skip


def _coverage() -> CoverageObserved:
    return CoverageObserved(
        tile=TILE, scene_id=_scene().item.id, acquired_at=ACQUIRED_AT, footprint_share=0.0092, clear_share=0.0075, cloud_share=0.0017,
        tense=AlertTense.TEST,
    )  # fmt: skip


def _alert() -> AlertPublished:
    content = _content()
    return AlertPublished(
        message_id=message_id(content.alert_id, 1), record_number=1, supersedes=None, alert_type=AlertType.INITIAL,
        alert_tense=AlertTense.TEST, what_changed=(WhatChanged.FIRST_SEEN,), content=content, content_sha256=sha256_of(content),
        decided_at=datetime(2026, 1, 15, 9, 12, tzinfo=UTC),
    )  # fmt: skip


def _content() -> AlertContent:
    observation = _observation()
    return AlertContent(
        alert_id=alert_id(CELL, "park-1", "id.cat3.conservation"), tile=TILE, cell=CELL, stage=Stage.MINING,
        state=AlertState.PROVISIONAL, place=Point(coordinates=(110.5808, -1.1703)), shapes=(_shape(),), mining_ha=1.44, road_m=0,
        huts=0, inventory_ha=0, first_seen_at=ACQUIRED_AT, last_seen_at=ACQUIRED_AT, verdict=_verdict(), province="Kalimantan Barat",
        severity=Severity(total=81, category=40, zone=20, growth=12, proximity=0, confidence=9),
        evidence=Evidence(
            scene_ids=(observation.scene_id,), observation_ids=(observation.observation_id,), models=(MODEL,), calibrated=True,
            before=_cutout("S2A_20260105T024000_49MDU", BEFORE_AT), after=_cutout(observation.scene_id, ACQUIRED_AT),
        ),
        hints=(
            Hint(name=HintName.POND_SHARE, value=0.08, unit="1", leaning=Leaning.NONE, threshold=None, source="example"),
            Hint(name=HintName.REDNESS, value=0.31, unit="1", leaning=Leaning.LATERITE_LIKE_RED, threshold=0.25, source="example"),
        ),
    )  # fmt: skip


def _shape() -> AlertShape:
    ring = ((110.5803, -1.1708), (110.5813, -1.1708), (110.5813, -1.1698), (110.5803, -1.1698), (110.5803, -1.1708))
    return AlertShape(
        change_class=ChangeClass.MINING, state=AlertState.PROVISIONAL, geometry=MultiPolygon(coordinates=((ring,),)), area_ha=1.44,
        last_clear_before_at=BEFORE_AT, first_seen_at=ACQUIRED_AT, last_seen_at=ACQUIRED_AT, probability=0.9, looks_positive=1,
        looks_clear=1,
    )  # fmt: skip


def _verdict() -> Verdict:
    zone = ZoneOverlap(
        zone_id="park-1", kind=ZoneKind.CONSERVATION, name="Taman Nasional Contoh", layer="parks", layer_version="2026-01",
        source="example", overlap_ha=1.44, share=1,
    )  # fmt: skip
    return Verdict(
        category=Category.LOW, rule_id="id.cat3.conservation", pack="indonesia", pack_version="1.0",
        articles=(Article(law="UU 41/1999", article="Pasal 38 ayat (1)"),), decisive_zone="park-1", judged_on=date(2026, 1, 15),
        zones=(zone,), near_boundary=False, boundary_margin_m=412.0, tolerance_m=40,
        trace=(RuleTrial(rule_id="id.cat3.conservation", fired=True, because="inside conservation area park-1"),),
    )  # fmt: skip


def _cutout(scene_id: str, at: datetime) -> Cutout:
    return Cutout(scene_id=scene_id, acquired_at=at, blob=sha256_of(scene_id.encode()), bounds=(453000, 9870040, 453960, 9871000))


def _heartbeat() -> Heartbeat:
    return Heartbeat(room="detect", instance="detect-0", at=ACQUIRED_AT, progress_age_s=3.5, interval_s=60)


def _letter() -> LetterBuried:
    payload = b"not a message"
    return LetterBuried(
        room="detect", topic="scenes.acquired.v1", partition=2, position=1041, event_id=sha256_of(payload),
        code=ErrorCode.MESSAGE_UNREADABLE, detail="not JSON that is read here: Expecting value; publish it anew", subject="(unreadable)",
        **inline(payload),
    )  # fmt: skip
