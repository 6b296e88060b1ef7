"""The examples agencies begin with, as processes: on a plain cluster, or on one with logins as the forest police."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from agencies.users import FOREST, PASSWORD, librdkafka
from servers.kafka import Kafka
from servers.process import CACHE

from jagawana.services.agencies.keys import PrivateKey, write_public

EXAMPLES = Path(__file__).parents[3] / "examples"
Command = Callable[[Kafka, Path, str, str | None], list[str]]


def python(kafka: Kafka, folder: Path, topic: str, group: str | None) -> list[str]:
    config = (kafka.client(FOREST.name, PASSWORD) if kafka.secure else kafka.client()) | ({"group_id": group} if group else {})
    (folder / "kafka.json").write_text(json.dumps(config))
    return [sys.executable, str(EXAMPLES / "subscriber.py"), topic, "kafka.json", "keys.json"]


def confluent(kafka: Kafka, folder: Path, topic: str, group: str | None) -> list[str]:
    plain = {"bootstrap.servers": ",".join(kafka.servers)}
    config = (librdkafka(kafka, FOREST.name) if kafka.secure else plain) | {"group.id": group or f"fresh-{time.time_ns()}"}
    (folder / "kafka.json").write_text(json.dumps(config))
    return [sys.executable, str(EXAMPLES / "subscriber_confluent.py"), topic, "kafka.json", "keys.json"]


def java(kafka: Kafka, folder: Path, topic: str, group: str | None) -> list[str]:
    lines = {"bootstrap.servers": ",".join(kafka.servers), "group.id": group or f"fresh-{time.time_ns()}"}
    if kafka.secure:
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        lines |= {
            "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(kafka.ca),
            "sasl.jaas.config": f'{module} required username="{FOREST.name}" password="{PASSWORD}";',
        }  # fmt: skip
    (folder / "consumer.properties").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    built = CACHE / "java-subscriber"
    sources = list((EXAMPLES / "java").rglob("*.java"))
    if not (built / "built").exists() or (built / "built").stat().st_mtime < max(s.stat().st_mtime for s in sources):
        build(built)
    return [
        "java",
        "-Xmx128m",
        "-cp",
        f"{built}/target/classes:{built}/target/dependency/*",
        "Subscriber",
        topic,
        "consumer.properties",
        "keys.json",
    ]


def build(folder: Path) -> None:
    """By its own pom, as an agency would."""
    if shutil.which("javac") is None or shutil.which("mvn") is None:
        pytest.skip("the Java example needs a JDK and Maven; on Debian: apt-get install openjdk-17-jdk-headless maven")
    shutil.copytree(EXAMPLES / "java", folder, dirs_exist_ok=True)
    command = ["mvn", "-q", "-B", "-ntp", "package", "dependency:copy-dependencies", "-DincludeScope=runtime"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    (folder / "built").touch()


@contextmanager
def subscribed(
    command: Command, kafka: Kafka, folder: Path, topic: str, group: str | None, key: PrivateKey
) -> Iterator[Callable[[], tuple[list[str], str]]]:
    """The example at work. Yields a function that reads what it has printed, and what it has refused."""
    folder.mkdir(exist_ok=True)
    write_public([key.public], folder / "keys.json")
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        arguments = command(kafka, folder, topic, group)
        running = subprocess.Popen(arguments, cwd=folder, stdout=out, stderr=err, env=os.environ | {"PYTHONPATH": str(EXAMPLES)})
        try:
            yield lambda: ((folder / "out").read_text().splitlines(), (folder / "err").read_text())
        finally:
            running.send_signal(signal.SIGINT)  # as Ctrl-C: it leaves its group
            running.wait(20)


def told_of(lines: list[str]) -> list[tuple[str, int]]:
    return [(line.split()[0], int(line.split()[1])) for line in lines]
