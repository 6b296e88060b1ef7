"""CloudEvents 1.0 (structured JSON) around every message, and the one way in and out: `encode` and `decode`."""

import json
import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.base import Message, Model, UtcTime
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import CoverageObserved, ObservationRecorded
from jagawana.schemas.operation import Heartbeat, LetterBuried
from jagawana.schemas.scene import SceneAcquired

KINDS = (SceneAcquired, ObservationRecorded, CoverageObserved, AlertPublished, Heartbeat, LetterBuried)
MESSAGES: Mapping[str, type[Message]] = {m.name: m for m in KINDS}
MAX_MESSAGE_BYTES = 1 << 20
MAX_DEPTH = 64
"""Deepest nesting read. A STAC item needs about ten; what is nested deeper cannot be written again by every library."""
MAX_INTEGER = 2**63 - 1
_TYPE = re.compile(r"org\.jagawana\.([a-z-]+)\.v([0-9]+)")
_SCHEMA = re.compile(r"urn:jagawana:schema:([a-z-]+):([0-9]{1,6})\.([0-9]{1,6})")
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


def decode(payload: bytes, *, is_vouched_for: bool = False) -> tuple[Envelope, Message]:
    """The envelope and its message.

    A newer minor version may carry fields this release does not know: they are dropped. Anything else unknown is refused.

    Args:
        is_vouched_for: a signature over all of it was checked. The id is then not computed anew: who wrote the JSON again may have
            written 412.0 as 412, which is the same message and another hash.

    Raises:
        DataError: MESSAGE_UNREADABLE, NON_FINITE, MESSAGE_INVALID or SCHEMA_UNSUPPORTED.
    """
    envelope = _validated(Envelope, _read_json(payload))
    if not is_vouched_for:
        _id_is_of_data(envelope)
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


def event_id_of(payload: bytes) -> str:
    """What a message is known by: its id when it can be read, else the hash of its bytes.

    A message that is refused therefore never passes for a good one, whatever id it bears and however much of it is right.
    """
    try:
        envelope, _ = decode(payload)
    except DataError:
        return sha256_of(payload)
    return envelope.id


def _read_json(payload: bytes) -> dict[str, Any]:
    _not_too_long(payload)
    try:
        value = json.loads(
            payload.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_unique_keys
        )
        for depth, part in _parts(value):
            _not_too_deep(depth)
            _encodable(part)
    except (RecursionError, ValueError) as e:
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"not JSON that is read here: {str(e)[:300]}; publish it anew") from e
    if not isinstance(value, dict):
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"expected a JSON object, got {type(value).__name__}; send one message at a time")
    return value


def _not_too_long(payload: bytes) -> None:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"{len(payload)} bytes; the limit is {MAX_MESSAGE_BYTES}; refer to what is large")


def _refuse_constant(text: str) -> NoReturn:
    raise DataError(ErrorCode.NON_FINITE, f"{text} is not a number JSON allows (RFC 8259); leave the field out, or write null")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise DataError(ErrorCode.NON_FINITE, f"{text[:40]} is too large for a number; correct it")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) > MAX_INTEGER:
        raise ValueError(f"{text[:40]} does not fit into 64 bits")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return value


def _parts(value: Any) -> Iterator[tuple[int, Any]]:
    """Every value in a value, and every key, with how deep it lies; without recursion."""
    waiting = [(1, value)]
    while waiting:
        depth, part = waiting.pop()
        yield depth, part
        if isinstance(part, dict):
            waiting += [(depth + 1, inner) for pair in part.items() for inner in pair]
        elif isinstance(part, list):
            waiting += [(depth + 1, inner) for inner in part]


def _not_too_deep(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")


def _encodable(part: Any) -> None:
    r"""JSON can write half of a surrogate pair (\ud800), which is no text and could not be stored or sent on."""
    if isinstance(part, str):
        part.encode()


def _id_is_of_data(envelope: Envelope) -> None:
    """So that a message cut, changed or sent under another's id is noticed."""
    expected, claimed = sha256_of(envelope.data), envelope.id[:80]
    if envelope.id != expected:
        raise DataError(ErrorCode.MESSAGE_INVALID, f"Envelope at id: {claimed!r} is not the SHA-256 of data ({expected}); send it anew")


def _message_type(envelope: Envelope) -> type[Message]:
    match = _TYPE.fullmatch(envelope.type)
    kind = MESSAGES.get(match[1]) if match else None
    if kind is None or match is None or match[2] != kind.version.split(".")[0]:
        known = ", ".join(f"org.jagawana.{m.name}.v{m.version.split('.')[0]}" for m in MESSAGES.values())
        raise DataError(ErrorCode.SCHEMA_UNSUPPORTED, f"type {envelope.type[:80]!r}; this release reads {known}")
    return kind


def _is_newer_minor(envelope: Envelope, kind: type[Message]) -> bool:
    major, minor = kind.version.split(".")
    match = _SCHEMA.fullmatch(envelope.dataschema)
    if match is None or match.groups()[:2] != (kind.name, major):
        wanted = f"urn:jagawana:schema:{kind.name}:{kind.version}"
        raise DataError(ErrorCode.SCHEMA_UNSUPPORTED, f"dataschema {envelope.dataschema[:80]!r}; this release reads {wanted}")
    return int(match[3]) > int(minor)


P = TypeVar("P", bound=Model)


def _validated(kind: type[P], value: dict[str, Any], *, newer_minor: bool = False) -> P:
    try:
        return kind.model_validate(value, extra="ignore" if newer_minor else None, by_alias=True)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:200] or "(root)"
        raise DataError(ErrorCode.MESSAGE_INVALID, f"{kind.__name__} at {where}: {first['msg'][:300]}") from e
