"""Items on disk: found, made absolute, put in order and sent."""

import json
from pathlib import Path

import pytest
from chain import service
from scenes import Scene, edit_item, write_archive, write_scene

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.scene import SceneAcquired
from jagawana.schemas.topics import Topic
from jagawana.services.ingest.items import FoundItem, find_items, ordered, roots_of, send
from jagawana.services.store.database import transaction
from jagawana.services.store.log import next_event
from jagawana.services.store.observations import allowed_roots

TEST = AlertTense.TEST
SCENES = (Scene(20, size=48), Scene(0, size=48), Scene(10, size=48))


def _names(items: list[FoundItem]) -> list[str]:
    return [i.path.stem for i in items]


def test_a_folder_is_searched_for_items_and_other_json_is_left_alone(tmp_path: Path) -> None:
    write_archive(tmp_path / "deep" / "archive", SCENES[:2])
    (tmp_path / "catalog.json").write_text('{"type": "Catalog", "stac_version": "1.1.0"}')
    (tmp_path / "notes.json").write_text("[1, 2")
    (tmp_path / "list.json").write_text("[]")
    loose = json.loads((tmp_path / "deep" / "archive" / "items" / f"{SCENES[0].scene_id}.json").read_text())
    (tmp_path / "loose.json").write_text(json.dumps(loose))
    found = find_items([tmp_path], TEST)
    assert sorted(_names(found)) == sorted([s.scene_id for s in SCENES[:2]] + ["loose"])


def test_whatever_lies_in_a_folder_of_items_or_is_named_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "bad.json").write_bytes(b"{ half an ite")
    (tmp_path / "other.txt").write_text("{}")
    found = find_items([tmp_path, tmp_path / "other.txt"], TEST)
    assert _names(found) == ["bad", "other"] and found[0].payload == b"{ half an ite", "it is the detect room that refuses"


def test_nothing_at_a_path_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        find_items([tmp_path / "no"], TEST)
    assert caught.value.code is ErrorCode.ASSET_MISSING and str(tmp_path / "no") in caught.value.detail


def test_relative_addresses_are_relative_to_the_item_and_others_stay(tmp_path: Path) -> None:
    path = write_scene(tmp_path, SCENES[0])
    (item,) = find_items([path], TEST)
    message = decode_as(SceneAcquired, item.payload)
    assert {a.href for a in message.item.assets.values()} == {
        str(tmp_path / "assets" / f"{SCENES[0].scene_id}_{key}.tif") for key in ("image", "scl")
    }
    for href in ("http://127.0.0.1/x.tif", "/abs/x.tif", "s3://b/x.tif"):
        edit_item(path, lambda d, href=href: d["assets"]["image"].update(href=href))
        (item,) = find_items([path], TEST)
        assert decode_as(SceneAcquired, item.payload).item.assets["image"].href == href


def test_the_same_item_has_the_same_event_id_and_another_tense_another(tmp_path: Path) -> None:
    path = write_scene(tmp_path, SCENES[0])
    first, again, current = (find_items([path], tense)[0] for tense in (TEST, TEST, AlertTense.CURRENT))
    assert first.event_id == again.event_id != current.event_id
    assert decode_as(SceneAcquired, current.payload).tense is AlertTense.CURRENT


def test_items_are_ordered_by_acquisition_as_given_or_by_a_seed(tmp_path: Path) -> None:
    paths = [write_scene(tmp_path, s) for s in SCENES]
    items = find_items(paths, TEST)
    given = [s.scene_id for s in SCENES]
    assert _names(ordered(items, "given")) == given and _names(ordered(items, "acquired")) == [given[1], given[2], given[0]]
    shuffles = {tuple(_names(ordered(items, f"shuffle:{seed}"))) for seed in range(30)}
    assert len(shuffles) == 6 and _names(ordered(items, "shuffle:3")) == _names(ordered(items, "shuffle:3"))
    for word in ("", "shuffle", "shuffle:", "shuffle:x", "newest", "shuffle:-1"):
        with pytest.raises(DataError, match="SETTINGS_INVALID"):
            ordered(items, word)


def test_sending_appends_to_the_log_and_lets_the_archive_be_read(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", SCENES)
    chain = service(tmp_path / "data")
    items = find_items([archive], TEST)
    with transaction(chain.engine) as session:
        assert send(session, items, roots_of([archive]), at=chain.clock.now()) == [i.event_id for i in items]
        event = next_event(session, "detect", Topic.SCENES)
        assert allowed_roots(session) == [archive.resolve()]
    assert event is not None and event.event_id == items[0].event_id


def test_an_item_s_archive_is_the_folder_above_items(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", SCENES[:1])
    item = next((archive / "items").iterdir())
    assert roots_of([archive, item, tmp_path / "x.json"]) == [archive, archive, tmp_path]


def test_the_folder_of_items_stands_for_its_archive(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", [Scene(0, size=48)])
    (item,) = (archive / "items").iterdir()
    assert roots_of([archive]) == roots_of([archive / "items"]) == roots_of([item]) == [archive]
