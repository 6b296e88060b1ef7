"""Ids are computed, never drawn: running twice is the same as running once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel

from jagawana.schemas.base import CellId, Sha256

NAMESPACE = UUID("6f1d3c52-8f0e-5c1b-9a55-2f6a6a677761")
"""Namespace of every UUIDv5 of this service (RFC 9562)."""


def canonical_json(value: BaseModel | Mapping[str, Any] | list[Any]) -> bytes:
    """One byte string per value: sorted keys, no spaces, UTF-8, no NaN (after RFC 8785)."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_of(value: BaseModel | Mapping[str, Any] | list[Any] | bytes) -> Sha256:
    """SHA-256 of bytes, or of the canonical JSON of a value."""
    return hashlib.sha256(value if isinstance(value, bytes) else canonical_json(value)).hexdigest()


def alert_id(cell: CellId, zone_id: str | None, rule_id: str) -> UUID:
    """Identity of an alert: place, zone and rule; no time, model or geometry, so nothing that is re-analysed renames it."""
    return uuid5(NAMESPACE, f"v1|{cell}|{zone_id or '-'}|{rule_id}")


def message_id(alert: UUID, record_number: int) -> UUID:
    """Identity of one record of an alert."""
    return uuid5(alert, str(record_number))


def short_code(alert: UUID) -> str:
    """Five letters and digits a person can say over a radio; no I, L, O or U (Crockford base 32)."""
    alphabet, n = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", alert.int >> 103
    return "".join(alphabet[(n >> 5 * i) & 31] for i in reversed(range(5)))


def observation_id(tile: str, acquisition_key: str, scene_id: str, revision: str, fingerprint: str) -> Sha256:
    """Identity of an observation: what was seen, of which place, in which revision, by which network."""
    return sha256_of([tile, acquisition_key, scene_id, revision, fingerprint])
