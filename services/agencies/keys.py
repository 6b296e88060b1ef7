"""Ed25519 keys as JSON Web Keys (RFC 8037): a private one to sign with, and the published file of public ones."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import canonical_json, sha256_of


@dataclass(frozen=True)
class PublicKey:
    """A key that messages dated before `expires_at` may have been signed with."""

    key: Ed25519PublicKey
    expires_at: datetime

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint: the key's own hash, so that no name can be given to another key."""
        members = {"crv": "Ed25519", "kty": "OKP", "x": _text(self.key.public_bytes_raw())}
        return _text(bytes.fromhex(sha256_of(canonical_json(members))))

    def as_jwk(self) -> dict[str, Any]:
        """As it is published."""
        x, exp = _text(self.key.public_bytes_raw()), int(self.expires_at.timestamp())
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x, "exp": exp}


@dataclass(frozen=True)
class PrivateKey:
    """What messages are signed with until `expires_at`."""

    key: Ed25519PrivateKey
    expires_at: datetime

    @property
    def public(self) -> PublicKey:
        """What it is verified with."""
        return PublicKey(self.key.public_key(), self.expires_at)


def new_key(expires_at: datetime) -> PrivateKey:
    """A key nobody else has."""
    return PrivateKey(Ed25519PrivateKey.generate(), expires_at)


def write_private(key: PrivateKey, file: Path) -> None:
    """Write it for its owner only.

    Raises:
        DataError: SETTINGS_INVALID when the file exists or cannot be made: a key is never overwritten.
    """
    document = key.public.as_jwk() | {"d": _text(key.key.private_bytes_raw())}
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(json.dumps(document, indent=1) + "\n")
    except OSError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{file}: {e.strerror}; name a new file in a folder that exists") from e


def read_private(file: Path) -> PrivateKey:
    """A file made by `jagawana kafka keys new`.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    jwk = _read(file)
    try:
        key = PrivateKey(Ed25519PrivateKey.from_private_bytes(_bytes(jwk["d"])), _time(jwk["exp"]))
    except (KeyError, ValueError, TypeError, OverflowError) as e:
        raise _not_a_key(file, e) from e
    if jwk.get("kid") != key.public.kid:
        raise _not_a_key(file, ValueError("kid is not its thumbprint"))
    return key


def write_public(keys: Iterable[PublicKey], file: Path) -> None:
    """The file that is published: every key that a message still in use was signed with."""
    file.write_text(json.dumps({"keys": [key.as_jwk() for key in keys]}, indent=1) + "\n", encoding="utf-8")


def read_public(file: Path) -> dict[str, PublicKey]:
    """Published keys by their kid.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    try:
        keys = [PublicKey(Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"])), _time(jwk["exp"])) for jwk in _read(file)["keys"]]
    except (KeyError, ValueError, TypeError, OverflowError) as e:
        raise _not_a_key(file, e) from e
    return {key.kid: key for key in keys}


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise _not_a_key(file, e) from e
    if not isinstance(document, dict):
        raise _not_a_key(file, ValueError("not a JSON object"))
    return document


def _not_a_key(file: Path, why: Exception) -> DataError:
    return DataError(ErrorCode.SETTINGS_INVALID, f"{file} holds no Ed25519 key: {why!r}; make it with jagawana kafka keys new or public")


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
