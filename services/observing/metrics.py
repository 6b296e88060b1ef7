"""Metrics of a process's own work, in a registry of its own."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from jagawana.schemas.alert import AlertType
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.scene import SceneAcquired
from jagawana.services.notify.audience import LOGBOOK_SCHEMA
from jagawana.services.observer import SECOND_NS, DeliveryWork, EventWork, RelayWork, Work
from jagawana.services.observing import table
from jagawana.services.observing.table import Kind, Metric

Samples = Callable[[], Iterator[tuple[tuple[str, ...], float]]]
"""Label values and value, of a gauge that is read when somebody asks."""


class Metrics:
    """Counts what is over; see `services.observer.Listener`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        worker = [m for m in table.METRICS if m.source is table.Source.WORKER and m.kind is not Kind.GAUGE]
        self._made = {m.name: self._make(m) for m in worker}

    def over(self, work: Work, began_ns: int, ended_ns: int) -> None:
        """Count it."""
        seconds, at = (ended_ns - began_ns) / SECOND_NS, ended_ns / SECOND_NS
        match work:
            case EventWork():
                self._event_over(work, seconds, at)
            case DeliveryWork():
                self._delivery_over(work, seconds, at)
            case RelayWork():
                self._made[table.RELAYED.name].labels(work.topic).inc(work.sent)
                self._made[table.RELAY_BATCHES.name].labels(work.topic, work.outcome).inc()
                self._made[table.RELAYING.name].labels(work.topic).observe(seconds)

    def _event_over(self, work: EventWork, seconds: float, at: float) -> None:
        self._made[table.EVENTS.name].labels(work.room, work.outcome, work.code).inc()
        if work.outcome == "repeated":
            return
        self._made[table.TRIES.name].labels(work.room).inc(work.tries)
        self._made[table.HANDLING.name].labels(work.room).observe(seconds)
        scene = work.message
        if work.outcome == "done" and isinstance(scene, SceneAcquired) and scene.tense is AlertTense.CURRENT:
            self._aged("observed", scene.item.acquired_at, at)

    def _delivery_over(self, work: DeliveryWork, seconds: float, at: float) -> None:
        self._made[table.SENDINGS.name].labels(work.channel, "given_up" if work.is_given_up else work.outcome).inc()
        self._made[table.SENDING.name].labels(work.channel).observe(seconds)
        record = work.record
        is_news = record is not None and record.alert_type is AlertType.INITIAL and record.alert_tense is AlertTense.CURRENT
        if record is not None and is_news and work.outcome == "sent" and work.channel != LOGBOOK_SCHEMA:
            self._aged("told", record.content.last_seen_at, at)

    def _aged(self, milestone: str, acquired_at: datetime, at: float) -> None:
        self._made[table.SCENE_AGE.name].labels(milestone).observe(at - acquired_at.timestamp())

    def _make(self, metric: Metric) -> Any:
        if metric.kind is Kind.COUNTER:
            return Counter(metric.name, metric.help, metric.labels, registry=self.registry)
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)

    def set(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """A gauge that does not change."""
        Gauge(metric.name, metric.help, metric.labels, registry=self.registry).labels(*labels).set(value)

    def read(self, metric: Metric, samples: Samples) -> None:
        """A gauge that is read whenever somebody asks."""
        self.registry.register(_Read(metric, samples))

    def count_errors_of(self, engine: Engine) -> None:
        """Count what the database refuses."""
        errors = self._made[table.DATABASE_ERRORS.name]

        def count(context: ExceptionContext) -> None:
            errors.labels(type(context.sqlalchemy_exception or context.original_exception).__name__).inc()

        event.listen(engine, "handle_error", count)


class _Read(Collector):
    def __init__(self, metric: Metric, samples: Samples) -> None:
        self._metric, self._samples = metric, samples

    def collect(self) -> Iterator[Family]:
        family = GaugeMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for labels, value in self._samples():
            family.add_metric(labels, value)
        yield family
