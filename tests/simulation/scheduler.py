"""Workers as greenlets that a seeded scheduler runs one step at a time: every failpoint is a moment where anything may happen."""

import random
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from greenlet import GreenletExit, getcurrent, greenlet

from jagawana.schemas.errors import ErrorCode, TransientError

PATIENCE = 15
"""Steps that a worker waits for another's transaction before the store is called busy."""


class Killed(GreenletExit):
    """kill -9: nothing in the production code catches it, and a transaction that is open is rolled back."""


class Stalled(AssertionError):
    """A history that does not come to rest."""


class SimulatedClock:
    """Moves a second at every look. Whoever waits lets others work."""

    def __init__(self, pause: Callable[[str], None]) -> None:
        self.at = datetime(2026, 6, 1, tzinfo=UTC)
        self.races_lost = 0
        self._pause = pause

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        self.races_lost += seconds == 0.0  # the bus does not wait after a lost race
        self.at += timedelta(seconds=seconds)
        self._pause("sleeping")


@dataclass
class Worker:
    """A process: one greenlet, where it stands, and how long it is paused."""

    name: int
    config: tuple[str, int]
    run: greenlet
    at: str = "new"
    before: str = ""
    waits: int = 0
    paused: int = 0

    @property
    def is_inside(self) -> bool:
        """Whether it is in the middle of something."""
        return self.at not in ("new", "idle")


class Scheduler:
    """Owns the workers. `reached` is the hook of the failpoints; `noticed` is told of every arrival, of the end too."""

    def __init__(self, rng: random.Random, noticed: Callable[[Worker], None]) -> None:
        self.rng, self.noticed = rng, noticed
        self.workers: list[Worker] = []
        self.running: Worker | None = None
        self.counts: Counter[str] = Counter()
        self._main = getcurrent()
        self.fingerprint = 0
        """One number for everything that was scheduled."""

    def reached(self, name: str) -> None:
        """A worker comes to a failpoint: it goes on when it is told to, if it is."""
        if self.running is not None:
            self._main.switch(name)

    def wait_for_store(self) -> None:
        """Another transaction is open: look again later, and give up at some time."""
        worker = self.running
        if worker is None:
            raise AssertionError("the scheduler itself must not wait")
        worker.waits += 1
        if worker.waits > PATIENCE:
            worker.waits = 0
            self.counts["store busy"] += 1
            raise TransientError(ErrorCode.STORE_BUSY, "another process holds the database")
        self.reached("waiting")

    def start(self, body: Callable[[], None], config: tuple[str, int]) -> Worker:
        """Begin a process."""
        self.counts["starts"] += 1
        worker = Worker(self.counts["starts"], config, greenlet(body, parent=self._main))
        self.workers.append(worker)
        return worker

    def step(self, worker: Worker, error: BaseException | None = None) -> None:
        """Let a worker go on to its next failpoint; or let an error befall it where it stands."""
        self.running = worker
        try:
            at = worker.run.switch() if error is None else worker.run.throw(error)
        finally:
            self.running = None
        worker.before, worker.at = worker.at, at if isinstance(at, str) else "ended"
        if worker.at != "waiting":
            worker.waits = 0
        self.fingerprint = zlib.crc32(worker.at.encode(), self.fingerprint + worker.name & 0xFFFFFFFF)
        if worker.run.dead:
            self.workers.remove(worker)
        self.noticed(worker)

    def kill(self, worker: Worker) -> None:
        """kill -9, wherever it stands."""
        self.counts["kills"] += 1
        self.step(worker, Killed())

    def stop_all(self) -> None:
        """End of a history: nothing may keep running."""
        for worker in [w for w in self.workers if w.run]:
            worker.run.throw(Killed())
        self.workers.clear()
