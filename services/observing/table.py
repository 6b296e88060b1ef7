"""Every metric, in one table: what is not here is not served. docs/observing.md has the same table, and a test compares them.

No label is a tile, cell, scene, recipient, instance or coordinate: each has a handful of values.
"""

from dataclasses import dataclass
from enum import StrEnum

SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640)
HOURS = (900, 1800, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 691200)


class Kind(StrEnum):
    """Of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Who serves it."""

    WORKER = "every process, of its own work"
    STORE = "relay, and `up`: read from the database"


@dataclass(frozen=True)
class Metric:
    """One metric; counters end in _total, histograms have buckets."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    source: Source = Source.WORKER
    buckets: tuple[float, ...] = ()


EVENTS = Metric(
    "jagawana_events_total", Kind.COUNTER, ("room", "outcome", "code"), "events handled; outcome done, dead, repeated or left (comes again)"
)
HANDLING = Metric(
    "jagawana_handling_seconds", Kind.HISTOGRAM, ("room",), "time for one event, waits between tries included", buckets=SECONDS
)
TRIES = Metric("jagawana_tries_total", Kind.COUNTER, ("room",), "times a handler was called; above the events by what had to be repeated")
SCENE_AGE = Metric(
    "jagawana_scene_age_seconds", Kind.HISTOGRAM, ("milestone",),
    "from acquisition to: observed (by detect), told (to a person); tense current only",
    buckets=HOURS,
)  # fmt: skip
SENDINGS = Metric(
    "jagawana_sendings_total", Kind.COUNTER, ("channel", "outcome"), "deliveries tried; outcome sent, failed, unknown, left or given_up"
)
SENDING = Metric("jagawana_sending_seconds", Kind.HISTOGRAM, ("channel",), "time for one delivery, pictures included", buckets=SECONDS)
RELAYED = Metric("jagawana_relayed_total", Kind.COUNTER, ("topic",), "events that Kafka has acknowledged")
RELAY_BATCHES = Metric("jagawana_relay_batches_total", Kind.COUNTER, ("topic", "outcome"), "batches sent to Kafka; outcome sent or left")
RELAYING = Metric("jagawana_relaying_seconds", Kind.HISTOGRAM, ("topic",), "time until a batch was acknowledged", buckets=SECONDS)
PROGRESS_AGE = Metric("jagawana_progress_age_seconds", Kind.GAUGE, ("room",), "since something was last done, or found not to be due")
LEASE_HELD = Metric("jagawana_lease_held", Kind.GAUGE, ("lease",), "1 in the one relay that may send")
LAG = Metric("jagawana_consumer_lag", Kind.GAUGE, ("room", "topic", "partition"), "records in Kafka that this worker has not taken yet")
DATABASE_ERRORS = Metric(
    "jagawana_database_errors_total", Kind.COUNTER, ("kind",), "errors of the database by class, e.g. OperationalError"
)
BUILD = Metric("jagawana_build_info", Kind.GAUGE, ("version", "room", "model", "rules"), "always 1; model auto: the scene's bands decide")
CERTIFICATE_ENDS = Metric(
    "jagawana_certificate_ends_timestamp_seconds", Kind.GAUGE, ("file",), "when a certificate of a setting ends; the first, of several"
)

STORE_ANSWERS = Metric("jagawana_store_answers", Kind.GAUGE, (), "1 when the last look into the database went well", Source.STORE)
WAITING_AGE = Metric(
    "jagawana_oldest_waiting_seconds", Kind.GAUGE, ("room", "topic"),
    "age of what a room has not dealt with, the relay has not sent, or notify has not delivered: the oldest", Source.STORE,
)  # fmt: skip
LAST_EVENT = Metric(
    "jagawana_last_event_timestamp_seconds", Kind.GAUGE, ("topic",), "when a topic's newest event was written", Source.STORE
)
ALERTS = Metric("jagawana_alerts", Kind.GAUGE, ("state",), "alerts that somebody was told of, by what is believed now", Source.STORE)
DELIVERIES = Metric(
    "jagawana_deliveries", Kind.GAUGE, ("channel", "state"), "deliveries that are pending, sending, dead or suppressed", Source.STORE
)
DEAD_LETTERS = Metric("jagawana_dead_letters", Kind.GAUGE, ("room", "code"), "dead letters that were not sent again", Source.STORE)

METRICS = (
    EVENTS, HANDLING, TRIES, SCENE_AGE, SENDINGS, SENDING, RELAYED, RELAY_BATCHES, RELAYING, PROGRESS_AGE, LEASE_HELD, LAG, DATABASE_ERRORS,
    BUILD, CERTIFICATE_ENDS, STORE_ANSWERS, WAITING_AGE, LAST_EVENT, ALERTS, DELIVERIES, DEAD_LETTERS,
)  # fmt: skip


def as_markdown() -> str:
    """The table, for the docs."""
    lines = ["| metric | kind | labels | says | served by |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.help} | {m.source} |" for m in METRICS)])
