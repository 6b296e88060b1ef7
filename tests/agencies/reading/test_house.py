"""What a house at work puts on Kafka, read as agencies and operators read it, on a broker with logins and access lists."""

import json
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from agencies.reading.living import SCENES, Lived, Record, all_of, lived_on
from agencies.reading.subscribing import Command, confluent, java, python, subscribed, told_of
from agencies.users import FOREST, OBSERVERS, PASSWORD, librdkafka
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from kafka_bus.running import wait_for
from servers.kafka import Kafka
from servers.postgres import Postgres

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.catalogue import CATALOGUE
from jagawana.schemas.envelope import MAX_MESSAGE_BYTES
from jagawana.schemas.observation import CoverageObserved
from jagawana.schemas.operation import Heartbeat, LetterBuried
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.keys import write_public
from jagawana.services.rooms import Room

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def lived(secure: Kafka, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    url = postgres.new_database()
    with lived_on(secure, url, tmp_path_factory.mktemp("guarded")) as made:
        yield made
    postgres.drop_database(url)


def test_every_topic_is_told_on_and_every_record_is_under_its_key(lived: Lived) -> None:
    assert all(lived.records[topic] for topic in Topic)
    for topic, records in lived.records.items():
        for record in records:
            message = record.message
            assert type(message) is CATALOGUE[topic].message
            of_state = topic is Topic.ALERT_STATE and isinstance(message, AlertPublished)
            assert record.key == (str(message.content.alert_id) if of_state else message.key)


def test_every_record_is_a_cloudevent_with_its_fields_as_headers_and_below_the_limit(lived: Lived) -> None:
    for record in (record for records in lived.records.values() for record in records):
        raw = KafkaMessage({k: v.encode() for k, v in record.headers.items()}, record.key.encode(), record.value)
        event, envelope = from_structured(raw, JSONFormat()), json.loads(record.value)
        assert event.get_id() == envelope["id"] == record.headers["ce_id"] == record.headers["msg_id"]
        for name in ("specversion", "source", "type", "subject", "time", "dataschema"):
            assert record.headers[f"ce_{name}"] == envelope[name]
        size = len(record.value) + len(record.key) + sum(len(k) + len(v) for k, v in record.headers.items())
        assert size < MAX_MESSAGE_BYTES


def test_pictures_are_referred_to_and_are_there(lived: Lived) -> None:
    named = {c.blob for a in lived.messages(Topic.ALERTS) for c in (a.content.evidence.before, a.content.evidence.after) if c is not None}
    stored = {path.name: path.stat().st_size for path in (lived.house.folder / "blobs").rglob("*") if path.is_file()}
    assert named and named <= {name.partition(".")[0] for name in stored}


def test_the_state_is_the_newest_record_of_each_alert_that_was_told(lived: Lived) -> None:
    ours = set(lived.house.records())
    assert {(str(a.content.alert_id), a.record_number) for a in lived.messages(Topic.ALERTS)} == ours
    newest = {alert_id: max(n for other, n in ours if other == alert_id) for alert_id, _ in ours}
    state: dict[str, AlertPublished] = {}
    for message in lived.messages(Topic.ALERT_STATE):
        if message.record_number > (state[str(message.content.alert_id)].record_number if str(message.content.alert_id) in state else 0):
            state[str(message.content.alert_id)] = message
    assert {alert_id: message.record_number for alert_id, message in state.items()} == newest
    assert all(record.headers["alert_id"] == record.key for record in lived.records[Topic.ALERT_STATE])


def test_every_room_gives_signs_of_life_and_says_when_it_last_got_on(lived: Lived) -> None:
    beats: list[Heartbeat] = lived.messages(Topic.HEARTBEAT)
    assert {beat.room for beat in beats} == set(Room)
    assert Counter(beat.key for beat in beats).most_common()[-1][1] >= 2, "each worker, again and again"
    assert len({beat.instance for beat in beats}) == len(lived.house.workers) == 7
    assert all(beat.interval_s == 1.0 and 0 <= beat.progress_age_s < 120 for beat in beats)
    assert any(beat.progress_age_s > 0 for beat in beats)


def test_coverage_tells_of_every_scene_and_the_letters_of_the_one_that_was_spoiled(lived: Lived) -> None:
    coverage: list[CoverageObserved] = lived.messages(Topic.COVERAGE)
    assert len({c.scene_id for c in coverage}) == SCENES - 1
    letters: list[LetterBuried] = lived.messages(Topic.DEAD_LETTERS)
    assert {(letter.room, letter.code) for letter in letters} == {("detect", "SIZE_MISMATCH")}
    (scene,) = [r for r in lived.records[Topic.SCENES] if r.headers["msg_id"] == letters[0].event_id]
    assert b64decode(letters[0].payload or "") == scene.value and "_2026" in letters[0].subject


def verify(lived: Lived, tmp_path: Path, records: list[Record], *change: tuple[str, str]) -> tuple[int, list[str]]:
    write_public([lived.house.key.public], tmp_path / "keys.json")
    text = "\n".join(record.as_kcat_prints_it() for record in records)
    for old, new in change:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "records.jsonl").write_text(text)
    command = [sys.executable, "-m", "jagawana.services.cli", "kafka", "verify", "records.jsonl", "--keys", "keys.json", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, ["" if row["good"] else row["what"] for row in json.loads(done.stdout)["records"]]


def test_all_that_is_ours_is_signed_and_verified_without_a_network(lived: Lived, tmp_path: Path) -> None:
    ours = [record for topic in Topic if topic is not Topic.SCENES for record in lived.records[topic]]
    assert verify(lived, tmp_path, ours) == (0, [""] * len(ours)) and len(ours) > 60
    code, why = verify(lived, tmp_path, lived.records[Topic.SCENES])
    assert code == 1 and all(w.startswith("SIGNATURE_INVALID: not signed") for w in why), "others' messages, passed on"
    alerts = lived.records[Topic.ALERT_STATE]
    code, why = verify(lived, tmp_path, alerts, ('\\"mining_ha\\":', '\\"mining_ha\\":1'))
    assert code == 1 and all("changed since" in w for w in why)
    one, *others = sorted({record.key for record in alerts})
    code, why = verify(lived, tmp_path, [r for r in alerts if r.key == one], (f'"key": "{one}"', f'"key": "{others[0]}"'))
    assert code == 1 and all("its own is" in w for w in why)


def test_a_relay_without_a_key_says_so_when_it_starts(lived: Lived) -> None:
    signing, silent = [worker for worker in lived.house.workers if worker.room == Room.RELAY]
    assert "not signed: JAGAWANA_SIGNING_KEY is not set" in silent.said and "not signed" not in signing.said


def test_no_secret_is_in_a_log_an_environment_or_a_command_line(lived: Lived) -> None:
    private = json.loads((lived.house.folder / "key.json").read_text())["d"]
    database = lived.house.database_url.split(":")[2].split("@")[0]
    assert len(database) > 8 and "JAGAWANA_SECRETS" in lived.shown and lived.said
    for secret in (PASSWORD, private, database):
        assert secret not in lived.said and secret not in lived.shown


@pytest.mark.parametrize("command", [python, confluent, java], ids=lambda c: c.__name__)
def test_an_agency_logs_in_and_reads_each_record_once(command: Command, lived: Lived, tmp_path: Path) -> None:
    group = f"{FOREST.group_prefix}{tmp_path.name}"
    with subscribed(command, lived.house.kafka, tmp_path / "agency", Topic.ALERTS, group, lived.house.key) as printed:
        wait_for(lambda: len(printed()[0]) >= len(lived.house.records()), f"all records: {printed()}", seconds=60)
        lines, errors = printed()
    assert sorted(told_of(lines)) == sorted(lived.house.records()) and "refused" not in errors


def test_whoever_may_read_only_what_is_open_reads_that(lived: Lived) -> None:
    found = all_of(lived.house.kafka, OBSERVERS.name, [Topic.COVERAGE, Topic.HEARTBEAT])
    assert len(found) == len(lived.records[Topic.COVERAGE]) + len(lived.records[Topic.HEARTBEAT])


def test_debian_12_s_kcat_cannot_log_in_though_its_password_is_right(lived: Lived) -> None:
    """Said in docs/agencies.md: librdkafka before 2.6.1. When this fails, say it no longer."""
    try:
        version = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("kcat is not there; on Debian: apt-get install kcat")
    if "librdkafka 2.0.2" not in version:
        pytest.skip(f"this kcat is another: {version}")
    settings = librdkafka(lived.house.kafka, FOREST.name)
    options = [part for name, value in settings.items() for part in ("-X", f"{name}={value}")]
    done = subprocess.run(["kcat", "-L", "-m", "3", *options], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "authentication" in done.stderr.lower()
