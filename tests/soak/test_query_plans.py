"""What the chain asks of the database while it works never reads a whole table that grows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chain import FAR_CONCESSION, PARK, load_zones
from faults.life import built, write_life
from sqlalchemy import Engine, event

from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items, send
from jagawana.services.store.database import transaction
from jagawana.services.wiring import Service

GROWING = ("event", "inbox", "observation", "scene", "delivery", "alert", "alert_version", "dead_letter", "tile_state", "zone")
EXCUSED = {
    "SELECT tile_state": "once for everything that waits, not once a scene",
    "SELECT zone": "the kinds of zones loaded, once for each tile whose zones are not at hand",
}


@contextmanager
def statements(of: Engine) -> Iterator[dict[str, Any]]:
    """Every statement that is executed meanwhile, with one set of its parameters."""
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.setdefault(statement, parameters)

    event.listen(of, "before_cursor_execute", note)
    yield seen
    event.remove(of, "before_cursor_execute", note)


def whole_tables(service: Service, seen: dict[str, Any]) -> set[str]:
    """Statements that look at every row of a growing table, as verb and table."""
    found = set()
    with transaction(service.engine) as session:
        for statement, parameters in seen.items():
            if statement.split()[0] not in ("SELECT", "UPDATE", "DELETE"):
                continue
            plan = session.connection().exec_driver_sql(f"explain query plan {statement}", parameters).fetchall()
            for row in plan:
                scanned = re.match(r"SCAN (\w+)(?! USING (COVERING )?INDEX)", row[3])
                if scanned and scanned[1] in GROWING:
                    found.add(f"{statement.split()[0]} {scanned[1]}")
        session.rollback()
    return found


def work(service: Service, archive: Path) -> None:
    """Queue scenes and drain, as a running service does."""
    with transaction(service.engine) as session:
        send(session, find_items([archive], AlertTense.TEST), [archive], at=service.clock.now())
    with service.working():
        service.drain()


def test_work_never_reads_a_whole_table(tmp_path: Path) -> None:
    archive, service = write_life(tmp_path / "archive"), built(tmp_path / "data")
    load_zones(service, [FAR_CONCESSION])
    with statements(service.engine) as seen:
        work(service, archive / "early")
        load_zones(service, [PARK])
        work(service, archive / "late")
    assert len(seen) > 25, "it must have asked for something"
    assert whole_tables(service, seen) <= set(EXCUSED)
    service.engine.dispose()
