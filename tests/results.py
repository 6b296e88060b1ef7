"""Figures that tests have seen, kept for a page about them: JSON files in the folder JAGAWANA_RESULTS, if there is one."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def record(name: str, figures: Mapping[str, object]) -> None:
    """Write `figures` to `name`.json; nothing when nobody asked for them."""
    folder = os.environ.get("JAGAWANA_RESULTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, f"{name}.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
