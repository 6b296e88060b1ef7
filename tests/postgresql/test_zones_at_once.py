"""Zone layers that are loaded, switched and read at the same time."""

import threading
import time
from collections.abc import Sequence

import shapely
from postgresql.at_once import at_once
from store_examples import AT

from jagawana.rules.crowds import MAX_ZONES
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.store import zones
from jagawana.services.store.database import transaction
from jagawana.services.store.sql import SqlStore


def park(version: str, count: int) -> Sequence[Zone]:
    return [
        Zone(f"p-{n}", ZoneKind.CONSERVATION, f"Park {version}", shapely.box(110 + n, -1, 110.5 + n, 0), "parks", version, "test")
        for n in range(count)
    ]


def test_a_version_names_exactly_the_zones_that_are_read_with_it(store: SqlStore) -> None:
    """As the assess room reads them, which keeps zones by their version: while a layer is switched to and fro."""
    names: dict[str, set[tuple[str, int]]] = {}
    stop = threading.Event()

    def switch() -> None:
        for n in range(20):
            with transaction(store.engine) as session:
                version = "1" if n % 2 else "2"
                zones.activate(session, "parks", version, park(version, 3 if n % 2 else 5), at=AT)
        stop.set()

    def read() -> None:
        while not stop.is_set():
            with store.transaction() as tx:
                version = tx.zones.version()
                time.sleep(0.002)
                found = tx.zones.active((109, -2, 120, 2))
                names.setdefault(version, set()).add((found[0].name if found else "", len(found)))

    at_once(switch, read, read, read)
    assert len(names) > 1 and all(len(contents) == 1 for contents in names.values()), names


def test_of_layers_loaded_at_once_none_adds_to_a_crowd_it_did_not_see(store: SqlStore) -> None:
    many = MAX_ZONES * 2 // 3

    def load(layer: str) -> bool:
        crowd = [Zone(f"z-{n}", ZoneKind.CONSERVATION, layer, shapely.box(110, -1, 111, 0), layer, "1", "test") for n in range(many)]
        try:
            with transaction(store.engine) as session:
                zones.activate(session, layer, "1", crowd, at=AT)
                time.sleep(0.3)  # the other one looks for a crowd meanwhile
        except DataError as e:
            assert e.code is ErrorCode.ZONES_INVALID
            return False
        return True

    assert sorted(at_once(lambda: load("a"), lambda: load("b"))) == [False, True]
