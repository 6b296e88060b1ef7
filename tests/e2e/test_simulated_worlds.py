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


def test_a_world_with_mining_is_told_of_what_is_really_there(tmp_path: Path) -> None:
    archive = write_world(World(WorldConfig(seed=7, days=270, dates_10m=27, dates_5m=9)), tmp_path / "world")
    score = evaluate_world(archive.root, data=tmp_path / "data")
    assert score.events >= 3 and score.recall is not None and score.recall >= 0.6, score
    assert score.confirmed_precision is not None and score.confirmed_told >= 3, score
    assert score.confirmed_told * (1 - score.confirmed_precision) < 1.5, score
    assert score.to_provisional.days is not None and score.to_provisional.days >= 0
