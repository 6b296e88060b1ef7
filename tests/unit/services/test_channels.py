"""Channels against a real disk, a real HTTP server and a real SMTP conversation on loopback."""

import base64
import json
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.notify.apprise_channel import AppriseChannel
from jagawana.services.notify.channels import Attachment, FileChannel, OutgoingMessage, ReceiptState, _append_line, safe_file_name

SECRET = "rahasia123"
PICTURE = Attachment("before.jpg", "image/jpeg", b"\xff\xd8 picture")
MESSAGE = OutgoingMessage(
    idempotency_key="key/1 2",
    recipient_id="logbook-id",
    address="file:",
    stem="20260814T113641Z-Z4PHZ-r1",
    subject="[Z4PHZ] Kemungkinan penambangan",
    body="Di Sungai :smile: \\n Kahayan\nbaris dua\n",
    attachments=(PICTURE,),
)


def logged(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "messages.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_logbook_holds_a_line_a_text_and_the_attachments(tmp_path: Path) -> None:
    receipt = FileChannel(tmp_path / "messages").send(MESSAGE)
    folder = tmp_path / "messages"
    assert receipt.state is ReceiptState.SENT and receipt.provider_ref == "20260814T113641Z-Z4PHZ-r1-logbook-id.txt"
    text = (folder / receipt.provider_ref).read_text(encoding="utf-8")
    assert text.startswith(MESSAGE.subject) and MESSAGE.body.rstrip() in text
    (line,) = logged(folder)
    assert line["idempotency_key"] == MESSAGE.idempotency_key and line["body"] == MESSAGE.body
    (attached,) = line["attachments"]  # type: ignore[misc]
    assert (folder / attached["name"]).read_bytes() == PICTURE.content  # type: ignore[index]
    assert not list(folder.glob(".*")), "no temporary file stays"


def test_sending_again_rewrites_the_files_and_repeats_the_key(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path)
    assert channel.send(MESSAGE) == channel.send(MESSAGE)
    assert [line["idempotency_key"] for line in logged(tmp_path)] == [MESSAGE.idempotency_key] * 2
    assert len(list(tmp_path.glob("*.txt"))) == 1


def test_a_line_torn_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_bytes(b'{"idempotency_key": "torn')
    FileChannel(tmp_path).send(MESSAGE)
    torn, whole = (tmp_path / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    assert torn.endswith("torn") and json.loads(whole)["idempotency_key"] == MESSAGE.idempotency_key


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    log = tmp_path / "messages.jsonl"
    _append_line(log, b"whole\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # room for four bytes more
    try:
        with pytest.raises(OSError, match="No space left"):
            _append_line(log, b"does not fit\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.read_bytes() == b"whole\n"


def test_hostile_names_stay_inside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    hostile = replace(MESSAGE, stem="../../etc/passwd", recipient_id="/srv/.ssh", attachments=(replace(PICTURE, name="../../../x\n.jpg"),))
    FileChannel(folder).send(hostile)
    assert [p.name for p in tmp_path.iterdir()] == ["messages"]
    assert all(p.parent == folder for p in tmp_path.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("name", "safe"), [("a b/c", "a_b_c"), ("...", "unnamed"), (".bashrc", "bashrc"), ("é" * 3, "_"), ("x" * 300, "x" * 80)]
)
def test_file_names_are_plain(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


def test_a_folder_that_cannot_be_written_is_a_transient_error(tmp_path: Path) -> None:
    (tmp_path / "messages").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(TransientError) as raised:
        FileChannel(tmp_path / "messages").send(MESSAGE)
    assert raised.value.code is ErrorCode.CHANNEL_UNAVAILABLE and raised.value.retryable


class Provider(ThreadingHTTPServer):
    """A provider on loopback that answers `status` after `delay_s` and remembers what it was sent."""

    daemon_threads = True

    def __init__(self, status: int, delay_s: float, headers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.delay_s, self.answer_headers = status, delay_s, headers
        self.requests: list[tuple[dict[str, str], dict[str, object]]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers), json.loads(body)))
        time.sleep(self.server.delay_s)
        self.send_response(self.server.status)
        for name, value in self.server.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def provider(status: int = 200, *, delay_s: float = 0.0, headers: dict[str, str] | None = None) -> Iterator[Provider]:
    server = Provider(status, delay_s, headers or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def to(server: Provider, query: str = "") -> OutgoingMessage:
    return replace(MESSAGE, address=f"json://ranger:{SECRET}@127.0.0.1:{server.server_port}/hook{query}")


def test_a_message_the_provider_takes_is_sent_once_with_its_key_text_and_picture() -> None:
    with provider() as server:
        receipt = AppriseChannel({"json"}).send(to(server))
    assert receipt.state is ReceiptState.SENT
    ((headers, payload),) = server.requests
    assert headers["Idempotency-Key"] == MESSAGE.idempotency_key
    assert payload["title"] == MESSAGE.subject
    assert ":smile: \\n Kahayan\nbaris dua" in str(payload["message"]), "no emoji, no escapes"
    (attached,) = payload["attachments"]  # type: ignore[misc]
    assert base64.b64decode(attached["base64"]) == PICTURE.content and attached["filename"] == PICTURE.name  # type: ignore[index]


def test_a_refusal_is_failed_and_tried_once_even_if_the_address_asks_for_more() -> None:
    with provider(500) as server:
        receipt = AppriseChannel({"json"}).send(to(server, "?retry=3&wait=0"))
    assert receipt.state is ReceiptState.FAILED and len(server.requests) == 1


def test_no_connection_is_failed() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    receipt = AppriseChannel({"json"}).send(replace(MESSAGE, address=f"json://127.0.0.1:{port}/"))
    assert receipt.state is ReceiptState.FAILED


@pytest.mark.parametrize("query", ["?rto=0.3", ""])
def test_a_provider_that_does_not_answer_in_time_leaves_it_unknown(query: str) -> None:
    with provider(delay_s=1.0) as server:
        receipt = AppriseChannel({"json"}, timeout_s=0.5).send(to(server, query))
    assert receipt.state is ReceiptState.UNKNOWN and len(server.requests) == 1


def test_redirects_are_not_followed() -> None:
    with provider() as inside, provider(307, headers={"Location": f"http://127.0.0.1:{inside.server_port}/"}) as server:
        receipt = AppriseChannel({"json"}).send(to(server))
    assert receipt.state is ReceiptState.FAILED and not inside.requests


def test_a_schema_that_is_not_allowed_is_refused_before_anything_leaves() -> None:
    with provider() as server, pytest.raises(DataError) as raised:
        AppriseChannel({"mailtos"}).send(to(server))
    assert raised.value.code is ErrorCode.SETTINGS_INVALID and "['mailtos']" in raised.value.detail and not server.requests


@pytest.mark.parametrize("address", ["json://", "mailto://a:b@example.org?to=x@example.org,y@example.org", "nonsense", "json://user@"])
def test_addresses_that_can_never_work_or_hold_two_targets_are_refused(address: str) -> None:
    with pytest.raises(DataError) as raised:
        AppriseChannel({"json", "mailto"}).check(address)
    assert raised.value.code is ErrorCode.SETTINGS_INVALID


def test_no_secret_reaches_an_error_a_receipt_a_log_or_a_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="apprise")
    with provider(500) as server:
        message = to(server)
        receipt = AppriseChannel({"json"}).send(message)
    with pytest.raises(DataError) as raised:
        AppriseChannel({"sns"}).send(message)
    assert not any(SECRET in text for text in (str(receipt), str(raised.value), repr(message), caplog.text))


@contextmanager
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    """Just enough of RFC 5321 to take one mail."""
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve_mail, args=(listener, received), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], received
    finally:
        thread.join(timeout=5)
        listener.close()


def _serve_mail(listener: socket.socket, received: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rwb", buffering=0) as stream:
        stream.write(b"220 test\r\n")
        while line := stream.readline():
            word = line[:4].upper()
            if word == b"DATA":
                stream.write(b"354 go\r\n")
                received.append(b"".join(iter(stream.readline, b".\r\n")))
            stream.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def test_a_mail_arrives_as_plain_text_with_its_picture() -> None:
    with mail_server() as (port, received):
        address = f"mailto://127.0.0.1:{port}?from=jagawana@example.org&to=ranger@example.org&mode=insecure&format=text"
        receipt = AppriseChannel({"mailto"}).send(replace(MESSAGE, address=address))
    assert receipt.state is ReceiptState.SENT
    parts = list(message_from_bytes(received[0]).walk())
    assert parts[0]["To"] == "ranger@example.org" and "Z4PHZ" in parts[0]["Subject"]
    assert "baris dua" in next(p for p in parts if p.get_content_type() == "text/plain").get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert next(p for p in parts if p.get_content_type() == "image/jpeg").get_payload(decode=True) == PICTURE.content


def test_attachments_come_from_memory_and_never_from_a_path() -> None:
    named_like_a_file = replace(PICTURE, name="/etc/hostname", content=b"harmless")
    with provider() as server:
        AppriseChannel({"json"}).send(replace(to(server), attachments=(named_like_a_file,)))
    (attached,) = server.requests[0][1]["attachments"]  # type: ignore[misc]
    assert base64.b64decode(attached["base64"]) == b"harmless" and os.sep not in attached["filename"]  # type: ignore[index]
