"""All rooms as processes, from a folder of items to a page, seen from outside: metrics, health, traces, lines; and a dead worker."""

import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server

import pytest
from distributed import archive
from distributed.conftest import Undisturbed
from distributed.house import House, Worker, house
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from servers.kafka import Kafka

pytestmark = pytest.mark.services
ROOMS = ("ingest", "detect", "assess", "relay", "notify", "web")


class Collector(ThreadingHTTPServer):
    """Takes traces as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        """Room and span."""
        super().__init__(("127.0.0.1", 0), Taking)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # what http.server calls
        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in request.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            room = names["service.name"].removeprefix("jagawana-")
            self.server.spans += [(room, span) for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as socket:
        return int(socket.getsockname()[1])


def answer(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


class Seen:
    """Workers with a port each."""

    def __init__(self, ours: House, collector: Collector) -> None:
        self.house, self.collector = ours, collector
        self.ports: dict[str, int] = {}
        self.workers: dict[str, Worker] = {}
        self.page = free_port()

    def start(self, room: str) -> None:
        port = self.ports[room] = free_port()
        more = {"ingest": ("--inbox", str(self.inbox), "--tense", "test"), "web": ("--port", str(self.page))}.get(room, ())
        settings = {"JAGAWANA_METRICS_PORT": str(port), "JAGAWANA_TRACES_URL": self.collector.url, "JAGAWANA_LOGS": "json"}
        self.workers[room] = self.house.start(room, room, arguments=more, **settings)

    @property
    def inbox(self) -> Path:
        return self.house.folder / "inbox"

    def metric(self, room: str, name: str, **labels: str) -> float:
        _, body = answer(self.ports[room], "/metrics")
        samples = [s for family in text_string_to_metric_families(body) for s in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


@pytest.fixture
def seen(kafka: Kafka, database_url: str, tmp_path: Path, collector: Collector) -> Iterator[Seen]:
    with house(kafka, database_url, tmp_path / "house") as made:
        made.load_zones(archive.ZONES)
        yield Seen(made, collector)


def test_every_room_from_a_folder_of_items_to_a_page(seen: Seen, undisturbed: Undisturbed) -> None:
    shutil.copytree(undisturbed.folder, seen.inbox)
    for room in ROOMS:
        seen.start(room)
    seen.house.wait_until_quiet(undisturbed.scenes)
    assert seen.house.digest() == undisturbed.digest
    for room in ROOMS:
        assert answer(seen.ports[room], "/health/live")[0] == answer(seen.ports[room], "/health/ready")[0] == 200, room
    metrics_say_what_was_done(seen)
    status, page = answer(seen.page, "/")
    assert status == 200 and page.count("<article") == 3
    for room in ROOMS:
        assert seen.workers[room].end() == 0, seen.workers[room].said
        assert all(json.loads(line)["room"] == room for line in seen.workers[room].said.splitlines())
    one_trace_a_scene(seen.collector)


def metrics_say_what_was_done(seen: Seen) -> None:
    assert seen.metric("detect", "jagawana_events_total", outcome="done") == 15
    assert seen.metric("detect", "jagawana_events_total", outcome="dead") == seen.metric("relay", "jagawana_dead_letters") == 1
    assert seen.metric("assess", "jagawana_events_total", outcome="done") == seen.metric("assess", "jagawana_handling_seconds_count") > 0
    assert seen.metric("relay", "jagawana_lease_held") == 1 and seen.metric("relay", "jagawana_store_answers") == 1
    assert seen.metric("relay", "jagawana_relayed_total", topic="scenes.acquired.v1") == 16
    assert seen.metric("notify", "jagawana_sendings_total", outcome="sent") == 2 * len(seen.house.records())
    assert seen.metric("relay", "jagawana_alerts") == 3
    seen.house.until(lambda: seen.metric("detect", "jagawana_consumer_lag") == 0, "nothing is left to take", seconds=60)


def one_trace_a_scene(collector: Collector) -> None:
    """A trace that has a span of detect, of assess and of notify: the scene that made an alert."""
    rooms: dict[bytes, set[str]] = {}
    for room, span in collector.spans:
        rooms.setdefault(span.trace_id, set()).add(room)
    assert {"detect", "assess", "notify"} in rooms.values()
    assert sum("detect" in found for found in rooms.values()) == 16


def test_a_worker_whose_brokers_are_gone_is_not_alive_and_says_so(seen: Seen) -> None:
    """What a liveness probe sees. The worker ends by itself too, so the probe is made to find it before."""
    quick = "import jagawana.services.observing.health as h; h.Health.is_alive = property(lambda s: s.progress.age() <= 12); "
    port = free_port()
    worker = seen.house.start("detect", changed=quick, JAGAWANA_METRICS_PORT=str(port))
    seen.house.until(lambda: answer(port, "/health/ready")[0] == 200, "it is ready")
    seen.house.kafka.pause()
    try:
        seen.house.until(lambda: answer(port, "/health/live")[0] == 503, "it is not alive", seconds=60)
        assert answer(port, "/health/ready")[0] == 503 and worker.process.poll() is None
    finally:
        seen.house.kafka.resume()
    seen.house.until(lambda: answer(port, "/health/live")[0] == 200, "it lives again", seconds=60)
