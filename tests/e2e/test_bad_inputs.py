"""Item files that are none, dead letters that are mended, and a decoder that always dies. All other bad inputs are in tests/hostile."""

import json
from pathlib import Path

from chain import PIT, load_zones, service
from scenes import RGBN_BANDS, Scene, write_archive, write_scene

from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.replay import replay
from jagawana.services.store import log
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.wiring import Service

GOOD = (Scene(0), Scene(10, mining=[PIT]))
NO_ITEMS = {
    b"{ this is not json": ErrorCode.MESSAGE_UNREADABLE,
    b"\xff\xfe{}": ErrorCode.MESSAGE_UNREADABLE,
    b"[" * 100_000: ErrorCode.MESSAGE_UNREADABLE,
    b'{"type": "Feature", "stac_version": "1.1.0", "bbox": [NaN]}': ErrorCode.NON_FINITE,
    b'{"type": "Feature", "stac_version": "1.1.0", "id": "x"}': ErrorCode.MESSAGE_INVALID,
}


def _digest(chain: Service) -> str:
    with transaction(chain.engine) as session:
        return digest(session)


def test_files_that_are_no_items_are_buried_and_the_good_scenes_go_on(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", GOOD[:1])
    files = [archive / "items" / f"{GOOD[0].scene_id}.json"]
    for number, content in enumerate(NO_ITEMS):
        files.append(archive / "items" / f"bad{number}.json")
        files[-1].write_bytes(content)
    files.append(write_scene(archive, GOOD[1]))
    load_zones(chain := service(tmp_path / "data"))
    summary = replay(chain, files, order="given", tense=AlertTense.TEST)
    with transaction(chain.engine) as session:
        assert [d.code for d in log.dead_letters(session)] == list(NO_ITEMS.values())
    load_zones(straight := service(tmp_path / "straight"))
    replay(straight, [files[0], files[-1]], order="given", tense=AlertTense.TEST)
    assert summary.scenes_done == 2 and _digest(chain) == _digest(straight)


def test_a_dead_letter_keeps_the_message_and_a_mended_scene_can_be_replayed_from_it(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", GOOD)
    image = archive / "assets" / f"{GOOD[1].scene_id}_image.tif"
    hidden = image.rename(image.with_suffix(".hidden"))
    load_zones(chain := service(tmp_path / "data"))
    replay(chain, [archive], order="acquired", tense=AlertTense.TEST)
    with transaction(chain.engine) as session:
        (letter,) = log.dead_letters(session)
        assert letter.code == ErrorCode.ASSET_MISSING and json.loads(letter.payload)["data"]["item"]["id"] == GOOD[1].scene_id
    hidden.rename(image)
    with chain.working():
        with transaction(chain.engine) as session:
            log.revive(session, log.dead_letters(session)[0], at=chain.clock.now())
        chain.drain()
    load_zones(straight := service(tmp_path / "straight"))
    replay(straight, [archive], order="acquired", tense=AlertTense.TEST)
    assert _digest(chain) == _digest(straight), "as if it had never failed"


def test_a_decoder_that_dies_every_time_is_tried_three_times_then_buried(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", GOOD)
    load_zones(chain := service(tmp_path / "data", decoder_bytes=1))
    summary = replay(chain, [archive], order="acquired", tense=AlertTense.TEST)
    assert summary.dead == {ErrorCode.DECODER_DIED.value: 2}


def test_four_bands_are_enough_for_the_other_model(tmp_path: Path) -> None:
    planet = Scene(20, platform="planetscope", resolution_m=5, bands=RGBN_BANDS)
    load_zones(chain := service(tmp_path / "data", model=None))
    summary = replay(chain, [write_archive(tmp_path / "archive", [planet])], order="acquired", tense=AlertTense.TEST)
    assert summary.dead == {} and summary.scenes_done == 1
