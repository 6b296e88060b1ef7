"""What Helm makes of the chart is what Kubernetes takes, and what the code needs."""

import importlib.util
import json
from functools import cache
from typing import Any

import pytest
from deploy import tools
from deploy.chart.rendering import CHART, PROFILES, ROOT, Helm, containers_of, name_of, pods_of
from deploy.conftest import to_be_had
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from jagawana.schemas.catalogue import CATALOGUE, Role
from jagawana.services.agencies.access import GROUPS_OF, user_of
from jagawana.services.rooms import Room

CUSTOM = {"kafka.strimzi.io/v1", "keda.sh/v1alpha1", "monitoring.coreos.com/v1"}
"""Checked by the API server itself in the cluster's tests."""


@pytest.mark.parametrize("profile", PROFILES)
def test_the_linter_says_nothing(helm: Helm, profile: str) -> None:
    assert "0 chart(s) failed" in helm.lint(profile)


@pytest.mark.parametrize("version", tools.KUBERNETES)
def test_kubernetes_takes_it(helm: Helm, version: str) -> None:
    folder = to_be_had(lambda: tools.kubernetes_schemas(version))
    definitions = Resource.from_contents(json.loads((folder / "_definitions.json").read_text()), default_specification=DRAFT7)
    registry: Registry[Any] = Registry().with_resource("_definitions.json", definitions)

    @cache
    def validator(kind: str, api: str) -> Draft7Validator:
        group, _, version = api.rpartition("/")
        name = "-".join(part for part in (kind.lower(), group.split(".")[0], version) if part)
        return Draft7Validator(json.loads((folder / f"{name}.json").read_text()), registry=registry)

    checked = [m for profile in PROFILES for m in helm.profile(profile) if m["apiVersion"] not in CUSTOM]
    wrong = [
        f"{name_of(m)} {e.json_path}: {e.message[:200]}" for m in checked for e in validator(m["kind"], m["apiVersion"]).iter_errors(m)
    ]
    assert len(checked) > 50
    assert wrong == []
    misspelt = checked[0] | {"spec": checked[0]["spec"] | {"policyTipes": ["Egress"]}}
    assert list(validator(misspelt["kind"], misspelt["apiVersion"]).iter_errors(misspelt))


def test_the_files_of_kafka_are_those_of_the_catalogue() -> None:
    spec = importlib.util.spec_from_file_location("write_kafka", ROOT / "helm" / "write_kafka.py")
    assert spec is not None and spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert (CHART / "files" / "kafka.json").read_text() == writer.content(), "run make chart"


def test_there_is_a_workload_for_each_room(helm: Helm) -> None:
    assert set(pods_of(helm.profile("plain"))) == {f"Deployment/demo-{room}" for room in Room if room not in GROUPS_OF} | {
        f"StatefulSet/demo-{room}" for room in GROUPS_OF
    } | {"Job/demo-migration"}
    assert set(pods_of(helm.profile("default"))) == {"StatefulSet/demo"}


def test_workers_are_added_by_the_lag_of_the_groups_that_read(helm: Helm) -> None:
    scaled = {m["metadata"]["name"].removeprefix("demo-"): m["spec"] for m in helm.profile("strimzi") if m["kind"] == "ScaledObject"}
    assert scaled.keys() == set(GROUPS_OF)
    for role, group in GROUPS_OF.items():
        (topic,) = (promise for promise in CATALOGUE.values() if role in promise.readers)
        asked = scaled[role]["triggers"][0]["metadata"]
        assert (asked["consumerGroup"], asked["topic"]) == (group, topic.topic)
        assert scaled[role]["maxReplicaCount"] <= topic.partitions
        assert scaled[role]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": f"demo-{role}"}
    assert not any("replicas" in m["spec"] for m in helm.profile("strimzi") if m["kind"] == "StatefulSet"), "KEDA's own"


def test_nobody_works_while_it_is_stopped(helm: Helm) -> None:
    for profile in PROFILES:
        stopped = helm.render(profile, {"stopped": True})
        assert {m["spec"]["replicas"] for m in stopped if m["kind"] in ("Deployment", "StatefulSet")} == {0}
        assert not [m for m in stopped if m["kind"] == "ScaledObject"]


def test_topics_of_strimzi_are_those_of_the_catalogue(helm: Helm) -> None:
    for copies in (1, 3):
        made = {
            m["metadata"]["name"]: m["spec"] for m in helm.render("strimzi", {"strimzi": {"copies": copies}}) if m["kind"] == "KafkaTopic"
        }
        assert made == {t: {"partitions": p.partitions, "replicas": copies, "config": p.config(copies)} for t, p in CATALOGUE.items()}


@pytest.mark.parametrize("profile", ["login", "strimzi"])
def test_rooms_come_to_the_brokers_as_the_users_that_the_access_lists_name(helm: Helm, profile: str) -> None:
    users = {}
    for name, pod in pods_of(helm.profile(profile)).items():
        for variable in (v for c in containers_of(pod) for v in c["env"] if v["name"] == "JAGAWANA_KAFKA_USER" and "value" in v):
            users[name.split("/demo-")[1]] = variable["value"]
    assert users == {role: user_of(role) for role in (Role.DETECT, Role.ASSESS, Role.RELAY)}


def test_messages_are_signed_where_a_key_is_named(helm: Helm) -> None:
    for profile, room in (("login", "relay"), ("login", "notify"), ("plain", "relay")):
        (container,) = containers_of(pods_of(helm.profile(profile))[f"Deployment/demo-{room}"])
        assert ("JAGAWANA_SIGNING_KEY" in {e["name"] for e in container["env"]}) == ((profile, room) == ("login", "relay"))


def test_prometheus_and_grafana_get_the_files_of_observing(helm: Helm) -> None:
    import yaml

    made = {m["kind"]: m for m in helm.profile("strimzi") if m["kind"] in ("PrometheusRule", "ConfigMap", "PodMonitor")}
    assert made["PrometheusRule"]["spec"] == yaml.safe_load((CHART / "files" / "rules.yaml").read_text())
    (dashboard,) = made["ConfigMap"]["data"].values()
    assert json.loads(dashboard) == json.loads((CHART / "files" / "dashboard.json").read_text())
    assert made["PodMonitor"]["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "path": "/metrics"}]
