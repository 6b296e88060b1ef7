"""The archives of real scenes through the whole chain, in the embedded mode, and what came of it, counted.

PYTHONPATH=tests python -m real.replays romania --work DIR
PYTHONPATH=tests python -m real.replays amazon --work DIR --shared ../shared/data
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import shapely
from chain import load_zones, records, service
from real.amazon import Pair, read_pairs, write_amazon, zone_layers
from real.romania import write_romania
from real.scoring import Truth, findings_of, mining_findings, read_truth, score

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, AlertType, Stage, ZoneKind
from jagawana.schemas.observation import AlertTense
from jagawana.services.detect.models import read_model_card
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
    mining_standing: int
    precursors_standing: int


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
    standing = Counter(r.content.stage for r in last.values() if r.alert_type is not AlertType.RETRACTION)
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
        mining_standing=standing[Stage.MINING],
        precursors_standing=standing[Stage.PRECURSOR],
    )


def mining_episodes(told: Iterable[AlertPublished]) -> Iterator[list[AlertPublished]]:
    """Runs of consecutive records of one alert that call it mining and do not withdraw it."""
    ordered = sorted(told, key=lambda r: (str(r.content.alert_id), r.record_number))

    def says_mining(r: AlertPublished) -> bool:
        return r.content.stage is Stage.MINING and r.alert_type is not AlertType.RETRACTION

    for (_, mining), run in groupby(ordered, key=lambda r: (r.content.alert_id, says_mining(r))):
        if mining:
            yield list(run)


def replay_amazon(pairs: Sequence[Pair], shared: Path, work: Path) -> list[tuple[Service, ReplaySummary]]:
    """Each group of acquisition windows apart.

    A change seen once is forgotten after 180 days, and no pair has a third look: in one history, the later dates of one group
    would make the chain forget what the other group's single look had shown of the same tile.
    """
    done = []
    for number, (_, group) in enumerate(groupby(sorted(pairs, key=_dates), key=_dates)):
        write_amazon(list(group), work / f"archive{number}")
        chain = service(work / f"data{number}", model=None)
        with transaction(chain.engine) as session:
            for layer in zone_layers(shared, work / "zones"):
                zones.activate(session, layer[0].layer, "1", layer, at=chain.clock.now())
        done.append((chain, replay(chain, [work / f"archive{number}"], order="acquired", tense=AlertTense.TEST)))
    return done


def amazonian_lines(pairs: Sequence[Pair], truth: dict[str, Truth], done: Sequence[tuple[Service, ReplaySummary]]) -> Iterator[str]:
    """Figures to read: replay, findings by category, and scores for all pairs and for those of blocks never trained on."""
    findings = [f for chain, _ in done for f in mining_findings(chain)]
    for _, summary in done:
        yield json.dumps({k: v for k, v in summary.as_dict().items() if k != "digest"})
    yield f"findings of mining: {Counter((c.verdict.rule_id, 'told' if told else 'recorded') for c, told in findings)}"
    for told in (True, False):
        yield f"{'told' if told else 'recorded, not told'}: {sum(c.mining_ha for c, t in findings if t is told):.1f} ha"
    found = findings_of(pairs, findings)
    unseen = set(read_model_card("s2").split.test_blocks)
    names = {p.sample_id for p in pairs if p.block in unseen}
    yield f"all {len(truth)} labelled pairs: {score(truth, found)}"
    unseen_truth = {n: t for n, t in truth.items() if n in names}
    yield f"the {len(unseen_truth)} in blocks the model never saw: {score(unseen_truth, found)}"
    for word in ("new_mining", "mining_growth"):
        yield f"labelled {word}: {score({n: t for n, t in truth.items() if word in t.change.split('|')}, found)}"


def _dates(pair: Pair) -> tuple[str, str]:
    return pair.before_at.isoformat(), pair.after_at.isoformat()


def main() -> None:
    """Replay one of the archives and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("which", choices=("romania", "amazon"))
    parser.add_argument("--work", type=Path, required=True, help="an empty folder; the data folders stay there")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    if given.which == "romania":
        write_romania(given.work / "archive")
        print(json.dumps(asdict(romanian_outcome(*replay_romania(given.work / "archive", given.work / "data"))), indent=1))
        return
    pairs = read_pairs(given.shared)
    done = replay_amazon(pairs, given.shared, given.work)
    print(*amazonian_lines(pairs, read_truth(given.shared), done), sep="\n")


if __name__ == "__main__":
    main()
