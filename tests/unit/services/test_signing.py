"""A signature vouches for every byte, and for nothing that was changed, signed by another, or dated after the key's end."""

import json
import random
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jagawana.schemas.envelope import encode
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.examples import example_messages
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.headers import headers_of, signing
from jagawana.services.agencies.keys import PublicKey, new_key, read_private, read_public, write_private, write_public
from jagawana.services.agencies.signing import SignedValue, sign, signed_values, signing_key, verified
from jagawana.services.store.log import Event

AT = datetime(2026, 6, 1, tzinfo=UTC)
END = AT + timedelta(days=400)
KEY = new_key(END)
KEYS = {KEY.public.kid: KEY.public}
ALERT = next(m for m in example_messages() if m.name == "alert-published")
VALUE = encode(ALERT, source="/test", at=AT)


def code_of(signed: SignedValue, keys: dict[str, PublicKey] = KEYS) -> ErrorCode | None:
    try:
        verified(signed, keys)
    except DataError as e:
        return e.code
    return None


def event(payload: bytes, topic: str = Topic.ALERTS) -> Event:
    return Event(1, topic, "k", "id-1", payload)


def test_what_was_signed_is_verified() -> None:
    _, message = verified(sign(VALUE, KEY, AT), KEYS)
    assert message == ALERT


def test_a_thousand_tampered_messages_are_all_refused() -> None:
    signed, draw, refused = sign(VALUE, KEY, AT), random.Random(7), 0
    while refused < 1000:
        value, signature = bytearray(signed.value), bytearray(signed.signature.encode())
        kind = draw.choice(["bit", "cut", "insert", "signature", "swap"])
        at = draw.randrange(len(value))
        if kind == "bit":
            value[at] ^= 1 << draw.randrange(8)
        elif kind == "cut":
            del value[at : at + draw.randrange(1, 40)]
        elif kind == "insert":
            value[at:at] = draw.choice([b" ", b"0", b"\n", b'"x":1,'])
        elif kind == "signature":
            signature[draw.randrange(86)] ^= 1 << draw.randrange(7)
        else:
            other = (at + draw.randrange(1, len(value))) % len(value)
            value[at], value[other] = value[other], value[at]
        tampered = SignedValue(bytes(value), signature.decode(), signed.kid)
        if tampered == signed:
            continue  # two equal bytes changed places
        refused += 1
        assert code_of(tampered) is ErrorCode.SIGNATURE_INVALID, kind


def test_the_same_meaning_in_other_bytes_is_refused_too() -> None:
    signed = sign(VALUE, KEY, AT)
    assert code_of(SignedValue(json.dumps(json.loads(VALUE)).encode(), signed.signature, signed.kid)) is ErrorCode.SIGNATURE_INVALID


def test_an_unknown_key_or_another_s_name_is_refused() -> None:
    stranger = new_key(END)
    signed = sign(VALUE, stranger, AT)
    assert code_of(signed) is ErrorCode.SIGNATURE_INVALID
    assert code_of(SignedValue(VALUE, signed.signature, KEY.public.kid)) is ErrorCode.SIGNATURE_INVALID


def test_keys_overlap_while_they_are_changed(tmp_path: Path) -> None:
    old, new, file = new_key(AT + timedelta(days=10)), new_key(END), tmp_path / "keys.json"
    write_public([old.public, new.public], file)
    keys = read_public(file)
    assert [code_of(sign(VALUE, key, AT), keys) for key in (old, new)] == [None, None]
    late = encode(ALERT, source="/test", at=AT + timedelta(days=11))
    with pytest.raises(DataError, match="expired at") as refused:
        sign(late, old, AT + timedelta(days=11))
    assert refused.value.code is ErrorCode.SETTINGS_INVALID
    forged = SignedValue(late, b64encode(old.key.sign(late)).decode(), old.public.kid)
    with pytest.raises(DataError, match="had expired") as refused:
        verified(forged, keys)
    assert refused.value.code is ErrorCode.SIGNATURE_INVALID
    assert code_of(sign(VALUE, old, AT), keys) is None, "what was signed in time stays good"


