"""What the report page shows: plain frozen values, filled by whoever has the store, read by the page alone."""

from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.base import CellId, TileId
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.wording import Language


@dataclass(frozen=True)
class MapZone:
    """A zone on the map; `shape` is WGS 84 longitude and latitude."""

    kind: ZoneKind
    name: str
    shape: BaseGeometry


@dataclass(frozen=True)
class WatchedTile:
    """A tile that was watched, and how well.

    `outline` is the ground its scenes reached, WGS 84; `clear_share` is the mean over its looks, 0..1.
    """

    tile: TileId
    outline: BaseGeometry
    looks: int
    clear_share: float
    last_clear_at: datetime | None


@dataclass(frozen=True)
class Sample:
    """What one look showed of a cell. `clear_share` 0..1 of the cell was really seen; below half it counts as hidden."""

    at: datetime
    mining_ha: float
    road_m: float
    huts: int
    clear_share: float


@dataclass(frozen=True)
class FirstAlert:
    """When an alert of the cell was first decided on, in scene time, and its short code."""

    at: datetime
    code: str


@dataclass(frozen=True)
class Series:
    """The looks at one cell, oldest first, and the alerts they led to."""

    cell: CellId
    samples: tuple[Sample, ...]
    first_alerts: tuple[FirstAlert, ...] = ()


@dataclass(frozen=True)
class SentMessage:
    """A message as it was sent."""

    recipient: str
    language: Language
    subject: str
    body: str


@dataclass(frozen=True)
class AlertCard:
    """One alert: its records oldest first (the last is what is believed), its cell in WGS 84, its pictures (JPEG or PNG) and messages."""

    records: tuple[AlertPublished, ...]
    cell_outline: BaseGeometry
    before: bytes | None = None
    after: bytes | None = None
    messages: tuple[SentMessage, ...] = ()

    @property
    def latest(self) -> AlertPublished:
        """The record that stands."""
        return self.records[-1]


@dataclass(frozen=True)
class ReportView:
    """Everything on the page. `made_at` (aware UTC) is passed in; `simulated` marks an invented world whatever the tense."""

    title: str
    made_at: datetime
    tense: AlertTense
    scenes: int
    scenes_refused: int
    first_scene_at: datetime | None
    last_scene_at: datetime | None
    tiles: tuple[WatchedTile, ...]
    zones: tuple[MapZone, ...]
    cards: tuple[AlertCard, ...]
    series: tuple[Series, ...]
    simulated: bool = False
    notes: tuple[str, ...] = ()
    language: Language = Language.ENGLISH
    software: str = "jagawana"
