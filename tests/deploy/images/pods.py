"""A pod of the rendered chart as a container, with what a kubelet would give it: user, rights, environment, secrets as files."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.chart.rendering import Manifest

GROUP = 10001


@dataclass(frozen=True)
class Kubelet:
    """Gives pods what they name.

    Args:
        folder: for their volumes.
        secrets: content by name and key.
        configs: of config maps, likewise.
        claims: folders by name.
    """

    folder: Path
    secrets: Mapping[str, Mapping[str, str]]
    configs: Mapping[str, Mapping[str, str]]
    claims: Mapping[str, Path]

    def options(self, name: str, pod: Manifest, container: Manifest) -> list[str]:
        """Options of podman that mean what the pod says."""
        spec, security = pod["spec"]["securityContext"], container["securityContext"]
        assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        dropped = [f"--cap-drop={capability}" for capability in security["capabilities"]["drop"]]
        made = {volume["name"]: self._volume(name, volume) for volume in pod["spec"]["volumes"]}
        mounts = [f"--volume={made[m['name']]}:{m['mountPath']}{':ro' if m.get('readOnly') else ''}" for m in container["volumeMounts"]]
        user = [f"--user={spec['runAsUser']}:{spec['runAsGroup']}", "--security-opt=no-new-privileges", *dropped]
        return ["--read-only", "--read-only-tmpfs=false", *user, *mounts]

    def environment(self, name: str, pod: Manifest, container: Manifest) -> dict[str, str]:
        """Its variables, with the values of secrets and of the pod's own fields."""
        return {variable["name"]: self._value(name, container, variable) for variable in container["env"]}

    def _value(self, name: str, container: Manifest, variable: Mapping[str, Any]) -> str:
        source = variable.get("valueFrom")
        if source is None:
            return str(variable["value"])
        if "secretKeyRef" in source:
            return self.secrets[source["secretKeyRef"]["name"]][source["secretKeyRef"]["key"]]
        if "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.name"
            return f"{name}-0"
        return re.sub(r"\D.*", "", container["resources"]["requests"]["cpu"])

    def _volume(self, name: str, volume: Mapping[str, Any]) -> Path:
        if "persistentVolumeClaim" in volume:
            return self.claims[volume["persistentVolumeClaim"]["claimName"]]
        folder = self.folder / name / volume["name"]
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        for source in volume.get("projected", {}).get("sources", []):
            content = self.secrets[source["secret"]["name"]]
            for item in source["secret"]["items"]:
                self._write(folder / item["path"], content[item["key"]], volume["projected"]["defaultMode"])
        for key, content_of_key in self.configs.get(volume.get("configMap", {}).get("name", ""), {}).items():
            self._write(folder / key, content_of_key, 0o644)
        shutil.chown(folder, group=GROUP)
        folder.chmod(0o2775)
        return folder

    def _write(self, file: Path, content: str, mode: int) -> None:
        file.write_text(content)
        os.chown(file, 0, GROUP)  # as fsGroup has it
        file.chmod(mode)


def passable(folder: Path) -> None:
    """Let others than root through to a folder of pytest's."""
    for above in (folder, *folder.parents):
        if above.stat().st_uid == 0 and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o005)


def install(folder: Path, group: int = GROUP) -> Path:
    """A folder that our user owns."""
    subprocess.run(["install", "-d", "-o", str(group), "-g", str(group), str(folder)], check=True)
    return folder
