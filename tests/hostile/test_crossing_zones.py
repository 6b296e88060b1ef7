"""E12 beyond one layer: 150 zones over one patch, in layers that each keep their own limit. Counted in overlays, not in seconds."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import shapely
from chain import load_zones, service
from results import record
from scenes import EAST, EPSG, NORTH, Scene, write_archive
from shapely.geometry.base import BaseGeometry
from sqlmodel import select

from jagawana.detectors.grid import reproject
from jagawana.rules import overlay
from jagawana.rules.crowds import MAX_ZONES
from jagawana.rules.judge import judge
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess import alerts, pieces
from jagawana.services.ingest.items import find_items, roots_of, send
from jagawana.services.store import zones as store
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import AlertRow
from jagawana.services.wiring import Service

CENTRE = np.array([EAST + 360.0, NORTH - 360.0])
LAKE = (6, 6, 60, 60)
"""36 ha of mining around the crossing."""


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How many patches are overlaid with a zone, and how many shapes are judged, meanwhile."""
    counts: Counter[str] = Counter()

    def counting(name: str, do: Callable[..., Any], number: Callable[..., int]) -> Callable[..., Any]:
        def counted_call(*arguments: Any, **named: Any) -> Any:
            counts[name] += number(*arguments)
            return do(*arguments, **named)

        return counted_call

    def patches_of(shapes: Any, *_: Any) -> int:
        return int(np.sum(shapely.get_num_geometries(shapes)))

    overlays = [("overlays", where, name, patches_of) for where in (shapely, BaseGeometry) for name in ("intersection", "difference")]
    judged = [("judged", where, name, lambda *_: 1) for where, name in ((pieces, "judge"), (alerts, "verdict_under"))]
    patches = [patch.object(where, name, counting(label, getattr(where, name), number)) for label, where, name, number in overlays + judged]
    for each in patches:
        each.start()
    try:
        yield counts
    finally:
        for each in patches:
            each.stop()


def star(number: int) -> list[Zone]:
    """Strips of a kilometre that all cross over one point."""
    return [_strip(f"s{n}", turn, 0.0, 8.0, ZoneKind.CONSERVATION) for n, turn in enumerate(np.pi * np.arange(number) / number)]


def lattice(number: int, kinds: tuple[ZoneKind, ZoneKind]) -> list[Zone]:
    """Half of the strips lie across the other half."""
    apart = np.linspace(-250, 250, number // 2)
    lying = [_strip(f"h{n}", 0.0, d, 1.5, kinds[0]) for n, d in enumerate(apart)]
    return [*lying, *(_strip(f"v{n}", np.pi / 2, d, 1.5, kinds[1]) for n, d in enumerate(apart))]


def _strip(name: str, turn: float, aside_m: float, half_m: float, kind: ZoneKind) -> Zone:
    along = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([-along[1], along[0]])
    at = CENTRE + across * aside_m
    corners = [at + along * a + across * b for a, b in ((-500, -half_m), (500, -half_m), (500, half_m), (-500, half_m))]
    return Zone(name, kind, name, shapely.Polygon(corners), "strips", "1", "test")


def _load(chain: Service, zones: Sequence[Zone]) -> None:
    """As three layers, in degrees."""
    for number in range(3):
        name = f"strips-{number}"
        mine = [replace(z, geometry=reproject(z.geometry, EPSG, 4326), layer=name) for z in zones[number::3]]
        with transaction(chain.engine) as session:
            store.activate(session, name, "1", mine, at=chain.clock.now())


def _assessed(chain: Service, archive: Path) -> Counter[str]:
    """What it takes to assess a scene and one before it; nobody is told."""
    with transaction(chain.engine) as session:
        send(session, find_items([archive], AlertTense.TEST), roots_of([archive]), at=chain.clock.now())
    with counted() as counts, chain.working():
        for route in chain.bus.routes:
            while chain.bus.step(route):
                pass
    with transaction(chain.engine) as session:
        counts["findings"] = len(session.exec(select(AlertRow)).all())
    return counts


def test_a_scene_under_150_crossing_strips_is_assessed_with_few_overlays(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", [Scene(0), Scene(10, mining=[LAKE])])
    load_zones(chain := service(tmp_path / "data"), [])
    _load(chain, star(MAX_ZONES))
    counts = _assessed(chain, archive)
    record("crossing_zones", dict(counts))
    assert counts["findings"] > 100, "the strips have cut the lake"
    assert counts["judged"] <= 4, "the lake lies in at most four cells; a finding of one piece is not judged again"
    assert counts["overlays"] < 2 * MAX_ZONES**2


@pytest.mark.parametrize("kinds", [(ZoneKind.CONCESSION, ZoneKind.CONSERVATION), (ZoneKind.CONSERVATION, ZoneKind.PROTECTED_FOREST)])
def test_a_lattice_takes_overlays_in_proportion_to_its_crossings(kinds: tuple[ZoneKind, ZoneKind], monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the crossings, four times the overlays: not sixteen times, nor as many as all pieces have with all zones."""
    monkeypatch.setattr(overlay, "FEW", 4)  # so that small lattices show what large ones take
    spent = {}
    for number in (30, 60):
        index = ZoneIndex(lattice(number, kinds), kinds_loaded=list(ZoneKind))
        pit = shapely.box(*(CENTRE - 200), *(CENTRE + 200))
        with counted() as counts:
            found = judge(pit, zones=index, on=date(2026, 1, 1), pack=indonesia(), pixel_m=10)
        assert len(found) > number // 3 and sum(p.geometry.area for p in found) == pytest.approx(pit.area)
        spent[number] = counts["overlays"]
    print(spent)
    assert spent[60] < 6 * spent[30]


def test_many_parts_come_to_what_they_come_to_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    index = ZoneIndex(lattice(30, (ZoneKind.CONCESSION, ZoneKind.PRODUCTION_FOREST)), kinds_loaded=list(ZoneKind))
    pit = shapely.box(*(CENTRE - 200), *(CENTRE + 200))
    told = []
    for few in (overlay.FEW, 10**9):
        monkeypatch.setattr(overlay, "FEW", few)
        told.append([p.verdict for p in judge(pit, zones=index, on=date(2026, 1, 1), pack=indonesia(), pixel_m=10)])
    assert told[0] == told[1] and len(told[0]) > 10


def test_more_than_that_are_refused_over_all_layers_together_and_what_was_active_stays(tmp_path: Path) -> None:
    chain = service(tmp_path / "data")
    _load(chain, star(MAX_ZONES))
    with transaction(chain.engine) as session:
        before = store.version(session)
    one_more = _strip("more", 0.1, 0.0, 8.0, ZoneKind.RIPARIAN)
    drawn = replace(one_more, geometry=reproject(one_more.geometry, EPSG, 4326), layer="rivers")
    why = r"151 zones \(1 of rivers, 50 of strips-0.*Dissolve them"
    with pytest.raises(DataError, match=why) as refused, transaction(chain.engine) as session:
        store.activate(session, "rivers", "1", [drawn], at=chain.clock.now())
    assert refused.value.code is ErrorCode.ZONES_INVALID
    with transaction(chain.engine) as session:
        assert store.version(session) == before and len(store.active(session)) == MAX_ZONES
