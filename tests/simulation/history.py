"""One history: a seed decides what arrives, when, and everything that goes wrong; at the end there is rest, and the invariants."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import SimpleNamespace
from unittest.mock import patch

from memory.blobs import MemoryBlobs
from memory.store import MemoryStore

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import ErrorCode, JagawanaError, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services import failpoints
from jagawana.services.bus.handling import Clock
from jagawana.services.wiring import Service

from . import house
from .happenings import Happenings
from .invariants import dangling, violations
from .scheduler import Scheduler, SimulatedClock, Stalled, Worker
from .windows import Windows
from .world import MODELS, QUICKLOOK, script

MOST_STEPS = 40_000
MOST_WORKERS = 3
MOST_ROUNDS = 40
LULL = 200
"""Steps that trouble goes on for, at most, after the last thing has arrived."""
CRITICAL = {"blob.synced", "event.handled", "event.done", "tile.judged", "delivery.sent", "delivery.settling"}
"""Where an effect has just happened, or is just about to."""
STORE_POINTS = ("store.beginning", "store.begun", "store.committing", "store.committed")


@dataclass(frozen=True)
class Faults:
    """How likely each fault is at each step of the scheduler, and how many there may be in one history."""

    kill: float = 0.04
    pause: float = 0.03
    join: float = 0.06
    busy: float = 0.03
    most: int = 10

    @property
    def sum(self) -> float:
        """How likely any fault is."""
        return self.kill + self.pause + self.join + self.busy


@dataclass(frozen=True)
class Outcome:
    """What a history came to. `fingerprint` is one number for everything that was scheduled."""

    seed: int
    counts: Counter[str]
    violations: tuple[str, ...]
    fingerprint: int


class History:
    """A store, workers, and what befalls them."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.seed, self.faults, self.rng = seed, faults, random.Random(seed)
        self.script = script(self.rng)
        self.scheduler = Scheduler(self.rng, self._noticed)
        self.store = MemoryStore(self.scheduler.wait_for_store)
        self.blobs = MemoryBlobs()
        self.blobs.contents[QUICKLOOK] = b""
        self.outside = house.Outside(self.script, self.blobs, self.rng, self.scheduler.counts)
        self.windows = Windows(self.store)
        self.outside.took = lambda key, known: self.windows.took(self.scheduler.running, key, known)
        self.clock = SimulatedClock(self.scheduler.reached)
        self.config = (MODELS[0], 0)
        self.broken: list[str] = []
        self._tokens = 0
        self._observed = 0
        self._faults = 0

    @property
    def counts(self) -> Counter[str]:
        return self.scheduler.counts

    def run(self) -> Outcome:
        """All of it; every violation is named, none is raised."""
        decoded = lru_cache(maxsize=1024)(decode_as)  # thousands of times the same bytes; their reading has tests of its own
        with (
            failpoints.watched(self.scheduler.reached),
            patch("jagawana.services.notify.ledger.uuid4", self._token),
            patch("jagawana.services.bus.handling.decode_as", decoded),
        ):
            try:
                self._trouble()
                self._rest()
                self.broken += violations(self)
            except (AssertionError, JagawanaError, LookupError, TypeError, ValueError) as e:
                self.broken.append(f"{type(e).__name__}: {e}")
            finally:
                self.scheduler.stop_all()
        self.counts["races lost"] = self.clock.races_lost
        return Outcome(self.seed, self.counts, tuple(self.broken), self.scheduler.fingerprint)

    # Trouble

    def _trouble(self) -> None:
        actions, lull = Happenings(self).all(), self.rng.randint(0, LULL)
        for _ in range(MOST_STEPS):
            awake = [w for w in self.scheduler.workers if not w.paused]
            quiet = bool(awake) and all(w.at == "idle" for w in awake)
            if not actions and not self.outside.blobs_away:
                lull -= LULL // 10 if quiet else 1
            if lull < 0:
                return
            if actions and not self.store.is_open and self.rng.random() < (0.9 if quiet else 0.01):
                actions.pop()()  # when everybody is idle, something new comes soon
            else:
                self._next_step()
        raise Stalled("the scheduler gets no rest")

    def _next_step(self) -> None:
        workers = self.scheduler.workers
        free = [w for w in workers if not w.paused]
        self.outside.blobs_away -= self.outside.blobs_away > 0
        for worker in workers:
            worker.paused -= worker.paused > 0
        if not free:
            self._start()
            return
        worker = self._chosen(free)
        match self._fault(worker):
            case "kill":
                self.counts["torn blobs"] += worker.at in ("blob.writing", "blob.synced")
                self.scheduler.kill(worker)
            case "pause":
                self._pause(worker)
            case "busy" if worker.at in STORE_POINTS:
                self.counts["store errors"] += 1
                self.scheduler.step(worker, TransientError(ErrorCode.STORE_BUSY, "the database did not answer"))
            case "join" if len(workers) < MOST_WORKERS:
                self._start()
            case _:
                self.scheduler.step(worker)

    def _fault(self, worker: Worker) -> str:
        """What goes wrong at this step, if anything; most of it at the critical points."""
        committing = worker.at in ("store.committing", "store.committed") and self.store.wrote
        drawn = self.rng.random() * (1 if worker.at in CRITICAL or committing else 10)
        if drawn >= self.faults.sum or self._faults >= self.faults.most:
            return ""
        self._faults += 1
        for fault in ("kill", "pause", "join", "busy"):
            drawn -= getattr(self.faults, fault)
            if drawn < 0:
                return fault
        return ""

    def _chosen(self, free: list[Worker]) -> Worker:
        """Anybody; rather somebody who has something to do and is not waiting for another."""
        busy = [w for w in free if w.at not in ("idle", "waiting")] if self.rng.random() < 0.9 else free
        busy = busy or free
        return busy[int(self.rng.random() * len(busy))]

    def _pause(self, worker: Worker) -> None:
        """SIGSTOP: it goes on much later, and does not know; a zombie, if it was in the middle of something."""
        self.counts["pauses"] += 1
        worker.paused = self.rng.choice((30, 150, 500))
        self.counts["zombies"] += worker.is_inside and worker.paused > 30
        self.clock.at += timedelta(minutes=self.rng.choice((0, 1, 10)))

    def _start(self) -> None:
        others = list(self.scheduler.workers)
        self.counts["rebalances"] += any(w.is_inside for w in others)
        clock = Clock(self.clock.now, self.clock.sleep)
        service = house.process(self.store, self.outside, clock, self.config)
        self.scheduler.start(lambda: self._work(service, alone=not others), self.config)

    def _work(self, service: Service, *, alone: bool) -> None:
        """The life of a process: whoever is alone owns the ledger (`Service.working`), then it drains for ever (`up`)."""
        owns_the_ledger = not alone
        while True:
            try:
                if not owns_the_ledger:
                    with service.store.transaction() as tx:
                        tx.deliveries.reclaim()
                    owns_the_ledger = True
                service.drain()
            except JagawanaError:
                self.counts["drains given up"] += 1
            self.scheduler.reached("idle")

    # Rest

    def _rest(self) -> None:
        """Nothing goes wrong any more: the paused wake up as zombies, the old go, and the last one works until nothing is left."""
        self.faults = Faults(0, 0, 0, 0, 0)
        self.outside.channel_works, self.outside.blobs_away = True, 0
        for worker in self.scheduler.workers:
            worker.paused = 0
        self._until_idle()
        for worker in [w for w in self.scheduler.workers if w.config != self.config]:
            self.scheduler.kill(worker)
        for _ in range(MOST_ROUNDS):
            self.clock.at += timedelta(hours=1)
            for worker in self.scheduler.workers:
                worker.at = "new"  # `up` looks again now and then
            self._until_idle()
            if self._is_at_rest():
                return
        raise Stalled("something is never done")

    def _until_idle(self) -> None:
        for _ in range(MOST_STEPS):
            if self.scheduler.workers and all(w.at == "idle" for w in self.scheduler.workers):
                return
            if not self.scheduler.workers:
                self._start()
            self.scheduler.step(self._chosen([w for w in self.scheduler.workers if w.at != "idle"]))
        raise Stalled("workers never become idle")

    def _is_at_rest(self) -> bool:
        open_states = {row.state for row in self.store.tables.deliveries.values()} & {"pending", "sending"}
        passed = all(not self.store.unpassed(room, topic) for room, topic in (("detect", Topic.SCENES), ("assess", Topic.OBSERVATIONS)))
        return passed and not open_states

    # Watching

    def _noticed(self, worker: Worker) -> None:
        self.windows.noticed(worker)
        if len(self.store.tables.observations) != self._observed and worker.at == "store.committed":
            self._observed = len(self.store.tables.observations)
            self.broken += dangling(self.store, self.blobs)

    def _token(self) -> SimpleNamespace:
        """A lease's token that names its holder."""
        self._tokens += 1
        running = self.scheduler.running

        return SimpleNamespace(hex=f"{running.name if running else 0}-{self._tokens}")


def simulate(seed: int, faults: Faults = Faults()) -> Outcome:
    """Run one history."""
    return History(seed, faults).run()
