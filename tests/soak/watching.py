"""Memory of a process and everything it has started, sampled from outside."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Sample:
    """Memory at one moment, in bytes: proportional set size and own bytes of all processes, and own bytes of the worker itself.

    Own bytes are those that no file backs. Of the others the proportional size also depends on which strangers map the same libraries.
    """

    at: float
    pss: int
    own: int
    own_of_worker: int


@dataclass
class Watched:
    """What a worker said and what it took."""

    lines: list[dict[str, float]] = field(default_factory=list)
    memory: list[Sample] = field(default_factory=list)

    def own_bytes(self, first: float, last: float) -> int:
        """Median of the worker's own memory between two shares of its scenes."""
        begin, end = (self.lines[round(share * (len(self.lines) - 1))]["at"] for share in (first, last))
        inside = sorted(sample.own_of_worker for sample in self.memory if begin <= sample.at <= end)
        return inside[len(inside) // 2]

    def scenes_per_second(self, first: float, last: float, clock: str = "at") -> float:
        """Rate between two shares of its scenes, by the wall clock ("at") or by the worker's processor time ("cpu")."""
        a, b = round(first * (len(self.lines) - 1)), round(last * (len(self.lines) - 1))
        return (b - a) / (self.lines[b][clock] - self.lines[a][clock])


def watch(data: Path, archive: Path) -> Watched:
    """Run a worker on an archive to its end."""
    seen, done = Watched(), threading.Event()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "soak.worker", data, archive]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        sampler = threading.Thread(target=_sample, args=(process.pid, seen, done))
        sampler.start()
        assert process.stdout is not None
        seen.lines += [json.loads(line) for line in process.stdout]
        done.set()
        sampler.join()
    assert process.returncode == 0
    return seen


def _sample(root: int, into: Watched, done: threading.Event) -> None:
    while not done.wait(SAMPLE_SECONDS):
        sizes = [_sizes(root)]
        for nursery in _children(root):
            decoders = [_sizes(pid) for pid in _children(nursery)]
            sizes += [_sizes(nursery), max(decoders, default=(0, 0))]  # there is one; others have been killed and are about to be gone
        into.memory.append(Sample(time.monotonic(), sum(pss for pss, _ in sizes), sum(own for _, own in sizes), sizes[0][1]))


def _children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []


def _sizes(pid: int) -> tuple[int, int]:
    """Proportional set size and what of it no file backs, in bytes; 0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return kib["Pss"] << 10, (kib["Pss_Anon"] + kib["Pss_Shmem"]) << 10
