"""The compose files: what `docker compose` makes of them, and what every container of ours must keep to. No engine runs here."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy import tools
from deploy.chart.rendering import ROOT
from deploy.conftest import to_be_had
from deploy.containers.test_commands import COMPOSE, interpolated, ours
from jsonschema import Draft7Validator

from jagawana.schemas.catalogue import CATALOGUE
from jagawana.services.rooms import Room


def _read(file: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / file).read_text()))


@pytest.mark.parametrize("file", COMPOSE)
def test_it_is_a_compose_file(file: str, compose_schema: Path) -> None:
    validator = Draft7Validator(json.loads(compose_schema.read_text()))
    assert [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(_read(file))] == []
    assert list(validator.iter_errors(_read(file) | {"servces": {}}))


@pytest.mark.parametrize("file", COMPOSE)
def test_the_library_of_docker_compose_reads_it(file: str) -> None:
    """Its program is built by `make test-cluster`; anchors, profiles and what waits for what are checked by it."""
    if not (tools.TOOLS / "compose-config").exists():
        pytest.skip("the reader of compose files is not built: make test-cluster")
    done = subprocess.run([to_be_had(tools.compose_config), ROOT / file, "demo"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    meant = json.loads(done.stdout)["services"]
    assert meant.keys() == _read(file)["services"].keys()
    for name, service in ours(_read(file)).items():
        assert meant[name]["command"] == [interpolated(word) for word in service["command"]]
        assert meant[name]["build"]["target"] in ("slim", "cuda")


@pytest.mark.parametrize("file", COMPOSE)
def test_images_are_pinned_and_ports_are_this_machines(file: str) -> None:
    for name, service in _read(file)["services"].items():
        assert re.search(r":v?\d[\w.-]*$", service["image"]), f"{name} has an image without a version"
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), f"{name} is open to the network"
        assert "no-new-privileges:true" in service.get("security_opt", []) or service["restart"] == "no", name
        assert not service.get("privileged")


@pytest.mark.parametrize("file", COMPOSE)
def test_our_containers_can_do_little(file: str) -> None:
    for name, service in ours(_read(file)).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["user"] == "10001:10001", name
        assert service["tmpfs"], name
        writable = [volume.split(":")[1] for volume in service.get("volumes", []) if not volume.endswith(":ro")]
        assert set(writable) <= {"/data", "/inbox"}
        assert "/inbox" not in writable or name == "demo-scenes", f"{name} can write into the inbox"


def test_there_is_a_container_for_each_room() -> None:
    workers = {s["command"][1]: s for s in ours(_read("docker-compose.yml")).values() if s["command"][0] == "work"}
    assert workers.keys() == set(Room)
    for room, service in workers.items():
        grace = int(re.sub(r"\D", "", service["stop_grace_period"]))
        assert grace > int(service["environment"]["JAGAWANA_GRACE_SECONDS"]), f"{room} is killed before its own grace time ends"
        assert {"topics", "bucket"} <= service["depends_on"].keys()


def test_nobody_waits_for_what_is_not_there() -> None:
    services = _read("docker-compose.yml")["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}"
            done = how["condition"] == "service_completed_successfully"
            assert done == (services[other]["restart"] == "no"), f"{name} waits for {other} in the wrong way"
            assert done or "healthcheck" in services[other], f"nobody knows whether {other} is healthy"
    assert all("demo" in s.get("profiles", ["demo"]) for s in services.values())


def test_the_brokers_make_no_topic_by_themselves() -> None:
    kafka = _read("docker-compose.yml")["services"]["kafka"]["environment"]
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false", "a misspelt topic is an error"
    assert all(int(kafka[name]) == 1 for name in kafka if "REPLICATION_FACTOR" in name or name.endswith("_ISR"))
    assert len(CATALOGUE) > 0
