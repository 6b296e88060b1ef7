"""One archive, and what the embedded mode makes of it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from chain import load_zones, records, service
from distributed import archive

from jagawana.schemas.observation import AlertTense
from jagawana.services.replay import replay


@dataclass(frozen=True)
class Undisturbed:
    """What one process on SQLite says of the archive."""

    folder: Path
    scenes: int
    digest: str
    records: int


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = archive.write(tmp_path_factory.mktemp("archive"))
    chain = service(tmp_path_factory.mktemp("embedded") / "data")
    load_zones(chain, archive.ZONES)
    summary = replay(chain, [folder], order="acquired", tense=AlertTense.TEST)
    assert summary.scenes_dead == 1 and summary.scenes_done == 15 and summary.alerts["initial"] == 3
    return Undisturbed(folder, summary.scenes_found, summary.digest, len(records(chain)))
