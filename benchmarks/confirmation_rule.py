"""Which confirmation rule ships? Both published rules on the same simulated worlds, through the whole chain.

    python benchmarks/confirmation_rule.py [SEED…]        (a minute a world and rule on two cores)

Prints one line a world and rule, and the sums; docs/decisions/0005-confirmation-rule.md quotes it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from jagawana.detectors.confirmation import AgreeingLooks, BayesianOdds, ConfirmationRule
from jagawana.detectors.fold import FoldPolicy
from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.world import World
from jagawana.services.evaluation.run import evaluate_world
from jagawana.services.evaluation.scoring import WorldScore
from jagawana.services.ingest.simulate import write_world

RULES: dict[str, ConfirmationRule] = {"odds": BayesianOdds(), "looks": AgreeingLooks()}
HEADER = "seed rule  events told recall prov prov_prec conf conf_prec days_prov looks_prov days_conf looks_conf false"


def line(seed: int, rule: str, s: WorldScore) -> str:
    p, c = s.to_provisional, s.to_confirmed
    figures = (s.events, s.events_told, s.recall, s.provisional_told, s.provisional_precision, s.confirmed_told, s.confirmed_precision)
    return f"{seed:4} {rule:5} {figures} {p.days} {p.clear_looks} {c.days} {c.clear_looks} {s.false_alerts} missed={s.missed}"


def main(seeds: list[int]) -> None:
    print(HEADER)
    for seed in seeds:
        with TemporaryDirectory() as folder:
            archive = write_world(World(WorldConfig(seed=seed)), Path(folder))
            for name, rule in RULES.items():
                print(line(seed, name, evaluate_world(archive.root, policy=FoldPolicy(rule=rule))), flush=True)


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [7, 11, 23])
