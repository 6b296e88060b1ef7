"""CloudEvents 1.0 (structured JSON) around every message, and the one way in and out: `encode` and `decode`."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.base import Message, Model, UtcTime
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import CoverageObserved, ObservationRecorded
from jagawana.schemas.scene import SceneAcquired

MESSAGES: Mapping[str, type[Message]] = {m.name: m for m in (SceneAcquired, ObservationRecorded, CoverageObserved, AlertPublished)}
MAX_MESSAGE_BYTES = 1 << 20
_TYPE = re.compile(r"^org\.jagawana\.([a-z-]+)\.v(\d+)$")
M = TypeVar("M", bound=Message)


class Envelope(Model):
    """A CloudEvent. `id` is the SHA-256 of the payload: the same payload is the same event, however often it comes."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1)
    source: str = Field(min_length=1, description="e.g. /jagawana/ingest")
    type: str = Field(description="org.jagawana.<name>.v<major>")
    subject: str | None = Field(default=None, description="what orders the message: tile, cell or acquisition")
    time: UtcTime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str = Field(description="urn:jagawana:schema:<name>:<major>.<minor>")
    data: dict[str, Any]


def encode(message: Message, *, source: str, at: UtcTime) -> bytes:
    """The message in its envelope, as UTF-8 JSON. `at` is when it happened, passed in."""
    data = message.model_dump(mode="json", by_alias=True)
    major = message.version.split(".")[0]
    envelope = Envelope(
        id=sha256_of(data),
        source=source,
        type=f"org.jagawana.{message.name}.v{major}",
        subject=message.key,
        time=at,
        dataschema=f"urn:jagawana:schema:{message.name}:{message.version}",
        data=data,
    )
    return envelope.model_dump_json().encode()


def decode(payload: bytes) -> tuple[Envelope, Message]:
    """The envelope and its message.

    A newer minor version may carry fields this release does not know: they are dropped. Anything else unknown is refused.

    Raises:
        DataError: MESSAGE_UNREADABLE, NON_FINITE, MESSAGE_INVALID or SCHEMA_UNSUPPORTED.
    """
    envelope = _validated(Envelope, _read_json(payload))
    kind = _message_type(envelope)
    return envelope, _validated(kind, envelope.data, newer_minor=_is_newer_minor(envelope, kind))


def decode_as(kind: type[M], payload: bytes) -> M:
    """The message, which must be of this kind."""
    _, message = decode(payload)
    if not isinstance(message, kind):
        raise DataError(ErrorCode.SCHEMA_UNSUPPORTED, f"expected {kind.name}, got {message.name}")
    return message


def read_object(payload: bytes) -> dict[str, Any]:
    """A JSON object from untrusted bytes.

    Raises:
        DataError: MESSAGE_UNREADABLE or NON_FINITE.
    """
    return _read_json(payload)


def _read_json(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"{len(payload)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    try:
        value = json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError) as e:
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"not UTF-8 JSON: {e}") from e
    if not isinstance(value, dict):
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"expected a JSON object, got {type(value).__name__}")
    return value


def _refuse_constant(text: str) -> NoReturn:
    raise DataError(ErrorCode.NON_FINITE, f"{text} is not a number JSON allows (RFC 8259)")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return value


def _message_type(envelope: Envelope) -> type[Message]:
    match = _TYPE.match(envelope.type)
    kind = MESSAGES.get(match[1]) if match else None
    if kind is None or match is None or match[2] != kind.version.split(".")[0]:
        known = ", ".join(f"org.jagawana.{m.name}.v{m.version.split('.')[0]}" for m in MESSAGES.values())
        raise DataError(ErrorCode.SCHEMA_UNSUPPORTED, f"type {envelope.type!r}; this release reads {known}")
    return kind


def _is_newer_minor(envelope: Envelope, kind: type[Message]) -> bool:
    minor = envelope.dataschema.rsplit(".", 1)[-1]
    return minor.isdigit() and int(minor) > int(kind.version.split(".")[1])


P = TypeVar("P", bound=Model)


def _validated(kind: type[P], value: dict[str, Any], *, newer_minor: bool = False) -> P:
    try:
        return kind.model_validate(value, extra="ignore" if newer_minor else None, by_alias=True)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"])) or "(root)"
        raise DataError(ErrorCode.MESSAGE_INVALID, f"{kind.__name__} at {where}: {first['msg']}") from e
