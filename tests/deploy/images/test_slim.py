"""The slim image is built, and does what compose says, as compose says it: every service of ours on real Kafka, PostgreSQL and S3."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.chart.rendering import ROOT
from deploy.containers.test_commands import interpolated, ours
from deploy.images.engine import container, podman
from deploy.images.pods import install, passable
from pydantic import SecretStr
from servers.kafka import Kafka
from servers.process import free_port
from servers.s3 import S3
from sqlmodel import Session

from jagawana.services.store import digest
from jagawana.services.store.postgresql import engine_of

UID = 10001
ONCE = ("migrate", "topics", "demo-scenes", "demo-zones")
ROOMS = ("relay", "assess", "detect", "notify", "web", "ingest")


class House:
    """Services of the compose file as containers, on the servers of the tests."""

    def __init__(self, image: str, addresses: Mapping[str, str], inbox: Path) -> None:
        self.image, self.addresses, self.inbox = image, addresses, inbox
        self.services = ours(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))
        self.ports: dict[str, int] = {}
        self.ids: dict[str, str] = {}
        self.running = ExitStack()

    def start(self, name: str) -> str:
        """As compose does, but for addresses and ports: all share this machine's network."""
        service = self.services[name]
        self.ports[name] = free_port()
        environment = {k: interpolated(v) for k, v in service["environment"].items()} | self.addresses
        environment["JAGAWANA_METRICS_PORT"] = str(self.ports[name])
        words = [interpolated(word) for word in service["command"]]
        if name == "web":
            self.page = free_port()
            words = [str(self.page) if word == "8080" else word for word in words]
        self.ids[name] = self.running.enter_context(container(self.image, words, environment, self._options(service)))
        return self.ids[name]

    def _options(self, service: Mapping[str, Any]) -> list[str]:
        volumes = [f"--volume={volume.replace('inbox:', f'{self.inbox}:', 1)}" for volume in service.get("volumes", [])]
        hardening = [f"--user={service['user']}", *(f"--cap-drop={c}" for c in service["cap_drop"])]
        hardening += [f"--security-opt={o.replace(':true', '')}" for o in service["security_opt"]]
        writable = [f"--tmpfs={folder}" for folder in service["tmpfs"]]
        read_only = ["--read-only", "--read-only-tmpfs=false"] if service["read_only"] else []
        return [*volumes, *hardening, *writable, *read_only]

    def run(self, name: str) -> None:
        """A service that ends by itself."""
        code = podman("wait", self.start(name)).strip()
        assert code == "0", self.said(name)

    def said(self, name: str) -> str:
        """Its log."""
        done = subprocess.run(["podman", "logs", self.ids[name]], check=False, capture_output=True, text=True, timeout=60)
        return f"{name}: {(done.stdout + done.stderr)[-3000:]}"


def asked(port: int, path: str) -> tuple[int, str]:
    """What a port answers; 0 when nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, ""
    except OSError:
        return 0, ""


def until(true: Callable[[], bool], seconds: float, else_say: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, else_say()
        time.sleep(2)


@pytest.fixture
def house(image: str, kafka: Kafka, database_url: str, s3: S3, tmp_path: Path) -> Iterator[House]:
    kafka.clear()
    passable(tmp_path)
    inbox = install(tmp_path / "inbox")
    addresses = s3.environment | {
        "JAGAWANA_DATABASE_URL": database_url, "JAGAWANA_KAFKA_SERVERS": json.dumps(kafka.servers), "JAGAWANA_BLOB_URL": f"s3://{s3.new_bucket()}/blobs",
    }  # fmt: skip
    house = House(image, addresses, inbox)
    with house.running:
        yield house


def test_the_demo_in_the_containers_of_compose_comes_to_the_digest_of_one_process(house: House, database_url: str, tmp_path: Path) -> None:
    assert {*ONCE, *ROOMS} == house.services.keys()
    for name in ONCE:
        house.run(name)
    for name in ROOMS:
        house.start(name)
    for name in ROOMS:
        until(lambda name=name: asked(house.ports[name], "/health/ready")[0] == 200, 120, lambda name=name: house.said(name))
    expected = _digest_of_one_process(house.inbox / "demo", tmp_path / "data")
    until(lambda: _digest(database_url) == expected, 600, lambda: "\n".join(house.said(name) for name in ROOMS))
    assert _alerts(house) > 0
    assert "possible mining" in asked(house.page, "/")[1]
    for name in ROOMS:
        metrics = asked(house.ports[name], "/metrics")[1]
        assert f'jagawana_build_info{{model="auto",room="{name}"' in metrics
    for name in ROOMS:
        podman("stop", "--time=45", house.ids[name])
        code = podman("inspect", "--format", "{{.State.ExitCode}}", house.ids[name]).strip()
        assert code == "0", f"{code} {house.said(name)}"


def _digest_of_one_process(archive: Path, data: Path) -> str:
    """What the embedded mode makes of the same scenes and zones."""
    run = [sys.executable, "-m", "jagawana.services.cli"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAGAWANA_")} | {"JAGAWANA_DATA": str(data)}
    for command in (["zones", "load", str(archive / "zones.gpkg")], ["replay", str(archive), "--json"]):
        done = subprocess.run([*run, *command], env=environment, capture_output=True, text=True, check=True, timeout=600)
    return str(json.loads(done.stdout)["digest"])


def _digest(database_url: str) -> str:
    engine = engine_of(SecretStr(database_url))
    try:
        with Session(engine) as session:
            return digest.digest(session)
    finally:
        engine.dispose()


def _alerts(house: House) -> int:
    status, text = asked(house.page, "/alerts.geojson")
    return len(json.loads(text)["features"]) if status == 200 else 0


def test_a_container_can_write_nothing_but_its_data(house: House) -> None:
    house.run("migrate")
    notify = house.start("notify")

    def try_in_it(code: str) -> subprocess.CompletedProcess[str]:
        command = ["podman", "--runtime=runc", "--cgroup-manager=cgroupfs", "exec", notify, "python", "-c", code]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    until(lambda: asked(house.ports["notify"], "/health/ready")[0] == 200, 60, lambda: house.said("notify"))
    assert try_in_it("import os; print(os.getuid(), os.getgid())").stdout.split() == [str(UID)] * 2
    for folder in ("/data", "/tmp"):
        assert try_in_it(f"open('{folder}/x', 'w')").returncode == 0, folder
    for folder in ("/", "/opt/jagawana", "/etc", "/var/tmp", "/home"):
        assert "Read-only file system" in try_in_it(f"open('{folder}/x', 'w')").stderr, folder
    capabilities = try_in_it("print(next(l for l in open('/proc/self/status') if l.startswith('CapEff')))").stdout.split()
    assert int(capabilities[1], 16) == 0
    assert try_in_it("print(next(l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')))").stdout.split()[1] == "1"


def test_the_slim_image_knows_its_models_without_torch(image: str) -> None:
    with container(image, ["doctor", "--json"], {}, ["--read-only", "--tmpfs=/tmp"]) as made:
        assert podman("wait", made).strip() == "0"
        found = json.loads(podman("logs", made))
    assert found["torch"] == "not installed"
    assert all("known answer given" in str(value) for name, value in found.items() if name.startswith("model"))
    assert sum(name.startswith("model") for name in found) == 2
