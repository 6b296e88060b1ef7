"""Zones in PostGIS: the index over places is used, and both stores find the same zones."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results import record
from sqlalchemy import Engine, event, text
from store_examples import AT

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.services.store import zones
from jagawana.services.store.database import open_sqlite, transaction

BOXES = 200_000
Bounds = tuple[float, float, float, float]
PLACE = (113.1, -1.2, 113.3, -1.0)


def boxes_in_sql(engine: Engine, count: int) -> None:
    """A layer of boxes of 2 km over a country, written by the database itself."""
    row = """
        SELECT 'country', '1', 'z' || n, 'concession', 'z', 'test', 20.0, w, s, w + 0.02, s + 0.02,
            ST_AsBinary(ST_MakeEnvelope(w, s, w + 0.02, s + 0.02, 4326))
        FROM (
            SELECT n, 95 + (n * 7919 % 460000) / 10000.0 AS w, -11 + (n * 104729 % 170000) / 10000.0 AS s
            FROM generate_series(1, CAST(:count AS bigint)) AS n
        ) AS g
    """
    columns = "layer, layer_version, zone_id, kind, name, source, accuracy_m, west, south, east, north, wkb"
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO zone ({columns}) {row}"), {"count": count})
        connection.execute(text("INSERT INTO zone_layer VALUES ('country', '1', 'x', true, now())"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE zone"))


def test_the_zones_of_a_place_are_found_by_the_index_over_places(on_postgresql: Engine) -> None:
    boxes_in_sql(on_postgresql, BOXES)
    asked: list[tuple[str, object]] = []
    with transaction(on_postgresql) as session:
        listener = lambda _c, _cursor, statement, parameters, *_: asked.append((statement, parameters))  # noqa: E731
        event.listen(on_postgresql, "before_cursor_execute", listener)
        begun = perf_counter()
        found = zones.active(session, PLACE)
        seconds = perf_counter() - begun
        event.remove(on_postgresql, "before_cursor_execute", listener)
        (statement, parameters) = next(a for a in asked if "FROM zone \n" in a[0])
        plan = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF) {statement}", parameters).scalars().all()
        everyone = session.connection().execute(
            text("SELECT count(*) FROM zone WHERE west <= :e AND east >= :w AND south <= :n AND north >= :s"),
            dict(zip("wsen", PLACE, strict=True)),
        )
        assert len(found) == everyone.scalar() > 0
    assert any("ix_zone_place_gist" in line for line in plan), plan
    assert not any("Seq Scan" in line for line in plan), plan
    record("postgis", {"boxes": BOXES, "found": len(found), "milliseconds": round(seconds * 1000, 1)})


CORNERS = st.integers(0, 40).map(lambda n: 110 + n / 7)
SIZES = st.sampled_from([0.0, 1e-9, 1 / 7, 0.5, 3.0])
BOUNDS = st.tuples(CORNERS, CORNERS.map(lambda x: x - 112), SIZES, SIZES).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


def a_layer() -> list[Zone]:
    rng, kinds = np.random.default_rng(7), list(ZoneKind)
    made = []
    for n in range(150):
        west, south, size = 110 + rng.integers(0, 40) / 7, -2 + rng.integers(0, 40) / 7, rng.choice([1 / 7, 0.5, 3.0])
        corner = shapely.Polygon([(west, south), (west + size, south), (west, south + size)])
        outline = corner if n % 3 else shapely.box(west, south, west + size, south + size)
        made.append(Zone(f"{'aBZ'[n % 3]}{n}", kinds[n % len(kinds)], f"Zone {n}", outline, "mixed", "1", "test"))
    return made


@pytest.fixture
def both(on_postgresql: Engine, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    on_sqlite = open_sqlite(tmp_path / "jagawana.sqlite")
    for engine in (on_sqlite, on_postgresql):
        with transaction(engine) as session:
            zones.activate(session, "mixed", "1", a_layer(), at=AT)
    yield on_sqlite, on_postgresql
    on_sqlite.dispose()


@given(st.lists(BOUNDS, min_size=10, max_size=10))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_stores_find_the_same_zones_in_the_same_order(both: tuple[Engine, Engine], places: list[Bounds]) -> None:
    """Also where places only touch, and where a place is narrower than the index's own rounding."""
    with transaction(both[0]) as one, transaction(both[1]) as other:
        for place in places:
            assert zones.active(one, place) == zones.active(other, place)
        assert zones.version(one) == zones.version(other) and zones.kinds_loaded(one) == zones.kinds_loaded(other)
