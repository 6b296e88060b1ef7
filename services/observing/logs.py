"""What a process says on stderr: lines of JSON or of text, with fields from a list, without places, people and passwords.

Of an error the kinds, places in the code and first lines are said; the rest of its text (database parameters, rejected input) is not.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from jagawana.schemas.errors import JagawanaError
from jagawana.services.observing.redacting import Redacting

FIELDS = ("at", "level", "room", "logger", "message", "code", "error", "frames")
"""All that a line of JSON ever has."""
LONGEST = 1000
CHATTY = ("aiokafka", "kafka", "faststream", "opentelemetry", "urllib3", "apprise")
"""Libraries that say the same at every try: 4,000 lines in an outage of Kafka."""
SAME_LINES = 3
PER_SECONDS = 60.0


class Lines(logging.Formatter):
    """One record, one line."""

    def __init__(self, room: str, redact: Redacting, *, as_json: bool) -> None:
        super().__init__()
        self._room, self._redact, self._as_json = room, redact, as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = self._fields(record)
        if self._as_json:
            return json.dumps({k: said[k] for k in FIELDS if said.get(k)}, ensure_ascii=False)
        error = f" | {' <- '.join(said['error'])} at {' '.join(said['frames'])}" if said["error"] else ""
        return f"{said['at']} {said['level']} {self._room} {said['message']}{error}"

    def _fields(self, record: logging.LogRecord) -> dict[str, str | list[str]]:
        error = record.exc_info[1] if record.exc_info else None
        chain = list(_chain(error))
        told = next((e for e in (*chain, *_given(record)) if isinstance(e, JagawanaError)), None)
        return {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "room": self._room,
            "logger": record.name,
            "message": self._line(record.getMessage()),
            "code": str(told.code) if told is not None else "",
            "error": [self._line(f"{type(e).__name__}: {e}") for e in chain],
            "frames": [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for e in chain for f in traceback.extract_tb(e.__traceback__)[-8:]],
        }

    def _line(self, text: str) -> str:
        return self._redact(text.strip().partition("\n")[0][:LONGEST])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _given(record: logging.LogRecord) -> Iterator[BaseException]:
    given = record.args if isinstance(record.args, tuple) else ()
    return (a for a in given if isinstance(a, BaseException))


class Sparing(logging.Filter):
    """Lets a chatty library say the same a few times a minute; then it says how often it was said."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._heard: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is said."""
        if not record.name.startswith(CHATTY):
            return True
        what, now = (record.name, str(record.msg)[:80]), self._seconds()
        since, times = self._heard.get(what, (now, 0))
        if now - since >= PER_SECONDS:
            if times > SAME_LINES:
                record.msg, record.args = f"{record.getMessage()} (and {times - SAME_LINES} more like it)", ()
            since, times = now, 0
        if len(self._heard) > 1000:
            self._heard.clear()
        self._heard[what] = since, times + 1
        return times < SAME_LINES


def say(room: str, redact: Redacting, *, as_json: bool) -> None:
    """From now on, the warnings and errors of this process go to stderr in lines."""
    handler, root = logging.StreamHandler(), logging.getLogger()
    handler.setFormatter(Lines(room, redact, as_json=as_json))
    handler.addFilter(Sparing())
    for older in [h for h in root.handlers if isinstance(h.formatter, Lines)]:
        root.removeHandler(older)
    root.addHandler(handler)
