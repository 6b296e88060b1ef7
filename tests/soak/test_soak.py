"""Ten days' scenes at once, and thousands in one process: no more memory, no slower, nothing kept open.

The same scenes are worked off by two processes: one is given ten days one after the other, the other all of them at once.
JAGAWANA_SOAK=2000 is the number of scenes of the long run, and makes the days larger (`make soak`); by default it is the burst itself.
"""

import os
from pathlib import Path

import pytest
from results import record
from soak.many_scenes import write_batches
from soak.watching import Watched, watch
from sqlalchemy import text

from jagawana.services.store import log
from jagawana.services.store.database import open_sqlite, transaction

SOAK = int(os.environ.get("JAGAWANA_SOAK", "0"))
DAY = 40 if SOAK else 24  # of a full Sentinel-2 design day: 200 scenes every 5 days
BURST = 10 * DAY
RATIO = 1.10
FLAT = ("descriptors", "sockets", "threads", "processes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("soak")


@pytest.fixture(scope="module")
def burst(folder: Path) -> Watched:
    return watch(folder / "burst", write_batches(folder / "burst-archive", BURST, BURST))


@pytest.fixture(scope="module")
def longest(folder: Path, burst: Watched) -> tuple[Watched, Path]:
    if not SOAK:
        return burst, folder / "burst"
    return watch(folder / "long", write_batches(folder / "long-archive", SOAK, 200)), folder / "long"


def test_ten_days_at_once_take_no_more_memory_and_no_longer_each(folder: Path, burst: Watched) -> None:
    days = watch(folder / "days", write_batches(folder / "days-archive", BURST, DAY))
    assert len(days.lines) == len(burst.lines) == BURST
    own, pss = ([max(getattr(s, size) for s in run.memory) for run in (days, burst)] for size in ("own", "pss"))
    ratio = own[1] / own[0]
    first, last = burst.scenes_per_second(0.025, 0.125, "cpu"), burst.scenes_per_second(0.9, 1.0, "cpu")
    figures = {
        "scenes_at_a_time": [DAY, BURST],
        "peak_own_mib": [n >> 20 for n in own],
        "peak_ratio": round(ratio, 3),
        "peak_pss_mib": [n >> 20 for n in pss],
    }
    rates = {
        "scenes_per_second": round(burst.scenes_per_second(0, 1), 1),
        "per_cpu_second_at_first_and_at_last": [round(first, 1), round(last, 1)],
    }
    record("burst", figures | rates)
    assert ratio <= RATIO, f"{own[0] >> 20} MiB for {DAY} scenes at a time, {own[1] >> 20} MiB for {BURST}"
    assert last >= 0.75 * first, f"{first:.1f} scenes a processor second at first, {last:.1f} at last"


def test_thousands_of_scenes_in_one_process_leave_nothing_behind(longest: tuple[Watched, Path]) -> None:
    seen, data = longest
    early, late = seen.own_bytes(0.2, 0.4), seen.own_bytes(0.8, 1.0)
    kept = seen.lines[round(0.9 * len(seen.lines))]["kept"] - seen.lines[round(0.3 * len(seen.lines))]["kept"]
    open_at = {name: (seen.lines[len(seen.lines) // 10][name], seen.lines[-1][name]) for name in FLAT}
    _record(seen, early, late, kept)
    assert all(late <= early for early, late in open_at.values()), open_at
    assert late <= 1.05 * early + 2 * kept, f"{early / 2**20:.1f} MiB early, {late / 2**20:.1f} MiB late, {kept / 2**20:.1f} of it kept"
    assert not [p for p in data.rglob("*") if p.is_file() and ("spool" in p.parts or p.suffix in (".tmp", ".part"))]
    engine = open_sqlite(data / "jagawana.sqlite")
    with transaction(engine) as session:
        assert log.count_outcomes(session, "detect") == {"done": len(seen.lines)} and not log.dead_letters(session)
        assert session.connection().execute(text("select count(*) from attempt")).scalar() == 0
    engine.dispose()


def _record(seen: Watched, early: int, late: int, kept: float) -> None:
    """`kept` are observations held ready for the next fold of their tile: they grow to histories.KEPT_BYTES and no further."""
    per_thousand = 1000 / (0.6 * len(seen.lines)) / (1 << 20)
    most = {f"most_{name}": int(max(line[name] for line in seen.lines[5:])) for name in FLAT}
    grown = {"mib_per_thousand_scenes": round((late - early) * per_thousand, 2), "of_it_observations_kept": round(kept * per_thousand, 2)}
    record("soak", {"scenes": len(seen.lines), "own_memory_mib_early_and_late": [early >> 20, late >> 20], **grown, **most})
