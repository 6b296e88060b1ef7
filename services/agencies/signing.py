"""Signatures of messages: Ed25519 over the canonical JSON (RFC 8785) of a record's value (docs/decisions/0032-signatures.md)."""

import binascii
import logging
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidSignature

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.base import Message, iso_utc
from jagawana.schemas.catalogue import CATALOGUE
from jagawana.schemas.envelope import Envelope, decode, read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.keys import PrivateKey, PublicKey, read_private

RENEW_BEFORE = timedelta(days=30)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signature:
    """What vouches for a value: base64 of 64 bytes, and the key's RFC 7638 thumbprint."""

    text: str
    kid: str


@dataclass(frozen=True)
class Received:
    """A record as somebody has it; topic and key where they are known."""

    value: bytes
    signature: Signature | None
    topic: str | None = None
    key: str | None = None


def canonical(value: bytes) -> bytes:
    """The one way RFC 8785 writes this JSON object.

    Raises:
        DataError: MESSAGE_UNREADABLE or NON_FINITE: not one JSON object, or it holds what RFC 8785 has no form for (integers beyond 2^53).
    """
    try:
        return rfc8785.dumps(read_object(value))
    except rfc8785.CanonicalizationError as e:
        raise DataError(ErrorCode.MESSAGE_UNREADABLE, f"RFC 8785 has no form for it: {e}; write large integers as text") from e


def sign(value: bytes, key: PrivateKey, now: datetime) -> Signature:
    """Sign a value.

    Raises:
        DataError: SETTINGS_INVALID when the key has expired; codes of `canonical`.
    """
    if now >= key.expires_at:
        why = f"signing_key {key.public.kid} expired at {iso_utc(key.expires_at)}"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{why}; make another (jagawana kafka keys new), publish both public keys, and set it")
    return Signature(b64encode(key.key.sign(canonical(value))).decode(), key.public.kid)


def signing_key(file: Path | None, now: datetime) -> PrivateKey | None:
    """The key of the setting of this name; said in the log when it has to be renewed soon, or when there is none.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    if file is None:
        logger.warning("messages to agencies are not signed: JAGAWANA_SIGNING_KEY is not set (jagawana kafka keys new makes a key)")
        return None
    key = read_private(file)
    if now >= key.expires_at - RENEW_BEFORE:
        logger.warning("signing_key %s expires at %s; publish its successor now", key.public.kid, iso_utc(key.expires_at))
    return key


def verified(record: Received, keys: Mapping[str, PublicKey]) -> tuple[Envelope, Message]:
    """The message, if a known key has signed it, it is older than the key's end, and it stands where its sender puts it.

    Raises:
        DataError: SIGNATURE_INVALID; codes of `decode` for what is signed and cannot be read.
    """
    if record.signature is None:
        raise _refused("not signed; take it for a rumour, and ask its sender to set a signing key")
    key = keys.get(record.signature.kid)
    if key is None:
        known = ", ".join(keys) or "none"
        raise _refused(f"key {record.signature.kid[:60]!r} is not published (known: {known}); fetch the key file anew, or drop the message")
    _is_of(record.value, record.signature, key)
    envelope, message = decode(record.value, is_vouched_for=True)
    _is_in_its_place(record, message)
    if envelope.time >= key.expires_at:
        end = iso_utc(key.expires_at)
        raise _refused(f"dated {iso_utc(envelope.time)}, after its key {key.kid} had expired ({end}); drop the message")
    return envelope, message


def _is_of(value: bytes, signature: Signature, key: PublicKey) -> None:
    try:
        written = canonical(value)
    except DataError as e:
        raise _refused(f"its {len(value)} bytes are no whole message, something was cut or spoiled ({e.detail}); drop it") from e
    try:
        raw = b64decode(signature.text, validate=True)
        if b64encode(raw).decode() != signature.text:
            raise ValueError("several texts of one signature")
        key.key.verify(raw, written)
    except (InvalidSignature, binascii.Error, ValueError) as e:
        raise _refused(f"not what {signature.kid} signed: changed since, or the signature is another record's; drop the message") from e


def _is_in_its_place(record: Received, message: Message) -> None:
    """A good message under another's key would take the other's place in the compacted topic; topic and key are not signed themselves."""
    topic = next((t for t in Topic if t == record.topic), None)
    if topic is not None and CATALOGUE[topic].message is not type(message):
        raise _refused(f"{message.name} does not belong on {topic}: sent there by somebody else; drop the message")
    own = str(message.content.alert_id) if topic is Topic.ALERT_STATE and isinstance(message, AlertPublished) else message.key
    if topic is not None and record.key is not None and record.key != own:
        raise _refused(f"under the key {record.key!r}, its own is {own!r}: sent again by somebody else; drop the message")


def _refused(why: str) -> DataError:
    return DataError(ErrorCode.SIGNATURE_INVALID, why)
