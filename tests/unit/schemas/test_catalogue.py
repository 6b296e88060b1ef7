"""The catalogue is whole, and the AsyncAPI document says what it says."""

import json
from pathlib import Path
from typing import Any

import jsonschema

from jagawana.schemas.asyncapi import document
from jagawana.schemas.catalogue import CATALOGUE, Role, Tier
from jagawana.schemas.envelope import MAX_MESSAGE_BYTES, MESSAGES, encode
from jagawana.schemas.examples import ACQUIRED_AT, example_messages
from jagawana.schemas.operation import MAX_DETAIL, MAX_INLINE_BYTES, LetterBuried, inline
from jagawana.schemas.topics import Topic

COMMITTED = Path(__file__).parents[3] / "schemas" / "asyncapi.json"


def test_every_topic_has_its_promise_and_every_message_its_topic() -> None:
    assert set(CATALOGUE) == set(Topic)
    assert {promise.message for promise in CATALOGUE.values()} == set(MESSAGES.values())


def test_only_the_relay_writes_and_scenes_come_from_outside() -> None:
    assert {t for t, p in CATALOGUE.items() if p.writers != {Role.RELAY}} == {Topic.SCENES}
    assert not any(Role.AGENCY in p.writers for p in CATALOGUE.values())


def test_agencies_read_what_they_have_a_tier_for_and_no_dead_letters() -> None:
    for_agencies = {topic: promise.tier for topic, promise in CATALOGUE.items() if Role.AGENCY in promise.readers}
    assert for_agencies == {
        Topic.COVERAGE: Tier.OPEN,
        Topic.HEARTBEAT: Tier.OPEN,
        Topic.ALERTS: Tier.RESTRICTED,
        Topic.ALERT_STATE: Tier.RESTRICTED,
    }
    assert all(p.tier is None for t, p in CATALOGUE.items() if t not in for_agencies)


def test_a_deletion_in_the_state_is_kept_for_thirty_days_and_two_copies_are_written() -> None:
    state = CATALOGUE[Topic.ALERT_STATE].config(copies=3)
    assert state["cleanup.policy"] == "compact" and int(state["delete.retention.ms"]) >= 30 * 86_400_000
    assert all(p.config(3)["min.insync.replicas"] == "2" and p.config(1)["min.insync.replicas"] == "1" for p in CATALOGUE.values())
    assert all(int(p.config(3)["max.message.bytes"]) >= MAX_MESSAGE_BYTES for p in CATALOGUE.values())


def test_the_committed_asyncapi_document_is_what_the_code_says() -> None:
    written = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(document())), "run make schemas"


def test_each_example_fits_the_payload_that_the_document_promises() -> None:
    whole: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    for message in example_messages():
        payload = {"$ref": whole["components"]["messages"][message.name]["payload"]["$ref"], "components": whole["components"]}
        value = json.loads(encode(message, source="/test", at=ACQUIRED_AT))
        validator = jsonschema.Draft7Validator(payload)
        assert list(validator.iter_errors(value)) == []
        assert list(validator.iter_errors(value | {"data": {}})), "it is the data that is checked"


def test_a_letter_about_any_payload_is_far_below_the_limit() -> None:
    def letter(payload: bytes) -> LetterBuried:
        return LetterBuried(
            room="assess", topic="t" * 200, partition=0, position=2**60, event_id="f" * 64, code="X" * 40, detail="\u0001" * MAX_DETAIL,
            subject="\u0001" * 256, **inline(payload),
        )  # fmt: skip

    largest, referred = letter(b"x" * MAX_INLINE_BYTES), letter(b"x" * (MAX_INLINE_BYTES + 1))
    assert largest.payload is not None and referred.payload is None and referred.payload_sha256 != largest.payload_sha256
    assert len(encode(largest, source="/test", at=ACQUIRED_AT)) < MAX_MESSAGE_BYTES // 2
