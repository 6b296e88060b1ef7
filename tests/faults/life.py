"""A life of the service that passes every failpoint: scenes, a spoiled one, a new zone layer in between, and messages.

It may be begun again after any end: what has been done is not done twice.
"""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import connect

from chain import FAR_CONCESSION, GROWN, PARK, PIT, load_zones
from scenes import Scene, write_archive

from jagawana.schemas.observation import AlertTense
from jagawana.services.bus.handling import Clock
from jagawana.services.failpoints import watched
from jagawana.services.replay import replay
from jagawana.services.settings import load_settings
from jagawana.services.store import alerts, log
from jagawana.services.store.database import open_sqlite, transaction
from jagawana.services.store.digest import digest
from jagawana.services.wiring import Service, build

EARLY = (Scene(0, size=64), Scene(10, size=64, mining=[PIT]))
SPOILED = Scene(5, size=64, clouds=[(0, 0, 9, 9)])
LATE = (Scene(30, size=64, mining=[GROWN]),)


def write_life(folder: Path) -> Path:
    """The scenes of a life: before and after the zones change. One has lost the end of its image."""
    write_archive(folder / "early", [*EARLY, SPOILED])
    write_archive(folder / "late", LATE)
    image = folder / "early" / "assets" / f"{SPOILED.scene_id}_image.tif"
    image.write_bytes(image.read_bytes()[:-100])
    return folder


@dataclass
class Time:
    """The machine's time, or a later one."""

    days_later: int = 0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days_later)


def built(data: Path, time: Time | None = None, **settings: object) -> Service:
    """The service, which does not wait between tries."""
    given = {"model": "spectral-6"} | settings
    return build(load_settings(data=data, **given), Clock(now=(time or Time()).now, sleep=lambda _: None))


def live(service: Service, archive: Path) -> None:
    """One life, or what is left of it."""
    load_zones(service, [FAR_CONCESSION])
    replay(service, [archive / "early"], order="acquired", tense=AlertTense.TEST)
    load_zones(service, [PARK])
    replay(service, [archive / "late"], order="acquired", tense=AlertTense.TEST)


def hits(data: Path, archive: Path) -> Counter[str]:
    """How often a life that nothing disturbs reaches each failpoint."""
    found: Counter[str] = Counter()
    service = built(data)
    with watched(lambda name: found.update([name])):
        live(service, archive)
    service.engine.dispose()
    return found


@dataclass(frozen=True)
class Outcome:
    """What a life came to: what must be the same however often it was interrupted."""

    digest: str
    told: frozenset[str]
    dead: tuple[tuple[str, str], ...]
    records: tuple[tuple[str, int], ...]


def outcome(data: Path) -> Outcome:
    """Read from the folder, by other eyes than those that wrote it."""
    engine = open_sqlite(data / "jagawana.sqlite")
    with transaction(engine) as session:
        found = Outcome(
            digest(session),
            frozenset(line["idempotency_key"] for line in message_lines(data)),
            tuple(sorted((d.code, d.subject) for d in log.dead_letters(session))),
            tuple(sorted((str(r.content.alert_id), r.record_number) for r in alerts.records(session))),
        )
    engine.dispose()
    return found


def message_lines(data: Path) -> list[dict[str, str]]:
    """The logbook."""
    return [json.loads(line) for line in (data / "messages" / "messages.jsonl").read_text().splitlines()]


def told_twice(data: Path) -> int:
    """Messages that were sent again; each must be the same message in the same file."""
    lines = message_lines(data)
    keys = Counter(line["idempotency_key"] for line in lines)
    assert len({(line["idempotency_key"], line["file"]) for line in lines}) == len(keys), "a repeat is the same message in the same file"
    return len(lines) - len(keys)


def leftovers(data: Path) -> Sequence[Path]:
    """Half files that somebody could see: spool, temporary blobs, parts of messages."""
    return [p for p in data.rglob("*") if p.is_file() and (p.suffix in (".tmp", ".part") or "spool" in p.parts)]


def unsettled(data: Path) -> dict[str, int]:
    """Rows that an end in good order does not leave: work begun, messages owed, and whatever SQLite finds wrong."""
    with closing(connect(data / "jagawana.sqlite")) as connection:
        count = {
            "attempts": connection.execute("select count(*) from attempt").fetchone()[0],
            "owed": connection.execute("select count(*) from delivery where state != 'sent'").fetchone()[0],
            "broken": len([r for r in connection.execute("pragma integrity_check").fetchall() if r != ("ok",)]),
        }
    return {name: n for name, n in count.items() if n}
