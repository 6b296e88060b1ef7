"""The house's own rules: who may import whom is checked, and each check bites when it is broken."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "detectors", "rules", "services")
SEEDS = {
    "Rooms: services use detectors and rules": ("detectors/quicklook.py", "import jagawana.services.settings"),
    "Inside services: entrypoints over wiring": ("services/notify/ledger.py", "import jagawana.services.detect.observing"),
    "The cores touch no network, database or bus": ("rules/pack.py", "import sqlalchemy"),
    "Compliance and alerting need no GPU stack": ("services/assess/records.py", "import torch"),
}


def test_every_import_contract_bites(tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / "jagawana" / room, ignore=shutil.ignore_patterns("__pycache__", "weights", "json"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line in SEEDS.values():
        file = tmp_path / "jagawana" / path
        file.write_text(f"{file.read_text()}\n\n{line}\n")
    linter = Path(sys.executable).with_name("lint-imports")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run([linter, "--no-cache"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    broken = set(re.findall(r"^(.+?) BROKEN", re.sub(r"\n(?=over store)", " ", done.stdout), re.MULTILINE))
    assert done.returncode == 1 and len(broken) == len(SEEDS), done.stdout
    assert all(any(name.startswith(start) for name in broken) for start in SEEDS), broken


def test_the_readme_names_only_commands_that_exist() -> None:
    from jagawana.services.cli import app

    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}
    readme = (ROOT / "README.md").read_text()
    used = set(re.findall(r"^jagawana ([a-z]+)", readme, re.MULTILINE))
    assert used and used <= names | groups
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", readme)) <= targets
