"""Pods of the chart with logins, run as containers: TLS, users with their own rights, secrets as files, signatures, an agency."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deploy.chart.rendering import Helm, Manifest, containers_of, pods_of
from deploy.images.engine import container, podman
from deploy.images.pods import Kubelet, install, passable
from deploy.images.test_slim import asked, until
from distributed import archive
from kafka import KafkaConsumer
from pydantic import SecretStr
from servers.kafka import ADMIN, Kafka
from servers.process import free_port
from servers.s3 import S3
from sqlmodel import Session

from jagawana.services.store import zones
from jagawana.services.store.postgresql import engine_of

AGENCY = "klhk"
PASSWORD = "of-the-test"
ROOMS = ("relay", "detect", "assess", "notify", "web", "ingest")


@pytest.fixture
def secure_kafka(image: str) -> Iterator[Kafka]:
    with Kafka(secure=True) as kafka:
        for user in ("jagawana-detect", "jagawana-assess", "jagawana-relay", AGENCY):
            kafka.add_user(user, PASSWORD)
        yield kafka


@pytest.fixture
def secure_s3(image: str) -> Iterator[S3]:
    with S3(secure=True) as s3:
        yield s3


@pytest.fixture
def kubelet(secure_kafka: Kafka, database_url: str, secure_s3: S3, helm: Helm, tmp_path: Path) -> Kubelet:
    passable(tmp_path)
    key = tmp_path / "signing-key.json"
    subprocess.run(
        [sys.executable, "-m", "jagawana.services.cli", "kafka", "keys", "new", str(key)], check=True, capture_output=True, timeout=60
    )
    secrets = {
        "jagawana-database": {"url": database_url},
        "jagawana-database-owner": {"url": database_url},
        "jagawana-authorities": {"ca.crt": secure_s3.authority.path.read_text()},
        "jagawana-objects": {"access-key-id": secure_s3.key, "secret-access-key": secure_s3.secret},
        "jagawana-kafka": dict.fromkeys(("detect", "assess", "relay"), PASSWORD),
        "jagawana-kafka-operator": {"user": ADMIN, "password": secure_kafka.password},
        "jagawana-kafka-ca": {"ca.crt": secure_kafka.ca.read_text()},
        "jagawana-signing": {"signing-key.json": key.read_text()},
    }
    configs = {m["metadata"]["name"]: m["data"] for m in helm.profile("login") if m["kind"] == "ConfigMap"}
    return Kubelet(tmp_path / "pods", secrets, configs, {"jagawana-inbox": install(tmp_path / "inbox")})


def test_a_release_with_logins_works_as_rendered(image: str, kubelet: Kubelet, secure_kafka: Kafka, secure_s3: S3, helm: Helm) -> None:
    values = {
        "kafka": {"servers": secure_kafka.servers},
        "objects": {"url": f"s3://{secure_s3.new_bucket()}/blobs", "endpoint": secure_s3.endpoint, "region": "us-east-1"},
        "settings": {"JAGAWANA_MODEL": "spectral-6"},
    }
    pods = {name.split("/demo-")[1]: pod for name, pod in pods_of(helm.render("login", values)).items()}
    with ExitStack() as running:
        for made in containers_of(pods["migration"]):
            ended = running.enter_context(_as_container(image, kubelet, "migration", pods["migration"], made, free_port()))
            assert podman("wait", ended).strip() == "0", podman("logs", ended)
        ports = {room: free_port() for room in ROOMS}
        ids = {}
        for room in ROOMS:
            (made,) = containers_of(pods[room])
            ids[room] = running.enter_context(_as_container(image, kubelet, room, pods[room], made, ports[room]))
        for room in ROOMS:
            until(lambda room=room: asked(ports[room], "/health/ready")[0] == 200, 120, lambda room=room: podman("logs", ids[room]))
        _load_zones(kubelet.secrets["jagawana-database"]["url"])
        archive.write(kubelet.claims["jagawana-inbox"] / "archive", places=1)
        passable(kubelet.claims["jagawana-inbox"] / "archive")
        consumer = KafkaConsumer(
            "alerts.restricted.v1", **secure_kafka.client(AGENCY, PASSWORD), group_id=f"{AGENCY}-test", auto_offset_reset="earliest"
        )
        records: list[Any] = []
        until(
            lambda: bool(records.extend(r for polled in consumer.poll(2000).values() for r in polled) or records),
            300,
            lambda: _all_said(ids),
        )
        consumer.close()
        for room in ROOMS:
            podman("stop", "--time=45", ids[room])
            assert podman("inspect", "--format", "{{.State.ExitCode}}", ids[room]).strip() == "0", podman("logs", ids[room])
    headers = dict(records[0].headers)
    assert headers["sig"] and headers["kid"]
    assert json.loads(records[0].value)["data"]["alert_tense"] == "current"


def _as_container(image: str, kubelet: Kubelet, room: str, pod: Manifest, made: Manifest, port: int) -> AbstractContextManager[str]:
    """But for ports: all share this machine's network."""
    environment = kubelet.environment(room, pod, made) | {"JAGAWANA_METRICS_PORT": str(port), "JAGAWANA_METRICS_HOST": "127.0.0.1"}
    words = [str(free_port()) if word == "8080" else word for word in made["args"]]
    return container(image, words, environment, kubelet.options(room, pod, made))


def _load_zones(url: str) -> None:
    engine = engine_of(SecretStr(url))
    with Session(engine) as session:
        for zone in archive.ZONES:
            zones.activate(session, zone.layer, zone.layer_version, [zone], at=datetime.now(UTC))
        session.commit()
    engine.dispose()


def _all_said(ids: dict[str, str]) -> str:
    said = []
    for room, made in ids.items():
        done = subprocess.run(["podman", "logs", "--tail", "8", made], capture_output=True, text=True, check=False, timeout=60)
        said.append(f"{room}: {done.stdout}{done.stderr}")
    return "\n".join(said)
