"""Encode and decode are inverse, and what cannot be read is refused with its own code."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jagawana.schemas.alert import AlertPublished, AlertState
from jagawana.schemas.base import Message
from jagawana.schemas.envelope import MAX_MESSAGE_BYTES, MESSAGES, decode, decode_as, encode
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.examples import ACQUIRED_AT, example_messages
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense, CoverageObserved
from jagawana.schemas.operation import inline

EXAMPLES = {m.name: m for m in example_messages()}
TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1), timezones=st.sampled_from([UTC]))
SHARES = st.floats(0, 1)
TEXT = st.text(max_size=60)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Any message, with the fields that outsiders fill replaced by anything their types allow."""
    message = EXAMPLES[draw(st.sampled_from(sorted(EXAMPLES)))]
    data = message.model_dump(by_alias=True)
    if message.name == "scene-acquired":
        data["item"]["properties"]["datetime"] = draw(TIMES)
        data["item"]["properties"]["note"] = draw(TEXT)
        data["item"]["assets"]["image"]["nodata"] = draw(st.none() | st.floats(allow_nan=False, allow_infinity=False))
    elif message.name == "alert-published":
        content = data["content"]
        content["province"], content["mining_ha"] = draw(st.none() | TEXT), draw(st.floats(0, 1e6))
        content["verdict"]["zones"][0]["name"] = draw(TEXT)
        content["shapes"][0]["probability"] = draw(SHARES)
        content["last_seen_at"] = draw(TIMES)
    elif message.name == "coverage-observed":
        data |= {"clear_share": draw(SHARES), "footprint_share": draw(SHARES), "scene_id": draw(TEXT)}
    elif message.name == "heartbeat":
        data |= {"instance": draw(TEXT.filter(bool)), "at": draw(TIMES), "progress_age_s": draw(st.floats(0, 1e9))}
    elif message.name == "letter-buried":
        data |= {"detail": draw(TEXT), "subject": draw(TEXT), **inline(draw(st.binary(max_size=200)))}
    else:
        data |= {"acquired_at": draw(TIMES), "platform": draw(TEXT), "tense": draw(st.sampled_from(AlertTense))}
    return type(message).model_validate(data, by_alias=True)


@given(messages(), TIMES)
def test_decode_after_encode_is_the_identity(message: Message, at: datetime) -> None:
    envelope, again = decode(encode(message, source="/test", at=at))
    assert again == message and envelope.time == at and envelope.subject == message.key


@given(messages())
def test_the_same_payload_is_the_same_event(message: Message) -> None:
    a, _ = decode(encode(message, source="/a", at=ACQUIRED_AT))
    b, _ = decode(encode(message, source="/b", at=ACQUIRED_AT + timedelta(days=1)))
    assert a.id == b.id


def _envelope(**changes: object) -> bytes:
    document = json.loads(encode(EXAMPLES["coverage-observed"], source="/test", at=ACQUIRED_AT))
    return json.dumps(document | changes).encode()


def _data(**changes: object) -> bytes:
    data = json.loads(_envelope())["data"] | changes
    return _envelope(data=data, id=sha256_of(data))


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\xff\xfe", ErrorCode.MESSAGE_UNREADABLE),
        (b"not json", ErrorCode.MESSAGE_UNREADABLE),
        (b"[1]", ErrorCode.MESSAGE_UNREADABLE),
        (b"[" * 100_000, ErrorCode.MESSAGE_UNREADABLE),
        (b'{"a": 1, "a": 2}', ErrorCode.MESSAGE_UNREADABLE),
        (b" " * (MAX_MESSAGE_BYTES + 1), ErrorCode.MESSAGE_UNREADABLE),
        (b'{"a": NaN}', ErrorCode.NON_FINITE),
        (b'{"a": -Infinity}', ErrorCode.NON_FINITE),
        (b"{}", ErrorCode.MESSAGE_INVALID),
        (_envelope(type="org.jagawana.coverage-observed.v2"), ErrorCode.SCHEMA_UNSUPPORTED),
        (_envelope(type="org.example.other.v1"), ErrorCode.SCHEMA_UNSUPPORTED),
        (_envelope(unknown=1), ErrorCode.MESSAGE_INVALID),
        (_data(unknown=1), ErrorCode.MESSAGE_INVALID),
        (_data(clear_share=1.5), ErrorCode.MESSAGE_INVALID),
        (_data(tile="50MKE4"), ErrorCode.MESSAGE_INVALID),
        (_data(acquired_at="2026-02-30T00:00:00Z"), ErrorCode.MESSAGE_INVALID),
        (_data(acquired_at="2026-02-01T00:00:00"), ErrorCode.MESSAGE_INVALID),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_code(payload: bytes, code: ErrorCode) -> None:
    with pytest.raises(DataError) as refused:
        decode(payload)
    assert refused.value.code is code and not refused.value.retryable


def test_a_newer_minor_version_is_read_and_its_new_fields_are_dropped() -> None:
    document = json.loads(_data(new_in_1_1="x"))
    document["dataschema"] = "urn:jagawana:schema:coverage-observed:1.1"
    assert decode_as(CoverageObserved, json.dumps(document).encode()) == EXAMPLES["coverage-observed"]


def test_a_message_of_another_kind_is_refused() -> None:
    with pytest.raises(DataError) as refused:
        decode_as(AlertPublished, _envelope())
    assert refused.value.code is ErrorCode.SCHEMA_UNSUPPORTED


def test_a_chain_of_records_cannot_be_broken() -> None:
    alert = EXAMPLES["alert-published"]
    for changes in ({"record_number": 2}, {"alert_type": "update"}, {"alert_type": "retraction"}):
        with pytest.raises(ValueError, match=r"record|retraction"):
            AlertPublished.model_validate(alert.model_dump() | changes)
    withdrawn = alert.model_dump()
    withdrawn["content"]["state"] = AlertState.RETRACTED
    with pytest.raises(ValueError, match="retraction"):
        AlertPublished.model_validate(withdrawn)


def test_every_kind_of_message_is_exercised() -> None:
    assert set(EXAMPLES) == set(MESSAGES)