def test_an_expiring_key_is_said_in_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_private(KEY, tmp_path / "key.json")
    read = signing_key(tmp_path / "key.json", END - timedelta(days=31))
    assert read is not None and read.public.kid == KEY.public.kid
    assert not caplog.records
    signing_key(tmp_path / "key.json", END - timedelta(days=29))
    assert "publish its successor" in caplog.text
    assert signing_key(None, AT) is None and "not signed" in caplog.text


def test_a_private_key_is_its_owner_s_alone_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    write_private(KEY, file)
    assert file.stat().st_mode & 0o777 == 0o600 and read_private(file).public.kid == KEY.public.kid
    assert read_private(file).expires_at == END
    with pytest.raises(DataError, match="exists"):
        write_private(new_key(END), file)
    write_public([KEY.public], tmp_path / "keys.json")
    assert '"d"' not in (tmp_path / "keys.json").read_text()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"d": 7}', '{"d": "AA", "exp": 1}', '{"keys": [{"x": "AA", "exp": 1}]}'])
def test_what_is_no_key_is_refused_with_its_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "broken.json"
    file.write_text(content)
    for read in (read_private, read_public):
        with pytest.raises(DataError, match=r"broken\.json holds no Ed25519 key"):
            read(file)


def test_a_key_whose_name_is_another_s_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    write_private(KEY, file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"kid": new_key(END).public.kid}))
    with pytest.raises(DataError, match="thumbprint"):
        read_private(file)


def test_headers_say_again_what_the_envelope_says_and_are_text() -> None:
    headers = dict(headers_of(event(VALUE)))
    envelope = json.loads(VALUE)
    assert headers["ce_id"].decode() == envelope["id"] and headers["ce_type"] == b"org.jagawana.alert-published.v1"
    assert headers["msg_id"] == b"id-1" and headers["record_number"] == b"1"
    assert headers["alert_id"].decode() == envelope["data"]["content"]["alert_id"]
    assert headers["content-type"].startswith(b"application/cloudevents+json")


@pytest.mark.parametrize("message", example_messages(), ids=lambda m: m.name)
def test_only_alerts_have_an_alert_id(message: object) -> None:
    names = [name for name, _ in headers_of(event(encode(message, source="/test", at=AT)))]  # type: ignore[arg-type]
    assert ("alert_id" in names) == (message == ALERT) and len(names) == len(set(names))


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"[]", b"{}", b'{"id": 7, "data": 1, "type": "x.alert-published.y"}', b'{"subject": "\\ud800"}']
)
def test_whatever_the_payload_is_headers_are_utf_8(payload: bytes) -> None:
    headers = signing(KEY, lambda: AT)(event(payload))
    assert dict(headers)["msg_id"] == b"id-1"
    assert all(value.decode("utf-8") is not None for _, value in headers)


def test_what_we_send_is_signed_and_what_others_sent_us_is_not() -> None:
    headers_with = signing(KEY, lambda: AT)
    headers = dict(headers_with(event(VALUE)))
    assert code_of(SignedValue(VALUE, headers["sig"].decode(), headers["kid"].decode())) is None
    assert "sig" not in dict(headers_with(event(VALUE, Topic.SCENES))) and "sig" not in dict(signing(None, lambda: AT)(event(VALUE)))
    with pytest.raises(DataError, match="expired"):
        signing(KEY, lambda: END)(event(VALUE))


def test_lines_of_kcat_are_read() -> None:
    signed = sign(VALUE, KEY, AT)
    pairs = ["ce_id", "x", "sig", signed.signature, "kid", signed.kid]
    line = {"topic": "t", "key": "k", "payload": VALUE.decode(), "headers": pairs}
    other = line | {"headers": {"sig": signed.signature, "kid": signed.kid}}
    assert list(signed_values(f"{json.dumps(line)}\n\n{json.dumps(other, ensure_ascii=False)}\n")) == [signed, signed]
    for broken in ('{"payload": "x"}', "7", "{", '{"payload": "x", "headers": ["sig"]}', '{"headers": {"sig": "", "kid": ""}}'):
        with pytest.raises(DataError, match="line 1"):
            list(signed_values(broken))
