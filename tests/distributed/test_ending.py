"""How a process ends: with its record in hand finished, in time whatever its brokers do, and with a code that says what to do next."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import archive
from distributed.conftest import Undisturbed
from distributed.house import House, Worker, house
from servers.kafka import Kafka

pytestmark = pytest.mark.services
GRACE_S = 4.0


@pytest.fixture
def ours(kafka: Kafka, database_url: str, tmp_path: Path) -> Iterator[House]:
    with house(kafka, database_url, tmp_path / "house", JAGAWANA_GRACE_SECONDS=str(GRACE_S)) as made:
        made.load_zones(archive.ZONES)
        yield made


def test_a_worker_that_is_asked_to_stop_finishes_its_record(ours: House, undisturbed: Undisturbed) -> None:
    ours.start("relay")
    worker = ours.start("detect", JAGAWANA_FAILPOINTS="event.handled:1+=sleep:1.5")
    ours.send(undisturbed.folder)
    ours.until(lambda: ours.handled() >= 1, "the first is handled")
    time.sleep(0.3)
    before = ours.handled()
    assert worker.end() == 0, worker.said
    assert ours.handled() == before + 1, "the one in hand, and no other"


def test_a_relay_that_waits_for_its_broker_ends_within_the_grace_time(ours: House, undisturbed: Undisturbed) -> None:
    relay = waiting_relay(ours, undisturbed)
    began = time.monotonic()
    try:
        assert relay.end(seconds=60) == 75 and time.monotonic() - began < GRACE_S + 2, relay.said
    finally:
        ours.kafka.resume()


def test_without_the_hard_end_it_waits_for_ever(ours: House, undisturbed: Undisturbed) -> None:
    relay = waiting_relay(ours, undisturbed, "import jagawana.services.work.process as w; w.exit_after = lambda *_: None; ")
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            relay.end(seconds=3 * GRACE_S)
    finally:
        ours.kafka.resume()


def waiting_relay(ours: House, undisturbed: Undisturbed, changed: str = "") -> Worker:
    relay = ours.start("relay", changed=changed)
    ours.until(lambda: "relay" in ours.leases(), "the relay holds its lease")
    ours.kafka.pause()
    ours.send(undisturbed.folder)
    time.sleep(1.5)
    assert relay.process.poll() is None
    return relay


def failed(ours: House, room: str, **environment: str) -> str:
    command = [sys.executable, "-m", "jagawana.services.cli", "work", room, "--data", str(ours.folder / "failing")]
    done = subprocess.run(command, env=ours.environment(**environment), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


def test_settings_that_are_wrong_end_it_at_once_with_one_line(ours: House) -> None:
    assert "JAGAWANA_KAFKA_SERVERS" in failed(ours, "detect", JAGAWANA_KAFKA_SERVERS="[]")
    wrong = ours.database_url.replace("postgresql+psycopg://", "postgresql+psycopg://nobody:kunci@", 1).replace("@nobody@", "@")
    assert "kunci" not in failed(ours, "notify", JAGAWANA_DATABASE_URL=wrong)


def test_brokers_that_are_not_there_yet_are_waited_for(ours: House) -> None:
    worker = ours.start("detect", JAGAWANA_KAFKA_SERVERS=json.dumps(["127.0.0.1:1"]))
    ours.until(lambda: "BUS_UNAVAILABLE" in worker.said, "it says so")
    assert worker.process.poll() is None and worker.end(signal.SIGINT) == 0


def test_a_room_that_hangs_ends_for_another_to_start(ours: House) -> None:
    """Whatever it hangs in, its event loop too; here a provider of messages that never answers."""
    impatient = "import jagawana.services.work.process as w; w.SILENCE_SECONDS = 3.0; w.LOOK_SECONDS = 0.5; "
    hanging = "import time; import jagawana.services.notify.ledger as m; m.NotifyRoom.deliver_next = lambda *_: time.sleep(3600); "
    worker = ours.start("notify", changed=impatient + hanging)
    assert worker.process.wait(60) == 75 and "nothing was done" in worker.said, worker.said


@pytest.mark.parametrize(
    ("room", "where"),
    [
        ("notify", "jagawana.services.notify.ledger:NotifyRoom.deliver_next"),
        ("ingest", "jagawana.services.ingest.inbox:Inbox.send"),
        ("assess", "jagawana.services.work.reading:_judge_stale_tiles"),
    ],
)
def test_an_error_that_nobody_expected_ends_the_process(ours: House, room: str, where: str) -> None:
    """In a thread or a task beside others, too: a room that has lost half of itself must not look well."""
    module, _, name = where.partition(":")
    worker = ours.start(room, changed=f"import {module} as m; m.{name} = lambda *_, **__: 1 // 0; ")
    assert worker.process.wait(60) == 70 and "ZeroDivisionError" in worker.said, worker.said
