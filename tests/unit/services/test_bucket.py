"""A bucket that is away, refuses us or does not exist: what a room is told, and that no secret is in it."""

import json
import os
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from servers.fixtures import running
from servers.process import free_port
from servers.s3 import S3

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.settings import load_settings
from jagawana.services.store.blobs import FolderBlobs, open_blobs
from jagawana.services.store.bucket import BucketBlobs, open_bucket

LARGE = b"more than goes into one packet " * 200_000
SECRET = "no-message-repeats-me"


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3.new_bucket()


def opened(bucket: str) -> BucketBlobs:
    return open_bucket(f"s3://{bucket}", busy_seconds=1)


def test_blobs_lie_in_the_bucket_where_there_is_one(bucket: str, tmp_path: Path) -> None:
    assert isinstance(open_blobs(load_settings(data=tmp_path)), FolderBlobs)
    assert isinstance(open_blobs(load_settings(data=tmp_path, blob_url=f"s3://{bucket}/a")), BucketBlobs)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", SECRET, "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", SECRET, "InvalidAccessKeyId"),
        (None, None, "NoSuchBucket"),
    ],
    ids=["wrong secret", "unknown key", "no such bucket"],
)
def test_what_stays_wrong_is_said_at_the_start(
    bucket: str, variable: str | None, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(variable, value)
    with pytest.raises(DataError, match=said) as caught:
        opened(bucket if variable else "nobody-made-it")
    assert caught.value.code is ErrorCode.SETTINGS_INVALID and SECRET not in str(caught.value)


def test_a_bucket_taken_away_at_work_buries_no_scene(s3: S3, bucket: str) -> None:
    blobs = opened(bucket)
    (s3.buckets / bucket).rename(s3.buckets / f"{bucket}-away")
    for action in (lambda: blobs.get("ab" * 32), lambda: blobs.put(b"x")):
        with pytest.raises(TransientError, match=r"STORE_BUSY.*NoSuchBucket"):
            action()


def test_a_server_that_is_away_is_waited_for_and_then_the_world_s_fault(s3: S3, bucket: str) -> None:
    blobs = opened(bucket)
    name = blobs.put(LARGE)
    s3.kill()
    try:
        for action in (lambda: blobs.get(name), lambda: blobs.put(b"x"), lambda: blobs.holds(name), lambda: opened(bucket)):
            with pytest.raises(TransientError, match=r"STORE_BUSY.*does not answer"):
                action()
    finally:
        s3.start()
    assert blobs.get(name) == LARGE, "the same object works on"


def test_a_server_that_stops_answering_is_given_up_in_time(s3: S3, bucket: str) -> None:
    blobs = opened(bucket)
    name = blobs.put(b"x")
    s3.pause()
    resumed = threading.Timer(20, s3.resume)  # lest a broken limit makes this test hang
    resumed.start()
    try:
        with pytest.raises(TransientError, match="STORE_BUSY"):
            blobs.get(name)
    finally:
        resumed.cancel()
        s3.resume()
    assert blobs.get(name) == b"x"


@contextmanager
def slow_line(to: int, bytes_a_second: int) -> Iterator[int]:
    """A port whose answers come drop by drop."""

    class Line(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", to)) as server:
                asking = threading.Thread(target=_copy, args=(self.request, server, 65536, 0.0), daemon=True)
                asking.start()
                _copy(server, self.request, bytes_a_second // 10, 0.1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as line:
        line.daemon_threads = True
        threading.Thread(target=line.serve_forever, daemon=True).start()
        yield line.server_address[1]
        line.shutdown()


def _copy(source: socket.socket, target: socket.socket, at_once: int, pause: float) -> None:
    with suppress(OSError):
        while data := source.recv(at_once):
            target.sendall(data)
            time.sleep(pause)


def test_a_server_that_answers_drop_by_drop_is_given_up_in_time(s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = opened(bucket).put(LARGE)
    with slow_line(s3.port, 100_000) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        slow = opened(bucket)
        small = slow.put(b"what fits in time")
        assert slow.get(small) == b"what fits in time"
        begun = time.perf_counter()
        with pytest.raises(TransientError, match="STORE_BUSY"):
            slow.get(name)  # a minute long
        assert time.perf_counter() - begun < 20


def test_without_a_key_the_message_says_so_and_no_file_is_looked_for(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / ".aws" / "credentials"
    written.parent.mkdir()
    written.write_text(f"[default]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TransientError, match=r"no key.*set AWS_ACCESS_KEY_ID"):
        opened(bucket)


@pytest.mark.services
def test_over_tls_only_a_known_authority_is_believed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    for secure in running(request, S3(secure=True)):
        for name, value in secure.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ALLOW_HTTP")
        bucket = secure.new_bucket()
        with pytest.raises(DataError, match=r"SETTINGS_INVALID.*certificate.*SSL_CERT_FILE"):
            opened(bucket)
        monkeypatch.setenv("SSL_CERT_FILE", str(secure.authority.path))
        assert opened(bucket).put(b"x")


OBJECTS, BUCKET = ("s3:GetObject", "s3:PutObject"), "s3:ListBucket"


def policy(bucket: str, user: str, *actions: str) -> dict[str, Any]:
    """That of docs/object-storage.md with our names, and only some of its actions."""
    text = (Path(__file__).parents[3] / "docs" / "object-storage.md").read_text()
    text = text.replace("KEY-OR-ROLE", user).replace("arn:aws:s3:::jagawana", f"arn:aws:s3:::{bucket}")
    written = json.loads(text.split("```json")[1].split("```")[0])
    for statement in written["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action in actions]
    return written | {"Statement": [s for s in written["Statement"] if s["Action"]]}


@pytest.fixture
def ranger(s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user without any rights, as whom we work."""
    user = f"ranger-{bucket}"
    for name, value in s3.new_user(user).items():
        monkeypatch.setenv(name, value)
    return user


def in_prefix(bucket: str, prefix: str = "blobs") -> BucketBlobs:
    return open_bucket(f"s3://{bucket}/{prefix}", busy_seconds=1)


def test_the_rights_in_the_manual_are_enough_and_none_beyond_the_prefix(s3: S3, bucket: str, ranger: str) -> None:
    s3.allow(bucket, policy(bucket, ranger, *OBJECTS, BUCKET))
    blobs = in_prefix(bucket)
    name = blobs.put(b"x")
    assert blobs.get(name) == b"x" and not blobs.holds("ab" * 32)
    with pytest.raises(DataError, match="AccessDenied"):
        in_prefix(bucket, "elsewhere")


def test_a_key_that_may_not_read_is_refused_at_the_start(s3: S3, bucket: str, ranger: str) -> None:
    for actions in ((), ("s3:PutObject", BUCKET)):
        s3.allow(bucket, policy(bucket, ranger, *actions))
        with pytest.raises(DataError, match="AccessDenied") as caught:
            in_prefix(bucket)
        assert caught.value.code is ErrorCode.SETTINGS_INVALID


def test_a_key_that_may_only_read_reads_and_buries_no_scene(s3: S3, bucket: str, ranger: str) -> None:
    s3.allow(bucket, policy(bucket, ranger, *OBJECTS, BUCKET))
    name = in_prefix(bucket).put(b"x")
    s3.allow(bucket, policy(bucket, ranger, "s3:GetObject", BUCKET))
    blobs = in_prefix(bucket)
    assert blobs.get(name) == b"x" == blobs.get(blobs.put(b"x")), "what is there need not be written"
    with pytest.raises(TransientError, match=r"STORE_BUSY.*AccessDenied.*rights"):
        blobs.put(b"y")


def test_many_workers_put_the_same_blob(bucket: str) -> None:
    blobs = opened(bucket)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(blobs.put, [LARGE[:50_000]] * 32))) == 1


def test_a_large_blob_put_again_is_read_and_not_sent(s3: S3, bucket: str) -> None:
    blobs = opened(bucket)
    name = blobs.put(LARGE)
    before = s3.file(bucket, f"{name[:2]}/{name}").stat().st_mtime_ns
    assert {blobs.put(LARGE) for _ in range(5)} == {name} and s3.file(bucket, f"{name[:2]}/{name}").stat().st_mtime_ns == before


@pytest.mark.parametrize("url", ["http://bucket", "s3://", f"s3://key:{SECRET}@bucket", "s3://bucket?a=b", "bucket"])
def test_an_address_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(DataError, match=r"blob_url: .*s3://bucket/prefix") as caught:
        load_settings(blob_url=url)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID and SECRET not in str(caught.value)


@pytest.mark.parametrize(("endpoint", "says"), [("not an address", "https://host:port"), ("http://127.0.0.1:9000", "AWS_ALLOW_HTTP")])
def test_an_endpoint_the_client_would_panic_at_is_refused(endpoint: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    with pytest.raises(DataError, match=says):
        load_settings(blob_url="s3://bucket")
    assert load_settings().blob_url is None, "nobody asks where there is no bucket"
