"""What must be true at rest, whatever happened: compared with an oracle that knows the scenes and nothing of what went wrong."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from memory.believed import record_of
from memory.blobs import MemoryBlobs
from memory.store import MemoryStore

from jagawana.schemas.alert import AlertState
from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.assess.alerts import Finding
from jagawana.services.assess.handler import AssessRoom
from jagawana.services.assess.records import content_sha256
from jagawana.services.store.observations import newest, real
from jagawana.services.store.tables import LOG, ObservationRow

from .house import DELIVERY_ATTEMPTS, SimulatedHistories, share_zones, told
from .thinking import simulated_findings
from .windows import key_of
from .world import MODELS, MOST_A_DAY, PACKS, TILES, Nature, SimulatedScene

if TYPE_CHECKING:
    from .history import History

CODES = {
    Nature.POISON: ErrorCode.DECODER_DIED,
    Nature.KILLER: ErrorCode.DECODER_DIED,
    Nature.WRONG: ErrorCode.CRS_MISMATCH,
    Nature.GARBAGE: ErrorCode.MESSAGE_UNREADABLE,
}
ROUTES = (("detect", Topic.SCENES), ("assess", Topic.OBSERVATIONS))


Possible = dict[tuple[str, str, AlertTense], dict[str, ObservationRow]]
"""Observations by id, by scene, tile and tense."""


def dangling(store: MemoryStore, blobs: MemoryBlobs) -> list[str]:
    """No row names a blob that is not there: checked at every commit."""
    rows = store.tables.observations.values()
    return [f"observation {r.observation_id[:8]} names a missing blob" for r in rows if {r.blob, r.quicklook} - blobs.contents.keys()]


def violations(history: "History") -> Iterator[str]:
    """Everything that is wrong at rest."""
    room = AssessRoom(history.store, SimulatedHistories(history.blobs), PACKS[history.config[1]], told, cast(Any, simulated_findings))
    share_zones(room, history.outside)
    possible = _possible(history)
    yield from _scenes(history)
    yield from _flooded(history)
    yield from _positions(history)
    yield from _observed(history, possible)
    yield from _believed(history, possible, room)
    yield from _told(history)
    yield from _delivered(history)
    yield from _at_rest(history, room)
    yield from dangling(history.store, history.blobs)


def _scenes(history: "History") -> Iterator[str]:
    """Every scene is done or dead, exactly once, and a dead one has one letter with its code."""
    tables = history.store.tables
    letters = Counter((x.room, x.event.event_id, x.code) for x in tables.letters.values())
    expected: Counter[tuple[str, str, str]] = Counter()
    for scene in history.script.scenes:
        handled = tables.inbox.get(("detect", scene.event_id))
        outcome = handled.outcome if handled else "nothing"
        code = ErrorCode.SCENE_FLOODED if _is_flooded(history, scene) else CODES.get(scene.nature)
        if outcome != ("dead" if code else "done"):
            yield f"scene {scene.scene_id} ({scene.nature}) came to {outcome}"
        if code:
            expected["detect", scene.event_id, code] += 1
    if letters != expected:
        yield f"dead letters {letters - expected} too many, {expected - letters} missing"


def _is_flooded(history: "History", scene: SimulatedScene) -> bool:
    handled = history.store.tables.inbox.get(("detect", scene.event_id))
    return handled is not None and handled.code == ErrorCode.SCENE_FLOODED


def _flooded(history: "History") -> Iterator[str]:
    """Of each acquisition exactly so many events are refused as are too many, whoever was killed meanwhile."""
    read = [s for s in history.script.scenes if s.nature is not Nature.GARBAGE]
    sent, refused = Counter(s.item.acquisition_key for s in read), Counter(s.item.acquisition_key for s in read if _is_flooded(history, s))
    history.counts["floods"] += len(refused)
    for key, number in sent.items():
        if refused[key] != max(0, number - MOST_A_DAY):
            yield f"{refused[key]} of {number} events of {key} were refused as a flood"


def _positions(history: "History") -> Iterator[str]:
    """Every room has passed every event, once; nothing is counted as begun."""
    tables = history.store.tables
    for room, topic in ROUTES:
        events = [e for e in tables.events.values() if e.topic == topic]
        if events and tables.offsets.get((room, topic, LOG)) != events[-1].position + 1:
            yield f"{room} stands at {tables.offsets.get((room, topic, LOG))} of {events[-1].position}"
        known, handled = {e.event_id for e in events}, {event for where, event in tables.inbox if where == room}
        if known != handled:
            yield f"{room}: {len(known - handled)} events were not handled, {len(handled - known)} were never sent"
    if tables.attempts:
        yield f"begun and never ended: {tables.attempts}"


def _observed(history: "History", possible: Possible) -> Iterator[str]:
    """Each good scene was observed whole, by one of the models or both, as it is; and each observation was sent on."""
    rows = history.store.tables.observations
    for (scene_id, tile, tense), by_id in possible.items():
        if not any(k in rows and AlertTense(rows[k].tense).reality >= tense.reality for k in by_id):
            yield f"{scene_id} ({tense}) was not observed in {tile}"
    known = {key: row for by_id in possible.values() for key, row in by_id.items()}
    tenses = {(scene_id, tense) for scene_id, _, tense in possible}
    for key, row in rows.items():
        if key not in known or row.blob != known[key].blob or (row.scene_id, row.tense) not in tenses:
            yield f"observation {key[:8]} is not what its scene shows"
    events = [e for e in history.store.tables.events.values() if e.topic == Topic.OBSERVATIONS]
    sent = {json.loads(e.payload)["data"]["observation_id"] for e in events}
    if sent != rows.keys():
        yield f"{len(rows.keys() - sent)} observations were never sent on"


def _possible(history: "History") -> Possible:
    """The observations, one by each model, that good scenes may come to, by scene, tile and tense."""
    return {
        (scene.scene_id, tile, scene.tense): {row.observation_id: row for row in (scene.rows[tile, model] for model in MODELS)}
        for scene in history.script.scenes
        if not scene.nature.ends_dead and not _is_flooded(history, scene)
        for tile in scene.shown
    }


def _believed(history: "History", possible: Possible, room: AssessRoom) -> Iterator[str]:
    """The alerts are those of the oracle: all that was seen, thought through once, in order, with the zones and rules of the end."""
    believed = {k: r.content_sha256 for k, r in history.store.tables.alerts.items() if r.state != AlertState.RETRACTED}
    oracle = {str(f.content.alert_id): content_sha256(f.content) for tile in TILES for f in _oracle(history, tile, possible, room)}
    if believed != oracle:
        wrong = {k for k in believed.keys() & oracle.keys() if believed[k] != oracle[k]}
        extra, missing = believed.keys() - oracle.keys(), oracle.keys() - believed.keys()
        yield f"alerts: {sorted(extra)} too many, {sorted(missing)} missing, {sorted(wrong)} wrong"


def _oracle(history: "History", tile: str, possible: Possible, room: AssessRoom) -> Sequence[Finding]:
    seen = history.store.tables.observations
    here = {key: row for (_, where, _), by_id in possible.items() if where == tile for key, row in by_id.items()}
    rows = [row.model_copy(update={"tense": seen[key].tense}) for key, row in here.items() if key in seen]
    counted = sorted(newest(real(rows)), key=lambda r: (r.fingerprint, r.acquired_at, r.acquisition_key))
    with history.store.transaction() as tx:
        zones = room._zones_around(tx, tile, tx.zones.version())
    streams = room.histories.streams(counted)
    return simulated_findings(tile, cast(Any, streams), zones, room.pack)


def _told(history: "History") -> Iterator[str]:
    """Records are numbered without gaps, the last one is what the alert says was told, and the log says the same to agencies."""
    tables = history.store.tables
    numbers: dict[str, list[int]] = {}
    for alert_id, number in sorted(tables.records):
        numbers.setdefault(alert_id, []).append(number)
    for alert_id, found in numbers.items():
        row = tables.alerts.get(alert_id)
        if found != list(range(1, len(found) + 1)) or row is None or row.record_number != found[-1]:
            yield f"records of {alert_id[:8]}: {found}, the alert says {row and row.record_number}"
        elif record_of(tables.records[alert_id, found[-1]]).content.model_dump_json(by_alias=True) != row.published:
            yield f"the last record of {alert_id[:8]} is not what the alert says was told"
    read: dict[tuple[str, int], bytes] = {}
    for event in tables.events.values():
        if event.topic == Topic.ALERTS:
            record = record_of(event.payload)
            read.setdefault((str(record.content.alert_id), record.record_number), event.payload)
    if read != tables.records:
        yield f"agencies read {len(read)} records of {len(tables.records)}, or other ones"


def _delivered(history: "History") -> Iterator[str]:
    """Whoever is to be told is owed; what is owed was sent, or given up after all tries; repeats are those that are explained."""
    tables, outside = history.store.tables, history.outside
    if tables.deliveries.keys() != _owed(history):
        yield f"owed: {tables.deliveries.keys() ^ _owed(history)} too many or missing"
    keys = {key_of(row): row for row in tables.deliveries.values()}
    for key, row in keys.items():
        took, explained = outside.accepted[key], history.windows.explained[key]
        if row.state not in ("sent", "dead") or (row.state == "dead" and row.attempts < DELIVERY_ATTEMPTS):
            yield f"delivery {key} ended {row.state} after {row.attempts} tries"
        if took != explained + (row.state == "sent"):
            yield f"{key} ({row.state}) was sent {took} times, {explained} explained"
    if outside.accepted.keys() - keys.keys():
        yield f"sent, but never owed: {outside.accepted.keys() - keys.keys()}"
    yield from (f"{key} was sent with two texts" for key, bodies in outside.bodies.items() if len(bodies) > 1)


def _owed(history: "History") -> set[tuple[str, int, str]]:
    before: dict[str, set[str]] = {}
    owed = set()
    for (alert_id, number), payload in sorted(history.store.tables.records.items()):
        recipients = told(record_of(payload), sorted(before.setdefault(alert_id, set())))
        before[alert_id] |= set(recipients)
        owed |= {(alert_id, number, recipient) for recipient in recipients}
    return owed


class _Undone(Exception):
    """Rolls back."""


def _at_rest(history: "History", room: AssessRoom) -> Iterator[str]:
    """Thinking again changes nothing and tells nothing."""
    tables = history.store.tables
    if room.stale_tiles():
        yield f"{room.stale_tiles()} are judged by old zones or rules"
    for state in list(tables.fences.values()):
        before = len(tables.records), len(tables.deliveries), {k: (r.state, r.content) for k, r in tables.alerts.items()}
        effects = room.assess(state.tile)
        try:
            with history.store.transaction() as tx:
                effects.apply(tx, history.clock.now())
                after = len(tables.records), len(tables.deliveries), {k: (r.state, r.content) for k, r in tables.alerts.items()}
                raise _Undone
        except _Undone:
            if before != after:
                yield f"{state.tile} has more to tell at rest: {before[:2]} became {after[:2]}"
