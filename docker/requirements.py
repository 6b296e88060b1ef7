"""Pins of all that `pip install --dry-run --report FILE` would install: dependencies are a layer of their own, apart from our code."""

import json
import sys
from pathlib import Path

OURS = "jagawana"
ONLY_FOR_TORCH = ("torch", "triton", "nvidia-", "cuda-")


def pins(report: str, *, torch: bool) -> list[str]:
    """Lines of a requirements file.

    Args:
        report: pip's JSON.
        torch: False leaves out torch and what only it brings: a processor detects without.
    """
    found = [item["metadata"] for item in json.loads(report)["install"]]
    wanted = [m for m in found if m["name"] != OURS and (torch or not m["name"].startswith(ONLY_FOR_TORCH))]
    return [f"{m['name']}=={m['version']}" for m in wanted]


if __name__ == "__main__":
    print(*pins(Path(sys.argv[1]).read_text(), torch="--without-torch" not in sys.argv), sep="\n")
