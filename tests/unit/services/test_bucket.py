"""A bucket that is away, refuses us or does not exist: what a room is told, and that no secret is in it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
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
        ("AWS_ACCESS_KEY_ID", SECRET, "UserNotFound"),
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
