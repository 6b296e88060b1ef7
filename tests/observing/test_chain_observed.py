"""One chain, watched: what metrics, traces and logs say of it, and what they do not say."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from chain import STORY, TestClock, load_zones, records
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from scenes import write_archive
from sqlalchemy import text
from sqlmodel import select

from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.bus.handling import Clock
from jagawana.services.observer import EventWork, Observer, RelayWork
from jagawana.services.observing import logs, table
from jagawana.services.observing.health import endpoints
from jagawana.services.observing.redacting import Redacting
from jagawana.services.observing.start import Observation, observation
from jagawana.services.observing.traces import Traces, close, exporting, span_id, trace_id
from jagawana.services.replay import replay
from jagawana.services.settings import load_settings
from jagawana.services.store.database import transaction
from jagawana.services.store.postgresql import engine_of
from jagawana.services.store.tables import EventRow
from jagawana.services.wiring import Service, build

ADDRESS = "jsons://geheimnutzer:Canary-Kanal-77@127.0.0.1:9/pos7"
AUDIENCE = f"""
[[recipient]]
id = "pos-7"
name = "Siti Canary"
channel = "{ADDRESS}"
min_state = "provisional"
"""


class Watched:
    """A chain that was run under observation."""

    def __init__(self, service: Service, observed: Observation, spans: InMemorySpanExporter, said: str) -> None:
        self.service, self.observed, self.spans, self.said = service, observed, spans.get_finished_spans(), said

    def metric(self, name: str, **labels: str) -> float:
        return sum(s.value for s in self.samples(name) if labels.items() <= s.labels.items())

    def samples(self, name: str) -> list[Any]:
        from fastapi.testclient import TestClient

        assert self.observed.metrics is not None
        answer = TestClient(endpoints(self.observed.metrics.registry, self.observed.health)).get("/metrics")
        assert answer.status_code == 200
        return [s for family in text_string_to_metric_families(answer.text) for s in family.samples if s.name == name]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    (folder / "people.toml").write_text(AUDIENCE)
    settings = load_settings(
        data=folder / "data", model="spectral-6", audience=folder / "people.toml", channel_schemas=("jsons",), delivery_attempts=2,
        metrics_port=1, logs="json",
    )  # fmt: skip
    spans, clock, stream = InMemorySpanExporter(), TestClock(), (folder / "said").open("w+")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        patch.setattr("sys.excepthook", None)
        patch.setattr("threading.excepthook", threading.excepthook)
        observed = observation(settings, "up")
        observed.observer = Observer((*observed.observer.listeners, Traces(SimpleSpanProcessor(spans), {"service.name": "test"})))
        service = build(settings, Clock(clock.now, clock.sleep), observer=observed.observer)
        observed.look_into(service.engine, service.assess.pack, service.notify.recipients)
        observed.look_into_store(service.engine, service.clock.now, service.bus.routes, relays=True)
        load_zones(service)
        (folder / "archive").mkdir()
        write_archive(folder / "archive", STORY[:4])
        broken = next((folder / "archive").rglob("*.json"))
        text_of = json.loads(broken.read_text())
        text_of["id"], text_of["geometry"]["coordinates"][0][0] = "s-broken", [110.123456789, "x"]
        (broken.parent / "broken.json").write_text(json.dumps(text_of))
        with service.working(), transaction(service.engine) as session:
            from jagawana.services.store import log

            log.append(session, Topic.SCENES, "k", json.dumps(text_of).encode(), service.clock.now())
        (broken.parent / "broken.json").unlink()
        replay(service, [folder / "archive"], order="acquired", tense=AlertTense.CURRENT)
        with service.working():
            clock.sleep(3600)
            service.drain()
    stream.flush()
    yield Watched(service, observed, spans, (folder / "said").read_text())
    stream.close()
    logging.getLogger().handlers[:] = [h for h in logging.getLogger().handlers if not isinstance(h.formatter, logs.Lines)]
    service.engine.dispose()


def test_what_the_metrics_count_is_what_the_database_says(watched: Watched) -> None:
    assert watched.metric("jagawana_events_total", room="detect", outcome="done") == 4
    assert watched.metric("jagawana_events_total", room="detect", outcome="dead") == 1
    assert watched.metric("jagawana_handling_seconds_count", room="assess") == watched.metric("jagawana_tries_total", room="assess") > 0
    assert watched.metric("jagawana_scene_age_seconds_count", milestone="observed") == 4
    told = records(watched.service)
    assert watched.metric("jagawana_sendings_total", channel="file", outcome="sent") == 2 * len(told)
    assert watched.metric("jagawana_sendings_total", channel="jsons", outcome="failed") > 0
    assert watched.metric("jagawana_alerts") == len({r.content.alert_id for r in told})
    assert watched.metric("jagawana_dead_letters", room="detect") == 1
    assert watched.metric("jagawana_deliveries", channel="jsons") == watched.metric("jagawana_deliveries") > 0
    assert watched.metric("jagawana_store_answers") == 1
    assert watched.metric("jagawana_build_info", room="up", model="spectral-6") == 1


def test_what_waits_is_as_old_as_its_oldest(watched: Watched) -> None:
    assert watched.metric("jagawana_oldest_waiting_seconds", room="detect") == 0
    assert watched.metric("jagawana_oldest_waiting_seconds", room="assess") == 0
    with transaction(watched.service.engine) as session:
        oldest = session.exec(select(EventRow.created_at).where(EventRow.topic == Topic.OBSERVATIONS).order_by("position")).first()
    assert oldest is not None
    age = watched.metric("jagawana_oldest_waiting_seconds", room="relay", topic=Topic.OBSERVATIONS)
    assert 3600 < age <= (watched.service.clock.now() - oldest).total_seconds()


def test_everything_that_is_served_is_in_the_table(watched: Watched) -> None:
    assert watched.observed.metrics is not None
    named = {f.name for f in watched.observed.metrics.registry.collect() if f.name.startswith("jagawana_")}
    assert named <= {m.name.removesuffix("_total") for m in table.METRICS}
    assert {m.name for m in table.METRICS if m.source is table.Source.STORE} <= named


def test_a_scene_is_one_connected_trace_from_detect_to_notify(watched: Watched) -> None:
    first = next(r for r in records(watched.service) if r.alert_type == "initial")
    trace = trace_id(first.content.evidence.scene_ids[-1])
    mine = [s for s in watched.spans if s.context is not None and s.context.trace_id == trace]
    assert {"detect", "assess", "notify"} <= {s.name for s in mine}
    ids = {s.context.span_id for s in mine if s.context is not None}
    assert [s.name for s in mine if s.parent is None] == ["detect"]
    assert len(ids) == len(mine) and all(s.parent.span_id in ids for s in mine if s.parent is not None)


def test_spans_name_neither_places_nor_people(watched: Watched) -> None:
    words = " ".join(s.to_json() for s in watched.spans)
    for canary in ("pos-7", "Siti", "Canary", "50M", "-1."):
        assert canary not in words


def test_lines_have_only_listed_fields_and_no_canary(watched: Watched) -> None:
    lines = [json.loads(line) for line in watched.said.splitlines()]
    assert any("buried" in line["message"] and line["code"] for line in lines) and any("given up" in line["message"] for line in lines)
    assert all(set(line) <= set(logs.FIELDS) for line in lines)
    lon_lats = [f"{degrees:.3f}" for r in records(watched.service) for degrees in r.content.place.coordinates]
    assert lon_lats
    for canary in ("Canary", "geheimnutzer", ADDRESS, "110.1234", *lon_lats):
        assert canary not in watched.said


def test_errors_of_database_kafka_and_validation_say_no_secret(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    url = "postgresql+psycopg://ranger:Canary%2FPass@127.0.0.1:9/none"
    lines, seen = logs.Lines("test", Redacting([url, "Canary%2FPass", "Canary/Pass", "KafkaCanary"]), as_json=True), []
    engine = engine_of(SecretStr(url))
    tries = (
        engine.connect,
        lambda: (
            build(load_settings(data=tmp_path / "d")).engine.connect().execute(text("SELECT :p FROM nowhere"), {"p": "ParameterCanary"})
        ),
        lambda: (_ for _ in ()).throw(RuntimeError("SASL KafkaCanary at 110.553217, -1.204512; mail siti@pos7.go.id or +6281234567890")),
        lambda: load_settings(kafka_servers="x", database_url=url.replace("+psycopg", "")),
    )
    for attempt in tries:
        try:
            attempt()
        except Exception:
            record = logging.getLogger("t").makeRecord("t", logging.ERROR, "f", 1, "went wrong", (), __import__("sys").exc_info())
            seen.append(lines.format(record))
    said = "\n".join(seen)
    assert len(seen) == len(tries) and said.count('"error"') == len(tries)
    for canary in ("Canary", "110.55", "1.2045", "siti", "62812"):
        assert canary not in said, said


def test_what_is_no_place_stays_readable() -> None:
    assert "110.55" not in Redacting()("lon:110.553217")
    plain = "detect: 3f2a buried: scene S2A_20260105 took 12.5 s; cell 50MKD3170, 2026-01-05T02:40:00.123+00:00 of 1048576 bytes"
    assert Redacting(["x"])(plain) == plain


def test_a_library_that_repeats_itself_is_heard_three_times_a_minute_and_counted() -> None:
    now = [0.0]
    sparing = logs.Sparing(lambda: now[0])

    def said(name: str) -> tuple[bool, str]:
        record = logging.LogRecord(name, logging.ERROR, "f", 1, "no broker %d", (1,), None)
        return sparing.filter(record), record.getMessage()

    assert [said("aiokafka.conn")[0] for _ in range(4000)].count(True) == logs.SAME_LINES
    assert all(said("jagawana.bus")[0] for _ in range(10))
    now[0] = 61.0
    assert said("aiokafka.conn") == (True, "no broker 1 (and 3997 more like it)")


def test_a_listener_that_fails_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def over(self, work: object, began_ns: int, ended_ns: int) -> None:
            raise RuntimeError("no")

    with Observer((Broken(),)).watching(EventWork("detect", "t")) as work:
        work.outcome = "done"
    assert "Broken could not be told" in caplog.text


def test_spans_reach_a_collector_as_protobuf() -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    spans = exporting(f"http://127.0.0.1:{server.server_port}/v1/traces")
    Traces(spans, {"service.name": "jagawana-relay"}).over(RelayWork("t", [b"x"], 1, "sent"), 1, 2)
    close(spans)
    server.shutdown()
    server.server_close()
    found = ExportTraceServiceRequest.FromString(bodies[0]).resource_spans[0]
    assert found.scope_spans[0].spans[0].name == "relay" and found.resource.attributes[0].value.string_value == "jagawana-relay"


@pytest.mark.parametrize("is_hanging", [False, True])
def test_a_dead_collector_delays_neither_work_nor_the_end(is_hanging: bool) -> None:
    listening = create_server(("127.0.0.1", 0))  # accepts into its backlog, and never answers
    port = listening.getsockname()[1]
    if not is_hanging:
        listening.close()
    spans, began = exporting(f"http://127.0.0.1:{port}/v1/traces"), time.monotonic()
    traces = Traces(spans, {})
    for _ in range(1000):
        traces.over(RelayWork("t", [], 0, "sent"), 1, 2)
    assert time.monotonic() - began < 0.5
    close(spans, 0.3)
    assert time.monotonic() - began < 1.5
    listening.close()


def test_ids_are_those_of_every_process_and_release() -> None:
    assert f"{trace_id('S2A_1'):032x}" == "39bc9712a83f061f34486a29fb82a83d" and f"{span_id('detect', 'S2A_1'):016x}" == "1e0493f095d9b24b"


def test_health_follows_progress(watched: Watched) -> None:
    from fastapi.testclient import TestClient

    assert watched.observed.metrics is not None
    client, health = TestClient(endpoints(watched.observed.metrics.registry, watched.observed.health)), watched.observed.health
    health.progress.made()
    assert client.get("/health/live").status_code == 200 and client.get("/health/ready").status_code == 503
    health.has_started = True
    assert client.get("/health/ready").status_code == 200
    health.alive_seconds = -1.0
    assert client.get("/health/live").status_code == client.get("/health/ready").status_code == 503
