"""A whole scene from its event to its committed alerts, against the bare network; memory of all processes together.

    python benchmarks/whole_scene.py FOLDER [--precision bf16,fp32] [--repeat 3] [--rows 10980] [--json]

FOLDER gets two scenes (whole_scenes.py) and a data folder. The first scene makes the baseline; the second is measured: copying
and checking, decoding, cloud mask, network, observations, fold, shapes, verdicts, commit. Messages to people are not in the time.
The bare network is the same graph on a block that is already in memory, no halo, no decoding, in the same run.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
SAMPLE_SECONDS = 0.1


def child(folder: Path, scene: str, precision: str) -> dict[str, Any]:
    """In a process of its own: work on one scene. Prints nothing; the parent samples our memory."""
    from jagawana.rules.zones import Zone
    from jagawana.schemas.alert import ZoneKind
    from jagawana.schemas.observation import AlertTense
    from jagawana.services.ingest.items import find_items, roots_of, send
    from jagawana.services.settings import load_settings
    from jagawana.services.store import zones
    from jagawana.services.store.database import transaction
    from jagawana.services.wiring import build

    import shapely  # isort: skip

    service = build(load_settings(data=folder / "data", precision=precision))
    item, marks, begun = folder / "items" / f"{scene}.json", [], 0.0

    def tell(room: str) -> None:
        marks.append((room, time.perf_counter() - begun))

    park = Zone("park", ZoneKind.CONSERVATION, "Park", shapely.box(113.5, -2.5, 116.5, -0.5), "parks", "1", "benchmark")
    with service.working():
        with transaction(service.engine) as session:
            if not zones.kinds_loaded(session):
                zones.activate(session, "parks", "1", [park], at=service.clock.now())
            send(session, find_items([item], AlertTense.TEST), roots_of([item]), at=service.clock.now())
        begun = time.perf_counter()
        service.drain(tell)
    last = {room: at for room, at in marks}
    tiles = sum(room == "assess" for room, _ in marks)
    return {"detect_s": last["detect"], "committed_s": last["assess"], "tiles": tiles, "told": sum(room == "notify" for room, _ in marks)}


def kernel(precision: str) -> dict[str, Any]:
    """Million pixels a second of the bare network, the best of three block sizes."""
    import numpy as np

    from jagawana.detectors.inference.runtime import Spare
    from jagawana.services.detect.models import load_detector

    detector = load_detector("rgbn", device="cpu", precision=precision)
    runtime, channels = detector._runtime, detector._card.normalisation.channels
    best = 0.0
    for side in (512, 616, 1024):
        block = np.random.default_rng(0).uniform(0, 0.4, (channels, side, side)).astype(np.float32), np.ones((side, side), bool)
        runtime.stored(*block, Spare(0, 0, 0, 0))
        times = []
        for _ in range(12):
            begun = time.perf_counter()
            runtime.stored(*block, Spare(0, 0, 0, 0))
            times.append(time.perf_counter() - begun)
        best = max(best, side * side / median(times) / 1e6)
    return {"kernel_mpx_s": best}


def in_child(*args: str) -> tuple[dict[str, Any], float, float]:
    """What a child says, the peak memory of it and its children in MiB (proportional set size), and what others used of the processor."""
    process = subprocess.Popen([sys.executable, __file__, *args], stdout=subprocess.PIPE, text=True)
    peak, done, before = [0.0], threading.Event(), _busy()
    sampler = threading.Thread(target=_sample, args=(process.pid, peak, done))
    sampler.start()
    out, _ = process.communicate()
    done.set()
    sampler.join()
    if process.returncode:
        raise SystemExit(f"{args} failed")
    answer = json.loads(out.splitlines()[-1])
    after = _busy()
    foreign = (after[0] - before[0] - answer.pop("cpu_s") * os.sysconf("SC_CLK_TCK")) / max(1, after[1] - before[1])
    return answer, peak[0], max(0.0, foreign)


def _busy() -> tuple[int, int]:
    """Busy and all ticks of all processors."""
    ticks = [int(v) for v in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _sample(pid: int, peak: list[float], done: threading.Event) -> None:
    while not done.wait(SAMPLE_SECONDS):
        peak[0] = max(peak[0], sum(_pss(p) for p in _tree(pid)))


def _tree(pid: int) -> list[int]:
    try:
        children = [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(p for child in children for p in _tree(child))]


def _pss(pid: int) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0.0
    return int(found.group(1)) / 1024 if found else 0.0


def measure(folder: Path, precision: str, rows: int, repeat: int) -> dict[str, Any]:
    folder = folder / str(rows)
    if not (folder / "items" / "S2_WHOLE_1.json").exists():
        subprocess.run([sys.executable, HERE / "whole_scenes.py", folder, "--rows", str(rows)], check=True, stdout=subprocess.DEVNULL)
    runs = []
    for _ in range(repeat):
        shutil.rmtree(folder / "data", ignore_errors=True)
        in_child("--child", str(folder), "S2_WHOLE_0", precision)
        before, _, _ = in_child("--kernel", precision)
        answer, peak, foreign = in_child("--child", str(folder), "S2_WHOLE_1", precision)
        after, _, _ = in_child("--kernel", precision)
        rate = rows * 10_980 / answer["committed_s"] / 1e6
        bare = (before["kernel_mpx_s"] + after["kernel_mpx_s"]) / 2
        runs.append(answer | {"mpx_s": rate, "kernel_mpx_s": bare, "times_the_kernel": bare / rate, "peak_mib": peak, "foreign": foreign})
    figures = {key: round(median(run[key] for run in runs), 2) for key in runs[0]}
    names = ("openvino", "rasterio", "numpy")
    return {"precision": precision, "rows": rows, "n": repeat, **figures, "versions": {name: version(name) for name in names}}


if __name__ == "__main__":
    if sys.argv[1] in ("--child", "--kernel"):
        told = kernel(sys.argv[2]) if sys.argv[1] == "--kernel" else child(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
        used = os.times()
        print(json.dumps(told | {"cpu_s": sum(used[:4])}))
        raise SystemExit(0)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", default="bf16,fp32")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_980)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for name in given.precision.split(","):
        found = measure(given.folder, name, given.rows, given.repeat)
        print(json.dumps(found) if given.json else "\n".join(f"{key}: {value}" for key, value in found.items()), flush=True)
