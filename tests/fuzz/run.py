"""`python tests/fuzz/run.py MINUTES [TARGET …]`: each target for so long, guided by coverage (atheris; extra `fuzz`).

What breaks a target is kept in the folder `fuzz-findings` as a file whose bytes are the input; make it a test, then mend it.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
SLOWEST_S, MOST_MIB = 5, 3000
"""Of one input: a second, with room for a busy machine."""


def main(minutes: float, names: list[str]) -> int:
    from fuzz.seeds import DICTIONARY, seeds
    from results import record

    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder, "words")
        words.write_text("".join('"{}"\n'.format(w.replace('"', '\\"')) for w in DICTIONARY))
        for name, inputs in seeds(Path(folder)).items():
            if not names or name in names:
                figures[name] = _run(name, inputs, Path(folder), words, minutes)
                print(name, figures[name], flush=True)
    record("fuzz", figures)
    return int(any(f["escapes"] for f in figures.values()))


def _run(name: str, inputs: "list[bytes]", folder: Path, words: Path, minutes: float) -> dict[str, float]:
    """Executions, seconds and escapes of one target, which runs in a process of its own."""
    corpus, findings = folder / f"corpus-{name}", Path("fuzz-findings")
    corpus.mkdir()
    findings.mkdir(exist_ok=True)
    for number, seed in enumerate(inputs):
        (corpus / str(number)).write_bytes(seed)
    options = {
        "max_total_time": round(minutes * 60), "timeout": SLOWEST_S, "rss_limit_mb": MOST_MIB, "dict": words, "print_final_stats": 1,
        "artifact_prefix": f"{findings}/{name}-", "max_len": 1 << 18,
    }  # fmt: skip
    command = [sys.executable, __file__, "--target", name, *(f"-{k}={v}" for k, v in options.items()), str(corpus)]
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    executed = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
    ran = int(executed[1]) if executed else 0
    return {"executions": ran, "seconds": round(time.monotonic() - began), "escapes": int(done.returncode != 0)}


def fuzz(name: str, options: list[str]) -> None:
    """In the process that is measured and may crash."""
    import atheris

    with atheris.instrument_imports(include=["jagawana"]):
        from fuzz.targets import TARGETS

    target = TARGETS[name]

    def one(data: bytes) -> None:
        target(data)

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    if sys.argv[1] == "--target":
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
