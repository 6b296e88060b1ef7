"""One trace a scene, across rooms and processes: ids are computed from what every message names, so nothing travels beside the messages.

What was done has the computed span id, which the next room names as its parent; what was tried in vain has a random one. So a retry,
another worker, and a message that waited a week in the database all end in the scene's trace.
"""

import hashlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Protocol

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.base import Message
from jagawana.schemas.envelope import decode
from jagawana.schemas.errors import DataError
from jagawana.schemas.observation import CoverageObserved, ObservationRecorded
from jagawana.schemas.scene import SceneAcquired
from jagawana.services.observer import DeliveryWork, EventWork, RelayWork, Work

EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
MOST_LINKS = 32
DONE = ("done", "sent")


class Spans(Protocol):
    """Takes spans that are over, without waiting."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take one."""
        ...


class Traces:
    """Makes spans of what is over; see `services.observer.Listener`. No span says where anything is, or who is told."""

    def __init__(self, spans: Spans, service: Mapping[str, str]) -> None:
        self._spans, self._resource, self._random = spans, Resource(dict(service)), SystemRandom()

    def over(self, work: Work, began_ns: int, ended_ns: int) -> None:
        """Hand its span on; an event that was handled before, or could not be read, has none."""
        span = self._span(work)
        if span is None:
            return
        own = span.own if work.outcome in DONE and span.own else self._random_id(64)
        code = work.code if isinstance(work, EventWork) else ""
        self._spans.on_end(
            ReadableSpan(
                name=span.name,
                context=_context(span.trace, own),
                parent=_context(span.trace, span.parent) if span.parent else None,
                resource=self._resource,
                kind=SpanKind.CONSUMER,
                links=span.links,
                attributes={**span.said, "jagawana.outcome": work.outcome, "jagawana.code": code},
                status=Status(StatusCode.OK) if work.outcome in DONE else Status(StatusCode.ERROR, code or work.outcome),
                start_time=began_ns,
                end_time=ended_ns,
            )
        )

    def _span(self, work: Work) -> "_Span | None":
        match work:
            case EventWork() if work.message is not None:
                trace, own, parent = _of_event(work.room, work.message)
                return _Span(work.room, trace, own, parent, {"jagawana.tries": work.tries, "jagawana.topic": work.topic})
            case DeliveryWork(record=AlertPublished() as record):
                trace, parent = _of_record(record)
                before = record.content.evidence.scene_ids[:-1][-MOST_LINKS:]
                links = tuple(Link(_context(trace_id(scene), span_id("detect", scene))) for scene in before)
                return _Span("notify", trace, 0, parent, {"jagawana.channel": work.channel, "jagawana.record": work.record_number}, links)
            case RelayWork():  # a batch belongs to many scenes: a trace of its own, linked to each of theirs
                senders = dict.fromkeys(map(_sender, work.payloads))
                links = tuple(Link(_context(*sender)) for sender in senders if sender is not None)
                said: dict[str, str | int] = {"jagawana.topic": work.topic, "jagawana.events": len(work.payloads)}
                return _Span("relay", self._random_id(128), 0, 0, said, links)
        return None

    def _random_id(self, bits: int) -> int:
        return self._random.getrandbits(bits) or 1


@dataclass(frozen=True)
class _Span:
    """What is known of a span before its outcome; `own` 0: it has no id that others name."""

    name: str
    trace: int
    own: int
    parent: int
    said: Mapping[str, str | int]
    links: tuple[Link, ...] = ()


def trace_id(scene_id: str) -> int:
    """The trace of a scene: what was done because of it."""
    return int.from_bytes(hashlib.sha256(f"jagawana trace {scene_id}".encode()).digest()[:16])


def span_id(*of: str) -> int:
    """The span of a room's work on something."""
    return int.from_bytes(hashlib.sha256("\0".join(("jagawana span", *of)).encode()).digest()[:8])


def _of_event(room: str, message: Message) -> tuple[int, int, int]:
    """Trace, own span, parent's span."""
    match message:
        case SceneAcquired():
            return trace_id(message.item.id), span_id(room, message.item.id), 0
        case ObservationRecorded():
            return trace_id(message.scene_id), span_id(room, message.observation_id), span_id("detect", message.scene_id)
    return trace_id(message.key), span_id(room, message.key), 0


def _of_record(record: AlertPublished) -> tuple[int, int]:
    """Trace and assess's span: of the last scene that showed it."""
    evidence = record.content.evidence
    return trace_id(evidence.scene_ids[-1]), span_id("assess", evidence.observation_ids[-1])


def _sender(payload: bytes) -> tuple[int, int] | None:
    """Trace and span of whoever wrote a message; None where no scene is named."""
    try:
        _, message = decode(payload)
    except DataError:
        return None
    match message:
        case SceneAcquired():
            return trace_id(message.item.id), span_id("detect", message.item.id)
        case ObservationRecorded() | CoverageObserved():
            return trace_id(message.scene_id), span_id("detect", message.scene_id)
        case AlertPublished():
            return _of_record(message)
    return None


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def exporting(url: str) -> BatchSpanProcessor:
    """Sends spans to a collector in a thread of its own; what does not fit into its queue is dropped."""
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=EXPORT_SECONDS), export_timeout_millis=EXPORT_SECONDS * 1000)


def close(processor: BatchSpanProcessor, seconds: float = CLOSE_SECONDS) -> None:
    """Send what is left, for a moment: a collector that hangs does not hold up an ending process."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    ending = threading.Thread(target=processor.shutdown, daemon=True, name="last spans")
    ending.start()
    ending.join(seconds)
