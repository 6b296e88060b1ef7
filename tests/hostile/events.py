"""Group D: messages, D01 to D24. What the service makes impossible by design is said in the note, and what is left of it is tested."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hostile.messages import (
    Desk,
    Edit,
    Letter,
    changed,
    forged,
    grown,
    href,
    message,
    observation,
    padded,
    spoiled,
    with_item,
    without,
)
from hostile.table import Accepted

from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.wiring import MOST_REVISIONS

Make = Callable[[Desk], Letter | Sequence[Letter]]
FLOOD = MOST_REVISIONS
ITEM, IMAGE = ("data", "item"), ("data", "item", "assets", "image")
NOT_FETCHED = "only local files are read; an address of any other kind is refused before anything is contacted"


@dataclass(frozen=True)
class BadEvent:
    """One row: what is appended to the log, and what must come of it."""

    id: str
    name: str
    expected: ErrorCode | Accepted
    make: Make
    note: str = ""
    same_day: bool = False
    """Whether it comes on the day of the row before it; each other row has a day of its own."""

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


def _raw(spoil: Callable[[bytes], bytes]) -> Make:
    return lambda d: Letter(spoil(message(d.fresh)))


def _json(text: str) -> Make:
    return lambda d: Letter(padded(d.fresh, text))


def _forged(edit: Edit) -> Make:
    return lambda d: Letter(forged(d.fresh, edit))


def _ingested(edit: Edit) -> Make:
    return lambda d: Letter(with_item(d.fresh, edit))


def _observed(**changes: object) -> Make:
    return lambda d: Letter(observation(**changes), topic=Topic.OBSERVATIONS)


def _when(text: object) -> Make:
    return _forged(changed(*ITEM, "properties", "datetime", to=text))


def _created(acquired: str, created: str | None) -> Make:
    return _forged(lambda d: d["data"]["item"]["properties"].update(datetime=acquired, created=created))


def _pipe(desk: Desk) -> Letter:
    path = desk.image.with_name("pipe.tif")
    if not path.exists():
        os.mkfifo(path)
    return href(desk, str(path))


def _flood(desk: Desk) -> list[Letter]:
    """Events that differ, for one revision of one granule that is known."""
    return [_copy(desk, n) for n in range(FLOOD)]


def _copy(desk: Desk, number: int) -> Letter:
    return Letter(forged(desk.told, changed(*ITEM, "properties", "title", to=f"copy {number}")))


def _claims_the_later_ones_id(desk: Desk) -> Letter:
    stolen = forged(desk.later, changed(*ITEM, "properties", "title", to="another"), rehash=False)
    return Letter(stolen)


U, I, N, S, T, H = (  # noqa: E741
    ErrorCode.MESSAGE_UNREADABLE, ErrorCode.MESSAGE_INVALID, ErrorCode.NON_FINITE, ErrorCode.SCHEMA_UNSUPPORTED,
    ErrorCode.TIME_IMPLAUSIBLE, ErrorCode.HREF_FORBIDDEN,
)  # fmt: skip
REQUIRED = (
    ("id",), ("source",), ("type",), ("time",), ("dataschema",), ("data",), ITEM, (*ITEM, "id"), (*ITEM, "bbox"), (*ITEM, "geometry"),
    (*ITEM, "properties"), (*ITEM, "assets"), (*ITEM, "properties", "datetime"), (*ITEM, "properties", "platform"),
    (*ITEM, "properties", "gsd"), (*IMAGE, "href"), (*IMAGE, "bands"), (*IMAGE, "file:size"), (*IMAGE, "file:checksum"),
    (*IMAGE, "proj:code"), (*IMAGE, "proj:shape"), (*IMAGE, "proj:transform"),
)  # fmt: skip
WRONG: Sequence[tuple[tuple[str, ...], object]] = (
    ((*ITEM, "properties"), []), ((*ITEM, "properties", "gsd"), "ten"), ((*ITEM, "properties", "gsd"), -10), ((*ITEM, "assets"), []),
    ((*ITEM, "assets"), {}), ((*IMAGE, "bands"), []), ((*IMAGE, "file:size"), 0), ((*IMAGE, "proj:shape"), [96]),
    ((*IMAGE, "proj:transform"), [10, 0]), ((*IMAGE, "href"), ""), ((*IMAGE, "href"), "x" * 3000), ((*IMAGE, "href"), ["a"]),
    ((*ITEM, "id"), "../../etc/passwd"), ((*ITEM, "id"), "x" * 300), ((*ITEM, "id"), "a\0b"), ((*ITEM, "bbox"), [110, -1, 111, 95]),
    ((*ITEM, "bbox"), [1e308, -1, 1e308, 0]), ((*ITEM, "geometry"), {"type": "Point", "coordinates": [110, -1]}),
    ((*ITEM, "geometry", "coordinates"), [[[110, -1], [111, -1], [110, -1]]]), ((*ITEM, "properties", "platform"), "x" * 101),
    ((*ITEM, "properties", "s2:processing_baseline"), "5.1"), ((*ITEM, "type"), "Collection"), (("data",), "text"), (("data",), None),
    (("specversion",), "0.3"), (("datacontenttype",), "text/html"), (("type",), 7),
)  # fmt: skip
TOO_MANY_ASSETS = {f"a{n}": {"href": "/x"} for n in range(65)}

EVENTS: tuple[BadEvent, ...] = (
    BadEvent("D01", "not UTF-8", U, _raw(lambda m: m.replace(b'"platform":"', b'"platform":"\xff\xfe', 1))),
    BadEvent("D01", "UTF-16", U, _raw(lambda m: m.decode().encode("utf-16"))),
    BadEvent("D01", "half of a surrogate pair", U, _json(r'"\ud800"'), "legal JSON that is no text"),
    BadEvent("D02", "not JSON", U, _raw(lambda _: b"{ this is not json")),
    BadEvent("D02", "cut short", U, _raw(lambda m: m[:-1])),
    BadEvent("D02", "two messages", U, _raw(lambda m: m + m)),
    BadEvent("D02", "a list", U, _raw(lambda m: b"[" + m + b"]")),
    *(BadEvent("D03", text, N, _json(text)) for text in ("NaN", "Infinity", "-Infinity")),
    BadEvent("D04", "100,000 deep", U, _json("[" * 100_000 + "]" * 100_000)),
    BadEvent("D04", "100 deep", U, _json("[" * 100 + "]" * 100), "Python reads it, the library that writes messages does not"),
    BadEvent("D05", "a key twice", U, _json('1, "x": 2')),
    BadEvent("D06", "10 MB in one string", U, _json('"' + "x" * 10_000_000 + '"')),
    BadEvent("D06", "half a megabyte as an id", I, _forged(changed(*ITEM, "id", to="x" * 500_000))),
    BadEvent("D07", "1e400", N, _json("1e400")),
    BadEvent("D07", "2^70", U, _json(str(2**70))),
    BadEvent("D07", "5,000 digits", U, _json("9" * 5000)),
    *(BadEvent("D08", "no " + ".".join(path), I, _forged(without(*path))) for path in REQUIRED),
    *(BadEvent("D09", f"{'.'.join(p)} is {str(v)[:30]}", I, _forged(changed(*p, to=v))) for p, v in WRONG),
    BadEvent("D09", "65 files", I, _forged(changed(*ITEM, "assets", to=TOO_MANY_ASSETS))),
    BadEvent("D09", "a field nobody knows", I, _forged(changed("data", "urgent", to=True))),
    BadEvent("D10", "version 2", S, _forged(changed("type", to="org.jagawana.scene-acquired.v2"))),
    BadEvent("D10", "schema 2.0", S, _forged(changed("dataschema", to="urn:jagawana:schema:scene-acquired:2.0"))),
    BadEvent("D10", "schema 1.²", S, _forged(changed("dataschema", to="urn:jagawana:schema:scene-acquired:1.²"))),
    BadEvent("D10", "another's schema", S, _forged(changed("dataschema", to="urn:jagawana:schema:coverage-observed:1.0"))),
    BadEvent("D10", "a message for another room", S, lambda d: Letter(observation())),
    BadEvent("D11", "a tense nobody knows", I, _forged(changed("data", "tense", to="yesterday"))),
    BadEvent("D12", "nothing", U, lambda d: Letter(b""), "there is no Kafka yet, so a tombstone is an empty payload of the log"),
    BadEvent("D12", "null", U, lambda d: Letter(b"null")),
    BadEvent(
        "D13", "a key that is not the content's", Accepted.AS_CLEAN, lambda d: Letter(message(d.told), key="49MFU00"),
        "there is no Kafka yet; in the log the key only orders, rooms read the content, and this event is known",
    ),
    BadEvent("D14", "a tile that no square has", I, _observed(tile="49MZA00")),
    BadEvent("D14", "a tile of no UTM zone", I, _observed(tile="61MAA00")),
    BadEvent("D14", "a tile that nobody observed", Accepted.AS_CLEAN, _observed(tile="49MCU00"), "so nothing follows"),
    BadEvent("D15", "1970", T, _created("1970-01-01T00:00:00Z", None)),
    BadEvent("D15", "2199", T, _created("2199-01-01T00:00:00Z", None)),
    BadEvent("D15", "two days ahead", T, _created("2026-06-03T12:00:00Z", None)),
    BadEvent("D15", "no zone", I, _when("2026-01-10T02:40:00")),
    BadEvent("D15", "30 February", I, _when("2026-02-30T00:00:00Z")),
    BadEvent("D15", "a leap second", I, _when("2016-12-31T23:59:60Z")),
    BadEvent("D15", "a bare number", I, _when(1767580800)),
    BadEvent("D15", "a bare number as text", I, _when("1767580800")),
    BadEvent("D15", "the end of time", I, _when("9999-12-31T23:59:59-12:00")),
    BadEvent("D16", "made before it was seen", T, _created("2026-01-10T02:40:00Z", "2026-01-09T00:00:00Z")),
    BadEvent("D18", "no such file", ErrorCode.ASSET_MISSING, lambda d: href(d, str(d.image.with_name("gone.tif"))), NOT_FETCHED),
    *(BadEvent("D18", f"a server says {s}", H, lambda d, s=s: href(d, f"{d.traps.urls[0]}/{s}"), NOT_FETCHED) for s in (404, 410, 503)),
    BadEvent("D19", "a redirect to this machine", H, lambda d: href(d, f"{d.traps.urls[0]}/redirect"), NOT_FETCHED),
    BadEvent("D20", "longer than said", ErrorCode.SIZE_MISMATCH, lambda d: spoiled(d, "longer.tif", d.image.read_bytes() + b"\0")),
    BadEvent("D20", "shorter than said", ErrorCode.SIZE_MISMATCH, lambda d: spoiled(d, "shorter.tif", d.image.read_bytes()[:-1])),
    BadEvent("D21", "other bytes", ErrorCode.CHECKSUM_MISMATCH, lambda d: spoiled(d, "other.tif", d.image.read_bytes()[:-1] + b"\1")),
    BadEvent("D21", "only SHA-1", I, _forged(changed(*IMAGE, "file:checksum", to="1114" + "0" * 40))),
    BadEvent("D21", "only MD5", I, _forged(changed(*IMAGE, "file:checksum", to="d50110" + "0" * 32))),
    BadEvent("D22", "a server that never ends", H, lambda d: href(d, f"{d.traps.urls[1]}/endless"), NOT_FETCHED),
    BadEvent("D22", "8 GiB after the bytes it speaks of", ErrorCode.SIZE_MISMATCH, grown),
    BadEvent("D22", "a pipe that nobody fills", ErrorCode.NOT_REGULAR_FILE, _pipe),
    BadEvent("D22", "/dev/zero", H, lambda d: href(d, "/dev/zero")),
    BadEvent("D23", "the id of another event", I, _claims_the_later_ones_id, "the scene told later has that id, and is not lost"),
    BadEvent(
        "D24", f"{FLOOD} events for one revision of one granule", Accepted.AS_CLEAN, _flood,
        "each is looked at; they make one observation, and nobody is told again",
    ),
    BadEvent("D24", "one event more on the same day", ErrorCode.SCENE_FLOODED, lambda d: _copy(d, FLOOD), same_day=True),
    BadEvent(
        "D24", "one of them again", Accepted.AS_CLEAN, lambda d: _copy(d, 0), "what was begun is known, and no new event", same_day=True
    ),
    BadEvent("D24", "the next day", Accepted.AS_CLEAN, lambda d: _copy(d, FLOOD + 1), "a reprocessed product is always welcome"),
)  # fmt: skip
