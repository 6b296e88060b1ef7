"""The examples agencies begin with, on a real broker: each record once, forged ones refused, the whole state from the compacted topic."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from agencies.reading.alert_records import AT, ids, record, told
from agencies.reading.subscribing import Command, confluent, java, python, subscribed, told_of
from kafka import KafkaProducer
from kafka_bus.running import connection, relaying, wait_for
from servers.kafka import Kafka
from typer.testing import CliRunner

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.topics import Topic
from jagawana.services.agencies import applying
from jagawana.services.agencies.headers import signing
from jagawana.services.agencies.keys import new_key, write_public
from jagawana.services.bus.kafka.relay import ROOM
from jagawana.services.cli import app
from jagawana.services.store.database import open_sqlite
from jagawana.services.store.sql import SqlStore

pytestmark = pytest.mark.services
KEY, FORGER = new_key(AT + timedelta(days=400)), new_key(AT + timedelta(days=400))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield SqlStore(engine)
    engine.dispose()


@pytest.fixture
def cluster(kafka: Kafka) -> Kafka:
    """A cluster as `jagawana kafka apply` makes it."""
    kafka.clear()
    with applying.admin_client(connection(kafka)) as admin:
        applying.apply(admin, applying.plan(admin, []))
    return kafka


def sent(kafka: Kafka, store: SqlStore, records: list[AlertPublished], key: object = KEY) -> None:
    told(store, records)

    def all_passed() -> bool:
        with store.transaction() as tx:
            return not any(tx.log.next_events(ROOM, topic, 1) for topic in (Topic.ALERTS, Topic.ALERT_STATE))

    with relaying(kafka, store, headers_of=signing(key, lambda: AT), topics=[Topic.ALERTS, Topic.ALERT_STATE]):  # type: ignore[arg-type]
        wait_for(all_passed, "all sent")


def forged(kafka: Kafka, one: AlertPublished) -> None:
    """Signed by nobody, by a stranger, and a good one that was changed on the way."""
    from jagawana.schemas.envelope import encode
    from jagawana.services.agencies.signing import sign

    value = encode(one, source="/jagawana/assess", at=one.decided_at)
    stranger, ours = sign(value, FORGER, AT), sign(value, KEY, AT)
    with closing(KafkaProducer(**kafka.client())) as producer:
        for body, headers in (
            (value, []),
            (value, [("sig", stranger.text.encode()), ("kid", stranger.kid.encode())]),
            (value, [("sig", stranger.text.encode()), ("kid", ours.kid.encode())]),
            (value.replace(b'"mining_ha":1.44', b'"mining_ha":9.44'), [("sig", ours.text.encode()), ("kid", ours.kid.encode())]),
        ):
            producer.send(Topic.ALERTS, value=body, key=b"k", headers=headers).get(30)


@pytest.mark.parametrize("command", [python, confluent, java], ids=lambda c: c.__name__)
def test_each_record_once_repeats_known_forgeries_refused(command: Command, cluster: Kafka, store: SqlStore, tmp_path: Path) -> None:
    one, other, fake = ids(3)
    sent(cluster, store, [record(one, 1), record(other, 1), record(one, 2)])
    sent(cluster, store, [record(one, 1), record(other, 1), record(one, 2)])  # a relay that died after sending
    forged(cluster, record(fake, 1))
    sent(cluster, store, [record(one, 3)])
    with subscribed(command, cluster, tmp_path / "agency", Topic.ALERTS, f"agency-{tmp_path.name}", KEY) as printed:
        wait_for(lambda: len(printed()[0]) >= 4 and printed()[1].count("refused") >= 4, f"four records and four refusals: {printed()}")
        time.sleep(1.0)
        lines, errors = printed()
    assert sorted(told_of(lines)) == sorted([(str(one), 1), (str(one), 2), (str(one), 3), (str(other), 1)])
    assert [n for alert, n in told_of(lines) if alert == str(one)] == [1, 2, 3]
    assert errors.count("refused") == 4 and str(fake) not in "".join(lines)


@pytest.mark.parametrize("command", [python, confluent], ids=lambda c: c.__name__)
def test_a_subscriber_that_comes_back_goes_on(command: Command, cluster: Kafka, store: SqlStore, tmp_path: Path) -> None:
    (one,) = ids(1)
    sent(cluster, store, [record(one, 1)])
    for number in (1, 2):
        with subscribed(command, cluster, tmp_path / "agency", Topic.ALERTS, f"agency-{tmp_path.name}", KEY) as printed:
            wait_for(lambda: len(printed()[0]) >= 1, f"record {number}")
            time.sleep(0.5)
            assert told_of(printed()[0]) == [(str(one), number)]
        if number == 1:
            sent(cluster, store, [record(one, 1), record(one, 2)])


@pytest.mark.parametrize("command", [python, confluent, java], ids=lambda c: c.__name__)
def test_the_state_topic_alone_tells_the_newest_record_of_every_alert(
    command: Command, cluster: Kafka, store: SqlStore, tmp_path: Path
) -> None:
    made = ids(5)
    sent(cluster, store, [record(alert, n) for n in (1, 2) for alert in made])
    sent(cluster, store, [record(made[0], 3)])
    with subscribed(command, cluster, tmp_path / "agency", Topic.ALERT_STATE, None, KEY) as printed:
        wait_for(lambda: dict(told_of(printed()[0])) == {str(a): 3 if a == made[0] else 2 for a in made}, f"five alerts: {printed()}")
        assert printed()[1].count("refused") == 0


def test_what_kcat_prints_is_verified_offline(cluster: Kafka, store: SqlStore, tmp_path: Path) -> None:
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not there; on Debian: apt-get install kcat")
    (one,) = ids(1)
    sent(cluster, store, [record(one, 1), record(one, 2)])
    forged(cluster, record(one, 3))
    command = ["kcat", "-b", cluster.servers[0], "-C", "-J", "-e", "-q", "-t", Topic.ALERTS]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    (tmp_path / "records.jsonl").write_text(printed)
    write_public([KEY.public], tmp_path / "keys.json")
    options = ["--keys", str(tmp_path / "keys.json"), "--json"]
    done = CliRunner().invoke(app, ["kafka", "verify", str(tmp_path / "records.jsonl"), *options])
    said = json.loads(done.stdout)
    assert done.exit_code == 1 and (said["good"], said["bad"]) == (2, 4)
    why = " ".join(row["what"] for row in said["records"] if not row["good"])
    assert [why.count(words) for words in ("not signed", "is not published", "changed since, or the signature is another")] == [1, 1, 2]
