"""The simulation is tested too: without any one protection, it finds out."""

import json
import os
from pathlib import Path

import pytest
import results
from simulation.history import simulate
from simulation.mutants import MUTANTS, REDUNDANT, mutant

BUDGET = 5_000
"""A mutant that lives this long has escaped the default histories."""


def _record(name: str, caught_at: int | None) -> None:
    folder = os.environ.get("JAGAWANA_RESULTS")
    if folder:
        results.record(f"mutant-{name.replace(' ', '-')}", {name: caught_at})
        each = [json.loads(file.read_text()) for file in sorted(Path(folder).glob("mutant-*.json"))]
        results.record("mutants", {"first seed that finds it": {k: v for figures in each for k, v in figures.items()}, "budget": BUDGET})


@pytest.mark.parametrize("name", MUTANTS)
def test_each_missing_protection_is_found_out(name: str) -> None:
    with mutant(name):
        caught_at = next((seed for seed in range(BUDGET) if simulate(seed).violations), None)
    _record(name, caught_at)
    assert caught_at is not None, f"{BUDGET} histories without {name!r} went well"


@pytest.mark.parametrize("name", REDUNDANT)
def test_what_is_redundant_by_design_is_not_missed(name: str) -> None:
    """If this fails it has become a protection: move it to the mutants."""
    with mutant(name):
        found = [seed for seed in range(150) if simulate(seed).violations]
    _record(name, found[0] if found else None)
    assert found == []
