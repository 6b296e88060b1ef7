"""ObservationRecorded and CoverageObserved: what one scene showed of one tile, by reference."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from jagawana.schemas.base import Message, Model, Sha256, TileId, UtcTime


class AlertTense(StrEnum):
    """Only `current` reaches rangers (NASA GCN's `alert_tense`)."""

    CURRENT = "current"
    ARCHIVAL = "archival"
    INJECTION = "injection"
    TEST = "test"

    @property
    def is_real(self) -> bool:
        """Whether it is about the world, now or then."""
        return self in (AlertTense.CURRENT, AlertTense.ARCHIVAL)

    @property
    def reality(self) -> int:
        """How real: a test is less than an injection into a real scene, history less than what happens now."""
        return [AlertTense.TEST, AlertTense.INJECTION, AlertTense.ARCHIVAL, AlertTense.CURRENT].index(self)


class ModelRef(Model):
    """Which network saw it. A changed fingerprint re-baselines a tile's history and never alerts."""

    model_id: str = Field(description="s2, rgbn or spectral-…")
    sha256: Sha256 = Field(description="of the weights file; of the definition for a weightless detector")
    fingerprint: str = Field(description="weights, precision, runtime, halo, normalisation and grid, in one word")


class ObservationRecorded(Message):
    """An immutable observation has been stored. Sent by detect, read by assess; ids only, no pixels."""

    name: ClassVar[str] = "observation-recorded"
    version: ClassVar[str] = "1.0"
    observation_id: Sha256
    tile: TileId
    scene_id: str
    acquisition_key: str
    platform: str
    acquired_at: UtcTime
    revision: str = Field(description="orders reprocessed products of one acquisition")
    model: ModelRef
    blob: Sha256 = Field(description="content address of the class probabilities and the valid mask")
    tense: AlertTense = AlertTense.CURRENT

    @property
    def key(self) -> str:
        """Ordered per tile."""
        return self.tile


class CoverageObserved(Message):
    """How much of a tile a scene really showed, so that silence is not read as safe."""

    name: ClassVar[str] = "coverage-observed"
    version: ClassVar[str] = "1.0"
    tile: TileId
    scene_id: str
    acquired_at: UtcTime
    footprint_share: float = Field(ge=0, le=1, description="of the tile inside the scene")
    clear_share: float = Field(ge=0, le=1, description="of the tile really seen: inside the scene, no cloud, no shadow")
    cloud_share: float = Field(ge=0, le=1, description="of the tile hidden by cloud or shadow")
    tense: AlertTense = AlertTense.CURRENT

    @property
    def key(self) -> str:
        """Ordered per tile."""
        return self.tile
