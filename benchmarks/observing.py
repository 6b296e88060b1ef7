"""What observing costs: a chain of small scenes with and without listeners, in turn, and the observer alone.

    python benchmarks/observing.py     (about half a minute)

The ratio of two chains is noisy on a shared machine; the sure figure is the time of the observer's own work beside that of an event.
"""

import shutil
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from chain import STORY, load_zones, service
from scenes import write_archive

from jagawana.schemas.observation import AlertTense
from jagawana.services.observer import UNOBSERVED, Observer, Work
from jagawana.services.observing.metrics import Metrics
from jagawana.services.observing.traces import Traces, close, exporting
from jagawana.services.replay import replay

ROUNDS = 7


class Timed:
    """Adds up what its listeners take."""

    def __init__(self, *listeners: Metrics | Traces) -> None:
        self.listeners, self.seconds, self.works = listeners, 0.0, 0

    def over(self, work: Work, began_ns: int, ended_ns: int) -> None:
        began = time.perf_counter()
        for listener in self.listeners:
            listener.over(work, began_ns, ended_ns)
        self.seconds += time.perf_counter() - began
        self.works += 1


def chain(folder: Path, archive: Path, observer: Observer) -> float:
    made = service(folder)
    object.__setattr__(made.notify, "observer", observer)
    made.bus.observer = observer
    load_zones(made)
    began = time.perf_counter()
    replay(made, [archive], order="acquired", tense=AlertTense.TEST)
    seconds = time.perf_counter() - began
    made.engine.dispose()
    shutil.rmtree(folder)
    return seconds


def main() -> None:
    spans = exporting("http://127.0.0.1:9/v1/traces")  # nobody is there: the dearest case
    timed = Timed(Metrics(), Traces(spans, {"service.name": "benchmark"}))
    ratios, shares = [], []
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        archive.mkdir()
        write_archive(archive, STORY)
        chain(Path(folder) / "warm", archive, UNOBSERVED)
        for n in range(ROUNDS):
            order = [UNOBSERVED, Observer((timed,))][:: 1 if n % 2 else -1]
            before = timed.seconds
            took = {bool(o.listeners): chain(Path(folder) / "data", archive, o) for o in order}
            ratios.append(took[True] / took[False])
            shares.append((timed.seconds - before) / took[True])
    close(spans)
    print(f"chain with and without: ratio {statistics.median(ratios):.3f} (median of {ROUNDS}; {min(ratios):.3f} to {max(ratios):.3f})")
    print(f"listeners: {timed.seconds / timed.works * 1e6:.0f} µs a piece of work, {statistics.median(shares):.2%} of the chain's time")


if __name__ == "__main__":
    main()
