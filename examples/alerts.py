"""What a subscriber does with any client: check the signature, and take each record of an alert once.

Needs `cryptography` and `rfc8785`.
"""

import json
import sqlite3
from base64 import b64decode, urlsafe_b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NEWEST = """INSERT INTO alert VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET record_number = excluded.record_number, record = excluded.record
            WHERE excluded.record_number > alert.record_number"""


class Alerts:
    """The newest record of every alert, in a database file."""

    def __init__(self, database: Path, keys: Path) -> None:
        self.keys = {key["kid"]: key for key in json.loads(keys.read_text())["keys"]}
        self.database = sqlite3.connect(database)
        self.database.execute("CREATE TABLE IF NOT EXISTS alert (alert_id TEXT PRIMARY KEY, record_number INT, record TEXT)")

    def verified(self, value: bytes, headers: dict[str, bytes]) -> dict[str, Any]:
        """The alert. ValueError unless a published key signed what is said in it, before its end."""
        envelope = json.loads(value)
        try:
            key = self.keys[headers["kid"].decode()]
            public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
            public.verify(b64decode(headers["sig"]), rfc8785.dumps(envelope))
        except (KeyError, InvalidSignature) as error:
            raise ValueError(f"not signed by a published key: {error!r}") from error
        if datetime.fromisoformat(envelope["time"]) >= datetime.fromtimestamp(key["exp"], UTC):
            raise ValueError("dated after its key had expired")
        alert: dict[str, Any] = envelope["data"]
        return alert

    def take(self, alert: dict[str, Any]) -> str | None:
        """Keep it. A line about it, or None when this record or a newer one is known."""
        alert_id, number = alert["content"]["alert_id"], alert["record_number"]
        is_new = self.database.execute(NEWEST, (alert_id, number, json.dumps(alert))).rowcount
        self.database.commit()
        return f"{alert_id} {number} {alert['alert_type']} {alert['alert_tense']} {alert['content']['cell']}" if is_new else None
