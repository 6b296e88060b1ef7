"""Writes a second of the store on SQLite and on PostgreSQL, in turns, with what every room does in one transaction.

    PYTHONPATH=tests python benchmarks/stores.py [--seconds 5] [--repeat 3] [--json]

event     an event is appended to the log, as ingest does
detected  a scene's end: 16 observations are upserted and told of, the event passed
folded    a tile folded: its history of 60 observations read, its fence advanced, an alert believed, a record told and two deliveries owed
told      a delivery leased, and settled in another transaction, as notify does
read      60 observations of a tile read

Every commit is durable: SQLite with synchronous=FULL, PostgreSQL with fsync and synchronous_commit on. With one writer, and on
PostgreSQL with four in threads on four tiles too; SQLite has one writer at a time by its nature. Folding itself is measured by refold.py.
"""

import argparse
import itertools
import json
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from alert_examples import content, record
from servers.postgres import Postgres
from sqlalchemy import Engine
from store_examples import AT, an_alert, coverage, seen

from jagawana.schemas.envelope import encode
from jagawana.schemas.errors import TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.settings import load_settings
from jagawana.services.store.database import migrate, open_database
from jagawana.services.store.log import Event
from jagawana.services.store.sql import SqlStore

LOOKS, TILES = 60, 16
WRITERS = 4
Step = Callable[[SqlStore, int, int], None]


def event(store: SqlStore, writer: int, n: int) -> None:
    with store.transaction() as tx:
        tx.log.publish(Topic.COVERAGE, coverage(f"{writer}-{n}"), source="/benchmark", at=AT)


def detected(store: SqlStore, writer: int, n: int) -> None:
    scene = f"{writer}-{n}"
    rows = [
        seen(observation_id=f"{scene}-{tile}", tile=f"d{tile}", acquisition_key=scene, scene_id=scene, tense="archival")
        for tile in range(TILES)
    ]
    with store.transaction() as tx:
        tx.observations.remember(rows)
        for _ in rows:
            tx.log.publish(Topic.COVERAGE, coverage(scene), source="/benchmark", at=AT)
        tx.log.finish("detect", Event(n, Topic.SCENES, scene, scene, b"{}", partition=writer), outcome="done", at=AT)


def folded(store: SqlStore, writer: int, n: int) -> None:
    tile = f"t{writer}"
    told = record(content(), number=1 + writer * 1_000_000 + n)
    payload = encode(told, source="/benchmark", at=AT)
    with store.transaction() as tx:
        read = tx.alerts.tile_state(tile)
        assert len(tx.observations.current(tile)) == LOOKS
    with store.transaction() as tx:
        known = tx.alerts.of_tile(tile)
        tx.alerts.advance(read, zones_version="z", rules_version="r")
        row = known.get(f"{tile}-1") or an_alert(alert_id=f"{tile}-1", tile=tile)
        row.record_number, row.content = told.record_number, payload.decode()
        tx.alerts.believe(row)
        tx.alerts.tell(told, payload)
        tx.deliveries.owe(told, ["post-1", "post-2"], at=AT)
        tx.log.append(Topic.ALERTS, tile, payload, AT)


def told(store: SqlStore, writer: int, n: int) -> None:
    with store.transaction() as tx:
        taken = tx.deliveries.take_next(token=f"{writer}-{n}", now=AT)
    if taken is None:
        raise OutOfWork
    with store.transaction() as tx:
        tx.deliveries.settle(taken, state="sent", next_at=AT, provider_ref=None, error=None, at=AT)


def read(store: SqlStore, writer: int, _n: int) -> None:
    with store.transaction() as tx:
        assert len(tx.observations.current(f"t{writer}")) == LOOKS


class OutOfWork(Exception):
    """Everything owed is told."""


STEPS: dict[str, Step] = {"event": event, "detected": detected, "folded": folded, "told": told, "read": read}
_numbers = itertools.count(1)


def rate(store: SqlStore, step: Step, writers: int, seconds: float) -> float:
    """Steps a second of all writers together."""
    ready = threading.Barrier(writers)

    def work(writer: int) -> tuple[int, float]:
        done = 0
        ready.wait()
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            try:
                step(store, writer, next(_numbers))
            except TransientError:  # another was faster: as the rooms do, again
                continue
            except OutOfWork:
                break
            done += 1
        return done, time.perf_counter() - begun

    with ThreadPoolExecutor(writers) as pool:
        found = [f.result() for f in [pool.submit(work, writer) for writer in range(writers)]]
    return sum(done for done, _ in found) / max(took for _, took in found)


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, SqlStore]]:
    """Both, with the history of four tiles."""
    with Postgres(settings={"fsync": "on", "shared_buffers": "128MB"}) as postgres:
        engines: dict[str, Engine] = {}
        for name, url in (("SQLite", None), ("PostgreSQL", postgres.new_database())):
            settings = load_settings(data=folder / name, database_url=url)
            migrate(settings)
            engines[name] = open_database(settings)
        made = {name: SqlStore(engine) for name, engine in engines.items()}
        for store in made.values():
            with store.transaction() as tx:
                for tile, look in itertools.product(range(WRITERS), range(LOOKS)):
                    key = f"t{tile}-{look}"
                    tx.observations.remember([seen(observation_id=key, tile=f"t{tile}", acquisition_key=key, scene_id=key)])
        yield made
        for engine in engines.values():
            engine.dispose()


def main() -> None:
    """Measure in turns, print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cases = [("SQLite", 1), ("PostgreSQL", 1), ("PostgreSQL", WRITERS)]
    found: dict[str, dict[str, list[float]]] = {step: {f"{name}, {n}": [] for name, n in cases} for step in STEPS}
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as made:
        for _, (step, work), (name, writers) in itertools.product(range(given.repeat), STEPS.items(), cases):
            found[step][f"{name}, {writers}"].append(rate(made[name], work, writers, given.seconds))
    if given.json:
        print(json.dumps({"processor": platform.processor(), "steps a second": found}, indent=1))
        return
    print(f"{'steps a second':16}" + "".join(f"{f'{name}, {n}':>16}" for name, n in cases))
    for step, by_case in found.items():
        print(f"{step:16}" + "".join(f"{median(rates):16.0f}" for rates in by_case.values()))


if __name__ == "__main__":
    main()
