"""Group D: every spoiled message ends in the dead letters with its code and its bytes, in time, and changes nothing else."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from chain import PIT, load_zones, records, service
from hostile.addresses import forms
from hostile.events import EVENTS, FLOOD, BadEvent
from hostile.messages import Desk, Letter, changed, forged, href, message
from hostile.table import Accepted
from hostile.traps import SECRET, traps
from results import record
from scenes import Scene, write_archive, write_scene
from sqlmodel import select

from jagawana.schemas.errors import ErrorCode
from jagawana.services.store import log, observations
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.store.tables import AdmissionRow
from jagawana.services.wiring import Service

GOOD = (Scene(0), Scene(10, mining=[PIT]))
FRESH = Scene(5, mining=[(60, 60, 20, 20)])
MOST_SECONDS = 5.0
ON_THE_NET = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")


@dataclass(frozen=True)
class Outcome:
    """What came of one row: the codes, whether the bytes were kept, whether all else stayed as it was."""

    codes: Sequence[str]
    kept: bool
    unchanged: bool
    seconds: float


@dataclass(frozen=True)
class Run:
    outcomes: dict[str, Outcome]
    addresses: dict[str, Outcome]
    visits: Sequence[str]
    reached_for: Sequence[str]
    digest: str
    straight: str
    alerts: int
    leftovers: Sequence[Path]
    written: bytes


def _digest(chain: Service) -> str:
    with transaction(chain.engine) as session:
        return digest(session)


def _letters(chain: Service) -> list[tuple[str, bytes]]:
    with transaction(chain.engine) as session:
        return [(d.code, d.payload) for d in log.dead_letters(session)]


def _append(chain: Service, letters: Sequence[Letter]) -> None:
    with transaction(chain.engine) as session:
        for letter in letters:
            log.append(session, letter.topic, letter.key, letter.payload, chain.clock.now())


def _begin_a_day(chain: Service) -> None:
    """Let what came before be of yesterday, without moving the clock that messages are held against."""
    with transaction(chain.engine) as session:
        for row in session.exec(select(AdmissionRow)).all():
            row.admitted_at -= timedelta(days=1)
            session.add(row)


def _outcome(chain: Service, letters: Sequence[Letter], *, same_day: bool = False) -> Outcome:
    if not same_day:
        _begin_a_day(chain)
    before, believed = _letters(chain), _digest(chain)
    _append(chain, letters)
    began = time.perf_counter()
    chain.drain()
    seconds = time.perf_counter() - began
    new = _letters(chain)[len(before) :]
    return Outcome([c for c, _ in new], [p for _, p in new] == [x.payload for x in letters], _digest(chain) == believed, seconds)


def _made(event: BadEvent, desk: Desk) -> Sequence[Letter]:
    made = event.make(desk)
    return [made] if isinstance(made, Letter) else made


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Whatever this process does that leads to a network, to whatever address."""
    seen: list[str] = []
    watching = [True]
    sys.addaudithook(lambda name, args: seen.append(f"{name} {args[1:]}") if watching and watching[0] and name in ON_THE_NET else None)
    yield seen
    watching[0] = False


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A good scene, every bad event, and another good scene, in one chain."""
    folder = tmp_path_factory.mktemp("events")
    archive = write_archive(folder / "archive", GOOD)
    told, later = (archive / "items" / f"{s.scene_id}.json" for s in GOOD)
    load_zones(straight := service(folder / "straight", scene_roots=[archive]))
    load_zones(chain := service(folder / "data", scene_roots=[archive], decoder_seconds=20))
    with straight.working():
        _append(straight, [Letter(message(told)), Letter(message(later))])
        straight.drain()
    with traps(folder) as set_up, chain.working():
        desk = Desk(told, write_scene(archive, FRESH), later, set_up)
        _append(chain, [Letter(message(told))])
        chain.drain()
        with _watched() as reached_for:
            outcomes = {str(e): _outcome(chain, _made(e, desk), same_day=e.same_day) for e in EVENTS}
            addresses = {n: _outcome(chain, [href(desk, a)]) for n, a in forms(set_up.urls[0], str(set_up.secret)).items()}
        _append(chain, [Letter(message(later))])
        chain.drain()
        visits = list(set_up.visits)
    data = [p for p in (folder / "data").rglob("*") if p.is_file() and p.suffix != ".jpg"]
    return Run(
        outcomes, addresses, visits, reached_for, _digest(chain), _digest(straight), len(records(chain)),
        list((folder / "data" / "spool").glob("*")), b"".join(p.read_bytes() for p in data),
    )  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_it_comes_to_what_the_table_says(event: BadEvent, run: Run) -> None:
    outcome = run.outcomes[str(event)]
    if isinstance(event.expected, ErrorCode):
        assert outcome.codes == [event.expected] and outcome.kept, "its own code, one letter, the bytes as they came"
    else:
        assert outcome.codes == [] and event.expected is Accepted.AS_CLEAN and event.note
    assert outcome.unchanged and outcome.seconds < MOST_SECONDS


def test_sixty_forms_of_an_address_are_refused_and_nobody_is_contacted(run: Run) -> None:
    """D17."""
    assert len(run.addresses) >= 60
    wrong = {name: o.codes for name, o in run.addresses.items() if o.codes != [ErrorCode.HREF_FORBIDDEN] or not o.unchanged}
    assert wrong == {}
    assert run.visits == [] and run.reached_for == []


def test_the_watch_and_the_listeners_notice_a_visit(tmp_path: Path) -> None:
    import urllib.request

    with traps(tmp_path) as set_up, _watched() as reached_for:
        with pytest.raises(OSError, match="404"):
            urllib.request.urlopen(f"{set_up.urls[0]}/x", timeout=5)
        assert set_up.visits and any("socket.connect" in seen for seen in reached_for)


def test_the_next_good_scene_is_processed_as_if_nothing_had_been(run: Run) -> None:
    assert run.digest == run.straight and run.alerts == 1 and not run.leftovers
    assert SECRET.encode() not in run.written


def test_events_of_one_revision_make_one_observation(tmp_path: Path) -> None:
    """D24: revisions are told apart by content; the highest is believed, in whatever order they come."""
    archive = write_archive(tmp_path / "archive", GOOD)
    told = archive / "items" / f"{GOOD[0].scene_id}.json"
    flood = next(e for e in EVENTS if e.id == "D24")
    believed = []
    for number, turn in enumerate((1, -1)):
        load_zones(chain := service(tmp_path / f"data-{number}", scene_roots=[archive]))
        with traps(tmp_path) as set_up, chain.working():
            _append(chain, list(_made(flood, Desk(told, told, told, set_up)))[::turn])
            chain.drain()
        with transaction(chain.engine) as session:
            assert len(observations.current(session)) == 1
        believed.append(_digest(chain))
    assert believed[0] == believed[1]


def test_a_flood_is_remembered_over_a_restart_and_what_it_buried_can_be_replayed_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = write_archive(tmp_path / "archive", GOOD)
    told = archive / "items" / f"{GOOD[0].scene_id}.json"
    flood = [Letter(forged(told, changed("data", "item", "properties", "title", to=f"copy {n}"))) for n in range(3)]
    for letter, codes in zip(flood, ([], [], ["SCENE_FLOODED"]), strict=True):
        chain = service(tmp_path / "data", scene_roots=[archive])
        chain.bus.routes = (replace(chain.bus.routes[0], most_a_day=2), chain.bus.routes[1])
        _append(chain, [letter])
        with chain.working():
            chain.drain()
        assert [code for code, _ in _letters(chain)] == codes
    assert "SCENE_FLOODED" in caplog.text and any(r.levelname == "ERROR" for r in caplog.records)
    chain.clock.sleep(86_400)
    with transaction(chain.engine) as session:
        log.revive(session, log.dead_letters(session)[0], at=chain.clock.now())
    with chain.working():
        chain.drain()
    with transaction(chain.engine) as session:
        assert len(log.dead_letters(session)) == 1 and log.count_outcomes(session, "detect") == {"done": 3}


def test_every_number_is_there_and_the_figures_are_kept(run: Run) -> None:
    numbers = {e.id for e in EVENTS} | {"D17"}
    assert numbers == {f"D{n:02}" for n in range(1, 25)} and len({str(e) for e in EVENTS}) == len(EVENTS)
    every = [*run.outcomes.values(), *run.addresses.values()]
    right = [e for e in EVENTS if run.outcomes[str(e)].codes == ([e.expected] if isinstance(e.expected, ErrorCode) else [])]
    forbidden = [o for o in run.addresses.values() if o.codes == [ErrorCode.HREF_FORBIDDEN]]
    figures = {
        "numbers": len(numbers), "inputs": len(every), "as_the_table_says": len(right) + len(forbidden),
        "slowest_s": round(max(o.seconds for o in every), 2), "changed_anything": sum(not o.unchanged for o in every),
        "address_forms": len(run.addresses), "visits": len(run.visits), "attempts_to_reach_a_network": len(run.reached_for),
        "flood_s_per_event": round(run.outcomes[str(next(e for e in EVENTS if e.id == "D24"))].seconds / FLOOD, 3),
    }  # fmt: skip
    record("bad_events", figures)
    assert figures["as_the_table_says"] == figures["inputs"]
