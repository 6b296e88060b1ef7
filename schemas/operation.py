"""Heartbeat and LetterBuried: how the service itself is doing."""

from base64 import b64encode
from typing import ClassVar, Self

from pydantic import Field, model_validator

from jagawana.schemas.base import Message, Sha256, UtcTime
from jagawana.schemas.ids import sha256_of

MAX_INLINE_BYTES = 256 << 10
"""A larger payload is named by its SHA-256 only; the database keeps it (`jagawana dead show`)."""
MAX_DETAIL = 4096


class Heartbeat(Message):
    """A worker is alive and makes progress. When none has come for three intervals, silence no longer means that nothing happened."""

    name: ClassVar[str] = "heartbeat"
    version: ClassVar[str] = "1.0"
    room: str = Field(min_length=1, description="ingest, detect, assess, relay, notify or web")
    instance: str = Field(min_length=1, description="which worker of the room")
    at: UtcTime
    progress_age_s: float = Field(ge=0, description="seconds since something was last done, or found not to be due")
    interval_s: float = Field(gt=0, description="how often this worker sends a heartbeat")

    @property
    def key(self) -> str:
        """Ordered per worker."""
        return f"{self.room}/{self.instance}"


class LetterBuried(Message):
    """An event that stays wrong was given up by a room. For operators: it may hold coordinates."""

    name: ClassVar[str] = "letter-buried"
    version: ClassVar[str] = "1.0"
    room: str
    topic: str
    partition: int = Field(ge=-1, description="of Kafka; -1: the database's own log")
    position: int
    event_id: str
    code: str = Field(description="of docs/errors.md; later releases have more")
    detail: str = Field(max_length=MAX_DETAIL)
    subject: str = Field(description="the scene or tile it was about, as far as it could be read")
    payload_sha256: Sha256
    payload: str | None = Field(description="the event's bytes in base64; null above 256 KiB")

    @property
    def key(self) -> str:
        """Ordered per room."""
        return self.room

    @model_validator(mode="after")
    def _is_small(self) -> Self:
        if self.payload is not None and len(self.payload) > (MAX_INLINE_BYTES + 2) // 3 * 4:
            raise ValueError("a payload above 256 KiB is referred to by its SHA-256")
        return self


def inline(payload: bytes) -> dict[str, str | None]:
    """The two fields of a letter that say what its payload was."""
    text = b64encode(payload).decode() if len(payload) <= MAX_INLINE_BYTES else None
    return {"payload_sha256": sha256_of(payload), "payload": text}
