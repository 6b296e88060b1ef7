"""AlertPublished: what agencies subscribe to and rangers are told, with its verdict, evidence and version chain."""

from enum import StrEnum
from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from jagawana.schemas.base import CellId, Day, Message, Model, Sha256, TileId, UtcTime
from jagawana.schemas.geometry import Geometry, Point
from jagawana.schemas.hints import Hint
from jagawana.schemas.observation import AlertTense, ModelRef


class AlertType(StrEnum):
    """Why this record exists (NASA GCN)."""

    INITIAL = "initial"
    SUBSEQUENT = "subsequent"  # seen again, grown, confirmed or ended: new evidence
    UPDATE = "update"  # the same evidence judged or analysed anew: zones, rules, reprocessing
    RETRACTION = "retraction"  # what was told is no longer believed


class AlertState(StrEnum):
    """Machine state of an alert; human workflow is a separate matter."""

    PROVISIONAL = "provisional"  # seen once clearly
    CONFIRMED = "confirmed"  # seen again
    ENDED = "ended"  # was confirmed; later clear looks show regrowth
    RETRACTED = "retracted"


class Stage(StrEnum):
    """How far the activity has come."""

    PRECURSOR = "precursor"  # hauling road or huts, no mining yet
    MINING = "mining"


class ChangeClass(StrEnum):
    """Classes that can change into an alert."""

    MINING = "mining"
    ROAD = "road"
    HUT = "hut"


class ZoneKind(StrEnum):
    """Legal meaning of a zone."""

    CONCESSION = "concession"
    CONSERVATION = "conservation"
    PROTECTED_FOREST = "protected_forest"
    PRODUCTION_FOREST = "production_forest"
    RIPARIAN = "riparian"
    PROVINCE = "province"
    FOREST_USE_APPROVAL = "forest_use_approval"  # Indonesia: PPKH, formerly IPPKH
    PEOPLES_MINING_AREA = "peoples_mining_area"  # Indonesia: WPR
    SUSTAINABLE_USE = "sustainable_use"  # Brazil: conservation units of uso sustentável
    INDIGENOUS_LAND = "indigenous_land"  # Brazil: terra indígena


class Category(StrEnum):
    """Compliance category of the study; outward text never says illegal."""

    HIGH = "1"
    CONDITIONAL = "2"
    LOW = "3"
    UNDETERMINED = "undetermined"


class WhatChanged(StrEnum):
    """Why a reader should look again."""

    FIRST_SEEN = "first_seen"
    SEEN_AGAIN = "seen_again"
    STAGE = "stage"
    STATE = "state"
    AREA = "area"
    CATEGORY = "category"
    ZONE_LAYER = "zone_layer"
    RULE_PACK = "rule_pack"
    TENSE = "tense"  # known from a test or from history; now it is happening
    NO_LONGER_SEEN = "no_longer_seen"
    NO_LONGER_IN_ZONE = "no_longer_in_zone"


class ZoneOverlap(Model):
    """One zone the shape touches, clipped, never by centroid."""

    zone_id: str
    kind: ZoneKind
    name: str
    layer: str
    layer_version: str
    source: str
    valid_from: Day | None = None
    valid_to: Day | None = None
    holder: str | None = None
    overlap_ha: float = Field(ge=0, description="for roads: the area of their 10 m wide trace")
    share: float = Field(ge=0, le=1)


class Article(Model):
    """A source of law."""

    law: str = Field(description="e.g. UU 41/1999")
    article: str = Field(description="e.g. Pasal 38 ayat (4)")


class RuleTrial(Model):
    """One rule that was considered, and whether it fired."""

    rule_id: str
    fired: bool
    because: str


class Verdict(Model):
    """Category and the trace of why. Re-judging the same facts gives the same verdict."""

    category: Category
    rule_id: str
    pack: str
    pack_version: str
    articles: tuple[Article, ...]
    decisive_zone: str | None = Field(description="zone_id of the zone the rule cites; none when outside every concession")
    judged_on: Day = Field(description="the day whose zones and permits count: when first seen")
    zones: tuple[ZoneOverlap, ...]
    near_boundary: bool = Field(description="the whole shape lies within the tolerance of the decisive boundary")
    boundary_margin_m: float | None = Field(default=None, ge=0, description="how far it reaches past the decisive boundary")
    tolerance_m: float = Field(ge=0)
    trace: tuple[RuleTrial, ...]


