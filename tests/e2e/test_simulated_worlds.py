"""Simulated worlds through the whole chain with the shipped networks: quiet where nothing is mined, awake where something is."""

from pathlib import Path

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.world import World
from jagawana.services.evaluation.run import evaluate_world
from jagawana.services.ingest.simulate import write_world


def test_a_world_without_mining_tells_nobody_anything(tmp_path: Path) -> None:
    config = WorldConfig(seed=5, sites=0, width_km=4, height_km=3, days=180, dates_10m=18, dates_5m=6)
    archive = write_world(World(config), tmp_path / "world")
    score = evaluate_world(archive.root, data=tmp_path / "data")
    assert (score.events, score.provisional_told, score.confirmed_told, score.precursors_told, score.false_alerts) == (0, 0, 0, 0, 0)


def test_worlds_with_mining_are_told_of_what_is_really_there(tmp_path: Path) -> None:
    """Two worlds together: in one of them a single wrong confirmation would be a quarter."""
    scores = []
    for seed in (7, 11):
        archive = write_world(World(WorldConfig(seed=seed, days=270, dates_10m=27, dates_5m=9)), tmp_path / f"world-{seed}")
        scores.append(evaluate_world(archive.root, data=tmp_path / f"data-{seed}"))
    confirmed = sum(s.confirmed_told for s in scores)
    right = sum(s.confirmed_told * (s.confirmed_precision or 0) for s in scores)
    assert all(s.events >= 3 for s in scores) and sum(s.events_told for s in scores) >= 0.6 * sum(s.events for s in scores), scores
    assert confirmed > 0 and right >= 0.8 * confirmed, scores
    assert all(s.to_provisional.days is not None and s.to_provisional.days >= 0 for s in scores)
