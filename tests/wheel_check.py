"""Build the wheel, install it into an empty environment, and run it outside the checkout, as a user would.

Not a test of pytest's: `make wheel` runs it. An sdist that builds an empty wheel, or a file that is only in the checkout,
is found here and nowhere else.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"wheel check: {' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        outside = Path(scratch)
        run(ROOT / ".venv/bin/python", "-m", "build", "--outdir", outside / "dist", ROOT, cwd=outside)
        wheel = next((outside / "dist").glob("*.whl"))
        venv.create(outside / "env", with_pip=True)
        binaries = outside / "env" / "bin"
        quiet = ("--quiet", "--disable-pip-version-check", "--constraint", ROOT / "constraints.txt")
        run(binaries / "pip", "install", *quiet, wheel, cwd=outside)
        use(binaries / "jagawana", outside)
        print(f"wheel check: {wheel.name} works in an empty environment")


def use(jagawana: Path, outside: Path) -> None:
    """Doctor, a small simulated world through the chain, and every command's help."""
    doctor = json.loads(run(jagawana, "doctor", "--json", cwd=outside))
    assert all(str(doctor[f"model {m}"]).startswith("known answer given") for m in ("s2", "rgbn")), doctor
    for command in ("demo", "simulate", "scene", "replay", "up", "detect", "train", "evaluate", "zones", "alerts", "dead", "digest"):
        run(jagawana, command, "--help", cwd=outside)
    run(jagawana, "simulate", "--seed", "3", "--days", "60", "--out", "world", cwd=outside)
    run(jagawana, "zones", "load", "world/zones.gpkg", "--data", "data", cwd=outside)
    summary = json.loads(run(jagawana, "replay", "world", "--data", "data", "--json", cwd=outside))
    assert summary["scenes_dead"] == 0 and summary["scenes_done"] == summary["scenes_found"] > 0, summary
    assert run(jagawana, "digest", "--data", "data", cwd=outside).strip() == summary["digest"]


if __name__ == "__main__":
    main()
