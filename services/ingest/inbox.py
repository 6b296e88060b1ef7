"""A folder that is watched for item files."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine
from watchfiles import watch

from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items, send
from jagawana.services.store.database import transaction

PAUSE_SECONDS = 30.0
"""How often the folder is looked at when nothing is told of a change."""
MOST_AT_ONCE = 2_000
"""Items sent in one transaction: a delivered archive of years must not look like a process that hangs."""


def changes(inbox: Path, stop: threading.Event) -> Iterator[None]:
    """At once, whenever the folder changes, and now and then, until `stop` is set."""
    yield
    for _ in watch(inbox, stop_event=stop, rust_timeout=round(PAUSE_SECONDS * 1000), yield_on_timeout=True):
        yield


class Inbox:
    """A watched folder. Write an item's assets first and the item last."""

    def __init__(self, folder: Path, tense: AlertTense) -> None:
        self._folder, self._tense = folder, tense
        self._taken: dict[Path, tuple[int, int]] = {}

    def send(self, engine: Engine, *, at: datetime) -> bool:
        """Send items that are new or have changed and are whole; True when there may be more of them.

        What could not be sent is not taken, and is looked at again next time; so is an item that is half written.

        Raises:
            TransientError: STORE_BUSY.
        """
        state = {path: _state(path) for path in sorted(self._folder.rglob("*.json"))}
        whole = (path for path, now in state.items() if now != self._taken.get(path) and _is_whole(path))
        fresh = set(islice(whole, MOST_AT_ONCE))
        items = find_items([self._folder], self._tense, wanted=fresh.__contains__)
        with transaction(engine) as session:
            send(session, items, [self._folder], at=at)
        self._taken |= {path: state[path] for path in fresh}
        return len(fresh) == MOST_AT_ONCE


def _state(path: Path) -> tuple[int, int]:
    """Tells a changed file; a file that has gone is as good as none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _is_whole(path: Path) -> bool:
    """A writer may not be done: JSON that does not end yet is left for the next change, unless it has been still for a while."""
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (ValueError, RecursionError):
        return time.time() - path.stat().st_mtime > PAUSE_SECONDS
    return True
