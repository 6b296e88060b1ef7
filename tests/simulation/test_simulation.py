"""Thousands of histories with kills, zombies, races, duplicates and changes of everything; at rest nothing is lost, wrong or told twice."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import results
from simulation.history import Faults, Outcome, simulate

HISTORIES = 5_000
PARTS = 20
"""Seed ranges: the workers of a test run share them."""
AT_LEAST = {
    "kills": 250, "rebalances": 300, "zombies": 90, "double processing": 180, "races lost": 90, "duplicates": 85, "decoder crashes": 95,
    "store errors": 80, "channel failures": 25, "zone changes": 190, "deployments": 35, "outages": 8, "torn blobs": 8,
    "workers killed by scenes": 60, "floods": 2,
}  # fmt: skip
"""What a seed range must have seen, or it proves little: half of what the poorest range has."""


def _summed(outcomes: list[Outcome]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total += outcome.counts
    return {"histories": len(outcomes), "violations": sum(bool(o.violations) for o in outcomes), **total}


def _record(part: int, figures: dict[str, int]) -> None:
    """Each range writes its own figures and the sum of those that are there; the last one sums them all."""
    results.record(f"simulation-{part:02d}", figures)
    folder = os.environ.get("JAGAWANA_RESULTS")
    if folder:
        total: Counter[str] = Counter()
        for file in Path(folder).glob("simulation-*.json"):
            total.update(json.loads(file.read_text()))
        results.record("simulation", {"violations": 0, **total})


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_everything_comes_out_right(part: int) -> None:
    size = HISTORIES // PARTS
    outcomes = [simulate(seed) for seed in range(part * size, (part + 1) * size)]
    figures = _summed(outcomes)
    _record(part, figures)
    broken = [o for o in outcomes if o.violations]
    assert not broken, "\n".join(f"make simulate SEED={o.seed}  # {'; '.join(o.violations)}" for o in broken[:5])
    assert {what: figures.get(what, 0) for what, least in AT_LEAST.items() if figures.get(what, 0) < least} == {}


def test_without_faults_nothing_is_repeated() -> None:
    for seed in range(100_000, 100_020):
        outcome = simulate(seed, Faults(kill=0, pause=0, join=0, busy=0))
        assert outcome.violations == () and outcome.counts["rebalances"] == 0 == outcome.counts["double processing"]


def test_a_seed_is_one_history() -> None:
    seeds = range(7_000, 7_010)
    here = [simulate(seed).fingerprint for seed in seeds]
    assert here == [simulate(seed).fingerprint for seed in seeds] and len(set(here)) == len(here)
    program = f"from simulation.history import simulate; print([simulate(s).fingerprint for s in range({seeds.start}, {seeds.stop})])"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == here, "not even the order of sets decides anything"
