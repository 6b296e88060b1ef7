"""The chart installed, upgraded, rolled back and refused by a real API server, whose controllers make pods of it."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from deploy.chart.rendering import PROFILES, Helm, Refused, name_of
from deploy.cluster.control_plane import DEPLOYER, ControlPlane
from deploy.cluster.releases import Releases

HOOKS = {"Job/demo-migration", "NetworkPolicy/demo-migration", "ConfigMap/demo-agencies"}
KINDS = (
    "deployments,statefulsets,services,networkpolicies,poddisruptionbudgets,scaledobjects,triggerauthentications,"
    "kafkatopics,kafkausers,podmonitors,prometheusrules"
)


def _until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.5)


def _pods(cluster: ControlPlane, room: str) -> list[dict[str, Any]]:
    return [p for p in cluster.get("pods", component=room) if "deletionTimestamp" not in p["metadata"]]


def _images(cluster: ControlPlane, room: str) -> set[str]:
    return {p["spec"]["containers"][0]["image"] for p in _pods(cluster, room)}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_installed_and_runs(releases: Releases, cluster: ControlPlane, helm: Helm, profile: str) -> None:
    releases.install(profile)
    assert releases.history() == [(1, "deployed")]
    wanted = {name_of(m) for m in helm.profile(profile)} - HOOKS
    there = {name_of(m) for m in [*cluster.get(KINDS), *cluster.get("configmaps", instance="demo")]}
    assert wanted == there, "and nothing is left of the hooks"
    pods = cluster.get("pods", instance="demo")
    assert len(pods) >= 1
    for pod in pods:
        assert pod["status"]["phase"] == "Running"
        assert {"type": "Ready", "status": "True"}.items() <= next(c for c in pod["status"]["conditions"] if c["type"] == "Ready").items()


def test_a_release_is_upgraded_rolled_back_and_removed(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("strimzi")
    releases.upgrade("strimzi", {"image": {"tag": "0.2.0", "cudaTag": "0.2.0-cuda"}, "rooms": {"notify": {"replicas": 3}}, "agencies": []})
    for room, image in (("assess", "jagawana:0.2.0"), ("detect", "jagawana:0.2.0-cuda"), ("notify", "jagawana:0.2.0")):
        _until(lambda room=room, image=image: _images(cluster, room) == {image})
    assert len(_pods(cluster, "notify")) == 3
    assert "klhk" not in {u["metadata"]["name"] for u in cluster.get("kafkausers")}, "who is not named may no longer read"
    releases.run("rollback", "demo", "1", "--wait", "--timeout=90s")
    assert releases.history() == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    _until(lambda: _images(cluster, "assess") == {"jagawana:0.1.0"} and _images(cluster, "detect") == {"jagawana:0.1.0-cuda"})
    _until(lambda: len(_pods(cluster, "notify")) == 2)
    assert "klhk" in {u["metadata"]["name"] for u in cluster.get("kafkausers")}
    topics = {t["metadata"]["name"] for t in cluster.get("kafkatopics")}
    releases.run("uninstall", "demo", "--wait", "--timeout=90s")
    assert {t["metadata"]["name"] for t in cluster.get("kafkatopics")} == topics, "topics hold what agencies have not read: they stay"
    assert {name_of(m) for m in cluster.get(KINDS)} == {f"KafkaTopic/{topic}" for topic in topics}


def test_no_right_outside_the_namespace_is_needed(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("plain", user=DEPLOYER)
    releases.upgrade("plain", {"rooms": {"detect": {"replicas": 2}}}, user=DEPLOYER)
    assert len(_pods(cluster, "detect")) == 2
    with pytest.raises(subprocess.CalledProcessError):
        cluster.kubectl("get", "nodes", user=DEPLOYER)


def test_everybody_can_be_stopped_and_started(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("login")
    releases.upgrade("login", {"stopped": True})
    _until(
        lambda: (
            not [p for p in cluster.get("pods", instance="demo") if p["metadata"]["labels"]["app.kubernetes.io/component"] != "migration"]
        )
    )
    assert cluster.get("scaledobjects") == []
    releases.upgrade("login")
    assert len(_pods(cluster, "detect")) == 1
    assert len(cluster.get("scaledobjects")) == 2


def test_an_upgrade_leaves_the_number_of_workers_to_keda(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("strimzi")
    cluster.inside("scale", "statefulset/demo-assess", "--replicas=4")  # as its autoscaler does
    releases.upgrade("strimzi", {"image": {"tag": "0.2.0"}})
    _until(lambda: _images(cluster, "assess") == {"jagawana:0.2.0"})
    assert len(_pods(cluster, "assess")) == 4


def test_detection_gets_the_node_with_gpus_and_nobody_else_does(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("strimzi")
    nodes = {
        room: {p["spec"]["nodeName"] for p in _pods(cluster, room)} for room in ("detect", "assess", "notify", "relay", "web", "ingest")
    }
    assert nodes.pop("detect") == {"node-gpu"}
    assert "node-gpu" not in set().union(*nodes.values())
    assert len(nodes["relay"]) == 2, "the two relays stand on two nodes"


def test_a_node_is_emptied_one_worker_of_a_room_at_a_time(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("plain")

    def evict(pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": cluster.namespace}}
        cluster.kubectl(
            "create", f"--raw=/api/v1/namespaces/{cluster.namespace}/pods/{name}/eviction", "--filename=-", stdin=json.dumps(eviction)
        )

    _until(
        lambda: (
            next(b for b in cluster.get("poddisruptionbudgets") if b["metadata"]["name"] == "demo-notify")["status"]["disruptionsAllowed"]
            == 1
        )
    )
    first, second = _pods(cluster, "notify")
    cluster.kubectl("cordon", "node-1", "node-2")  # so that no other takes its place
    evict(first)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        evict(second)
    assert "disruption budget" in refused.value.stderr
    cluster.kubectl("uncordon", "node-1", "node-2")


def test_wrong_values_are_refused_and_nothing_is_left(releases: Releases, cluster: ControlPlane) -> None:
    with pytest.raises(Refused, match="/kafka/servers"):
        releases.install("plain", {"kafka": {"servers": []}})
    assert releases.all() == []
    assert cluster.get("pods", instance="demo") == []


LACKING = [
    ("plain", "jagawana-database", "url"),
    ("login", "jagawana-signing", "signing-key.json"),
    ("strimzi", "ranger-cluster-ca-cert", "ca.crt"),
    ("embedded", "jagawana-audience", "audience.toml"),
]


@pytest.mark.parametrize(("profile", "secret", "key"), LACKING)
def test_a_missing_secret_is_said_before_anything_is_made(
    releases: Releases, cluster: ControlPlane, profile: str, secret: str, key: str
) -> None:
    cluster.inside("delete", "secret", secret)
    with pytest.raises(
        Refused, match=rf"(?s)the secret {secret} in namespace forest-\d+ is missing.*create secret generic {secret} --from-\w+={key}"
    ):
        releases.install(profile)
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "data": {"other": "YQ=="}})
    with pytest.raises(Refused, match=rf"the secret {secret} in namespace forest-\d+ has no key {key}"):
        releases.install(profile)
    assert releases.all() == []
    assert cluster.get(f"{KINDS},jobs,pods") == []


def test_an_upgrade_that_lacks_a_secret_changes_nothing(releases: Releases, cluster: ControlPlane) -> None:
    releases.install("plain")
    with pytest.raises(Refused, match=r"jagawana-signing in namespace forest-\d+ is missing"):
        cluster.inside("delete", "secret", "jagawana-signing")
        releases.upgrade("plain", {"kafka": {"signingSecret": "jagawana-signing"}, "image": {"tag": "0.2.0"}})
    assert _images(cluster, "relay") == {"jagawana:0.1.0"}
    assert releases.history() == [(1, "deployed")]


def test_the_server_knows_the_fields_of_operators(cluster: ControlPlane, helm: Helm) -> None:
    for kind, wrong in (
        ("ScaledObject", lambda m: m["spec"]["triggers"][0]["metadata"].update(lagThreshold=5)),
        ("KafkaTopic", lambda m: m["spec"].update(partitions="12")),
        ("KafkaUser", lambda m: m["spec"]["authorization"]["acls"][0].update(operations=["Reed"])),
        ("PrometheusRule", lambda m: m["spec"]["groups"][0]["rules"][0].update(epxr="up")),
        ("PodMonitor", lambda m: m["spec"].update(selektor={})),
    ):
        manifest = next(m for m in helm.render("strimzi") if m["kind"] == kind)
        manifest["metadata"].pop("namespace", None)
        cluster.apply(manifest)
        wrong(manifest)
        with pytest.raises(subprocess.CalledProcessError):
            cluster.apply(manifest)


def test_a_pod_with_more_rights_is_not_let_in(cluster: ControlPlane, helm: Helm) -> None:
    """The namespace is restricted: what the other tests install keeps to Kubernetes' own standard."""
    (job,) = (m for m in helm.render("plain") if m["kind"] == "Job")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": job["spec"]["template"]["spec"]}
    cluster.apply(pod)
    cluster.inside("delete", "pod", "p")
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.apply(pod)
    assert "violates PodSecurity" in refused.value.stderr
