"""A control plane for the tests of this folder, on `make test-cluster` only."""

import base64
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from deploy import tools
from deploy.cluster.control_plane import DEPLOYER, ControlPlane
from deploy.cluster.releases import Releases
from deploy.conftest import REQUIRED, to_be_had

SECRETS = {
    "jagawana-authorities": ["ca.crt"],
    "jagawana-database": ["url"],
    "jagawana-database-owner": ["url"],
    "jagawana-objects": ["access-key-id", "secret-access-key"],
    "jagawana-kafka": ["detect", "assess", "relay"],
    "jagawana-kafka-operator": ["user", "password"],
    "jagawana-kafka-ca": ["ca.crt"],
    "jagawana-signing": ["signing-key.json"],
    "jagawana-audience": ["audience.toml"],
    "ranger-cluster-ca-cert": ["ca.crt"],
}
"""Existing secrets that the profiles name, and their keys."""
COUNT = pytest.StashKey[count]()
RUNTIME = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"}


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    if not REQUIRED:
        pytest.skip("on a control plane of Kubernetes: make test-cluster")
    program, kwok, kubectl = to_be_had(tools.control_plane), to_be_had(tools.kwok), to_be_had(tools.kubectl)
    crds = to_be_had(tools.custom_resources)
    with ControlPlane(program, kwok, kubectl) as plane:
        for crd in crds:
            plane.kubectl("apply", "--server-side", f"--filename={crd}")
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        plane.namespace = "default"
        plane.apply(RUNTIME)
        yield plane


@pytest.fixture
def cluster(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """With a new namespace that lets in nothing but restricted pods, and in it what the chart expects: claims and secrets."""
    plane.namespace = f"forest-{request.session.stash.setdefault(COUNT, count(1)).__next__()}"
    enforced = {f"pod-security.kubernetes.io/{how}": "restricted" for how in ("enforce", "warn")}
    value, bare = base64.b64encode(b"a secret").decode(), {"apiVersion": "v1"}
    volume = {"capacity": {"storage": "200Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "hostPath": {"path": "/mnt"}}
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    plane.apply(
        bare | {"kind": "Namespace", "metadata": {"name": plane.namespace, "labels": enforced}},
        *(bare | {"kind": "PersistentVolume", "metadata": {"name": f"{plane.namespace}-{n}"}, "spec": volume} for n in range(2)),
        bare | {"kind": "PersistentVolumeClaim", "metadata": {"name": "jagawana-inbox"}, "spec": claim},
        *(bare | {"kind": "Secret", "metadata": {"name": n}, "data": dict.fromkeys(keys, value)} for n, keys in SECRETS.items()),
        bare | {"kind": "ServiceAccount", "metadata": {"name": "jagawana-bucket"}},
    )
    plane.inside("create", "rolebinding", DEPLOYER, "--clusterrole=admin", f"--user={DEPLOYER}")
    plane.inside("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    yield plane
    plane.kubectl("delete", "namespace", plane.namespace, "--wait=false")


@pytest.fixture
def releases(cluster: ControlPlane) -> Releases:
    return Releases(cluster, Path(to_be_had(tools.helm)))
