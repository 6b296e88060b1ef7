"""Each rule for messages has a sample that only it refuses: take the rule away, and the sample is read."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jagawana.schemas import base, envelope
from jagawana.schemas.envelope import MAX_MESSAGE_BYTES, decode, encode, read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.examples import example_messages
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items

(SCENE,) = (m for m in example_messages() if m.name == "scene-acquired")
GOOD = encode(SCENE, source="/test", at=SCENE.item.acquired_at)


@dataclass(frozen=True)
class Removed:
    """A rule: where it is, what takes its place when it is away, and the sample."""

    module: Any
    name: str
    instead: object
    sample: bytes
    code: ErrorCode
    read: Callable[[bytes], object] = read_object


def _with(text: str) -> bytes:
    return GOOD.replace(b'"gsd":', f'"x": {text}, "gsd":'.encode(), 1)


def _document(**changes: object) -> bytes:
    return json.dumps(json.loads(GOOD) | changes).encode()


def _datetime(text: str) -> bytes:
    document = json.loads(GOOD)
    document["data"]["item"]["properties"]["datetime"] = text
    document["id"] = sha256_of(document["data"])
    return json.dumps(document).encode()


def _anything(*_: object) -> None:
    return None


UNREADABLE = ErrorCode.MESSAGE_UNREADABLE
RULES = {
    "length": Removed(envelope, "_not_too_long", _anything, GOOD + b" " * MAX_MESSAGE_BYTES, UNREADABLE),
    "no NaN": Removed(envelope, "_refuse_constant", float, _with("NaN"), ErrorCode.NON_FINITE),
    "finite": Removed(envelope, "_finite", float, _with("1e400"), ErrorCode.NON_FINITE),
    "64 bits": Removed(envelope, "_whole", int, _with(str(2**63)), UNREADABLE),
    "unique keys": Removed(envelope, "_unique_keys", dict, _with('1, "x": 2'), UNREADABLE),
    "depth": Removed(envelope, "_not_too_deep", _anything, _with("[" * 61 + "]" * 61), UNREADABLE),
    "text": Removed(envelope, "_encodable", _anything, _with(r'"\udfff"'), UNREADABLE),
    "id": Removed(envelope, "_id_is_of_data", _anything, _document(id="0" * 64), ErrorCode.MESSAGE_INVALID, decode),
    "written times": Removed(base, "RFC3339_START", re.compile(""), _datetime("1767580800"), ErrorCode.MESSAGE_INVALID, decode),
}


@pytest.mark.parametrize("name", RULES)
def test_only_this_rule_refuses_its_sample(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = RULES[name]
    with pytest.raises(DataError) as refused:
        rule.read(rule.sample)
    assert refused.value.code is rule.code
    monkeypatch.setattr(rule.module, rule.name, rule.instead)
    rule.read(rule.sample)


def test_the_major_version_of_the_schema_is_its_own_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = _document(dataschema="urn:jagawana:schema:scene-acquired:2.0")
    with pytest.raises(DataError) as refused:
        decode(sample)
    assert refused.value.code is ErrorCode.SCHEMA_UNSUPPORTED
    monkeypatch.setattr(envelope, "_is_newer_minor", lambda *_: False)
    decode(sample)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_times_that_have_no_utc_are_refused_and_not_a_crash(text: str) -> None:
    with pytest.raises(DataError, match="outside the years"):
        decode(_datetime(text))


def test_what_is_read_can_be_written_again() -> None:
    """Depth and text are refused because writing them would fail; at the limit it does not."""
    deep = _with("[" * 60 + "]" * 60)
    document = json.loads(deep)
    document["id"] = sha256_of(document["data"])
    _, message = decode(json.dumps(document).encode())
    assert decode(encode(message, source="/test", at=SCENE.item.acquired_at))[1] == message
    with pytest.raises(DataError, match="deep"):
        read_object(_with("[" * 61 + "]" * 61))


@pytest.mark.parametrize("damage", [{"specversion": "0.3"}, {"type": "x"}, {"dataschema": "x"}, {"unknown": 1}])
def test_a_damaged_envelope_does_not_pass_for_the_event_it_was(damage: dict[str, object]) -> None:
    """Else the good event, sent again, would count as dealt with."""
    assert envelope.event_id_of(_document(**damage)) != envelope.event_id_of(GOOD) == json.loads(GOOD)["id"]


@pytest.mark.parametrize("folder", ["items", "elsewhere"])
def test_of_an_item_file_of_8_gib_only_a_message_is_read(folder: str, tmp_path: Path) -> None:
    """And it is not passed over: it ends in the dead letters like any message that is too long."""
    path = tmp_path / folder / "x.json"
    path.parent.mkdir()
    path.write_text('{"type": "Feature", "stac_version": "1.1.0", "x": "')
    os.truncate(path, 8 << 30)
    (found,) = find_items([tmp_path], AlertTense.TEST)
    assert len(found.payload) == MAX_MESSAGE_BYTES + 1
    with pytest.raises(DataError, match="the limit is"):
        decode(found.payload)
