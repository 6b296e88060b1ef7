"""Signatures of messages: Ed25519 over the record's value, byte by byte (docs/decisions/0032-signatures.md)."""

import binascii
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature

from jagawana.schemas.base import Message, iso_utc
from jagawana.schemas.envelope import Envelope, decode
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.agencies.keys import PrivateKey, PublicKey, read_private

RENEW_BEFORE = timedelta(days=30)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedValue:
    """A record's value with the two headers that vouch for it."""

    value: bytes
    signature: str
    kid: str


def sign(value: bytes, key: PrivateKey, now: datetime) -> SignedValue:
    """Sign a value.

    Raises:
        DataError: SETTINGS_INVALID when the key has expired.
    """
    if now >= key.expires_at:
        why = f"signing_key {key.public.kid} expired at {iso_utc(key.expires_at)}"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{why}; make another (jagawana kafka keys new), publish both public keys, and set it")
    return SignedValue(value, b64encode(key.key.sign(value)).decode(), key.public.kid)


def signing_key(file: Path | None, now: datetime) -> PrivateKey | None:
    """The key of the setting of this name; said in the log when it has to be renewed soon, or when there is none.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    if file is None:
        logger.warning("messages to agencies are not signed: JAGAWANA_SIGNING_KEY is not set")
        return None
    key = read_private(file)
    if now >= key.expires_at - RENEW_BEFORE:
        logger.warning("signing_key %s expires at %s; publish its successor now", key.public.kid, iso_utc(key.expires_at))
    return key


def verified(signed: SignedValue, keys: Mapping[str, PublicKey]) -> tuple[Envelope, Message]:
    """The message, if a known key has signed exactly these bytes, and the message is older than the key's end.

    Raises:
        DataError: SIGNATURE_INVALID; codes of `decode` for what is signed and cannot be read.
    """
    key = keys.get(signed.kid)
    if key is None:
        known = ", ".join(keys) or "none"
        raise _refused(f"key {signed.kid[:60]!r} is not published (known: {known}); fetch the key file anew, or drop the message")
    try:
        raw = b64decode(signed.signature, validate=True)
        if b64encode(raw).decode() != signed.signature:
            raise ValueError("several texts of one signature")
        key.key.verify(raw, signed.value)
    except (InvalidSignature, binascii.Error, ValueError) as e:
        raise _refused(f"these {len(signed.value)} bytes are not what {signed.kid} signed; drop the message") from e
    envelope, message = decode(signed.value)
    if envelope.time >= key.expires_at:
        raise _refused(
            f"dated {iso_utc(envelope.time)}, after its key {signed.kid} had expired ({iso_utc(key.expires_at)}); drop the message"
        )
    return envelope, message


def signed_values(lines: str) -> Iterator[SignedValue]:
    """Records as `kcat -C -J` prints them: one JSON object a line, `payload` as text, `headers` as a list of names and values or an object.

    Raises:
        DataError: SIGNATURE_INVALID for a line that is no such record, or has no signature.
    """
    for number, line in enumerate(lines.splitlines(), start=1):
        if line.strip():
            yield _signed_value(number, line)


def _signed_value(number: int, line: str) -> SignedValue:
    try:
        record = json.loads(line)
        value, headers = str(record["payload"]).encode(), _headers(record.get("headers") or {})
        return SignedValue(value, headers["sig"], headers["kid"])
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        why = f"line {number} is no signed record ({e!r})"
        raise _refused(f"{why}; give lines as kcat -C -J prints them, with payload and the headers sig and kid") from e


def _headers(headers: Any) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else zip(headers[::2], headers[1::2], strict=True)
    return {str(name): str(value) for name, value in pairs}


def _refused(why: str) -> DataError:
    return DataError(ErrorCode.SIGNATURE_INVALID, why)
