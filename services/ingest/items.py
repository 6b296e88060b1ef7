"""STAC items on disk: found, made absolute, ordered, and sent on; what is no item goes on too, and ends as a dead letter."""

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from jagawana.schemas.envelope import MAX_MESSAGE_BYTES, encode, event_id_of, read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import canonical_json, sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.scene import SceneAcquired, SceneItem
from jagawana.schemas.topics import Topic
from jagawana.services.store import log
from jagawana.services.store.observations import allow_root

SOURCE = "/jagawana/ingest"
UNPLACED = "(unplaced)"


@dataclass(frozen=True)
class FoundItem:
    """An item file. `payload` is the message that leaves; `acquired_at` is as far as it could be read."""

    path: Path
    payload: bytes
    key: str
    acquired_at: str

    @property
    def event_id(self) -> str:
        """The id under which the log will know it."""
        return event_id_of(self.payload)


def find_items(paths: Sequence[Path], tense: AlertTense, *, wanted: Callable[[Path], bool] = lambda _: True) -> list[FoundItem]:
    """Items in folders (searched) and files (taken as they are), in the order given, folders by name.

    Args:
        wanted: asked of each file of a folder before it is opened.

    Raises:
        DataError: ASSET_MISSING when a path does not exist.
    """
    return [_read(file, tense) for path in paths for file in _files(path, wanted)]


def ordered(items: Sequence[FoundItem], order: str) -> list[FoundItem]:
    """By acquisition time, as given, or shuffled by a seed.

    Raises:
        DataError: SETTINGS_INVALID for another word.
    """
    if order == "given":
        return list(items)
    if order == "acquired":
        return sorted(items, key=lambda i: (i.acquired_at, i.path.name))
    word, _, seed = order.partition(":")
    if word == "shuffle" and seed.isdigit():
        return random.Random(int(seed)).sample(list(items), len(items))
    raise DataError(ErrorCode.SETTINGS_INVALID, f"order {order!r}; it is acquired, given or shuffle:SEED")


def roots_of(paths: Sequence[Path]) -> list[Path]:
    """The folders whose assets may be read because an operator named them: of an item or its folder `items`, the archive around it."""
    folders = [p.absolute() if p.is_dir() else p.absolute().parent for p in paths]
    return [f.parent if f.name == "items" else f for f in folders]


def send(session: Session, items: Iterable[FoundItem], roots: Iterable[Path], *, at: datetime) -> list[str]:
    """Append the items to the log. Returns their event ids; sending twice is harmless, the inbox knows them."""
    for root in roots:
        allow_root(session, root)
    return [log.append(session, Topic.SCENES, item.key, item.payload, at) for item in items]


def _files(path: Path, wanted: Callable[[Path], bool]) -> Iterator[Path]:
    if not path.exists():
        raise DataError(ErrorCode.ASSET_MISSING, f"{path} does not exist")
    if path.is_file():
        yield path
        return
    for file in sorted(path.rglob("*.json")):
        if wanted(file) and (file.parent.name == "items" or _looks_like_an_item(file)):
            yield file


def _bytes_of(file: Path) -> bytes:
    """Its content; of a file that is too large for a message only so much that this can be seen."""
    with file.open("rb") as stream:
        return stream.read(MAX_MESSAGE_BYTES + 1)


def _looks_like_an_item(file: Path) -> bool:
    content = _bytes_of(file)
    if len(content) > MAX_MESSAGE_BYTES:
        return b'"stac_version"' in content
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "stac_version" in value and value.get("type") == "Feature"


def _read(file: Path, tense: AlertTense) -> FoundItem:
    raw = _bytes_of(file)
    try:
        document = read_object(raw)
    except DataError:
        return FoundItem(file, raw, UNPLACED, "")
    document = _absolute(document, file.absolute().parent)
    acquired_at = str((document.get("properties") or {}).get("datetime")) if isinstance(document.get("properties"), dict) else ""
    try:
        message = SceneAcquired(item=SceneItem.model_validate(document), tense=tense)
    except ValidationError:
        return FoundItem(file, _unchecked(document, tense), UNPLACED, acquired_at)
    acquired = message.item.acquired_at
    return FoundItem(file, encode(message, source=SOURCE, at=acquired), message.key, acquired.isoformat())


def _absolute(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative asset addresses are relative to the item (STAC best practice)."""
    assets = document.get("assets")
    if not isinstance(assets, dict):
        return document
    placed = {key: _placed(asset, folder) for key, asset in assets.items()}
    return {**document, "assets": placed}


def _placed(asset: Any, folder: Path) -> Any:
    href = asset.get("href") if isinstance(asset, dict) else None
    if not isinstance(href, str) or "://" in href or "\0" in href or os.path.isabs(href):
        return asset
    return {**asset, "href": os.path.normpath(folder / href)}


def _unchecked(document: dict[str, Any], tense: AlertTense) -> bytes:
    """An envelope around what is no valid item, so that the detect room refuses it by its own rule and keeps the bytes."""
    data = {"item": document, "tense": tense}
    major, minor = SceneAcquired.version.split(".")
    return canonical_json(
        {
            "specversion": "1.0", "source": SOURCE, "type": f"org.jagawana.{SceneAcquired.name}.v{major}", "data": data,
            "id": sha256_of(data), "time": "1970-01-01T00:00:00Z", "datacontenttype": "application/json",
            "dataschema": f"urn:jagawana:schema:{SceneAcquired.name}:{major}.{minor}",
        }
    )  # fmt: skip
