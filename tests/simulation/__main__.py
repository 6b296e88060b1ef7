"""`make simulate`: many histories on all cores, or one seed, told in full."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import results
from rich.progress import Progress
from simulation.history import Outcome, simulate

CHUNK = 200


def _chunk(last: int, first: int) -> list[Outcome]:
    logging.disable(logging.CRITICAL)
    return [simulate(seed) for seed in range(first, min(first + CHUNK, last))]


def _many(first: int, histories: int) -> int:
    last, total, broken, began = first + histories, Counter[str](), list[Outcome](), time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool, Progress() as progress:
        task = progress.add_task("histories", total=histories)
        for outcomes in pool.map(partial(_chunk, last), range(first, last, CHUNK)):
            progress.advance(task, len(outcomes))
            for outcome in outcomes:
                total += outcome.counts
                if outcome.violations:
                    broken.append(outcome)
                    line = f"make simulate SEED={outcome.seed}  # {'; '.join(outcome.violations)}"
                    progress.console.print(line, soft_wrap=True, markup=False, highlight=False)
    figures = {"histories": histories, "violations": len(broken), "seconds": round(time.monotonic() - began), **total}
    results.record("simulation", figures)
    print("\n".join(f"{count:>12,} {what}" for what, count in figures.items()))
    return 1 if broken else 0


def _one(seed: int) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    outcome = simulate(seed)
    print("\n".join([*(f"{count:>12,} {what}" for what, count in outcome.counts.items()), *outcome.violations]))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="simulation")
    parser.add_argument("--histories", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    given = parser.parse_args()
    sys.exit(_many(given.first, given.histories) if given.seed is None else _one(given.seed))
