"""Editable installs: link each top-level folder X to build/editable/jagawana/X."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("services", "detectors", "rules", "schemas")


class LinkRooms(BuildHookInterface):  # type: ignore[misc]
    """Make the folder links that an editable install points at."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Link the rooms, for editable builds only."""
        if version != "editable":
            return
        namespace = Path(self.root, "build", "editable", "jagawana")
        namespace.mkdir(parents=True, exist_ok=True)
        for room in ROOMS:
            link = namespace / room
            link.unlink(missing_ok=True)
            link.symlink_to(Path(self.root, room), target_is_directory=True)
