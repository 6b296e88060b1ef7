"""Making messages for the log out of a good scene: whole, spoiled in their item, or spoiled as bytes."""

import copy
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hostile.traps import Traps
from scenes import edit_item

from jagawana.schemas.envelope import decode, encode
from jagawana.schemas.examples import example_messages
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.ingest.items import find_items

Document = dict[str, Any]
Edit = Callable[[Document], object]


@dataclass(frozen=True)
class Letter:
    """Bytes as somebody may append them to the log."""

    payload: bytes
    key: str = "(hostile)"
    topic: Topic = Topic.SCENES


@dataclass(frozen=True)
class Desk:
    """What a message can be made of: the item files of the scene told before, of one never told, and of one told afterwards."""

    told: Path
    fresh: Path
    later: Path
    traps: Traps

    @property
    def image(self) -> Path:
        """The image of the scene never told."""
        return self.fresh.parents[1] / "assets" / f"{self.fresh.stem}_image.tif"


def message(item: Path) -> bytes:
    """The message that ingest makes of an item file."""
    (found,) = find_items([item], AlertTense.TEST)
    return found.payload


def with_item(item: Path, edit: Edit) -> bytes:
    """The message of an item that was changed before ingest saw it; the file is put back."""
    kept = item.read_bytes()
    try:
        return message(edit_item(item, edit))
    finally:
        item.write_bytes(kept)


def forged(item: Path, edit: Edit, *, rehash: bool = True) -> bytes:
    """The message of an item, changed in its envelope and written by hand; without `rehash` its id stays that of the good one."""
    document = json.loads(message(item))
    edit(document)
    if rehash and "id" in document and isinstance(document.get("data"), dict):
        document["id"] = sha256_of(document["data"])
    return json.dumps(document).encode()


def padded(item: Path, text: str) -> bytes:
    """The message of an item with one more property, as raw JSON; only what reads JSON can mind it."""
    return message(item).replace(b'"gsd":', f'"x": {text}, "gsd":'.encode(), 1)


def observation(**changes: object) -> bytes:
    """A message to the assess room."""
    (good,) = (m for m in example_messages() if m.name == "observation-recorded")
    envelope, _ = decode(encode(good, source="/hostile", at=good.acquired_at))
    data = envelope.data | changes
    return json.dumps(envelope.model_dump(mode="json") | {"data": data, "id": sha256_of(data)}).encode()


def without(*path: str) -> Edit:
    """Take a field away."""

    def edit(document: Document) -> None:
        for name in path[:-1]:
            document = document[name]
        del document[path[-1]]

    return edit


def changed(*path: str, to: object) -> Edit:
    """Give a field another value."""

    def edit(document: Document) -> None:
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = copy.deepcopy(to)

    return edit


def href(desk: Desk, address: str) -> Letter:
    """The message of a scene whose image lies elsewhere."""
    return Letter(forged(desk.fresh, changed("data", "item", "assets", "image", "href", to=address)))


def grown(desk: Desk) -> Letter:
    """An image that goes on for 8 GiB after the bytes its item speaks of."""
    endless = desk.image.with_name("endless.tif")
    endless.write_bytes(desk.image.read_bytes())
    os.truncate(endless, 8 << 30)
    return href(desk, str(endless))


def spoiled(desk: Desk, name: str, content: bytes) -> Letter:
    """Another file under the description of the good image."""
    path = desk.image.with_name(name)
    path.write_bytes(content)
    return href(desk, str(path))


def to(letter: Letter, topic: Topic) -> Letter:
    """The same bytes to another room."""
    return replace(letter, topic=topic)
