"""Stored blobs that are flipped, cut short or gone: noticed on every read, never folded, and mended when their scenes are replayed."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from chain import FAR_CONCESSION, PARK, PIT, load_zones, service
from results import record
from scenes import Scene, write_archive

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.replay import ReplaySummary, replay
from jagawana.services.store import alerts, log, observations
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import AlertRow, DeadLetterRow, ObservationRow
from jagawana.services.wiring import Service

HURT, WELL = range(5), range(5, 6)
"""Tiles by number; all blobs of the hurt ones are damaged."""
PAST, NEWS = range(10), range(10, 12)
"""Dates by number; the damage falls between them."""


def scene(tile: int, date: int) -> Scene:
    mining = [PIT] if date >= 4 else []
    return Scene(10 * date, size=64, mining=mining, east=453_000 + 10_000 * tile, seed=tile)


def sent(to: Service, folder: Path) -> ReplaySummary:
    return replay(to, [folder], order="acquired", tense=AlertTense.TEST)


def started(data: Path) -> Service:
    made = service(data)
    load_zones(made, [PARK, FAR_CONCESSION])
    return made


def rows_of(of: Service) -> list[ObservationRow]:
    with transaction(of.engine) as session:
        return observations.current(session)


def believed(of: Service, tiles: set[str]) -> list[AlertRow]:
    with transaction(of.engine) as session:
        return [row for tile in sorted(tiles) for _, row in sorted(alerts.alerts_of_tile(session, tile).items())]


def dead_letters(of: Service) -> list[DeadLetterRow]:
    with transaction(of.engine) as session:
        return log.dead_letters(session)


def _flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _cut(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])


def _delete(path: Path, rng: random.Random) -> None:
    path.unlink()


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (_flip, _cut, _delete)


def test_a_hundred_damaged_blobs_are_noticed_never_folded_and_mended_by_a_replay(tmp_path: Path) -> None:
    past = write_archive(tmp_path / "past", [scene(t, d) for d in PAST for t in (*HURT, *WELL)])
    news = write_archive(tmp_path / "news", [scene(t, d) for d in NEWS for t in (*HURT, *WELL)])
    straight = started(tmp_path / "straight")
    sent(straight, past)
    expected = sent(straight, news)

    by = started(tmp_path / "damaged")
    sent(by, past)
    tiles = sorted({row.tile for row in rows_of(by)})
    hurt, well = set(tiles[: len(HURT)]), set(tiles[len(HURT) :])
    blobs = [name for row in rows_of(by) if row.tile in hurt for name in (row.blob, row.quicklook)]
    assert len(set(blobs)) == 100
    rng = random.Random(16)
    for number, name in enumerate(blobs):
        WAYS[number % 3](tmp_path / "damaged" / "blobs" / name[:2] / name, rng)
    noticed = sum(is_refused_by_name(by, name) for name in blobs)
    assert noticed == 100

    by = service(tmp_path / "damaged")  # a new process: nothing is remembered from before the damage
    before = believed(by, hurt)
    after = sent(by, news)
    letters = dead_letters(by)
    assert {(d.room, d.code) for d in letters} == {("assess", ErrorCode.BLOB_DAMAGED)} and len(letters) == len(HURT) * len(NEWS)
    assert {d.subject for d in letters} <= {row.scene_id for row in rows_of(by)} | hurt
    assert all(any(name in d.detail and "replay its scene" in d.detail for name in blobs) for d in letters), letters[0].detail
    assert [row.model_dump() for row in believed(by, hurt)] == [row.model_dump() for row in before], "what was believed, stands"
    assert before and believed(by, well), "a tile must have something to lose"
    assert after.scenes_dead == 0 and after.digest != expected.digest
    same = [[row.content_sha256 for row in believed(s, well)] for s in (by, straight)]
    assert same[0] == same[1], "other tiles go on"

    mended = sent(service(tmp_path / "damaged"), past)
    assert mended.digest == expected.digest and all(by.blobs.holds(name) for name in blobs)
    assert all(d.replayed_at for d in dead_letters(by)) and len(dead_letters(by)) == len(letters)
    again = sent(service(tmp_path / "damaged"), past)
    assert again.digest == expected.digest and again.alerts == {"initial": 0, "subsequent": 0, "update": 0, "retraction": 0}
    record("blobs", {"damaged": len(blobs), "noticed_on_read": noticed, "folded": 0, "tiles_that_kept_their_belief": len(hurt),
                     "mended_by_replay": len(blobs)})  # fmt: skip


def is_refused_by_name(by: Service, name: str) -> bool:
    with pytest.raises(DataError) as caught:
        by.blobs.get(name)
    return caught.value.code is ErrorCode.BLOB_DAMAGED and name in caught.value.detail and not by.blobs.holds(name)
