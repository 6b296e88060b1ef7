"""Follows a topic of alerts with librdkafka, 2.6.1 or newer. pip install 'confluent-kafka>=2.6.1' cryptography rfc8785

python subscriber_confluent.py TOPIC kafka.json keys.json     kafka.json: librdkafka's properties, with a group.id
"""

import json
import sys
from contextlib import closing
from pathlib import Path

from alerts import Alerts
from confluent_kafka import Consumer

_, topic, config_file, keys_file = sys.argv
config, alerts = json.loads(Path(config_file).read_text()), Alerts(Path("alerts.sqlite"), Path(keys_file))
with closing(Consumer({"auto.offset.reset": "earliest", "enable.auto.commit": False} | config)) as consumer:
    consumer.subscribe([topic])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():  # a missing right is told here
            print(f"waiting: {message.error()}", file=sys.stderr, flush=True)
            continue
        try:
            if line := alerts.take(alerts.verified(message.value() or b"", dict(message.headers() or ()))):
                print(line, flush=True)
        except ValueError as error:
            print(f"refused: {message.partition()}/{message.offset()}: {error}", file=sys.stderr, flush=True)
        consumer.commit(message, asynchronous=False)
