"""Every rendering keeps to the policies, and each policy finds its breach."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from deploy.chart.policies import GPU, breaches
from deploy.chart.rendering import PROFILES, Helm, Manifest, containers_of, pods_of

Breach = Callable[[dict[str, Manifest]], Any]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_to_the_policies(helm: Helm, profile: str) -> None:
    manifests = helm.profile(profile)
    assert pods_of(manifests)
    assert breaches(manifests) == []


def _pod(manifests: dict[str, Manifest], name: str = "Deployment/demo-notify") -> Manifest:
    return pods_of(list(manifests.values()))[name]


def _container(manifests: dict[str, Manifest], name: str = "Deployment/demo-notify") -> Manifest:
    return containers_of(_pod(manifests, name))[0]


BREACHES: dict[str, Breach] = {
    "may run as root": lambda m: _pod(m)["spec"]["securityContext"].update(runAsNonRoot=False),
    "has no seccomp profile": lambda m: _pod(m)["spec"]["securityContext"].pop("seccompProfile"),
    "holds a token of Kubernetes": lambda m: _pod(m)["spec"].pop("automountServiceAccountToken"),
    "reaches its host": lambda m: _pod(m)["spec"]["volumes"].append({"name": "root", "hostPath": {"path": "/"}}),
    "can write into its image": lambda m: _container(m)["securityContext"].pop("readOnlyRootFilesystem"),
    "can gain rights": lambda m: _container(m, "Job/demo-migration")["securityContext"].update(allowPrivilegeEscalation=True),
    "has capabilities": lambda m: _container(m)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
    "has nowhere to write": lambda m: _container(m)["volumeMounts"][0].update(readOnly=True),
    "does not say what it needs": lambda m: _container(m)["resources"].pop("limits"),
    "may fill its node's disk": lambda m: _pod(m)["spec"]["volumes"][0].update(emptyDir={}),
    "asks for a GPU": lambda m: _container(m)["resources"]["limits"].update({GPU: 1}),
    "has the wrong image": lambda m: _container(m, "StatefulSet/demo-detect").update(image="jagawana:0.1.0-cuda"),
    "has no livenessProbe": lambda m: _container(m)["livenessProbe"]["httpGet"].update(port="page"),
    "is killed before its own grace time ends": lambda m: _pod(m)["spec"].update(terminationGracePeriodSeconds=30),
    "has an image without a version": lambda m: _container(m).update(image="jagawana:latest"),
    "holds a secret": lambda m: m.update(s={"kind": "Secret", "metadata": {"name": "s"}}),
    "says AWS_SECRET_ACCESS_KEY": lambda m: _container(m)["env"].append({"name": "AWS_SECRET_ACCESS_KEY", "value": "k"}),
    "has a password in JAGAWANA_TRACES_URL": lambda m: _container(m)["env"].append({"name": "JAGAWANA_TRACES_URL", "value": "https://u:p@h"}),
    "is under 0 network policies": lambda m: m.pop("NetworkPolicy/demo-notify"),
    "has a rule for everybody": lambda m: m["NetworkPolicy/demo-notify"]["spec"]["egress"][0].update(to=[]),
    "is under 0 disruption budgets": lambda m: m.pop("PodDisruptionBudget/demo-notify"),
    "selects nothing": lambda m: m["Service/demo-web"]["spec"]["selector"].update({"app.kubernetes.io/component": "wep"}),
    "takes workers away fast": lambda m: m["ScaledObject/demo-detect"]["spec"].pop("advanced"),
    "may leave no worker": lambda m: m["ScaledObject/demo-detect"]["spec"].update(minReplicaCount=0),
}  # fmt: skip


@pytest.mark.parametrize("said", BREACHES)
def test_each_policy_finds_its_breach(helm: Helm, said: str) -> None:
    manifests = {f"{m['kind']}/{m['metadata']['name']}": m for m in copy.deepcopy(helm.profile("login"))}
    BREACHES[said](manifests)
    assert any(said in line for line in breaches(list(manifests.values())))
