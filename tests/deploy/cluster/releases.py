"""Helm at work on the cluster."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.chart.rendering import CHART, PROFILES, RELEASE, Refused
from deploy.cluster.control_plane import ADMIN, ControlPlane


class Releases:
    """Of the chart, in the namespace of the test."""

    def __init__(self, plane: ControlPlane, program: Path) -> None:
        self.plane, self.program = plane, program

    def install(self, profile: str, values: Mapping[str, Any] | None = None, user: str = ADMIN) -> None:
        """Until everything counts as running.

        Raises:
            Refused: by Helm or by the API server; its words.
        """
        self._make("install", profile, values, user)

    def upgrade(self, profile: str, values: Mapping[str, Any] | None = None, user: str = ADMIN) -> None:
        """Likewise."""
        self._make("upgrade", profile, values, user)

    def _make(self, verb: str, profile: str, values: Mapping[str, Any] | None, user: str) -> None:
        file = PROFILES[profile]
        given = [f"--values={file}"] if file else []
        self.run(verb, RELEASE, str(CHART), *given, "--values=-", "--wait", "--timeout=90s", stdin=json.dumps(values or {}), user=user)

    def run(self, *arguments: str, stdin: str = "", user: str = ADMIN) -> str:
        """Any command of Helm."""
        command = [self.program, f"--kubeconfig={self.plane.config(user)}", f"--namespace={self.plane.namespace}", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200, input=stdin)
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout

    def history(self) -> list[tuple[int, str]]:
        """Revisions, and what became of them."""
        return [(int(r["revision"]), str(r["status"])) for r in json.loads(self.run("history", RELEASE, "--output=json"))]

    def all(self) -> list[str]:
        """Names of releases."""
        return [r["name"] for r in json.loads(self.run("list", "--output=json"))]
