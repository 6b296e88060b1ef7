"""docs/scorecard.md from the figures that tests and benchmarks have left behind.

    python tests/scorecard.py RESULTS OUT

RESULTS is the folder that tests wrote to (JAGAWANA_RESULTS); OUT is the page. A part that was not run says so.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

PARTS = {
    "kills": "kill -9 at every failpoint, real processes",
    "random_kills": "kill -9 at random moments, the command itself",
    "simulation": "Simulated histories (simulated processes, store and channels; the step functions are the service's own)",
    "mutants": "The simulation itself tested: protections taken away",
    "order": "Order of arrival",
    "bad_inputs": "Bad files (groups A, B, C)",
    "bad_events": "Bad events (D)",
    "bad_zones": "Bad zone layers (E)",
    "bad_models": "Bad models and settings (F)",
    "guard_rules": "Guard rules taken away one by one",
    "bit_flips": "One bit flipped",
    "fuzz": "Fuzzing",
    "disk": "Full disk, failing disk, locked database",
    "blobs": "Stored observations damaged",
    "models": "Model file damaged or swapped",
    "decoder": "Scenes that kill their decoder",
    "burst": "Ten times the design day at once",
    "soak": "Thousands of scenes in one process",
}
MOST_SHOWN = 40


def page(results: Path, readme: str) -> str:
    """The page as Markdown."""
    lines = ["# Scorecard", "", *_made_on(), ""]
    for name, title in PARTS.items():
        file = results / f"{name}.json"
        lines += [f"## {title}", "", *(_table(json.loads(file.read_text())) if file.exists() else ["*not run for this page*"]), ""]
    return "\n".join([*lines, "## What is not verified in this release", "", *_not_verified(readme), ""])


def _made_on() -> Iterator[str]:
    head = subprocess.run(["git", "describe", "--always"], capture_output=True, text=True, check=False).stdout.strip()
    names = ("jagawana", "torch", "openvino", "rasterio", "shapely", "sqlalchemy", "apprise", "hypothesis")
    yield f"Written by `make scorecard` at {head or 'an unknown revision'}: figures of test runs, on {os.cpu_count()} cores,"
    yield f"{platform.machine()}, Python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in names) + "."
    yield "Speed and memory of whole scenes are in [benchmarks/README.md](../benchmarks/README.md)."


def _table(figures: Mapping[str, object]) -> list[str]:
    return ["| figure | |", "|---|---|", *(f"| {name.replace('_', ' ')} | {_said(value)} |" for name, value in figures.items())]


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        told = [f"{str(name).replace('_', ' ')}: {_said(v)}" for name, v in value.items()]
        rest = f"; and {len(told) - MOST_SHOWN} more" if len(told) > MOST_SHOWN else ""
        return "; ".join(told[:MOST_SHOWN]) + rest
    if isinstance(value, list):
        return ", ".join(_said(v) for v in value)
    if isinstance(value, float):
        return f"{value:,.4g}"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _not_verified(readme: str) -> list[str]:
    """The README's own table."""
    part = re.search(r"^## Not verified\n(.*?)(?=^## |\Z)", readme, re.M | re.S)
    return part.group(1).strip().splitlines() if part else []


if __name__ == "__main__":
    home = Path(__file__).parents[1]
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1]), (home / "README.md").read_text(encoding="utf-8")), encoding="utf-8")
