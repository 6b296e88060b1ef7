"""Zones read back from the database: those around a place, found without reading the others."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import Engine, event
from sqlmodel import Session

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.services.store import zones as stored
from jagawana.services.store.database import open_sqlite, transaction

AT = datetime(2026, 6, 1, tzinfo=UTC)
LAYERS = {"parks": [ZoneKind.CONSERVATION, ZoneKind.PROTECTED_FOREST], "permits": [ZoneKind.CONCESSION], "Provinsi": [ZoneKind.PROVINCE]}
Bounds = tuple[float, float, float, float]


def zones_of(layer: str, layer_version: str, number: int, seed: int) -> list[Zone]:
    """Boxes over ten degrees, some narrow and some wide, with corners on round numbers so that many only touch."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(number):
        west, south = 110 + rng.integers(0, 20) / 2, -5 + rng.integers(0, 20) / 2
        outline = shapely.box(west, south, west + rng.choice([0.5, 1, 6]), south + rng.choice([0.5, 1, 6]))
        made.append(Zone(f"{layer}/{n}", LAYERS[layer][n % len(LAYERS[layer])], f"{n}", outline, layer, layer_version, "test"))
    return made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = open_sqlite(Path(tmp_path_factory.mktemp("zones")) / "jagawana.sqlite")
    with transaction(made) as session:
        stored.activate(session, "parks", "old", zones_of("parks", "old", 50, 9), at=AT)
        for seed, layer in enumerate(LAYERS):
            stored.activate(session, layer, "1", zones_of(layer, "1", 120, seed), at=AT)
    yield made
    made.dispose()


def by_looking_at_all(bounds: Bounds) -> list[str]:
    place = shapely.box(*bounds)
    near = [z for seed, layer in enumerate(LAYERS) for z in zones_of(layer, "1", 120, seed) if z.geometry.intersects(place)]
    return [z.zone_id for z in sorted(near, key=lambda z: (z.layer, z.zone_id))]


def statements(session: Session, bounds: Bounds) -> list[tuple[str, tuple[object, ...]]]:
    seen: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(session.get_bind(), "before_cursor_execute", note)
    stored.active(session, bounds)
    stored.kinds_loaded(session)
    event.remove(session.get_bind(), "before_cursor_execute", note)
    return [(s, p) for s, p in seen if "FROM zone \n" in s]


def test_the_zones_of_a_place_are_those_of_the_active_layers_that_reach_it_by_layer_and_id(engine: Engine) -> None:
    rng = np.random.default_rng(4)
    with transaction(engine) as session:
        for _ in range(60):
            west, south = 109 + rng.integers(0, 26) / 2, -6 + rng.integers(0, 26) / 2
            bounds = (float(west), float(south), float(west + rng.integers(0, 3) / 2), float(south + rng.integers(0, 3) / 2))
            assert [z.zone_id for z in stored.active(session, bounds)] == by_looking_at_all(bounds)
        assert len(stored.active(session)) == 360


def test_kinds_are_those_of_active_layers(engine: Engine) -> None:
    with transaction(engine) as session:
        assert stored.kinds_loaded(session) == {kind for kinds in LAYERS.values() for kind in kinds}


def test_neither_question_reads_the_geometry_of_zones_elsewhere(engine: Engine) -> None:
    with transaction(engine) as session:
        asked = statements(session, (113.1, -1.2, 113.2, -1.1))
        plans = [session.connection().exec_driver_sql(f"explain query plan {s}", p).fetchall() for s, p in asked]
    steps = [str(step[3]) for plan in plans for step in plan]
    assert len(steps) >= 2 * len(LAYERS)
    assert all("ix_zone_place (layer=? AND layer_version=? AND kind=?" in step for step in steps)
