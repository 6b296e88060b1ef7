"""What a process is observed with, as its settings say: begun before anything else, so that also the beginning is logged."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from cryptography import x509
from fastapi import FastAPI
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sqlalchemy import Engine

from jagawana.rules.pack import RulePack
from jagawana.services.bus.handling import Route
from jagawana.services.bus.kafka.progress import Progress
from jagawana.services.notify.audience import Recipient
from jagawana.services.observer import Listener, Observer
from jagawana.services.observing import logs, table
from jagawana.services.observing.health import ALIVE_SECONDS, Health, endpoints
from jagawana.services.observing.metrics import Metrics, Samples
from jagawana.services.observing.redacting import Redacting
from jagawana.services.observing.stored import Stored
from jagawana.services.observing.table import Metric
from jagawana.services.observing.traces import Traces, close, exporting
from jagawana.services.settings import Settings
from jagawana.services.store.database import transaction

logger = logging.getLogger(__name__)


class Server(Protocol):
    """What is used of a web server."""

    should_exit: bool


@dataclass
class Observation:
    """Of one process."""

    settings: Settings
    room: str
    observer: Observer
    progress: Progress
    health: Health
    metrics: Metrics | None
    spans: BatchSpanProcessor | None
    channel_of: Mapping[str, str]

    def look_into(self, engine: Engine, pack: RulePack, recipients: Mapping[str, Recipient]) -> None:
        """From now on the addresses of those who are told are in no line, and the database's errors are counted."""
        logs.say(self.room, _redacting(self.settings, recipients), as_json=self.settings.logs == "json")
        self.channel_of = {r.id: r.schema_name for r in recipients.values()}
        if self.metrics is not None:
            self.metrics.count_errors_of(engine)
            build = version("jagawana"), self.room, self.settings.model or "auto", f"{pack.pack} {pack.version}"
            self.metrics.set(table.BUILD, build, 1.0)

    def look_into_store(self, engine: Engine, now: Callable[[], datetime], routes: Sequence[Route[Any]], *, relays: bool) -> None:
        """Serve also what the database says of all workers together."""
        if self.metrics is not None:
            readers = {route.room: route.topic for route in routes}
            stored = Stored(lambda: transaction(engine), now, readers=readers, channel_of=self.channel_of, relays=relays)
            self.metrics.registry.register(stored)

    def show(self, metric: Metric, samples: Samples) -> None:
        """Serve a gauge that is read whenever somebody asks."""
        if self.metrics is not None:
            self.metrics.read(metric, samples)

    @contextmanager
    def served(self, serve: Callable[[FastAPI, int, str], Server]) -> Iterator[None]:
        """Answer for metrics and health until the end; then hand on the last spans."""
        server = None
        if self.metrics is not None:
            server = serve(endpoints(self.metrics.registry, self.health), self.settings.metrics_port, self.settings.metrics_host)
        try:
            yield
        finally:
            if server is not None:
                server.should_exit = True
            if self.spans is not None:
                close(self.spans)


def observation(settings: Settings, room: str, *, alive_seconds: float = ALIVE_SECONDS) -> Observation:
    """Begin to observe this process; `room` is what its lines and metrics say of it."""
    logs.say(room, _redacting(settings, {}), as_json=settings.logs == "json")
    _say_what_nobody_caught()
    progress = Progress()
    metrics = Metrics() if settings.metrics_port else None
    spans = exporting(settings.traces_url) if settings.traces_url else None
    listeners: list[Listener] = [metrics] if metrics is not None else []
    if spans is not None:
        listeners.append(Traces(spans, {"service.name": f"jagawana-{room}", "service.version": version("jagawana")}))
    if metrics is not None:
        metrics.read(table.PROGRESS_AGE, lambda: iter([((room,), progress.age())]))
        metrics.read(table.CERTIFICATE_ENDS, lambda: _certificate_ends(settings))
    health = Health(progress, alive_seconds)
    return Observation(settings, room, Observer(tuple(listeners)), progress, health, metrics, spans, {})


def _redacting(settings: Settings, recipients: Mapping[str, Recipient]) -> Redacting:
    secrets = [s.get_secret_value() for s in (settings.database_url, settings.kafka_password) if s is not None]
    addresses = [r.channel.get_secret_value() for r in recipients.values() if not r.is_logbook]
    urls = [*addresses, *(secrets[:1] if settings.database_url else ())]
    passwords = [split.password for split in map(urlsplit, urls) if split.password]
    names = [r.name for r in recipients.values() if not r.is_logbook]
    return Redacting([*secrets, *addresses, *names, *passwords, *map(unquote, passwords)])


def _certificate_ends(settings: Settings) -> Iterator[tuple[tuple[str, ...], float]]:
    if settings.kafka_ca is not None:
        try:
            found = x509.load_pem_x509_certificates(settings.kafka_ca.read_bytes())
        except (OSError, ValueError):
            return  # whoever connects says what is wrong with it
        yield ("kafka_ca",), min(c.not_valid_after_utc for c in found).timestamp()


def _say_what_nobody_caught() -> None:
    """As a line, like everything else: a traceback of Python's own quotes whatever the error has in it."""
    sys.excepthook = lambda kind, error, trace: logger.critical("an error that nobody expected", exc_info=(kind, error, trace))
    threading.excepthook = lambda args: logger.critical(
        "an error that nobody expected, in a thread", exc_info=args.exc_value or RuntimeError("unknown")
    )
