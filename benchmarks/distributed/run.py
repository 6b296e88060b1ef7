"""The distributed mode on one machine, against Apache Kafka and PostgreSQL that it starts itself: delay, throughput, a burst.

    PYTHONPATH=tests python benchmarks/distributed/run.py delay|throughput|burst [--scenes 60] [--repeat 3] [--json]

Scenes are small (64 px, about 36 kB) and the detector is the spectral one, so that what is measured is the way, not the thinking.

delay       scenes arrive one by one, two seconds apart: seconds from the commit of the scene's event to each stage, p50 and p95
throughput  an archive at once, with 1, 2 and 3 detect workers: scenes a second from the first start to the last observation
burst       ten times the scenes at once: peak memory of each process against one time, and how fast the queue drains
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from chain import GROWN, PIT
from distributed import archive
from distributed.house import House, house, wait_for
from kafka import KafkaConsumer
from scenes import EAST, Scene, write_archive
from servers.kafka import Kafka
from servers.postgres import Postgres
from sqlmodel import select

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.envelope import decode_as
from jagawana.schemas.topics import Topic
from jagawana.services.store import observations
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import DeliveryRow, EventRow

Figures = dict[str, Any]
PAUSE_S = 2.0


def main() -> None:
    """Start the engines, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["delay", "throughput", "burst"])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    measure = {"delay": delay, "throughput": throughput, "burst": burst}[given.what]
    with Kafka() as kafka, Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        figures = measure(Engines(kafka, postgres, Path(folder)), given.scenes, given.repeat)
    print(json.dumps(figures, indent=1) if given.json else "\n".join(f"{name:40} {value}" for name, value in figures.items()))


class Engines:
    """Kafka and PostgreSQL; a new house on them for each run."""

    def __init__(self, kafka: Kafka, postgres: Postgres, folder: Path) -> None:
        self.kafka, self.postgres, self.folder = kafka, postgres, folder
        self._runs = 0

    @contextmanager
    def house(self) -> Iterator[House]:
        """An empty house with zones."""
        self._runs += 1
        url = self.postgres.new_database()
        with house(self.kafka, url, self.folder / f"house-{self._runs}") as made:
            made.load_zones(archive.ZONES)
            yield made

    def scenes(self, number: int) -> Sequence[Scene]:
        """Mines that grow, one each ten looks, at three places."""
        return [
            Scene(day, size=64, east=EAST + (day % 3) * archive.TEN_KM, mining=[] if day < 9 else [PIT] if day % 30 < 15 else [GROWN])
            for day in range(number)
        ]


def delay(engines: Engines, scenes: int, _repeat: int) -> Figures:
    """Every stage's delay after the commit of the scene's event."""
    with engines.house() as made, subscribed(engines.kafka) as received:
        made.all_rooms()
        started(made)
        for n, scene in enumerate(engines.scenes(scenes)):
            folder = write_archive(engines.folder / f"one-{n}", [scene])
            made.send(folder)
            time.sleep(PAUSE_S)
        made.wait_until_quiet(scenes)
        return stages(made, received)


def stages(made: House, received: dict[tuple[str, int], datetime]) -> Figures:
    """Seconds from a scene's event to its observation, alert record, subscriber and logbook."""
    service = made.service()
    with transaction(service.engine) as session:
        rows = session.exec(select(EventRow).order_by(EventRow.position)).all()  # type: ignore[arg-type]
        scenes = {s.scene_id: None for s in observations.scenes(session)}
        sent = {d.alert_id + str(d.record_number): d.sent_at for d in session.exec(select(DeliveryRow)).all()}
    begun = {json.loads(r.payload)["data"]["item"]["id"]: r.created_at for r in rows if r.topic == Topic.SCENES}
    found: dict[str, list[float]] = {"observed": [], "alert committed": [], "at the subscriber": [], "in the logbook": []}
    for row in rows:
        if row.topic == Topic.OBSERVATIONS:
            found["observed"].append((row.created_at - begun[json.loads(row.payload)["data"]["scene_id"]]).total_seconds())
        elif row.topic == Topic.ALERTS:
            record = decode_as(AlertPublished, row.payload)
            start = begun[record.content.evidence.scene_ids[-1]] if record.content.evidence.scene_ids[-1] in scenes else None
            if start is not None:
                key = str(record.content.alert_id), record.record_number
                found["alert committed"].append((row.created_at - start).total_seconds())
                found["at the subscriber"].append((received[key] - start).total_seconds())
                if (at := sent.get(key[0] + str(key[1]))) is not None:
                    found["in the logbook"].append((at - start).total_seconds())
    return {name: p50_p95(seconds) for name, seconds in found.items()}


