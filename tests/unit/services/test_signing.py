"""A signature vouches for what is said, and for nothing that was changed, signed by another, or dated after the key's end."""

import json
import random
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.envelope import encode
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.examples import example_messages
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.headers import headers_of, signing
from jagawana.services.agencies.keys import PrivateKey, PublicKey, new_key, read_private, read_public, write_private, write_public
from jagawana.services.agencies.received import received
from jagawana.services.agencies.signing import Received, Signature, canonical, sign, signing_key, verified
from jagawana.services.cli import app
from jagawana.services.store.log import Event

AT = datetime(2026, 6, 1, tzinfo=UTC)
END = AT + timedelta(days=400)
KEY = new_key(END)
KEYS = {KEY.public.kid: KEY.public}
ALERT = next(m for m in example_messages() if isinstance(m, AlertPublished))
VALUE = encode(ALERT, source="/test", at=AT)


def signed(value: bytes = VALUE, key: PrivateKey = KEY, at: datetime = AT) -> Received:
    return Received(value, sign(value, key, at))


def refusal(record: Received, keys: dict[str, PublicKey] = KEYS) -> str:
    """Why it is refused; nothing when it is not."""
    try:
        verified(record, keys)
    except DataError as e:
        assert e.code is ErrorCode.SIGNATURE_INVALID
        return e.detail
    return ""


def event(payload: bytes, topic: str = Topic.ALERTS) -> Event:
    return Event(1, topic, "k", "id-1", payload)


def test_what_was_signed_is_verified() -> None:
    _, message = verified(signed(), KEYS)
    assert message == ALERT


def test_the_signature_is_of_the_form_that_rfc_8785_gives_numbers_keys_and_text() -> None:
    written = canonical(b'{"peach": 412.0, "\\u00e9": 1e-07, "10": [1E30, "\\u20ac\\n\\u000f", true, null], "1": -0.0}')
    assert written == '{"1":0,"10":[1e+30,"€\\n\\u000f",true,null],"peach":412,"é":1e-7}'.encode()
    with pytest.raises(DataError, match="no form for it"):
        canonical(b'{"a": 9007199254740993}')
    with pytest.raises(DataError, match="twice"):
        canonical(b'{"a": 1, "a": 2}')


