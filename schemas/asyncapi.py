"""The AsyncAPI 3 document of the catalogue: topics, keys, headers, messages.

python -m jagawana.schemas.asyncapi FILE
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from jagawana.schemas.base import Message
from jagawana.schemas.catalogue import CATALOGUE, MAX_RECORD_BYTES, Role, TopicPromise
from jagawana.schemas.envelope import MESSAGES, Envelope, encode
from jagawana.schemas.examples import ACQUIRED_AT, example_messages

SOURCE = "/jagawana/example"
HEADERS = {
    "msg_id": "the CloudEvent's id: SHA-256 of the canonical JSON of data",
    "alert_id": "alerts only: the alert's UUID",
    "record_number": "alerts only: which record of the alert, from 1",
    "sig": "base64 of the Ed25519 signature of the value in canonical JSON (RFC 8785)",
    "kid": "the key that signed it: its RFC 7638 thumbprint, as in the published key file",
    "content-type": "application/cloudevents+json; charset=utf-8",
    "ce_*": "the envelope's own fields again, for whoever routes without parsing: ce_specversion, ce_id, ce_source, ce_type, ce_subject, …",
}


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "jagawana",
            "version": "1.0.0",
            "description": "Alerts of possible mining for agencies. The consumer guide is docs/agencies.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {promise.topic.value: _channel(promise) for promise in CATALOGUE.values()},
        "operations": {_operation_name(promise): _operation(promise) for promise in CATALOGUE.values()},
        "components": {"schemas": _schemas(), "messages": {name: _message(kind) for name, kind in MESSAGES.items()}},
    }


def _channel(promise: TopicPromise) -> dict[str, Any]:
    name, config = promise.message.name, promise.config(copies=3)
    kept = "the last record of each key for ever" if promise.retention is None else f"{promise.retention.days} days"
    kafka = {
        "topic": promise.topic.value, "partitions": promise.partitions, "replicas": 3, "bindingVersion": "0.5.0",
        "topicConfiguration": {
            "cleanup.policy": [config["cleanup.policy"]], "retention.ms": int(config["retention.ms"]),
            "max.message.bytes": MAX_RECORD_BYTES,
        },
    }  # fmt: skip
    return {
        "address": promise.topic.value, "description": f"{promise.about} Key: {promise.key}. Kept: {kept}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}}, "bindings": {"kafka": kafka},
        "x-readers": sorted(promise.readers), "x-writers": sorted(promise.writers), "x-tier": promise.tier,
    }  # fmt: skip


def _operation_name(promise: TopicPromise) -> str:
    return f"{_action(promise)}-{promise.topic}"


def _action(promise: TopicPromise) -> str:
    """From the service's side: scenes come to it, the rest it sends."""
    return "receive" if Role.INGEST in promise.writers else "send"


def _operation(promise: TopicPromise) -> dict[str, Any]:
    channel = f"#/channels/{promise.topic}"
    return {
        "action": _action(promise), "channel": {"$ref": channel}, "summary": promise.about,
        "messages": [{"$ref": f"{channel}/messages/{promise.message.name}"}],
    }  # fmt: skip


def _message(kind: type[Message]) -> dict[str, Any]:
    example = next(m for m in example_messages() if m.name == kind.name)
    return {
        "name": f"org.jagawana.{kind.name}.v{kind.version.split('.')[0]}", "title": kind.__name__, "summary": (kind.__doc__ or "").strip(),
        "contentType": "application/json", "payload": {"$ref": f"#/components/schemas/{kind.__name__}Envelope"},
        "headers": {"type": "object", "properties": {n: {"type": "string", "description": d} for n, d in HEADERS.items()}},
        "examples": [{"name": kind.name, "payload": json.loads(encode(example, source=SOURCE, at=ACQUIRED_AT))}],
    }  # fmt: skip


def _schemas() -> dict[str, Any]:
    kinds: list[tuple[type[Message], Any]] = [(kind, "serialization") for kind in MESSAGES.values()]
    _, made = models_json_schema(kinds, by_alias=True, ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = _as_draft_7(made["$defs"])
    return parts | {f"{kind.__name__}Envelope": _envelope(kind) for kind in MESSAGES.values()}


def _as_draft_7(schema: Any) -> Any:
    """AsyncAPI's schemas are JSON Schema draft 7: tuples are lists of items, and OpenAPI's discriminator says nothing there."""
    if isinstance(schema, list):
        return [_as_draft_7(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {"items" if name == "prefixItems" else name: _as_draft_7(part) for name, part in schema.items() if name != "discriminator"}


def _envelope(kind: type[Message]) -> dict[str, Any]:
    """The envelope, with the one kind of data this message has."""
    envelope = Envelope.model_json_schema(mode="serialization")
    properties = envelope["properties"] | {"data": {"$ref": f"#/components/schemas/{kind.__name__}"}}
    return envelope | {"title": f"{kind.__name__}Envelope", "properties": properties}


def main(file: Path) -> None:
    """Write it."""
    file.write_text(json.dumps(document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
