"""The same with librdkafka, 2.6.1 or newer. pip install 'confluent-kafka>=2.6.1' cryptography

python subscriber_confluent.py TOPIC kafka.json keys.json     kafka.json: librdkafka's properties, with a group.id
"""

import json
import sqlite3
import sys

from confluent_kafka import Consumer
from cryptography.exceptions import InvalidSignature
from subscriber import NEWEST, TABLE, verified


def main(topic: str, config: dict, keys: dict[str, dict]) -> None:
    """Read for ever."""
    database = sqlite3.connect("alerts.sqlite")
    database.execute(TABLE)
    consumer = Consumer({"auto.offset.reset": "earliest", "enable.auto.commit": False} | config)
    consumer.subscribe([topic])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():  # a missing right is told here: look at the agency's tiers
            print(f"waiting: {message.error()}", file=sys.stderr, flush=True)
            continue
        try:
            alert = verified(message.value() or b"", dict(message.headers() or ()), keys)
        except (KeyError, ValueError, InvalidSignature) as error:
            print(f"refused: {topic} {message.partition()}/{message.offset()}: {error!r}", file=sys.stderr, flush=True)
            continue
        alert_id, number = alert["content"]["alert_id"], alert["record_number"]
        is_new = database.execute(NEWEST, (alert_id, number, json.dumps(alert))).rowcount
        database.commit()
        if is_new:
            print(alert_id, number, alert["alert_type"], alert["alert_tense"], alert["content"]["cell"], flush=True)
        consumer.commit(message, asynchronous=False)


if __name__ == "__main__":
    _, topic_name, kafka_file, keys_file = sys.argv
    with open(kafka_file) as kafka_json, open(keys_file) as keys_json:
        main(topic_name, json.load(kafka_json), {key["kid"]: key for key in json.load(keys_json)["keys"]})
