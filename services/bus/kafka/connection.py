"""How every client reaches the brokers: addresses, and a name and password over TLS where there are any."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from faststream.security import SASLScram512

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError
from jagawana.services.settings import Settings

OURS_TO_MEND = ("SaslAuthenticationFailed", "CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "AuthorizationFailed")
"""What a client says of a wrong password, certificate or right; waiting does not help."""
GOODBYE_SECONDS = 0.1
"""A client says it is closed before TLS has taken leave; its sockets would outlive their loop."""


@dataclass(frozen=True)
class Connection:
    """Addresses as host:port. With a user: SASL SCRAM-SHA-512 over TLS, the brokers' certificate checked against `ca`."""

    servers: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def client(self) -> dict[str, Any]:
        """Arguments of an aiokafka client.

        Raises:
            DataError: SETTINGS_INVALID when the certificate file cannot be read.
        """
        plain = {"bootstrap_servers": list(self.servers)}
        if self.user is None:
            return plain
        return plain | {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password or "",
            "ssl_context": self._tls(),
        }

    def security(self) -> SASLScram512 | None:
        """The same, for a FastStream broker."""
        if self.user is None:
            return None
        return SASLScram512(username=self.user, password=self.password or "", use_ssl=True, ssl_context=self._tls())

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as e:
            raise DataError(ErrorCode.SETTINGS_INVALID, f"kafka_ca {self.ca}: {e}; give the PEM file of the brokers' authority") from e
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class _Heard(logging.Handler):
    """What a client says while it connects: its exception is always the same, the cause is only in its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def connection_of(settings: Settings) -> Connection:
    """How to reach Kafka.

    Raises:
        DataError: SETTINGS_INVALID when no broker is named, or half a login: it would go to the brokers in the clear.
    """
    if not settings.kafka_servers:
        raise DataError(ErrorCode.SETTINGS_INVALID, 'no Kafka to work with; set JAGAWANA_KAFKA_SERVERS, e.g. ["localhost:9092"]')
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else None
    if (settings.kafka_user is None) != (password is None) or (settings.kafka_ca is not None and password is None):
        why = "JAGAWANA_KAFKA_USER and JAGAWANA_KAFKA_PASSWORD go together, and JAGAWANA_KAFKA_CA with them"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{why}; set both, or none for brokers without logins")
    return Connection(settings.kafka_servers, settings.kafka_user, password, settings.kafka_ca)


@contextmanager
def connecting(connection: Connection) -> Iterator[None]:
    """Around a client's start: says why it failed, as far as the client knows.

    Raises:
        DataError: SETTINGS_INVALID when name, password, certificate or rights are refused.
        TransientError: BUS_UNAVAILABLE when nobody answers.
    """
    heard, log = _Heard(), logging.getLogger("aiokafka")
    log.addHandler(heard)
    try:
        yield
    except KafkaError as e:
        raise _explained(connection, e, heard.said) from e
    finally:
        log.removeHandler(heard)


async def knock(connection: Connection) -> None:
    """Whether the brokers let us in. For clients that do not say why they are not let in, and try for long.

    Raises:
        DataError: SETTINGS_INVALID when name, password or certificate are refused.
        TransientError: BUS_UNAVAILABLE when nobody answers.
    """
    client = AIOKafkaClient(client_id="jagawana-knock", **connection.client())
    try:
        with connecting(connection):
            await client.bootstrap()
    finally:
        await client.close()
        await asyncio.sleep(GOODBYE_SECONDS)


def _explained(connection: Connection, error: KafkaError, said: list[str]) -> JagawanaError:
    words = " ".join(dict.fromkeys([*said[-3:], f"{type(error).__name__}: {error}"]))[:500]
    where = f"Kafka at {', '.join(connection.servers)}"
    if any(sign in words for sign in OURS_TO_MEND):
        who = f"as {connection.user}" if connection.user else "without a user"
        mend = "mend JAGAWANA_KAFKA_USER, _PASSWORD, _CA, or the user's rights (jagawana kafka apply --plan)"
        return DataError(ErrorCode.SETTINGS_INVALID, f"{where} refuses us {who}: {words}; {mend}")
    return TransientError(ErrorCode.BUS_UNAVAILABLE, f"{where} does not answer: {words}; is it up, and does it speak what we speak?")
