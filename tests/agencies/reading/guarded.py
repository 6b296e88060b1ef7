"""The whole house on a broker with logins and access lists: each room as its own user, its secrets in files that only its settings name."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agencies.users import PASSWORD
from distributed.house import House, Worker

from jagawana.services.agencies.keys import PrivateKey, new_key, write_private
from jagawana.services.rooms import Room

OFTEN = "import jagawana.services.work.process as w; w.INTERVAL_S = 1.0; "
"""Heartbeats come every second here, not every minute."""


@dataclass
class GuardedHouse(House):
    """As any house; a room's user is jagawana-<room>."""

    key: PrivateKey = field(default_factory=lambda: new_key(datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)))

    def prepare(self) -> None:
        """Write what the rooms' settings refer to."""
        secrets = self.folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "jagawana_kafka_password").write_text(PASSWORD)
        (secrets / "jagawana_database_url").write_text(self.database_url)
        write_private(self.key, self.folder / "key.json")
        self.settings |= {"JAGAWANA_SECRETS": str(secrets), "JAGAWANA_KAFKA_CA": str(self.kafka.ca)}

    def environment(self, **more: str) -> dict[str, str]:
        by_reference = super().environment(**more)
        del by_reference["JAGAWANA_DATABASE_URL"]
        return by_reference

    def begin(self, room: Room, *options: str, **more: str) -> Worker:
        """A room as its own user, and with options."""
        given = f"import sys; sys.argv += {list(options)!r}; " if options else ""
        return self.start(room, f"{room}-{len(self.workers)}", changed=OFTEN + given, JAGAWANA_KAFKA_USER=f"jagawana-{room}", **more)

    def play(self, archive: Path, *options: str) -> "subprocess.CompletedProcess[str]":
        """Send an archive to the scenes' topic, as ingest may."""
        command = [sys.executable, "-m", "jagawana.services.cli", "kafka", "play", str(archive), *options, "--json"]
        environment = self.environment(JAGAWANA_KAFKA_USER="jagawana-ingest")
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def what_processes_show(self) -> str:
        """What anybody on their machines can see of the workers: their command lines and environments."""
        folders = [Path("/proc", str(worker.process.pid)) for worker in self.workers]
        return "\n".join((folder / name).read_text(errors="replace") for folder in folders for name in ("environ", "cmdline"))


def roots(archives: Sequence[Path]) -> str:
    """For JAGAWANA_SCENE_ROOTS."""
    return json.dumps([str(archive) for archive in archives])
