"""The whole chain with PostgreSQL as its store, and with a bucket for its blobs, tells the story that SQLite and a folder tell."""

from pathlib import Path

import pytest
from chain import STORY, load_zones, records, service, told
from servers.s3 import S3

from jagawana.services.settings import load_settings
from jagawana.services.store.database import migrate


def test_a_mines_life_is_the_same_on_every_store(tmp_path: Path, database_url: str, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    bucket = s3.new_bucket()
    migrate(load_settings(data=tmp_path, database_url=database_url))
    found = []
    for name, settings in (("sqlite", {}), ("postgresql", {"database_url": database_url, "blob_url": f"s3://{bucket}/blobs"})):
        chain = service(tmp_path / name, **settings)
        load_zones(chain)
        summary = told(chain, STORY, tmp_path / "archive")
        found.append((summary.digest, [r.model_dump() for r in records(chain)], summary.deliveries, summary.scenes_done))
        chain.engine.dispose()
    assert found[0] == found[1] and found[0][3] == len(STORY)
    assert not list((tmp_path / "postgresql").glob("jagawana.sqlite")), "nothing went to a file"
    kept = {p.name for p in (tmp_path / "sqlite" / "blobs").glob("??/*")}
    assert (
        kept and kept == {p.name for p in (s3.buckets / bucket / "blobs").glob("??/*")} and not (tmp_path / "postgresql" / "blobs").exists()
    )
