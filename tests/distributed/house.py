"""The whole house as processes on real engines: Kafka, PostgreSQL and blobs that all workers share."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka_bus.running import make_topics
from pydantic import SecretStr
from servers.kafka import Kafka
from sqlmodel import func, select

from jagawana.rules.zones import Zone
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.ingest.items import find_items, ordered, roots_of, send
from jagawana.services.settings import Settings, load_settings
from jagawana.services.store import alerts, deliveries, digest, log, zones
from jagawana.services.store.database import transaction
from jagawana.services.store.postgresql import engine_of
from jagawana.services.store.schema import bring_up_to_date
from jagawana.services.store.tables import EventRow, LeaseRow
from jagawana.services.wiring import Service, build

PATIENCE_S = 120.0
OBSERVATIONS_TOLD = select(func.count(func.distinct(EventRow.event_id))).where(EventRow.topic == Topic.OBSERVATIONS)


@dataclass
class Worker:
    """One process."""

    room: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def end(self, how: signal.Signals = signal.SIGTERM, seconds: float = PATIENCE_S) -> int:
        self.process.send_signal(how)
        return self.process.wait(seconds)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class House:
    """Starts workers, sends scenes, says what came of it.

    Args:
        folder: where the workers' data folders, the blobs and the logs lie.
    """

    kafka: Kafka
    database_url: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        ours = {
            "JAGAWANA_DATABASE_URL": self.database_url, "JAGAWANA_KAFKA_SERVERS": json.dumps(self.kafka.servers),
            "JAGAWANA_BLOB_URL": (self.folder / "blobs").as_uri(), "JAGAWANA_MODEL": "spectral-6", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        return {k: v for k, v in os.environ.items() if not k.startswith("JAGAWANA_")} | ours | self.settings | more

    def start(self, room: str, name: str = "", *, changed: str = "", arguments: Sequence[str] = (), **more: str) -> Worker:
        """Start a worker. `changed`: Python that takes a protection out before it begins."""
        name = name or f"{room}-{len(self.workers)}"
        log = self.folder / f"{name}.log"
        run = f"{changed}from jagawana.services.cli import main; main()"
        command = [sys.executable, "-c", run, "work", room, "--data", str(self.folder / name), *arguments]
        with open(log, "ab") as out:
            process = subprocess.Popen(command, env=self.environment(**more), stdout=out, stderr=out, start_new_session=True)
        self.workers.append(worker := Worker(room, process, log))
        return worker

    def all_rooms(self, detect: int = 1, assess: int = 1) -> None:
        for room in ["relay", "notify", *["detect"] * detect, *["assess"] * assess]:
            self.start(room)

    def service(self) -> Service:
        """Rooms without a bus, to look into the store."""
        return build(self.looking())

    def looking(self) -> Settings:
        return load_settings(
            data=self.folder / "looking", database_url=self.database_url, blob_url=(self.folder / "blobs").as_uri(), model="spectral-6"
        )

    def load_zones(self, loaded: Sequence[Zone]) -> None:
        service = self.service()
        with transaction(service.engine) as session:
            for zone in loaded:
                zones.activate(session, zone.layer, zone.layer_version, [zone], at=service.clock.now())
        service.engine.dispose()

    def send(self, archive: Path, order: str = "acquired", tense: AlertTense = AlertTense.TEST) -> int:
        """Append an archive's scenes to the log, as ingest does."""
        items = ordered(find_items([archive], tense), order)
        service = self.service()
        with transaction(service.engine) as session:
            send(session, items, roots_of([archive]), at=service.clock.now())
        service.engine.dispose()
        return len(items)

    def wait_until_quiet(self, scenes: int, seconds: float = PATIENCE_S) -> None:
        """Until every scene is done or buried, every observation assessed, and every delivery sent."""
        wait_for(lambda: self.is_quiet(scenes), "the house is quiet", seconds, self.words)

    def is_quiet(self, scenes: int) -> bool:
        service = self.service()
        try:
            with transaction(service.engine) as session:
                detected, assessed = log.count_outcomes(session, "detect"), log.count_outcomes(session, "assess")
                told = session.exec(OBSERVATIONS_TOLD).one()
                owed = deliveries.counts(session)
            return sum(detected.values()) >= scenes and sum(assessed.values()) >= told and set(owed) <= {"sent"}
        finally:
            service.engine.dispose()

    def digest(self) -> str:
        service = self.service()
        with transaction(service.engine) as session:
            found = digest.digest(session)
        service.engine.dispose()
        return found

    def outcomes(self, room: str) -> dict[str, int]:
        service = self.service()
        with transaction(service.engine) as session:
            found = log.count_outcomes(session, room)
        service.engine.dispose()
        return found

    def records(self) -> list[tuple[str, int]]:
        service = self.service()
        with transaction(service.engine) as session:
            found = [(str(r.content.alert_id), r.record_number) for r in alerts.records(session)]
        service.engine.dispose()
        return found

    def leases(self) -> list[str]:
        service = self.service()
        with transaction(service.engine) as session:
            found = [row.name for row in session.exec(select(LeaseRow)).all()]
        service.engine.dispose()
        return found

    def handled(self) -> int:
        return sum(sum(self.outcomes(room).values()) for room in ("detect", "assess"))

    def until(self, true: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> float:
        return wait_for(true, what, seconds, self.words)

    def words(self) -> str:
        return "\n".join(f"--- {w.log.name} ({w.process.poll()})\n{w.said[-1500:]}" for w in self.workers)

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.process.kill()
            worker.process.wait(PATIENCE_S)


@contextmanager
def house(kafka: Kafka, database_url: str, folder: Path, *, partitions: int = 4, **settings: str) -> Iterator[House]:
    kafka.clear()
    make_topics(kafka, *Topic, partitions=partitions)
    (folder / "blobs").mkdir(parents=True)
    made = House(kafka, database_url, folder, settings)
    engine = engine_of(SecretStr(database_url), busy_seconds=30.0)
    bring_up_to_date(engine)  # what `jagawana migrate` does
    engine.dispose()
    try:
        yield made
    finally:
        made.close()


def wait_for(true: Callable[[], bool], what: str, seconds: float, words: Callable[[], str] = lambda: "") -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {what}\n{words()}"
        time.sleep(0.05)
    return time.monotonic() - began
