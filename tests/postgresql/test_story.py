"""The whole chain with PostgreSQL as its store tells the story that SQLite tells, to the byte of the digest."""

from pathlib import Path

from chain import STORY, load_zones, records, service, told

from jagawana.services.settings import load_settings
from jagawana.services.store.database import migrate


def test_a_mines_life_is_the_same_on_both_stores(tmp_path: Path, database_url: str) -> None:

    migrate(load_settings(data=tmp_path, database_url=database_url))
    found = []
    for name, settings in (("sqlite", {}), ("postgresql", {"database_url": database_url})):
        chain = service(tmp_path / name, **settings)
        load_zones(chain)
        summary = told(chain, STORY, tmp_path / "archive")
        found.append((summary.digest, [r.model_dump() for r in records(chain)], summary.deliveries, summary.scenes_done))
        chain.engine.dispose()
    assert found[0] == found[1] and found[0][3] == len(STORY)
    assert not (tmp_path / "postgresql" / "jagawana.sqlite").exists(), "nothing went to a file"
