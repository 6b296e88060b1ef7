"""Failpoints: the named moments before and after every effect of the chain, where a test may let the world fail.

`reached("blob.renamed")` does nothing unless JAGAWANA_FAILPOINTS (see settings) says so:

    blob.renamed:2=kill              the second time, this process dies as by kill -9
    blob.written:1+=enospc           every time, the disk is full
    store.committing:3=raise,channel.sending:1=sleep:0.5

Actions: kill (SIGKILL), segv (SIGSEGV), raise (TransientError STORE_BUSY), enospc, eio (OSError), sleep:SECONDS.
"""

import errno
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

from jagawana.schemas.errors import ErrorCode, TransientError

Failpoint = Literal[
    # a transaction of the database
    "store.beginning", "store.begun", "store.committing", "store.committed",
    # a blob, or a page: written durably
    "blob.making_folder", "blob.folder_made", "blob.creating", "blob.writing", "blob.written",
    "blob.synced", "blob.renamed", "blob.durable", "blob.tidied",
    # a blob in a bucket
    "object.putting", "object.put",
    # our own copies of assets
    "spool.clearing", "spool.cleared", "unfinished.removed", "spool.making", "spool.made", "spool.copying", "spool.writing",
    "spool.wrote", "spool.copied", "spool.removed",
    # the decoder and its nursery
    "nursery.starting", "nursery.started", "decoder.forking", "decoder.sent_for", "decoder.forked", "decoder.asking", "decoder.asked",
    "decoder.answered", "decoder.ending", "decoder.ended",
    # an event of the log on its way through a room
    "event.taking", "event.counted", "event.handling", "event.handled", "event.done", "event.burying", "event.buried",
    "event.leaving", "event.left",
    # the same in a worker on Kafka, and the relay that sends the log there
    "record.committing", "record.committed", "relay.taking", "relay.sending", "relay.acknowledged", "relay.passed",
    # a tile that is judged again
    "tile.judging", "tile.judged", "tile.applied",
    # a delivery
    "delivery.reclaimed", "delivery.taking", "delivery.taken", "delivery.sending", "delivery.sent",
    "delivery.settling", "delivery.settled",
    # the logbook and its files
    "message.making_folder", "message.folder_made", "message.creating", "message.created", "message.written",
    "message.synced", "message.chmodded",
    "message.renamed", "message.discarded", "message.folder_synced", "line.opening", "line.opened", "line.written", "line.synced",
    "line.folder_synced",
]  # fmt: skip
"""Every failpoint, in the order of the chain within each group."""

Hook = Callable[[Failpoint], None]
_hooks: list[Hook] = []
_ENTRY = re.compile(r"(?P<name>[a-z._]+):(?P<hit>[1-9]\d*)(?P<onwards>\+?)=(?P<action>[a-z]+)(?::(?P<seconds>\d+(?:\.\d+)?))?")


def reached(name: Failpoint) -> None:
    """A moment of the chain has come. Nothing happens, unless failpoints are switched on."""
    for hook in _hooks:
        hook(name)


def names() -> tuple[Failpoint, ...]:
    """Every failpoint there is."""
    return get_args(Failpoint)


@dataclass(frozen=True)
class Failure:
    """What happens at one hit of a failpoint, or from that hit onwards."""

    name: Failpoint
    hit: int
    onwards: bool
    action: str
    seconds: float

    def falls_on(self, name: Failpoint, hit: int) -> bool:
        """Whether this is the moment."""
        return name == self.name and (hit == self.hit or (self.onwards and hit > self.hit))


@dataclass
class FailurePlan:
    """Failures by failpoint and hit; counts the hits of this process."""

    failures: Sequence[Failure]
    hits: Counter[Failpoint] = field(default_factory=Counter)

    def __call__(self, name: Failpoint) -> None:
        """Fail, if it is time to."""
        self.hits[name] += 1
        for failure in self.failures:
            if failure.falls_on(name, self.hits[name]):
                _ACTIONS[failure.action](failure)


def parse(text: str) -> list[Failure]:
    """The failures that a setting asks for.

    Raises:
        ValueError: a name or an action that does not exist; says which there are.
    """
    return [_failure(entry) for entry in text.split(",") if entry.strip()]


def _failure(entry: str) -> Failure:
    match = _ENTRY.fullmatch(entry.strip())
    if match is None:
        raise ValueError(f"failpoint {entry.strip()!r}; write name:hit=action, for example blob.renamed:2=kill")
    name, action = match["name"], match["action"]
    if name not in names():
        raise ValueError(f"there is no failpoint {name!r}; there are {', '.join(names())}")
    if action not in _ACTIONS or (action == "sleep") != (match["seconds"] is not None):
        raise ValueError(f"there is no action {entry.partition('=')[2]!r}; there are {', '.join(_ACTIONS)} (sleep:SECONDS)")
    known: Failpoint = next(n for n in names() if n == name)
    return Failure(known, int(match["hit"]), bool(match["onwards"]), action, float(match["seconds"] or 0))


def switch_on(failures: Sequence[Failure]) -> None:
    """From now on these failures happen, in place of those before; none switches everything off."""
    _hooks[:] = [FailurePlan(failures)] if failures else []


@contextmanager
def watched(hook: Hook) -> Iterator[None]:
    """Let a simulator see every failpoint for a while; what it raises, is raised there."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


def _die(by: signal.Signals) -> Callable[[Failure], None]:
    return lambda _failure: os.kill(os.getpid(), by)


def _busy(failure: Failure) -> None:
    raise TransientError(ErrorCode.STORE_BUSY, f"failpoint {failure.name}")


def _disk(number: int) -> Callable[[Failure], None]:
    def fail(failure: Failure) -> None:
        raise OSError(number, os.strerror(number), failure.name)

    return fail


_ACTIONS: dict[str, Callable[[Failure], None]] = {
    "kill": _die(signal.SIGKILL),
    "segv": _die(signal.SIGSEGV),
    "raise": _busy,
    "enospc": _disk(errno.ENOSPC),
    "eio": _disk(errno.EIO),
    "sleep": lambda failure: time.sleep(failure.seconds),
}
