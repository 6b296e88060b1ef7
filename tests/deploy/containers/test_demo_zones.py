"""Zones are loaded beside workers on Kafka: the one command that compose runs and the rooms do not."""

import os
import subprocess
import sys
from pathlib import Path

from chain import FAR_CONCESSION
from pydantic import SecretStr
from sqlmodel import Session

from jagawana.services.store import zones
from jagawana.services.store.postgresql import engine_of
from jagawana.services.store.schema import bring_up_to_date


def test_zones_are_loaded_and_left_to_the_workers_to_judge_by(database_url: str, tmp_path: Path) -> None:
    import geopandas

    frame = geopandas.GeoDataFrame({"zone_id": ["c"], "kind": ["concession"], "name": ["C"]}, geometry=[FAR_CONCESSION.geometry], crs=4326)
    frame.to_file(tmp_path / "zones.gpkg")
    owner, engine = engine_of(SecretStr(database_url), is_migrating=True), engine_of(SecretStr(database_url))
    bring_up_to_date(owner)
    owner.dispose()
    ours = {"JAGAWANA_DATABASE_URL": database_url, "JAGAWANA_KAFKA_SERVERS": '["127.0.0.1:1"]', "JAGAWANA_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "jagawana.services.cli", "zones", "load", str(tmp_path / "zones.gpkg")]
    done = subprocess.run(command, env=os.environ | ours, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    with Session(engine) as session:
        assert [z.name for z in zones.active(session)] == ["C"]
    engine.dispose()
