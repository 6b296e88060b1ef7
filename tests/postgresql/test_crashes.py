"""The whole server killed under load, again and again: nothing acknowledged is lost, and it is back soon."""

import os
import time
from pathlib import Path
from statistics import median

import pytest
from postgresql.writing import WRITERS, Load, events_in, wait_until_it_answers, written_beside_events
from results import record
from servers.postgres import Postgres

from jagawana.services.settings import load_settings
from jagawana.services.store.database import migrate, open_database

KILLS = int(os.environ.get("JAGAWANA_KILLS", "3"))
DURABLE = {"settings": {"fsync": "on"}}


@pytest.mark.parametrize("own_postgres", [DURABLE], indirect=True, ids=["fsync"])
def test_what_was_acknowledged_survives_kills_of_the_whole_server(own_postgres: Postgres, tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, database_url=own_postgres.new_database())
    migrate(settings)
    engine = open_database(settings)
    acknowledged: list[str] = []
    seconds: list[float] = []
    refused = 0
    for n in range(KILLS):
        with Load(engine, first=1 + n * 1_000_000) as load:
            while len(load.acknowledged) < 40 * (n + 1):
                time.sleep(0.01)
            own_postgres.kill()
            begun = time.perf_counter()
            own_postgres.start()
            wait_until_it_answers(engine)
            seconds.append(time.perf_counter() - begun)
            before = len(load.acknowledged)
            while len(load.acknowledged) < before + 20:  # the same writers go on by themselves
                time.sleep(0.01)
        acknowledged, refused = acknowledged + load.acknowledged, refused + load.refused
    kept = events_in(engine)
    assert set(acknowledged) <= set(kept) and len(set(kept)) == len(kept)
    assert len(kept) - len(acknowledged) <= KILLS * WRITERS, "in doubt is at most what was being committed"
    assert written_beside_events(engine) == (len(kept),) * 3, "a transaction is there with all it wrote, or not at all"
    assert refused > 0, "the writers noticed"
    engine.dispose()
    figures = {"kills": KILLS, "acknowledged": len(acknowledged), "lost": 0, "in_doubt_and_kept": len(kept) - len(acknowledged)}
    record("postgresql-kills", figures | {"seconds_to_answer": {"median": round(median(seconds), 2), "max": round(max(seconds), 2)}})
