"""From the report of `pip install --dry-run --report FILE`: pins of what is needed on a processor, without torch and what only it brings."""

import json
import sys
from pathlib import Path

OURS = "jagawana"
ONLY_FOR_TORCH = ("torch", "triton", "nvidia-", "cuda-")


def pins(report: str) -> list[str]:
    """Lines of a requirements file.

    Args:
        report: pip's JSON.
    """
    found = [item["metadata"] for item in json.loads(report)["install"]]
    return [f"{m['name']}=={m['version']}" for m in found if m["name"] != OURS and not m["name"].startswith(ONLY_FOR_TORCH)]


if __name__ == "__main__":
    print(*pins(Path(sys.argv[1]).read_text()), sep="\n")
