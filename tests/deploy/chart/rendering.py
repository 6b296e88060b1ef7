"""The chart as a real Helm renders it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "jagawana"
PROFILES = {"default": None} | {file.stem.removesuffix("-values"): file for file in sorted((CHART / "ci").glob("*-values.yaml"))}
"""Values the chart is tried with; the first are its own."""
RELEASE = "demo"
Manifest = dict[str, Any]


class Refused(Exception):
    """Helm would not have it; its words."""


class Helm:
    """Helm without a cluster."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self.profile = cache(self._profile)

    def lint(self, profile: str) -> str:
        """What `helm lint --strict` says.

        Raises:
            Refused: an error or a warning.
        """
        return self.run("lint", "--strict", str(CHART), *_files(profile))

    def _profile(self, name: str) -> list[Manifest]:
        return self.render(name)

    def render(self, profile: str, values: Mapping[str, Any] | None = None) -> list[Manifest]:
        """All manifests, hooks too.

        Args:
            values: on top of the profile's.

        Raises:
            Refused: by the schema of values or by a template.
        """
        return [m for m in yaml.load_all(self.text(profile, values), Loader=yaml.CSafeLoader) if m is not None]

    def text(self, profile: str, values: Mapping[str, Any] | None = None) -> str:
        """What `helm template` prints."""
        given = [] if values is None else ["--values", "-"]
        command = ["template", RELEASE, str(CHART), "--namespace", "forest", "--kube-version", "1.30.0", *_files(profile), *given]
        return self.run(*command, stdin=json.dumps(values or {}))

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Any other command."""
        done = subprocess.run([self.program, *arguments], check=False, capture_output=True, text=True, timeout=120, input=stdin)
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout


def _files(profile: str) -> Sequence[str]:
    file = PROFILES[profile]
    return ["--values", str(file)] if file else []


def name_of(manifest: Manifest) -> str:
    """Kind/name."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods_of(manifests: Sequence[Manifest]) -> dict[str, Manifest]:
    """Templates of pods by the name of what makes them."""
    return {name_of(m): m["spec"]["template"] for m in manifests if m["kind"] in ("Deployment", "StatefulSet", "Job", "DaemonSet")}


def containers_of(pod: Manifest) -> list[Manifest]:
    """Its containers, those that run first too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def room_of(pod: Manifest) -> str:
    """Which room it is."""
    return str(pod["metadata"]["labels"]["app.kubernetes.io/component"])
