"""Follows a topic of alerts with kafka-python. pip install 'kafka-python[crc32c,lz4,snappy,zstd]' cryptography rfc8785

python subscriber.py TOPIC kafka.json keys.json     kafka.json: arguments of KafkaConsumer; keys.json: the published keys
"""

import json
import sys
from contextlib import closing
from pathlib import Path

from alerts import Alerts
from kafka import KafkaConsumer

_, topic, config_file, keys_file = sys.argv
config, alerts = json.loads(Path(config_file).read_text()), Alerts(Path("alerts.sqlite"), Path(keys_file))
with closing(KafkaConsumer(topic, auto_offset_reset="earliest", enable_auto_commit=False, **config)) as consumer:
    for message in consumer:
        try:
            if line := alerts.take(alerts.verified(message.value or b"", dict(message.headers))):
                print(line, flush=True)
        except ValueError as error:
            print(f"refused: {message.partition}/{message.offset}: {error}", file=sys.stderr, flush=True)
        if config.get("group_id"):
            consumer.commit()  # after our own commit: what we had not written comes again, and is known
