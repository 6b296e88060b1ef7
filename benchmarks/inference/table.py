"""A report of run.py as a table for people.

python benchmarks/inference/table.py out.json
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEAD = "| engine | n | Mpx/s | times the peer | CPU s per Mpx | times less | peak MiB | labels as the peer's | CPU used by others |"
NOISY = 0.06
"""Share of the machine that others used, from which on Mpx/s say more of them than of the engine; CPU seconds still hold roughly."""


def printed(report: dict[str, Any]) -> str:
    """Markdown: the machine, the bare network, the peers each followed by ours in the same turns, how each peer works, versions."""
    compared = report["comparisons"]
    return "\n".join(
        [
            *_machine(report),
            f"\n{compared[0]['side']}² px, medians:\n",
            HEAD,
            "|---" * 9 + "|",
            *(_row(name, row) for one in compared for name, row in one["rows"].items()),
            "",
            *(f"* {one['peer']}: {one['method']}" for one in compared),
            *_versions(compared),
        ]
    )


def _machine(report: dict[str, Any]) -> Iterator[str]:
    machine = report["machine"]
    yield f"{machine['cpu']} ({', '.join(machine['flags'])}), {report['threads']} threads, Python {machine['python']}, {report['at']}"
    for precision, kernel in report["kernel"].items():
        speed = f"{kernel['mpx_per_s']:.2f} Mpx/s, {kernel['cpu_s_per_mpx']:.3f} CPU s per Mpx"
        yield f"\nBare network, {precision}, windows of {kernel['side']} px: {speed}"


def _row(name: str, row: dict[str, Any]) -> str:
    noise = f"{row['most_foreign']:.0%}" + (" (noisy)" if row["most_foreign"] > NOISY else "")
    return (
        f"| {name} | {row['n']} | {row['mpx_per_s']:.3f} | {row['ratio']:.1f} | {row['cpu_s_per_mpx']:.3f} | {row['ratio_cpu']:.1f} "
        f"| {row['peak_mib']:.0f} | {row['equal_labels']:.3%} | {noise} |"
    )


def _versions(compared: list[dict[str, Any]]) -> Iterator[str]:
    found = {name: number for one in compared for row in one["rows"].values() for name, number in row["versions"].items()}
    yield f"* versions: {', '.join(f'{name} {number}' for name, number in sorted(found.items()))}"


if __name__ == "__main__":
    print(printed(json.loads(Path(sys.argv[1]).read_text())))
