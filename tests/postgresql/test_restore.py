"""Backup, restore to a moment and dump, rehearsed: the digest is that of then, and working on gives that of an undisturbed run."""

import shutil
import time
from pathlib import Path

import pytest
from chain import PARK, STORY, load_zones, records, service, told
from results import record
from servers.postgres import Postgres
from servers.process import give, run_tool
from sqlalchemy import Engine, text

from jagawana.services.settings import load_settings
from jagawana.services.store import zones
from jagawana.services.store.database import migrate, transaction
from jagawana.services.store.digest import digest


def moment(engine: Engine) -> str:
    """Now, by the server's clock; then the log is closed up to it, and a later moment begins."""
    with transaction(engine) as session:
        now = str(session.connection().execute(text("SELECT clock_timestamp()")).scalar())
    time.sleep(0.05)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_switch_wal()"))
    return now


def restore(server: Postgres, backup: Path, until: str) -> None:
    """As docs/running-on-postgresql.md says it: the backup in the place of the data, the archive, and the moment."""
    server.stop()
    shutil.rmtree(server.data)
    shutil.move(backup, server.data)
    with open(server.data / "postgresql.auto.conf", "a") as f:
        f.write(
            f"restore_command = 'cp {server.archive_folder}/%f %p'\nrecovery_target_time = '{until}'\nrecovery_target_action = 'promote'\n"
        )
    (server.data / "recovery.signal").touch()
    give(server.data / "recovery.signal")
    server.start()


@pytest.mark.parametrize("own_postgres", [{"archive": True}], indirect=True, ids=["archive"])
def test_a_restore_to_a_moment_has_the_digest_of_the_moment_and_goes_on_to_the_undisturbed_one(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    undisturbed = service(tmp_path / "undisturbed")
    load_zones(undisturbed)
    expected = told(undisturbed, STORY, tmp_path / "archive").digest
    url = own_postgres.new_database()
    migrate(load_settings(data=tmp_path, database_url=url))
    chain = service(tmp_path / "data", database_url=url)
    load_zones(chain)
    told(chain, STORY[:2], tmp_path / "first")
    backup = own_postgres.base_backup()
    at_moment = told(chain, STORY[:4], tmp_path / "second").digest
    told_at_moment = [r.model_dump() for r in records(chain)]
    until = moment(chain.engine)
    after = told(chain, STORY[:5], tmp_path / "third").digest
    assert after != at_moment, "the moment is before the end"
    moment(chain.engine)
    chain.engine.dispose()
    begun = time.perf_counter()
    restore(own_postgres, backup, until)
    seconds = time.perf_counter() - begun
    _wait_until_writable(chain.engine)
    with transaction(chain.engine) as session:
        assert digest(session) == at_moment
    assert [r.model_dump() for r in records(chain)] == told_at_moment
    assert told(chain, STORY, tmp_path / "archive").digest == expected, "blobs written since the moment are found again by their content"
    assert [r.content for r in records(chain)] == [r.content for r in records(undisturbed)]
    for made in (chain, undisturbed):
        made.engine.dispose()
    record("postgresql-restore", {"seconds_to_restore": round(seconds, 2), "digest_of_the_moment": True, "digest_after_working_on": True})


def test_a_dump_restored_in_another_database_has_the_same_digest_and_zones(postgres: Postgres, database_url: str, tmp_path: Path) -> None:
    migrate(load_settings(data=tmp_path, database_url=database_url))
    chain = service(tmp_path / "data", database_url=database_url)
    load_zones(chain)
    before = told(chain, STORY[:2], tmp_path / "archive").digest
    chain.engine.dispose()
    dump, copy = postgres.folder / "jagawana.dump", postgres.new_database(template="template0")
    run_tool([str(postgres.programs / "pg_dump"), "-Fc", "-f", str(dump), postgres.address(name_of(database_url))], postgres.folder)
    run_tool([str(postgres.programs / "pg_restore"), "--exit-on-error", "-d", postgres.address(name_of(copy)), str(dump)], postgres.folder)
    again = service(tmp_path / "data", database_url=copy)
    with transaction(again.engine) as session:
        assert digest(session) == before
        assert [z.zone_id for z in zones.active(session, PARK.geometry.bounds)] == [PARK.zone_id], "places are there too"
    again.engine.dispose()
    postgres.drop_database(copy)


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def _wait_until_writable(engine: Engine) -> None:
    for _ in range(200):
        with transaction(engine) as session:
            if not session.connection().execute(text("SELECT pg_is_in_recovery()")).scalar():
                return
        time.sleep(0.05)
    raise AssertionError("it is still recovering")
