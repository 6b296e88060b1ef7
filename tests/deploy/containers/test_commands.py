"""Every command and every variable that compose files and chart give to our image exists in the code."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.chart.rendering import PROFILES, ROOT, Helm, Manifest, containers_of, pods_of
from deploy.containers.entrypoints import parse, read

from jagawana.schemas.errors import DataError
from jagawana.services.settings import Settings

COMPOSE = ("docker-compose.yml", "docker-compose.embedded.yml")
SECRETS = {
    "jagawana_database_url": "postgresql+psycopg://jagawana:secret@db.example.org/jagawana",
    "jagawana_kafka_password": "secret",
    "kafka-ca.crt": "PEM",
    "ca.crt": "PEM",
    "signing-key.json": "{}",
    "audience.toml": "",
}
"""By the name of the file that the chart makes of them."""
FROM_ELSEWHERE = {"JAGAWANA_THREADS": "2", "JAGAWANA_INSTANCE": "demo-detect-0", "JAGAWANA_KAFKA_USER": "jagawana-detect"}
"""Values of variables that Kubernetes takes from the pod or a secret."""


def interpolated(text: str) -> str:
    """As compose reads it where no variable of ours is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Services that run our image."""
    return {name: s for name, s in compose["services"].items() if s["image"].startswith("jagawana:")}


@pytest.mark.parametrize("file", COMPOSE)
def test_what_compose_gives_means_something(file: str, tmp_path: Path) -> None:
    services = ours(yaml.safe_load((ROOT / file).read_text()))
    assert services
    for name, service in services.items():
        settings = read({k: interpolated(v) for k, v in service["environment"].items()}, {}, tmp_path)
        assert parse([interpolated(word) for word in service["command"]])
        assert bool(settings.kafka_servers) == bool(settings.database_url) == (file == "docker-compose.yml"), name


@pytest.mark.parametrize("profile", PROFILES)
def test_what_the_chart_gives_means_something(helm: Helm, profile: str, tmp_path: Path) -> None:
    pods = pods_of(helm.profile(profile))
    for name, pod in pods.items():
        for container in containers_of(pod):
            folder = tmp_path / name.replace("/", "-") / container["name"]
            folder.mkdir(parents=True)
            settings = _settings_of(pod, container, folder)
            command = parse(container["args"])
            assert (settings.kafka_ca is None) == (settings.kafka_user is None) == (settings.kafka_password is None), name
            assert command in ("up", "work", "migrate", "kafka apply")
            assert command == "up" or settings.database_url is not None


def _settings_of(pod: Manifest, container: Manifest, folder: Path) -> Settings:
    """Files named by the environment exist; a secret's name is taken for its content."""
    files: dict[str, str] = {}
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    for volume in pod["spec"]["volumes"]:
        sources = volume.get("projected", {}).get("sources", [])
        items = [item["path"] for source in sources for item in source["secret"]["items"]]
        items += ["audience.toml"] if "secret" in volume else []
        files |= {f"{mounts[volume['name']]}/{item}": SECRETS[item] for item in items}
    environment = {}
    for variable in container["env"]:
        value = variable["value"] if "value" in variable else FROM_ELSEWHERE.get(variable["name"], "key")
        if value.startswith(("/secrets/", "/audience/")):
            assert value in files, f"{variable['name']} names {value}, which is not mounted"
        environment[variable["name"]] = value
    return read(environment, {name.rsplit("/", 1)[1]: content for name, content in files.items()}, folder)


def test_wrong_words_and_variables_are_found(tmp_path: Path) -> None:
    assert parse(["work", "web", "--port", "1"]) == "work"
    assert parse(["kafka", "keys", "new", "key.json"]) == "kafka keys new"
    for wrong in (
        ["werk", "detect"],
        ["work", "detekt"],
        ["work", "web", "--prot", "1"],
        ["work", "web", "--port", "x"],
        ["kafka", "apply", "--yes", "more"],
    ):
        with pytest.raises(Exception, match=r"(?i)no such|not one of|a valid|unexpected"):
            parse(wrong)
    for environment in ({"JAGAWANA_DATEN": "/data"}, {"AWS_ENDPOINT": "https://h"}, {"PATH": "/bin"}):
        with pytest.raises((AssertionError, DataError)):
            read(environment, {}, tmp_path)
    with pytest.raises(DataError):
        read({"JAGAWANA_KAFKA_SERVERS": "kafka:9092"}, {}, tmp_path)