def p50_p95(seconds: Sequence[float]) -> str:
    """Both, and how many."""
    return f"p50 {median(seconds):.2f} s, p95 {quantiles(seconds, n=20)[-1]:.2f} s (n {len(seconds)})"


@contextmanager
def subscribed(kafka: Kafka) -> Iterator[dict[tuple[str, int], datetime]]:
    """An agency that writes down when each record arrives."""
    received: dict[tuple[str, int], datetime] = {}
    ended = threading.Event()

    def read() -> None:
        consumer = KafkaConsumer(Topic.ALERTS, auto_offset_reset="earliest", group_id=None, **kafka.client())
        while not ended.is_set():
            for records in consumer.poll(timeout_ms=100).values():
                for r in records:
                    alert = decode_as(AlertPublished, r.value)
                    received.setdefault((str(alert.content.alert_id), alert.record_number), datetime.now(UTC))
        consumer.close()

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield received
    finally:
        ended.set()
        reading.join()


def started(made: House) -> None:
    """Wait until every worker has worked on something: a scene that is not counted."""
    first = write_archive(made.folder / "first", [Scene(0, size=64, east=EAST + 5 * archive.TEN_KM)])
    made.send(first)
    made.wait_until_quiet(1)


def throughput(engines: Engines, scenes: int, repeat: int) -> Figures:
    """Scenes a second by number of detect workers, median of several."""
    folder = write_archive(engines.folder / "archive", engines.scenes(scenes))
    figures: Figures = {}
    for workers in (1, 2, 3):
        rates = [_rate(engines, folder, scenes, workers) for _ in range(repeat)]
        figures[f"{workers} detect: scenes a second"] = f"{median(rates):.1f} ({', '.join(f'{r:.1f}' for r in rates)})"
    return figures


def _rate(engines: Engines, folder: Path, scenes: int, workers: int) -> float:
    with engines.house() as made:
        made.all_rooms(detect=workers)
        started(made)
        time.sleep(3.0)  # the group has settled
        made.send(folder)
        seconds = wait_for(lambda: sum(made.outcomes("detect").values()) >= scenes + 1, "all observed", 600.0, made.words)
        return scenes / seconds


def burst(engines: Engines, scenes: int, _repeat: int) -> Figures:
    """Peak memory at one and at ten times the scenes."""
    figures: Figures = {}
    peaks: dict[int, dict[str, int]] = {}
    for times in (1, 10):
        folder = write_archive(engines.folder / f"times-{times}", engines.scenes(scenes * times))
        with engines.house() as made:
            made.all_rooms()
            started(made)
            began = time.monotonic()
            made.send(folder)
            made.wait_until_quiet(scenes * times + 1, seconds=1200.0)
            figures[f"{scenes * times} scenes: drained, scenes a second"] = round(scenes * times / (time.monotonic() - began), 2)
            peaks[times] = {w.room: peak_mib(w.process.pid) for w in made.workers}
    for room, peak in peaks[1].items():
        figures[f"{room}: peak MiB at 1 and 10 times, ratio"] = f"{peak}, {peaks[10][room]}, {peaks[10][room] / peak:.2f}"
    return figures


def peak_mib(process: int) -> int:
    """VmHWM of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


if __name__ == "__main__":
    main()
