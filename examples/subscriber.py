"""Keeps the newest record of every alert in alerts.sqlite; prints what is new. pip install kafka-python cryptography

python subscriber.py TOPIC kafka.json keys.json     kafka.json: arguments of KafkaConsumer; keys.json: the published keys
"""

import json
import sqlite3
import sys
from base64 import b64decode, urlsafe_b64decode
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from kafka import KafkaConsumer

TABLE = "CREATE TABLE IF NOT EXISTS alert (alert_id TEXT PRIMARY KEY, record_number INT, record TEXT)"
NEWEST = """INSERT INTO alert VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET record_number = excluded.record_number, record = excluded.record
            WHERE excluded.record_number > alert.record_number"""


def verified(value: bytes, headers: dict[str, bytes], keys: dict[str, dict]) -> dict:
    """The alert, if a published key signed exactly these bytes before its end. Raises KeyError, ValueError or InvalidSignature."""
    key = keys[headers["kid"].decode()]
    Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "=")).verify(b64decode(headers["sig"]), value)
    envelope = json.loads(value)
    if datetime.fromisoformat(envelope["time"]) >= datetime.fromtimestamp(key["exp"], UTC):
        raise ValueError("dated after its key had expired")
    return envelope["data"]


def main(topic: str, config: dict, keys: dict[str, dict]) -> None:
    """Read for ever."""
    database = sqlite3.connect("alerts.sqlite")
    database.execute(TABLE)
    consumer = KafkaConsumer(topic, auto_offset_reset="earliest", enable_auto_commit=False, **config)
    for message in consumer:
        try:
            alert = verified(message.value, dict(message.headers), keys)
        except (KeyError, ValueError, InvalidSignature) as error:
            print(f"refused: {topic} {message.partition}/{message.offset}: {error!r}", file=sys.stderr, flush=True)
            continue
        alert_id, number = alert["content"]["alert_id"], alert["record_number"]
        is_new = database.execute(NEWEST, (alert_id, number, json.dumps(alert))).rowcount
        database.commit()
        if is_new:
            print(alert_id, number, alert["alert_type"], alert["alert_tense"], alert["content"]["cell"], flush=True)
        if config.get("group_id"):
            consumer.commit()  # after our own commit: what we had not written comes again, and is known


if __name__ == "__main__":
    _, topic_name, kafka_file, keys_file = sys.argv
    with open(kafka_file) as kafka_json, open(keys_file) as keys_json:
        main(topic_name, json.load(kafka_json), {key["kid"]: key for key in json.load(keys_json)["keys"]})
