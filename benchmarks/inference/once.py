"""One engine over one image, in a process of its own: seconds, peak memory, labels. Runs in a peer's environment or in ours.

python once.py ENGINE.py --network N --image I --warm W --labels OUT.npy --result OUT.json
"""

import argparse
import importlib.util
import json
import os
import resource
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np

TICKS = os.sysconf("SC_CLK_TCK")


def measure(given: argparse.Namespace, scratch: Path) -> dict[str, object]:
    """Load, run once on a small image (graphs are compiled, libraries loaded), then the run that counts."""
    engine = _engine(given.engine)
    labels_of = engine.load(given.network, precision=given.precision, threads=given.threads, scratch=scratch)
    labels_of(given.warm)
    busy, own, start = _busy(), _own(), time.perf_counter()
    labels = labels_of(given.image)
    seconds = time.perf_counter() - start
    spent = _own() - own
    foreign = _busy() - busy - spent
    np.save(given.labels, labels)
    return {
        "seconds": seconds,
        "mpx_per_s": labels.size / seconds / 1e6,
        "cpu_s_per_mpx": spent / TICKS / labels.size * 1e6,
        "peak_mib": _peak_mib(),
        "foreign_share": max(0.0, foreign / TICKS / seconds / (os.cpu_count() or 1)),
        "versions": {name: version(name) for name in engine.PACKAGES},
    }


def _engine(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _busy() -> int:
    """Ticks that all processors together were not idle; time stolen by the host counts as busy."""
    user, nice, system, _idle, _wait, *interrupts = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return user + nice + system + sum(interrupts)


def _own() -> int:
    """Ticks of this process and its descendants, those that ended included."""
    return sum(sum(map(int, fields[11:15])) for fields in _family().values())


def _family() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat after the name, of this process and its living descendants."""
    found: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
    family = {os.getpid()}
    while more := {pid for pid, fields in found.items() if int(fields[1]) in family} - family:
        family |= more
    return {pid: found[pid] for pid in family}


def _peak_mib() -> float:
    """Peaks of this process and of its largest child, living or ended, added up; memory that both see counts twice."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    living = [_high_water_kib(pid) for pid in _family() if pid != os.getpid()]
    return (_high_water_kib(os.getpid()) + max([ended, *living])) / 1024


def _high_water_kib(pid: int) -> int:
    """From the status file: ru_maxrss of a process begins with what its parent had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    """Measure and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", type=Path)
    for name in ("network", "image", "warm", "labels", "result"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        given.result.write_text(json.dumps(measure(given, Path(scratch))))


if __name__ == "__main__":
    main()
