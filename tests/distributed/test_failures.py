"""Real engines fail under the house at work: the digest is that of an undisturbed life. Work may be done twice, its effects never."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from distributed import archive
from distributed.conftest import Undisturbed
from distributed.house import House, Worker, house
from distributed.test_flow import published, told
from results import record
from servers.kafka import Kafka
from servers.postgres import Postgres

from jagawana.schemas.topics import Topic

pytestmark = pytest.mark.services
SESSION_S = 6
AWAY_S = 60.0
SLOWLY = {"JAGAWANA_FAILPOINTS": "event.handled:1+=sleep:0.4"}
COUNTED = (
    "import jagawana.services.bus.handling as h; f = h.EventHandling._handle; "
    "note = lambda r, e: open({path!r}, 'a').write(r.room + ' ' + e.event_id + chr(10)); "
    "h.EventHandling._handle = lambda s, r, e, *more: (note(r, e), f(s, r, e, *more))[1]; "
)
"""Writes down every start of an event."""


@contextmanager
def at_work(kafka: Kafka, database_url: str, folder: Path, undisturbed: Undisturbed) -> Iterator[House]:
    with house(kafka, database_url, folder, JAGAWANA_SESSION_SECONDS=str(SESSION_S), JAGAWANA_BUSY_SECONDS="2") as made:
        made.load_zones(archive.ZONES)
        made.start("relay")
        made.start("relay")
        made.start("notify")
        for i in range(2):
            begin(made, "detect", i)
        begin(made, "assess", 0)
        made.send(undisturbed.folder)
        made.until(lambda: made.handled() >= 2, "some are handled")
        yield made


@pytest.fixture
def ours(kafka: Kafka, database_url: str, tmp_path: Path, undisturbed: Undisturbed) -> Iterator[House]:
    with at_work(kafka, database_url, tmp_path / "house", undisturbed) as made:
        yield made


@pytest.fixture(scope="module")
def three() -> Iterator[Kafka]:
    with Kafka(nodes=3) as cluster:
        yield cluster


def begin(ours: House, room: str, number: int) -> Worker:
    name = f"{room}-{number}-{len(ours.workers)}"
    path = str(ours.folder / f"{name}.starts")
    return ours.start(room, name, changed=COUNTED.format(path=path), JAGAWANA_INSTANCE=f"{room}-{number}", **SLOWLY)


def starts(ours: House) -> Counter[str]:
    return Counter(line for file in ours.folder.glob("*.starts") for line in file.read_text().splitlines())


def until_it_has_a_record_in_hand(ours: House, worker: Worker) -> None:
    path = worker.log.with_suffix(".starts")
    before = path.read_text() if path.exists() else ""
    ours.until(lambda: path.exists() and path.read_text() != before, "it begins another")


def ends_as_undisturbed(ours: House, undisturbed: Undisturbed, what: str, **figures: object) -> None:
    began = time.monotonic()
    ours.wait_until_quiet(undisturbed.scenes, seconds=180)
    assert ours.digest() == undisturbed.digest
    assert ours.outcomes("detect") == {"done": 15, "dead": 1}, "trouble in the world buries nothing"
    records = ours.records()
    assert len(records) == len(set(records)) and set(told(ours).values()) == {1}
    ours.until(lambda: {(str(r.content.alert_id), r.record_number) for r in published(ours)} == set(records), "agencies have all")
    begun = starts(ours)
    figures |= {"events": len(begun), "starts": sum(begun.values()), "quiet_after_s": round(time.monotonic() - began, 1)}
    record(f"distributed-{what}", figures | {"digest": "same"})


def test_the_leader_killed_three_times(three: Kafka, database_url: str, tmp_path: Path, undisturbed: Undisturbed) -> None:
    with at_work(three, database_url, tmp_path / "house", undisturbed) as ours:
        gaps = []
        for _ in range(3):
            node = leader(three, Topic.SCENES)
            three.kill(node)
            before, began = ours.handled(), time.monotonic()
            ours.until(lambda so_far=before: ours.handled() > so_far or ours.is_quiet(undisturbed.scenes), "work goes on")  # type: ignore[misc]
            gaps.append(round(time.monotonic() - began, 1))
            three.restart(node)
        ends_as_undisturbed(ours, undisturbed, "leader_killed", kills=3, gaps_s=gaps)


def leader(kafka: Kafka, topic: str) -> int:
    with closing(kafka.admin()) as admin:
        (described,) = admin.describe_topics([topic])
    return int(described["partitions"][0]["leader_id"])


def test_all_brokers_restarted(three: Kafka, database_url: str, tmp_path: Path, undisturbed: Undisturbed) -> None:
    with at_work(three, database_url, tmp_path / "house", undisturbed) as ours:
        for node in (1, 2, 3):
            three.kill(node)
        time.sleep(5.0)
        for server in three.nodes:
            server.start()
        three.wait()
        ends_as_undisturbed(ours, undisturbed, "all_brokers_killed", away_s=5)


def test_the_database_away(postgres: Postgres, ours: House, undisturbed: Undisturbed) -> None:
    postgres.stop()
    time.sleep(AWAY_S)
    postgres.start()
    ends_as_undisturbed(ours, undisturbed, "database_away", away_s=AWAY_S)
    assert all(w.process.poll() is None for w in ours.workers), "nobody gave up"


def test_a_worker_stopped_for_longer_than_its_session(ours: House, undisturbed: Undisturbed) -> None:
    worker = next(w for w in ours.workers if w.room == "detect")
    until_it_has_a_record_in_hand(ours, worker)
    worker.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5 * SESSION_S)
    worker.process.send_signal(signal.SIGCONT)
    ends_as_undisturbed(ours, undisturbed, "worker_stopped", stopped_s=2.5 * SESSION_S)
    assert max(starts(ours).values()) == 2, "another began its record, and it went on with it, too"


def test_workers_that_come_and_go_in_the_middle_of_scenes(ours: House, undisturbed: Undisturbed) -> None:
    for number in (2, 3):
        begin(ours, "detect", number)
        begin(ours, "assess", number)
        time.sleep(2.0)
    for worker in [w for w in ours.workers if w.room in ("detect", "assess")][:3]:
        assert worker.end() == 0, worker.said
    ends_as_undisturbed(ours, undisturbed, "rebalances")
    assert max(starts(ours).values()) == 1, "a rebalance waits for the record in hand"


def test_a_rolling_restart(ours: House, undisturbed: Undisturbed) -> None:
    for worker in [w for w in ours.workers if w.room != "notify"]:
        assert worker.end() == 0, worker.said
        number = worker.log.stem.split("-")[1]
        if worker.room == "relay":
            ours.start("relay")
        else:
            begin(ours, worker.room, int(number))
        time.sleep(0.5)
    ends_as_undisturbed(ours, undisturbed, "rolling_restart")


def test_everything_at_once_killed_and_started_again(ours: House, undisturbed: Undisturbed, postgres: Postgres) -> None:
    for worker in ours.workers:
        worker.end(signal.SIGKILL)
    ours.kafka.kill()
    postgres.kill()
    postgres.start()
    ours.kafka.restart()
    ours.start("relay")
    ours.start("notify")
    begin(ours, "detect", 0)
    begin(ours, "assess", 0)
    ends_as_undisturbed(ours, undisturbed, "everything_killed")