def test_the_same_message_written_anew_is_still_what_was_signed() -> None:
    """A database of an agency keeps JSON, not bytes: keys in another order, numbers without their point."""

    def anew(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: anew(part) for name, part in sorted(value.items(), reverse=True)}
        if isinstance(value, list):
            return [anew(part) for part in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    one = signed()
    written = json.dumps(anew(json.loads(VALUE)), indent=2).encode()
    assert written != VALUE and b"412.0" in VALUE and b"412.0" not in written
    assert refusal(replace(one, value=written)) == "" and verified(replace(one, value=written), KEYS)[1] == ALERT


def test_a_thousand_tampered_messages_are_all_refused_unless_they_say_the_same() -> None:
    one, draw, refused, same = signed(), random.Random(7), 0, 0
    assert one.signature is not None
    while refused < 1000:
        value, signature = bytearray(one.value), bytearray(one.signature.text.encode())
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
        if kind != "signature" and means(bytes(value)) == means(VALUE):
            same += 1  # a space between two parts, a nought after the point
            continue
        refused += 1
        tampered = Received(bytes(value), Signature(signature.decode(), one.signature.kid))
        assert refusal(tampered), kind
    assert same < 200


def means(value: bytes) -> Any:
    """What any reader of JSON would take it for; the pairs themselves where a key is there twice; None for what is no JSON."""
    try:
        return json.loads(value, object_pairs_hook=lambda pairs: pairs if len(dict(pairs)) < len(pairs) else dict(pairs))
    except ValueError:
        return None


def test_a_forged_cut_or_unsigned_record_is_refused_with_its_reason() -> None:
    one, stranger = signed(), new_key(END)
    forged = VALUE.replace(b'"mining_ha":1.44', b'"mining_ha":9.44')
    assert forged != VALUE and refusal(replace(one, value=forged)).startswith(f"not what {KEY.public.kid} signed: changed since")
    assert "no whole message, something was cut" in refusal(replace(one, value=VALUE[:-5]))
    assert refusal(replace(one, value=b"")).startswith("its 0 bytes")
    assert refusal(Received(VALUE, None)).startswith("not signed")
    other = sign(encode(ALERT, source="/test", at=AT + timedelta(days=1)), KEY, AT)
    assert "another record's" in refusal(replace(one, signature=other))
    assert "is not published" in refusal(signed(key=stranger))
    assert "another record's" in refusal(Received(VALUE, Signature(sign(VALUE, stranger, AT).text, KEY.public.kid)))
    assert "another record's" in refusal(Received(VALUE, Signature("", KEY.public.kid)))


def test_a_record_under_another_s_key_or_on_another_topic_is_refused() -> None:
    """It would take the place of another alert in the compacted topic, and nothing in it would be wrong."""
    alert_id, cell = str(ALERT.content.alert_id), ALERT.content.cell
    in_place = {Topic.ALERTS: cell, Topic.ALERT_STATE: alert_id}
    for topic, key in in_place.items():
        assert refusal(replace(signed(), topic=topic, key=key)) == ""
        assert "its own is" in refusal(replace(signed(), topic=topic, key=str(uuid4())))
        assert "its own is" in refusal(replace(signed(), topic=topic, key=""))
    assert "its own is" in refusal(replace(signed(), topic=Topic.ALERTS, key=alert_id))
    assert "does not belong on coverage.v1" in refusal(replace(signed(), topic=Topic.COVERAGE, key=cell))
    assert refusal(replace(signed(), topic="an-archive-of-ours", key="7")) == "", "who keeps it elsewhere has keys of its own"


def test_keys_overlap_while_they_are_changed(tmp_path: Path) -> None:
    old, new, file = new_key(AT + timedelta(days=10)), new_key(END), tmp_path / "keys.json"
    write_public([old.public, new.public], file)
    keys = read_public(file)
    assert [refusal(signed(VALUE, key), keys) for key in (old, new)] == ["", ""]
    late = encode(ALERT, source="/test", at=AT + timedelta(days=11))
    with pytest.raises(DataError, match="expired at") as refused:
        sign(late, old, AT + timedelta(days=11))
    assert refused.value.code is ErrorCode.SETTINGS_INVALID
    forged = Signature(b64encode(old.key.sign(canonical(late))).decode(), old.public.kid)
    assert "had expired" in refusal(Received(late, forged), keys)
    assert refusal(signed(VALUE, old), keys) == "", "what was signed in time stays good"


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
    assert refusal(Received(VALUE, Signature(headers["sig"].decode(), headers["kid"].decode()))) == ""
    assert "sig" not in dict(headers_with(event(VALUE, Topic.SCENES))) and "sig" not in dict(signing(None, lambda: AT)(event(VALUE)))
    with pytest.raises(DataError, match="expired"):
        signing(KEY, lambda: END)(event(VALUE))


def test_lines_of_kcat_are_read() -> None:
    one = signed()
    assert one.signature is not None
    pairs = ["ce_id", "x", "sig", one.signature.text, "kid", one.signature.kid]
    line = {"topic": "t", "key": "k", "payload": VALUE.decode(), "headers": pairs}
    other = line | {"headers": {"sig": one.signature.text, "kid": one.signature.kid}}
    lines = f"{json.dumps(line)}\n\n{json.dumps(other, ensure_ascii=False)}\n"
    assert list(received(lines)) == [replace(one, topic="t", key="k")] * 2
    kinds: list[dict[str, Any]] = [line | {"payload": json.loads(VALUE)}, line | {"headers": []}, line | {"key": None}]
    parsed, unsigned, keyless = received("\n".join(map(json.dumps, kinds)))
    assert refusal(parsed) == "" and unsigned.signature is None and keyless.key == ""
    for broken in ('{"headers": []}', "7", "{", '{"payload": "x", "headers": ["sig"]}', '{"payload": "x", "headers": 7}'):
        with pytest.raises(DataError, match="line 1"):
            list(received(broken))


def test_the_command_says_of_each_record_whether_it_is_what_was_signed(tmp_path: Path) -> None:
    write_public([KEY.public], tmp_path / "keys.json")
    one, stranger = signed(), sign(VALUE, new_key(END), AT)

    def said(*records: tuple[bytes, Signature | None]) -> tuple[int, list[Any]]:
        lines = [{"payload": v.decode(), "headers": ["sig", s.text, "kid", s.kid] if s else []} for v, s in records]
        (tmp_path / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        options = ["kafka", "verify", str(tmp_path / "records.jsonl"), "--keys", str(tmp_path / "keys.json"), "--json"]
        done = CliRunner().invoke(app, options)
        return done.exit_code, json.loads(done.stdout)["records"]

    code, rows = said((VALUE, one.signature), (VALUE[:-9], one.signature), (VALUE, stranger), (VALUE, None))
    assert code == 1 and [row["good"] for row in rows] == [True, False, False, False]
    assert rows[0]["what"] == f"alert-published {ALERT.content.cell}"
    assert [why in row["what"] for row, why in zip(rows[1:], ("cut", "not published", "not signed"), strict=True)] == [True] * 3
    assert said((VALUE, one.signature))[0] == 0 and said() == (1, []), "an empty file proves nothing"


def test_a_key_is_made_published_and_changed_by_commands(tmp_path: Path) -> None:
    files = [tmp_path / "key-2026.json", tmp_path / "key-2027.json"]
    for file in files:
        done = CliRunner().invoke(app, ["kafka", "keys", "new", str(file), "--days", "30"])
        assert done.exit_code == 0 and read_private(file).public.kid in done.output
        assert json.loads(file.read_text())["d"] not in done.output
        published = CliRunner().invoke(app, ["kafka", "keys", "public", str(file), "--out", str(tmp_path / "keys.json")])
        assert published.exit_code == 0
    assert set(read_public(tmp_path / "keys.json")) == {read_private(file).public.kid for file in files}, "the earlier one stays"
