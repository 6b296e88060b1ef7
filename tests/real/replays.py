"""The archives of real scenes through the whole chain, in the embedded mode, and what came of it, counted.

PYTHONPATH=tests python -m real.replays romania --work DIR
PYTHONPATH=tests python -m real.replays amazon --work DIR --shared ../shared/data
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import shapely
from chain import load_zones, records, service
from real.amazon import Pair, read_pairs, write_amazon, zone_layers
from real.romania import write_romania
from real.scoring import Finding, Found, Truth, findings_of, mining_findings, read_truth, score

from jagawana.detectors.model_card import read_card
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, AlertState, AlertType, Stage, ZoneKind
from jagawana.schemas.observation import AlertTense
from jagawana.services.replay import ReplaySummary, replay
from jagawana.services.store import observations, zones
from jagawana.services.store.database import transaction
from jagawana.services.wiring import Service

CONCESSION_FAR_AWAY = Zone("far", ZoneKind.CONCESSION, "Far away", shapely.box(23.0, 45.1, 23.05, 45.15), "concessions", "1", "made up")
"""70 km east of the series: mining there would lie outside any concession, category 3, and people would be told."""


@dataclass(frozen=True)
class RomanianOutcome:
    """What 140 dates without any mining came to. Alerts are cells; an episode is a stretch of records that call it mining."""

    scenes_done: int
    dead: dict[str, int]
    observations: int
    clear_share: float
    cells_alerted: int
    mining_episodes: int
    mining_episodes_confirmed: int
    mining_days: tuple[str, ...]
    records: dict[str, int]
    mining_active: int
    precursors_active: int


def replay_romania(archive: Path, data: Path, *, order: str = "acquired") -> tuple[Service, ReplaySummary]:
    """The series, with the concession far away."""
    chain = service(data, model=None)
    load_zones(chain, [CONCESSION_FAR_AWAY])
    return chain, replay(chain, [archive], order=order, tense=AlertTense.TEST)


def romanian_outcome(chain: Service, summary: ReplaySummary) -> RomanianOutcome:
    """Counted from the records that people would have read."""
    told = records(chain)
    episodes = list(mining_episodes(told))
    last = {r.content.alert_id: r for r in sorted(told, key=lambda r: r.record_number)}
    gone = (AlertState.ENDED, AlertState.RETRACTED)
    active = Counter(r.content.stage for r in last.values() if r.content.state not in gone)
    with transaction(chain.engine) as session:
        seen = observations.current(session)
    return RomanianOutcome(
        scenes_done=summary.scenes_done,
        dead=summary.dead,
        observations=len(seen),
        clear_share=round(sum(o.clear_share for o in seen) / sum(o.footprint_share for o in seen), 3),
        cells_alerted=len(last),
        mining_episodes=len(episodes),
        mining_episodes_confirmed=sum(
            any(s.state == "confirmed" and s.change_class == "mining" for r in e for s in r.content.shapes) for e in episodes
        ),
        mining_days=tuple(sorted({f"{e[0].content.last_seen_at:%Y-%m-%d}" for e in episodes})),
        records=summary.alerts,
        mining_active=active[Stage.MINING],
        precursors_active=active[Stage.PRECURSOR],
    )


def mining_episodes(told: Iterable[AlertPublished]) -> Iterator[list[AlertPublished]]:
    """Runs of consecutive records of one alert that call it mining and do not withdraw it."""
    ordered = sorted(told, key=lambda r: (str(r.content.alert_id), r.record_number))

    def says_mining(r: AlertPublished) -> bool:
        return r.content.stage is Stage.MINING and r.alert_type is not AlertType.RETRACTION

    for (_, mining), run in groupby(ordered, key=lambda r: (r.content.alert_id, says_mining(r))):
        if mining:
            yield list(run)


@dataclass(frozen=True)
class Group:
    """Pairs of the same two dates, replayed together."""

    pairs: list[Pair]
    chain: Service
    summary: ReplaySummary

    @property
    def findings(self) -> list[Finding]:
        """Mining believed in the end."""
        return mining_findings(self.chain)


def replay_amazon(pairs: Sequence[Pair], shared: Path, work: Path, *, model: Path | None = None) -> list[Group]:
    """Each group of acquisition windows apart.

    A change seen once is forgotten after 180 days, and no pair has a third look: in one history, the later dates of one group
    would make the chain forget what the other group's single look had shown of the same tile.
    """
    groups = [list(group) for _, group in groupby(sorted(pairs, key=_dates), key=_dates)]
    return [_replay_group(group, shared, work / f"{group[0].before_at:%Y}-{group[0].after_at:%Y}", model) for group in groups]


def _replay_group(pairs: list[Pair], shared: Path, work: Path, model: Path | None) -> Group:
    write_amazon(pairs, work / "archive")
    chain = service(work / "data", model=str(model) if model else None)
    with transaction(chain.engine) as session:
        for layer in zone_layers(shared, work / "zones"):
            zones.activate(session, layer[0].layer, "1", layer, at=chain.clock.now())
    return Group(pairs, chain, replay(chain, [work / "archive"], order="acquired", tense=AlertTense.TEST))


def found_in(groups: Sequence[Group]) -> dict[str, list[Found]]:
    """Findings of every pair's own group, by sample id: chips of different groups may overlap."""
    return {name: found for g in groups for name, found in findings_of(g.pairs, g.findings).items()}


def amazonian_lines(groups: Sequence[Group], truth: Mapping[str, Truth]) -> Iterator[str]:
    """Figures to read: replay, findings by rule, and scores."""
    for g in groups:
        yield json.dumps({k: v for k, v in g.summary.as_dict().items() if k != "digest"})
    findings = [f for g in groups for f in g.findings]
    for told, word in ((True, "told"), (False, "recorded, nobody told")):
        mine = [content for content, t in findings if t is told]
        yield f"{word}: {sum(c.mining_ha for c in mine):.1f} ha, {dict(Counter(c.verdict.rule_id for c in mine))}"
    found = found_in(groups)
    block = {p.sample_id: p.block for g in groups for p in g.pairs}
    truth = {name: t for name, t in truth.items() if name in block}
    unlabelled = [name for name in block if name not in truth]
    yield f"all {len(truth)} labelled pairs: {score(truth, found)}"
    for word in ("new_mining", "mining_growth"):
        yield f"the word {word}: {score({n: t for n, t in truth.items() if word in t.change.split('|')}, found)}"
    yield f"of the {len(unlabelled)} pairs without labels {sum(bool(found[n]) for n in unlabelled)} have a finding"


def _dates(pair: Pair) -> tuple[str, str]:
    return pair.before_at.isoformat(), pair.after_at.isoformat()


def main() -> None:
    """Replay one of the archives and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("which", choices=("romania", "amazon"))
    parser.add_argument("--work", type=Path, required=True, help="an empty folder; the data folders stay there")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, help="card of a fold's network: the pairs of its blocks alone, which it did not learn from")
    given = parser.parse_args()
    if given.which == "romania":
        write_romania(given.work / "archive")
        print(json.dumps(asdict(romanian_outcome(*replay_romania(given.work / "archive", given.work / "data"))), indent=1))
        return
    pairs = read_pairs(given.shared)
    if given.model:
        blocks = {b for fold in read_card(given.model.read_bytes(), name=given.model.name).split.folds for b in fold}
        pairs = [p for p in pairs if p.block in blocks]
    groups = replay_amazon(pairs, given.shared, given.work, model=given.model)
    print(*amazonian_lines(groups, read_truth(given.shared)), sep="\n")


if __name__ == "__main__":
    main()