class AlertShape(Model):
    """What of one class lies in this cell and zone."""

    change_class: ChangeClass
    state: AlertState
    geometry: Geometry
    area_ha: float | None = Field(default=None, ge=0, description="mining")
    length_m: float | None = Field(default=None, ge=0, description="roads")
    count: int | None = Field(default=None, ge=0, description="huts")
    last_clear_before_at: UtcTime | None = Field(description="the last clear look that did not show it")
    first_seen_at: UtcTime
    confirmed_at: UtcTime | None = None
    last_seen_at: UtcTime
    probability: float = Field(ge=0, le=1, description="posterior after all looks")
    looks_positive: int = Field(ge=0)
    looks_clear: int = Field(ge=0)


class Cutout(Model):
    """A small picture of the place, by content address; scene, date and bounds say what it shows."""

    scene_id: str
    acquired_at: UtcTime
    blob: Sha256
    bounds: tuple[float, float, float, float] = Field(description="west, south, east, north in metres of the tile's UTM zone")


class Evidence(Model):
    """Everything needed to derive the alert again."""

    scene_ids: tuple[str, ...] = Field(description="scenes that showed it, oldest first")
    observation_ids: tuple[Sha256, ...]
    models: tuple[ModelRef, ...]
    calibrated: bool = Field(description="whether the probabilities were calibrated on held-out places")
    before: Cutout | None = None
    after: Cutout | None = None


class Severity(Model):
    """How much an alert asks for a look, 0 to 100, and what it is made of. An order of work, no legal judgement."""

    total: int = Field(ge=0, le=100)
    category: int = Field(ge=0, le=40)
    zone: int = Field(ge=0, le=20, description="the zone it lies in that has most points")
    growth: int = Field(ge=0, le=15, description="hectares a month, logarithmic")
    proximity: int = Field(ge=0, le=10, description="new road or huts within 1 km, river within 200 m")
    confidence: int = Field(ge=0, le=15, description="probability, and whether it was seen again")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.total != self.category + self.zone + self.growth + self.proximity + self.confidence:
            raise ValueError("the total of a severity is the sum of its parts")
        return self


class AlertContent(Model):
    """What is believed of one cell, zone and rule: a pure function of observations, zones and rules; no wall clock."""

    alert_id: UUID
    tile: TileId
    cell: CellId
    stage: Stage
    state: AlertState
    place: Point = Field(description="a point inside the largest shape")
    shapes: tuple[AlertShape, ...] = Field(min_length=1)
    mining_ha: float = Field(ge=0)
    road_m: float = Field(ge=0)
    huts: int = Field(ge=0)
    inventory_ha: float = Field(ge=0, description="mining already there at the first clear look, same cell")
    first_seen_at: UtcTime
    last_seen_at: UtcTime
    verdict: Verdict
    province: str | None = None
    evidence: Evidence
    severity: Severity | None = Field(default=None, description="absent in records of version 1.0")
    hints: tuple[Hint, ...] = Field(default=(), description="values that may help to guess method and commodity; never a verdict")


class AlertPublished(Message):
    """Record n of an alert. Readers take (alert_id, highest record_number) as the truth."""

    name: ClassVar[str] = "alert-published"
    version: ClassVar[str] = "1.1"
    message_id: UUID
    record_number: int = Field(ge=1)
    supersedes: UUID | None = Field(description="message_id of the record before this one")
    alert_type: AlertType
    alert_tense: AlertTense
    what_changed: tuple[WhatChanged, ...] = Field(min_length=1)
    content: AlertContent
    content_sha256: Sha256
    decided_at: UtcTime
    language: Literal["possible"] = Field(
        default="possible", description="every alert is possible mining until an authority says otherwise"
    )

    @property
    def key(self) -> str:
        """Ordered per cell."""
        return self.content.cell

    @model_validator(mode="after")
    def _chain_is_whole(self) -> Self:
        if (self.record_number == 1) != (self.supersedes is None):
            raise ValueError("record 1 supersedes nothing, every later record supersedes one")
        if (self.record_number == 1) != (self.alert_type is AlertType.INITIAL):
            raise ValueError("record 1 is the initial one, and only record 1")
        if (self.alert_type is AlertType.RETRACTION) != (self.content.state is AlertState.RETRACTED):
            raise ValueError("a retraction carries the retracted state, and only a retraction")
        return self
