"""Settings files of a broker in the tests, and the reason of each line that is not obvious."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOGGING = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
"""INFO writes thousands of lines for one start."""

TESTS_ONLY = {
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "2097152",  # its default of 128 MiB does not fit into a small heap
    "broker.session.timeout.ms": "2000",  # a killed broker may come back after this time: 9 s by default
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",  # as in production: a misspelt topic is an error
}
ALONE = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
REPLICATED = {"default.replication.factor": "3", "min.insync.replicas": "2", "unclean.leader.election.enable": "false"}
PLAIN = {"listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"}


@dataclass(frozen=True)
class Node:
    """One broker, which is a controller too."""

    id: int
    client_port: int
    controller_port: int
    folder: Path


def secured(certificate: Path, authority: Path, admin: str, password: str) -> dict[str, str]:
    """SASL_SSL with SCRAM-SHA-512 and access lists for clients, mutual TLS between controllers. `broker` is the certificate's name."""
    login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{admin}" password="{password}";'
    return {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": login,
        "listener.name.controller.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificate),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{admin};User:CN=broker",
        "allow.everyone.if.no.acl.found": "false",
        "connections.max.reauth.ms": "300000",  # without it a deleted user's connections live on
    }


def settings_of(node: Node, nodes: list[Node], security: Mapping[str, str], more: Mapping[str, str]) -> str:
    """The text of `server.properties`; `more` wins."""
    quorum = ",".join(f"{n.id}@127.0.0.1:{n.controller_port}" for n in nodes)
    lines = {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": quorum,
        "listeners": f"CLIENT://127.0.0.1:{node.client_port},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{node.client_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "log.dirs": str(node.folder / "data"),
        **TESTS_ONLY,
        **(ALONE if len(nodes) == 1 else REPLICATED),
        **security,
        **more,
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())
