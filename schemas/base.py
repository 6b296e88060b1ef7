"""What all messages share: frozen, closed when written, tolerant of newer minors when read."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

TILE_PATTERN = r"^(?:[1-9]|[1-5]\d|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]\d{2}$"
CELL_PATTERN = r"^(?:[1-9]|[1-5]\d|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]\d{4}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"


RFC3339_START = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _written_out(value: object) -> object:
    """A bare number could count seconds or milliseconds, and from any day."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and RFC3339_START.match(value)):
        raise ValueError("write a time as 2026-01-05T02:40:00Z")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as e:  # the last hours of the year 9999, west of Greenwich
        raise ValueError("a time outside the years 1 to 9999") from e


def iso_utc(value: datetime) -> str:
    """RFC 3339 in UTC, ending in Z, microseconds only where there are any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


UtcTime = Annotated[
    AwareDatetime, BeforeValidator(_written_out), AfterValidator(_to_utc), PlainSerializer(iso_utc, return_type=str, when_used="json")
]
"""An aware time, always in UTC."""
TileId = Annotated[str, Field(pattern=TILE_PATTERN, description="MGRS 10 km analysis square, e.g. 50MKE42")]
CellId = Annotated[str, Field(pattern=CELL_PATTERN, description="MGRS 1 km square, e.g. 50MKE4127")]
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN, description="SHA-256, lower-case hexadecimal")]
Day = date


class Model(BaseModel):
    """A part of a message: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Message(Model):
    """A message other programs depend on. `name` and `version` name its published JSON Schema."""

    name: ClassVar[str]
    version: ClassVar[str]

    @property
    def key(self) -> str:
        """What orders messages of this kind: a tile or a cell."""
        raise AttributeError(f"{type(self).__name__} must say what orders it")
