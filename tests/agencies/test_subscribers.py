"""The examples agencies begin with, on a real broker: each record once, forged ones refused, the whole state from the compacted topic."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from agencies.alert_records import AT, ids, record, told
from kafka import KafkaProducer
from kafka_bus.running import connection, relaying, wait_for
from servers.kafka import Kafka
from servers.process import CACHE

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.topics import Topic
from jagawana.services.agencies import applying
from jagawana.services.agencies.headers import signing
from jagawana.services.agencies.keys import new_key, write_public
from jagawana.services.bus.kafka.relay import ROOM
from jagawana.services.store.database import open_sqlite
from jagawana.services.store.sql import SqlStore

pytestmark = pytest.mark.services
EXAMPLES = Path(__file__).parents[2] / "examples"
KEY, FORGER = new_key(AT + timedelta(days=400)), new_key(AT + timedelta(days=400))
Command = Callable[[Kafka, Path, str, str | None], list[str]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield SqlStore(engine)
    engine.dispose()


@pytest.fixture
def cluster(kafka: Kafka) -> Kafka:
    """A cluster as `jagawana kafka apply` makes it."""
    kafka.clear()
    with applying.admin_client(connection(kafka).client()) as admin:
        applying.apply(admin, applying.plan(admin, []))
    return kafka


def python(kafka: Kafka, folder: Path, topic: str, group: str | None) -> list[str]:
    config = kafka.client() | ({"group_id": group} if group else {})
    (folder / "kafka.json").write_text(json.dumps(config))
    return [sys.executable, str(EXAMPLES / "subscriber.py"), topic, "kafka.json", "keys.json"]


def confluent(kafka: Kafka, folder: Path, topic: str, group: str | None) -> list[str]:
    config = {"bootstrap.servers": ",".join(kafka.servers), "group.id": group or f"fresh-{time.time_ns()}"}
    (folder / "kafka.json").write_text(json.dumps(config))
    return [sys.executable, str(EXAMPLES / "subscriber_confluent.py"), topic, "kafka.json", "keys.json"]


def java(kafka: Kafka, folder: Path, topic: str, group: str | None) -> list[str]:
    (folder / "consumer.properties").write_text(
        f"bootstrap.servers={','.join(kafka.servers)}\ngroup.id={group or f'fresh-{time.time_ns()}'}\n"
    )
    built = CACHE / "java-subscriber"
    sources = list((EXAMPLES / "java").rglob("*.java"))
    if not (built / "built").exists() or (built / "built").stat().st_mtime < max(s.stat().st_mtime for s in sources):
        build(built)
    return [
        "java",
        "-Xmx128m",
        "-cp",
        f"{built}/target/classes:{built}/target/dependency/*",
        "Subscriber",
        topic,
        "consumer.properties",
        "keys.json",
    ]


def build(folder: Path) -> None:
    """By its own pom, as an agency would."""
    if shutil.which("javac") is None or shutil.which("mvn") is None:
        pytest.skip("the Java example needs a JDK and Maven; on Debian: apt-get install openjdk-17-jdk-headless maven")
    shutil.copytree(EXAMPLES / "java", folder, dirs_exist_ok=True)
    command = ["mvn", "-q", "-B", "-ntp", "package", "dependency:copy-dependencies", "-DincludeScope=runtime"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    (folder / "built").touch()


@contextmanager
def subscribed(
    command: Command, kafka: Kafka, folder: Path, topic: str, group: str | None
) -> Iterator[Callable[[], tuple[list[str], str]]]:
    """The example at work. Yields a function that reads what it has printed, and what it has refused."""
    folder.mkdir(exist_ok=True)
    write_public([KEY.public], folder / "keys.json")
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        arguments = command(kafka, folder, topic, group)
        running = subprocess.Popen(arguments, cwd=folder, stdout=out, stderr=err, env=os.environ | {"PYTHONPATH": str(EXAMPLES)})
        try:
            yield lambda: ((folder / "out").read_text().splitlines(), (folder / "err").read_text())
        finally:
            running.send_signal(signal.SIGINT)  # as Ctrl-C: it leaves its group
            running.wait(20)


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
            (value, [("sig", stranger.signature.encode()), ("kid", stranger.kid.encode())]),
            (value, [("sig", stranger.signature.encode()), ("kid", ours.kid.encode())]),
            (value.replace(b'"mining_ha":1.44', b'"mining_ha":9.44'), [("sig", ours.signature.encode()), ("kid", ours.kid.encode())]),
        ):
            producer.send(Topic.ALERTS, value=body, key=b"k", headers=headers).get(30)


def told_of(lines: list[str]) -> list[tuple[str, int]]:
    return [(line.split()[0], int(line.split()[1])) for line in lines]


@pytest.mark.parametrize("command", [python, confluent, java], ids=lambda c: c.__name__)
def test_each_record_once_repeats_known_forgeries_refused(command: Command, cluster: Kafka, store: SqlStore, tmp_path: Path) -> None:
    one, other, fake = ids(3)
    sent(cluster, store, [record(one, 1), record(other, 1), record(one, 2)])
    sent(cluster, store, [record(one, 1), record(other, 1), record(one, 2)])  # a relay that died after sending
    forged(cluster, record(fake, 1))
    sent(cluster, store, [record(one, 3)])
    with subscribed(command, cluster, tmp_path / "agency", Topic.ALERTS, f"agency-{tmp_path.name}") as printed:
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
        with subscribed(command, cluster, tmp_path / "agency", Topic.ALERTS, f"agency-{tmp_path.name}") as printed:
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
    with subscribed(command, cluster, tmp_path / "agency", Topic.ALERT_STATE, None) as printed:
        wait_for(lambda: dict(told_of(printed()[0])) == {str(a): 3 if a == made[0] else 2 for a in made}, f"five alerts: {printed()}")
        assert printed()[1].count("refused") == 0
