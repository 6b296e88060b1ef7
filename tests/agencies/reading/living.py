"""A house that lives for a while on a broker with logins, and what its topics then hold, as their readers get it."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka
from agencies.reading.guarded import GuardedHouse, roots
from agencies.users import AGENCIES, FOREST, librdkafka, login
from distributed import archive
from kafka_bus.running import wait_for
from pydantic import SecretStr
from scenes import Scene, write_archive
from servers.kafka import Kafka
from servers.process import free_port

from jagawana.schemas.base import Message
from jagawana.schemas.catalogue import CATALOGUE, Role
from jagawana.schemas.envelope import decode
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.access import user_of
from jagawana.services.agencies.applying import admin_client, apply, plan
from jagawana.services.rooms import Room
from jagawana.services.store.database import transaction
from jagawana.services.store.log import next_events
from jagawana.services.store.postgresql import engine_of
from jagawana.services.store.schema import bring_up_to_date

SCENES = 16
OPERATOR = user_of(Role.OPERATOR)


@dataclass(frozen=True)
class Record:
    """One record as its reader got it."""

    topic: Topic
    key: str
    value: bytes
    headers: dict[str, str]

    @property
    def message(self) -> Message:
        return decode(self.value)[1]

    def as_kcat_prints_it(self) -> str:
        pairs = [part for pair in self.headers.items() for part in pair]
        return json.dumps({"topic": self.topic, "key": self.key, "payload": self.value.decode(), "headers": pairs})


@dataclass(frozen=True)
class Lived:
    """A house that has done its work, and what its topics hold."""

    house: GuardedHouse
    records: dict[Topic, list[Record]]
    shown: str

    def messages(self, topic: Topic) -> list[Any]:
        return [record.message for record in self.records[topic]]

    @property
    def said(self) -> str:
        return "\n".join(worker.said for worker in self.house.workers)


def write_archives(folder: Path) -> tuple[Path, Path]:
    """Two places to be played, and one, with a scene that is spoiled, for the watched folder."""
    scenes = archive.scenes(3)
    spoiled = Scene(5, size=64, clouds=[(0, 0, 9, 9)])
    played, watched = folder / "played", folder / "watched"
    write_archive(played, scenes[:10])
    write_archive(watched, [*scenes[10:], spoiled])
    image = watched / "assets" / f"{spoiled.scene_id}_image.tif"
    image.write_bytes(image.read_bytes()[:-100])
    return played, watched


def all_of(cluster: Kafka, user: str, topics: list[Topic]) -> list[Record]:
    """Every record of these topics, with librdkafka; its reader's group begins with its own name."""
    settings = {"group.id": f"{user}-{time.time_ns()}", "auto.offset.reset": "earliest", "enable.partition.eof": True}
    found, ends, partitions = [], 0, sum(CATALOGUE[topic].partitions for topic in topics)
    with closing(confluent_kafka.Consumer(librdkafka(cluster, user) | settings)) as consumer:
        consumer.subscribe([str(topic) for topic in topics])
        while ends < partitions:
            message = consumer.poll(30)
            assert message is not None
            if message.error():
                assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                ends += 1
                continue
            headers = {name: value.decode() for name, value in message.headers()}
            found.append(Record(Topic(message.topic()), message.key().decode(), message.value(), headers))
    return found


def is_told(house: GuardedHouse) -> bool:
    """Whether the relay has sent everything but heartbeats, of which there are always new ones."""
    service = house.service()
    with transaction(service.engine) as session:
        waiting = [topic for topic in Topic if topic is not Topic.HEARTBEAT and next_events(session, "relay", topic, 1)]
    service.engine.dispose()
    return not waiting


@contextmanager
def lived_on(secure: Kafka, url: str, folder: Path) -> Iterator[Lived]:
    """Topics and rights as `jagawana kafka apply` makes them, a new database, a life; afterwards the topics are still there."""
    secure.clear()
    with admin_client(login(secure)) as admin:
        apply(admin, plan(admin, AGENCIES))
        wait_for(lambda: plan(admin, AGENCIES).is_done, "topics are made")
    played, watched = write_archives(folder)
    (folder / "blobs").mkdir()
    engine = engine_of(SecretStr(url), busy_seconds=30.0)
    bring_up_to_date(engine)
    engine.dispose()
    house = GuardedHouse(secure, url, folder)
    try:
        yield live(house, played, watched)
    finally:
        house.close()


def live(house: GuardedHouse, played: Path, watched: Path) -> Lived:
    house.prepare()
    house.load_zones(archive.ZONES)
    relay = house.begin(Room.RELAY, JAGAWANA_SIGNING_KEY=str(house.folder / "key.json"))
    house.until(lambda: "relay" in house.leases(), "the relay with the key is the one that sends")
    house.begin(Room.RELAY)
    house.begin(Room.DETECT, JAGAWANA_SCENE_ROOTS=roots([played, watched]))
    house.begin(Room.ASSESS)
    house.begin(Room.NOTIFY)
    house.begin(Room.WEB, "--port", str(free_port()))
    house.begin(Room.INGEST, "--inbox", str(watched), "--tense", "test")
    sent = house.play(played, "--speed", "1e9", "--tense", "test")
    assert sent.returncode == 0 and json.loads(sent.stdout) == {"sent": 10}, sent.stderr
    house.wait_until_quiet(SCENES)
    house.until(lambda: is_told(house), "everything is sent")
    shown = house.what_processes_show()
    for worker in [worker for worker in house.workers if worker is not relay] + [relay]:
        assert worker.end() == 0, worker.said
    for_agencies = [topic for topic in Topic if Role.AGENCY in CATALOGUE[topic].readers]
    found = all_of(house.kafka, FOREST.name, for_agencies)
    found += all_of(house.kafka, OPERATOR, [topic for topic in Topic if topic not in for_agencies])
    return Lived(house, {topic: [record for record in found if record.topic is topic] for topic in Topic}, shown)
