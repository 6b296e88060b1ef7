"""What every rendering of the chart must keep to. Each policy yields a line for each breach."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from deploy.chart.rendering import Manifest, containers_of, name_of, pods_of, room_of

Policy = Callable[[Sequence[Manifest]], Iterator[str]]
GPU = "nvidia.com/gpu"
WRITABLE = ("emptyDir", "persistentVolumeClaim")


def nobody_is_root(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Pods run as our user, under the engine's seccomp profile, without the host and without a token of Kubernetes."""
    for name, pod in pods_of(manifests).items():
        spec, security = pod["spec"], pod["spec"].get("securityContext", {})
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            yield f"{name} may run as root"
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name} has no seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name} holds a token of Kubernetes"
        if any(spec.get(host) for host in ("hostNetwork", "hostPID", "hostIPC")) or any("hostPath" in v for v in spec.get("volumes", [])):
            yield f"{name} reaches its host"


def containers_can_do_little(manifests: Sequence[Manifest]) -> Iterator[str]:
    """No more rights than a process needs, and none to write but into its volumes."""
    for name, container in _containers(manifests):
        security = container.get("securityContext", {})
        if security.get("readOnlyRootFilesystem") is not True:
            yield f"{name} can write into its image"
        if security.get("allowPrivilegeEscalation") is not False or security.get("privileged") or security.get("runAsUser") == 0:
            yield f"{name} can gain rights"
        if security.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} has capabilities"
        if {"/data", "/tmp"} - {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}:
            yield f"{name} has nowhere to write"


def resources_are_said(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Requests for the scheduler, a limit of memory for the neighbours, a size for each folder on the node's disk."""
    for name, container in _containers(manifests):
        resources = container.get("resources", {})
        if {"cpu", "memory"} - resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
            yield f"{name} does not say what it needs"
    for name, pod in pods_of(manifests).items():
        for volume in pod["spec"].get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
                yield f"{name} may fill its node's disk: {volume['name']}"


def only_detect_asks_for_a_gpu(manifests: Sequence[Manifest]) -> Iterator[str]:
    """And what asks for one has the image with CUDA in it."""
    for name, pod in pods_of(manifests).items():
        for container in containers_of(pod):
            asks = GPU in {**container["resources"].get("limits", {}), **container["resources"].get("requests", {})}
            if asks and room_of(pod) != "detect":
                yield f"{name} asks for a GPU"
            if asks != container["image"].endswith("-cuda"):
                yield f"{name} has the wrong image"


def workers_are_probed(manifests: Sequence[Manifest]) -> Iterator[str]:
    """At a port that the container has, with enough time to stop."""
    for name, pod in pods_of(manifests).items():
        if name.startswith("Job/"):
            continue
        for container in pod["spec"]["containers"]:
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if container.get(probe, {}).get("httpGet", {}).get("port") not in ports:
                    yield f"{name} has no {probe}"
            grace = next((e["value"] for e in container["env"] if e["name"] == "JAGAWANA_GRACE_SECONDS"), "25")
            if pod["spec"].get("terminationGracePeriodSeconds", 30) <= int(grace):
                yield f"{name} is killed before its own grace time ends"


def images_are_pinned(manifests: Sequence[Manifest]) -> Iterator[str]:
    """By a tag that is a version."""
    for name, container in _containers(manifests):
        if not re.search(r":\d[\w.-]+$", container["image"]):
            yield f"{name} has an image without a version: {container['image']}"


def secrets_are_elsewhere(manifests: Sequence[Manifest]) -> Iterator[str]:
    """No secret is made, and none stands in an environment as a value."""
    for manifest in manifests:
        if manifest["kind"] == "Secret":
            yield f"{name_of(manifest)} holds a secret"
    for name, container in _containers(manifests):
        for variable in container.get("env", []):
            if re.search(r"PASSWORD|SECRET_|TOKEN|ACCESS_KEY|DATABASE_URL", variable["name"]) and "value" in variable:
                yield f"{name} says {variable['name']}"
            if re.search(r"://[^/@\s]+:[^/@\s]+@", str(variable.get("value", ""))):
                yield f"{name} has a password in {variable['name']}"


def networks_are_shut(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Each pod is under one policy; no rule is open to everybody."""
    policies = [m for m in manifests if m["kind"] == "NetworkPolicy"]
    for name, pod in pods_of(manifests).items():
        over = [p for p in policies if _selects(p["spec"]["podSelector"], pod)]
        if len(over) != 1 or sorted(over[0]["spec"]["policyTypes"]) != ["Egress", "Ingress"]:
            yield f"{name} is under {len(over)} network policies"
    for policy in policies:
        rules = [(r, "to") for r in policy["spec"].get("egress", [])] + [(r, "from") for r in policy["spec"].get("ingress", [])]
        if any(not rule.get(peers) or not rule.get("ports") for rule, peers in rules):
            yield f"{name_of(policy)} has a rule for everybody"


def drains_leave_somebody(manifests: Sequence[Manifest]) -> Iterator[str]:
    """A node that is emptied takes one worker of a room at a time; Services and policies select what there is."""
    pods = pods_of(manifests)
    budgets = [m for m in manifests if m["kind"] == "PodDisruptionBudget"]
    for name, pod in pods.items():
        over = [b for b in budgets if _selects(b["spec"]["selector"], pod)]
        if len(over) != (0 if room_of(pod) in ("embedded", "ingest", "migration") else 1):
            yield f"{name} is under {len(over)} disruption budgets"
    for manifest in [*budgets, *(m for m in manifests if m["kind"] in ("Service", "NetworkPolicy"))]:
        spec = manifest["spec"]
        selector = {"matchLabels": spec["selector"]} if manifest["kind"] == "Service" else spec.get("selector") or spec["podSelector"]
        if not any(_selects(selector, pod) for pod in pods.values()):
            yield f"{name_of(manifest)} selects nothing"


def workers_leave_slowly(manifests: Sequence[Manifest]) -> Iterator[str]:
    """KEDA takes one worker away in ten minutes at most, and never the last one."""
    for manifest in (m for m in manifests if m["kind"] == "ScaledObject"):
        spec = manifest["spec"]
        down = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {}).get("scaleDown", {})
        slow = all(p["type"] == "Pods" and p["value"] == 1 and p["periodSeconds"] >= 600 for p in down.get("policies", []))
        if down.get("stabilizationWindowSeconds", 0) < 600 or not down.get("policies") or not slow:
            yield f"{name_of(manifest)} takes workers away fast"
        if spec.get("minReplicaCount", 0) < 1 or spec.get("idleReplicaCount") == 0:
            yield f"{name_of(manifest)} may leave no worker"


POLICIES: Sequence[Policy] = (
    nobody_is_root, containers_can_do_little, resources_are_said, only_detect_asks_for_a_gpu, workers_are_probed, images_are_pinned,
    secrets_are_elsewhere, networks_are_shut, drains_leave_somebody, workers_leave_slowly,
)  # fmt: skip


def breaches(manifests: Sequence[Manifest]) -> list[str]:
    """All lines of all policies."""
    return [line for policy in POLICIES for line in policy(manifests)]


def _containers(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for name, pod in pods_of(manifests).items():
        for container in containers_of(pod):
            yield f"{name} {container['name']}", container


def _selects(selector: Mapping[str, Any], pod: Manifest) -> bool:
    return bool(selector["matchLabels"].items() <= pod["metadata"]["labels"].items())
