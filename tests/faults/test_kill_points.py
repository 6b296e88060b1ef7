"""kill -9 at every failpoint, at its first, second, … hit: resuming gives what an undisturbed life gives.

JAGAWANA_FAULTS=all goes on until a life ends without reaching the next hit; otherwise each failpoint has its first one or two.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from faults.life import Outcome, leftovers, outcome, told_twice, unsettled, write_life
from faults.warm import Warm, warm
from results import record

from jagawana.services import failpoints

COMMITS = ("store.", "event.", "delivery.")
"""Groups whose second hit is another thing than the first: another room's, or another message's."""
ON_KAFKA = ("record.", "relay.", "object.")
"""Groups that a life without Kafka and buckets does not reach; tests/kafka kills there."""
EMBEDDED = tuple(name for name in failpoints.names() if not name.startswith(ON_KAFKA))
EVERYTHING = os.environ.get("JAGAWANA_FAULTS") == "all"
BEFORE = {
    "message.discarded": "message.written:1=enospc,",
    "event.leaving": "event.handling:1+=raise,",
    "event.left": "event.handling:1+=raise,",
}
"""What must go wrong first for a failpoint to be reached at all."""
REPEATS_AT = {"delivery.sent", "delivery.settling", "line.written", "line.synced", "line.folder_synced", "store.beginning", "store.begun",
              "store.committing", "line.opened"}  # fmt: skip
"""Only a kill between the line in the logbook and the commit that settles it may make a message be told again."""


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Warm]:
    with warm() as made:
        yield made


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_life(tmp_path_factory.mktemp("life"))


def undisturbed(interpreter: Warm, archive: Path, data: Path) -> Outcome:
    assert interpreter.life(data, archive).status == 0
    found = outcome(data)
    assert len(found.told) == 8 and len(found.records) == 4 and found.dead, "a life must have something to lose"
    return found


def test_a_kill_at_every_failpoint_changes_nothing(interpreter: Warm, archive: Path, tmp_path: Path) -> None:
    expected = undisturbed(interpreter, archive, tmp_path / "straight")
    kills: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    for name in EMBEDDED:
        for hit in count(1) if EVERYTHING else (1, 2) if name.startswith(COMMITS) else (1,):
            data, where = tmp_path / f"{name}-{hit}", f"killed at {name}:{hit}"
            killed = interpreter.life(data, archive, f"{BEFORE.get(name, '')}{name}:{hit}=kill")
            if killed.status == (1 if "raise" in BEFORE.get(name, "") else 0):
                break
            assert killed.status == -9 and not killed.orphans, f"{where}: {killed}"
            kills[name] += 1
            resumed = interpreter.life(data, archive)
            assert resumed.status == 0 and not resumed.orphans, f"{where}, then {resumed}"
            assert outcome(data) == expected, where
            assert not unsettled(data) and not leftovers(data), (where, unsettled(data), leftovers(data))
            repeated[name] += told_twice(data)
            shutil.rmtree(data)
    assert set(kills) == set(EMBEDDED), f"never reached: {set(EMBEDDED) - set(kills)}"
    assert {name for name, n in repeated.items() if n} <= REPEATS_AT, repeated
    record("kills", {"kills": sum(kills.values()), "per_failpoint": dict(kills), "matches": sum(kills.values()), "lost": 0, "extra": 0,
                     "messages_repeated_under_the_same_key": sum(repeated.values())})  # fmt: skip
