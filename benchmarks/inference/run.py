"""A peer's own inference code against ours: the same image, the same weights, the same threads, in turns.

    python benchmarks/inference/setup.py geo-inference
    python benchmarks/inference/run.py --peer geo-inference --side 4096 --repeat 3 --precision bf16,fp32 [--json]

Peers compute fp32, as they do by themselves; --precision is ours. Each run is a process of its own: it loads its network, runs a
small image for warmth, then the image that counts, from opening the file to the label of every pixel. The page cache is warm for all.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from peers import PEERS, Peer
from table import printed

HERE = Path(__file__).parent
WARM_PX = 1024
Run = dict[str, Any]


class Bench:
    """One image, one network and the folder they lie in."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.folder = given, given.work.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.network, self.image, self.warm = self._made("rgbn.pt"), self._made(f"{given.side}.tif"), self._made(f"{WARM_PX}.tif")

    def compare(self, peer: Peer) -> dict[str, Any]:
        """Peer and ours in turns; medians, and which share of the labels is the same."""
        runs: dict[str, list[Run]] = {}
        for name, python, engine, precision in list(self._turn(peer)) * self.given.repeat:
            runs.setdefault(name, []).append(self._once(name, python, engine, precision))
            print(f"{name}: {runs[name][-1]['seconds']:.1f} s, {runs[name][-1]['foreign_share']:.0%} foreign", file=sys.stderr)
        labels = {name: np.load(self.folder / f"{name}.npy") for name in runs}
        rows = {name: _median(found) | {"equal_labels": float((labels[name] == labels[peer.name]).mean())} for name, found in runs.items()}
        for row in rows.values():
            row["ratio"] = row["mpx_per_s"] / rows[peer.name]["mpx_per_s"]
            row["ratio_cpu"] = rows[peer.name]["cpu_s_per_mpx"] / row["cpu_s_per_mpx"]
        return {"peer": peer.name, "method": peer.method, "side": self.given.side, "rows": rows, "runs": runs}

    def kernel(self, precision: str) -> Run:
        """See kernel.py."""
        command: list[str | Path] = [sys.executable, HERE / "kernel.py", "--precision", precision, "--threads", str(self.given.threads)]
        answer: Run = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=self._environment()).stdout)
        return answer

    def _turn(self, peer: Peer) -> Iterator[tuple[str, Path, Path, str]]:
        yield peer.name, self.given.envs.resolve() / peer.name / "bin/python", HERE / "peer" / peer.engine, "fp32"
        for precision in self.given.precision.split(","):
            yield f"ours-{precision}", Path(sys.executable), HERE / "ours.py", precision

    def _once(self, name: str, python: Path, engine: Path, precision: str) -> Run:
        if not python.exists():
            raise SystemExit(f"{name} is not installed: python benchmarks/inference/setup.py {name} --envs {self.given.envs}")
        result = self.folder / f"{name}.json"
        files = {"network": self.network, "image": self.image, "warm": self.warm, "labels": self.folder / f"{name}.npy", "result": result}
        options = [part for key, path in files.items() for part in (f"--{key}", path)]
        command = [python, HERE / "once.py", engine, *options, "--precision", precision, "--threads", str(self.given.threads)]
        done = subprocess.run(command, check=False, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stdout[-3000:]}")
        answer: Run = json.loads(result.read_text())
        return answer

    def _environment(self) -> dict[str, str]:
        threads = str(self.given.threads)
        return os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "CUDA_VISIBLE_DEVICES": ""}

    def _made(self, name: str) -> Path:
        """Written by a process that ends: this one stays small, and starts no threads."""
        path: Path = self.folder / name
        if not path.exists():
            work = f"network.export(Path({str(path)!r}))" if name == "rgbn.pt" else f"scene.write(Path({str(path)!r}), {int(path.stem)})"
            module = work.split(".")[0]
            subprocess.run([sys.executable, "-c", f"from pathlib import Path; import {module}; {work}"], check=True, cwd=HERE)
        return path


def _median(runs: Sequence[Run]) -> Run:
    figures = {key: median(run[key] for run in runs) for key in ("seconds", "mpx_per_s", "cpu_s_per_mpx", "peak_mib")}
    return figures | {"n": len(runs), "most_foreign": max(run["foreign_share"] for run in runs), "versions": runs[-1]["versions"]}


def _machine() -> dict[str, Any]:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?")
    flags = set(next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split())
    wanted = sorted(flags & {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8"})
    return {"cpu": model, "cores": os.cpu_count(), "flags": wanted, "python": platform.python_version(), "kernel": platform.release()}


def main() -> None:
    """Run the comparison and print a table, or JSON that table.py makes one of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=[*PEERS, "all"], default="all")
    parser.add_argument("--side", type=int, default=4096, help="of the image, in px")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--precision", default="bf16,fp32", help="ours, separated by commas")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--envs", type=Path, default=Path("build/peers"), help="where setup.py put the peers")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="where image, network and labels are kept")
    parser.add_argument("--json", action="store_true", help="everything measured, instead of the table")
    given = parser.parse_args()
    bench = Bench(given)
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine(), "threads": given.threads,
        "kernel": {precision: bench.kernel(precision) for precision in given.precision.split(",")},
        "comparisons": [bench.compare(peer) for peer in (PEERS.values() if given.peer == "all" else [PEERS[given.peer]])],
    }  # fmt: skip
    print(json.dumps(report, indent=1) if given.json else printed(report))


if __name__ == "__main__":
    main()
