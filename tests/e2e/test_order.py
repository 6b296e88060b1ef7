"""The same scenes in any order, with duplicates, come to one belief."""

import random
from pathlib import Path

import pytest
from chain import PIT, STORY, load_zones, service
from results import record
from scenes import RGBN_BANDS, Scene, write_archive

from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items, send
from jagawana.services.store import log
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.wiring import Service

ARCHIVE = (
    *STORY[:4],
    Scene(40, mining=[PIT], platform="sentinel-2b", clouds=[(0, 0, 30, 96)]),
    Scene(45, mining=[(25, 25, 60, 60)], platform="planetscope", resolution_m=5, size=128, bands=RGBN_BANDS),
)
SHUFFLES = 100
WORKERS = 4


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive"), ARCHIVE)


def _arrive(chain: Service, archive: Path, order: list[int], *, zones_after: int) -> str:
    """Scenes in an order, some twice, the park's layer arriving somewhere in between."""
    items = find_items([archive], AlertTense.TEST)
    with chain.working():
        for step, number in enumerate(order):
            if step == zones_after:
                load_zones(chain)
            with transaction(chain.engine) as session:
                send(session, [items[number]], [archive], at=chain.clock.now())
            chain.drain()
    with transaction(chain.engine) as session:
        assert log.dead_letters(session) == []
        return digest(session)


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    chain = service(tmp_path_factory.mktemp("straight"), model=None)
    return _arrive(chain, archive, list(range(len(ARCHIVE))), zones_after=0)


@pytest.mark.parametrize("part", range(WORKERS))
def test_a_hundred_shuffles_with_duplicates_give_one_digest(part: int, archive: Path, undisturbed: str, tmp_path: Path) -> None:
    for seed in range(part, SHUFFLES, WORKERS):
        rng = random.Random(seed)
        order = [*range(len(ARCHIVE)), *rng.sample(range(len(ARCHIVE)), 2)]
        rng.shuffle(order)
        chain = service(tmp_path / str(seed), model=None)
        assert _arrive(chain, archive, order, zones_after=rng.randrange(len(order))) == undisturbed, f"seed {seed}: {order}"


def test_another_scene_is_another_digest(archive: Path, undisturbed: str, tmp_path: Path) -> None:
    chain = service(tmp_path / "data", model=None)
    assert _arrive(chain, archive, list(range(len(ARCHIVE) - 1)), zones_after=0) != undisturbed
    record("order", {"scenes": len(ARCHIVE), "shuffles": SHUFFLES, "scenes_that_come_twice_in_each": 2, "digests": 1})
