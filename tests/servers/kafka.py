"""Apache Kafka itself, one node or three, on the loopback address."""

import base64
import json
import secrets
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka.admin import KafkaAdminClient, UserScramCredentialUpsertion
from kafka.errors import KafkaError
from servers.broker_settings import LOGGING, PLAIN, Node, secured, settings_of
from servers.certificates import YEAR, Authority
from servers.process import CACHE, Server, ServerFailed, ServerMissing, free_port, give, own_folder, port_open, remove, run_tool

LIBS = CACHE / "kafka" / "libs"
ADMIN = "admin"
HEAP = "-Xmx256m"


def fetch() -> Path:
    """The folder of the broker's jars; fetched by Maven when it is not there (44 MB).

    Raises:
        ServerMissing: no Java or Maven, or no package index that Maven reaches.
    """
    for program, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            raise ServerMissing(f"Kafka needs {program}; on Debian: apt-get install {package}")
    if not (LIBS / ".complete").exists():
        pom = Path(__file__).with_name("pom.xml")
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={LIBS}"]
        done = subprocess.run(["mvn", "-q", "-B", "-ntp", "-f", str(pom), *goal], check=False, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise ServerMissing(f"Maven could not fetch Kafka: {done.stdout[-1000:]}")
        (LIBS / ".complete").touch()
    return LIBS


class Kafka:
    """A cluster, started by `with`.

    Args:
        nodes: 1 or 3; three replicate everything three times and need two in sync.
        secure: SASL_SSL, SCRAM-SHA-512 and access lists; nobody but the administrator may do anything at first.
        certificate_valid: how long the brokers' certificates are good from now on; an expired one stops a broker from starting.
        settings: more lines of `server.properties`, e.g. {"auto.create.topics.enable": "true"}.
        ports: of the clients' listeners; free ones when left out.

    `secure`, with the user a test plays: `kafka.client("agency", password)` holds the arguments of kafka-python and aiokafka.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        secure: bool = False,
        certificate_valid: timedelta = YEAR,
        settings: Mapping[str, str] | None = None,
        ports: Sequence[int] | None = None,
    ) -> None:
        if nodes not in (1, 3):
            raise ValueError("a cluster has one node or three")
        self.secure, self.settings = secure, settings or {}
        self.certificate_valid = certificate_valid
        self.password = secrets.token_hex(16)
        self.given_ports = ports or [free_port() for _ in range(nodes)]
        self.nodes: list[Server] = []

    @property
    def servers(self) -> list[str]:
        """Addresses of all nodes, dead ones too."""
        return [f"127.0.0.1:{port}" for port in self.given_ports]

    def __enter__(self) -> Self:
        libs = fetch()
        self.folder = own_folder("kafka")
        try:
            # The servers' user may not be able to read the checkout.
            shutil.copytree(libs, self.folder / "libs")
            self._prepare()
            for server in self.nodes:
                server.start()
            self.wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for server in self.nodes:
            server.kill()  # nobody reads its folder again
        remove(self.folder)

    def _prepare(self) -> None:
        security = self._security()
        made = [Node(i, port, free_port(), self.folder / f"node-{i}") for i, port in enumerate(self.given_ports, start=1)]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        (self.folder / "log4j2.properties").write_text(LOGGING)
        for node in made:
            node.folder.mkdir()
            give(node.folder)
            (node.folder / "server.properties").write_text(settings_of(node, made, security, self.settings))
            first_user = ["--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={self.password}]"] if self.secure else []
            tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", "server.properties", *first_user]
            run_tool(self._java("-Xmx128m", *tool), node.folder)
            self.nodes.append(Server(f"kafka-{node.id}", self._java(HEAP, "kafka.Kafka", "server.properties"), node.folder))

    def _java(self, heap: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return ["java", heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", logging, "-cp", f"{self.folder / 'libs'}/*", *arguments]

    def _security(self) -> Mapping[str, str]:
        if not self.secure:
            return PLAIN
        self.authority = Authority(self.folder)
        certificate = self.authority.issue("broker", self.certificate_valid)
        return secured(certificate, self.authority.path, ADMIN, self.password)

    @property
    def ca(self) -> Path:
        """The authority's certificate, for clients of a secure cluster."""
        return self.authority.path

    def client(self, user: str = ADMIN, password: str | None = None) -> dict[str, Any]:
        """Arguments of any kafka-python client: addresses, and on a secure cluster the login of a user (the administrator by default)."""
        if not self.secure:
            return {"bootstrap_servers": self.servers}
        login = {"sasl_plain_username": user, "sasl_plain_password": password or self.password, "ssl_cafile": str(self.ca)}
        return {"bootstrap_servers": self.servers, "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", **login}

    def admin(self, **more: Any) -> KafkaAdminClient:
        """A client with every right; close it, or use it with `contextlib.closing`."""
        return KafkaAdminClient(**self.client(), **more)

    def add_user(self, name: str, password: str) -> None:
        """Make a user, or change the password."""
        admin = self.admin()
        try:
            said = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, "SCRAM-SHA-512", password, iterations=8192)])
        finally:
            admin.close()
        refused = {k: v for k, v in said.items() if v is not None}
        if refused:
            raise ServerFailed(f"Kafka refused the user: {json.dumps(refused, default=str)}")

    def wait(self, seconds: float = 60.0) -> None:
        """Until all nodes that run serve, and know one another."""
        running = [(s, p) for s, p in zip(self.nodes, self.given_ports, strict=True) if s.process is not None]
        for server, port in running:
            server.wait_until(lambda port=port: port_open(port), seconds)  # type: ignore[misc]
        end = time.monotonic() + seconds
        while self._known() < len(running):
            if time.monotonic() > end:
                raise ServerFailed(f"the nodes of the cluster did not find one another: {running[0][0].last_words()}")
            time.sleep(0.1)

    def _known(self) -> int:
        try:
            admin = self.admin(bootstrap_timeout_ms=2000)
        except KafkaError:
            return 0
        try:
            return len(admin.describe_cluster()["brokers"])
        except KafkaError:
            return 0
        finally:
            admin.close()

    def restart(self, node: int = 1) -> None:
        """Start a node that was killed or stopped, and wait until it serves."""
        self.nodes[node - 1].start()
        self.wait()

    def stop(self, node: int = 1) -> None:
        """SIGTERM: the node hands over its partitions and ends."""
        self.nodes[node - 1].stop()

    def kill(self, node: int = 1) -> None:
        """SIGKILL."""
        self.nodes[node - 1].kill()

    def pause(self, node: int = 1) -> None:
        """SIGSTOP: its connections stay open, it does not answer."""
        self.nodes[node - 1].pause()

    def resume(self, node: int = 1) -> None:
        """SIGCONT."""
        self.nodes[node - 1].resume()

    def clear(self) -> None:
        """Delete every topic and every group, so that the next test finds an empty cluster. Its clients must have stopped."""
        admin = self.admin()
        try:
            topics = [t for t in admin.list_topics() if not t.startswith("__")]
            if topics:
                admin.delete_topics(topics)
            groups = [g["group_id"] for g in admin.list_groups()]
            if groups:
                admin.delete_groups(groups)
            while set(topics) & set(admin.list_topics()):
                time.sleep(0.02)
        finally:
            admin.close()
