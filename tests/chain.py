"""The whole chain for tests: small scenes, the weightless detector, a clock that does not wait."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import shapely
from scenes import Scene, write_archive

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertPublished, ZoneKind
from jagawana.schemas.observation import AlertTense
from jagawana.services.bus.handling import Clock
from jagawana.services.replay import ReplaySummary, replay
from jagawana.services.settings import load_settings
from jagawana.services.store import alerts, zones
from jagawana.services.store.database import transaction
from jagawana.services.wiring import Service, build

PARK = Zone("park-1", ZoneKind.CONSERVATION, "Taman Nasional Uji", shapely.box(110.5, -1.3, 110.7, -1.0), "parks", "1", "test")
FAR_CONCESSION = Zone("iup-1", ZoneKind.CONCESSION, "PT Jauh", shapely.box(112.0, -1.3, 112.1, -1.2), "concessions", "1", "test")
PIT = (30, 30, 12, 12)
GROWN = (30, 30, 24, 16)
STORY = (
    Scene(0),
    Scene(10, mining=[PIT]),
    Scene(20, mining=[PIT], clouds=[(10, 10, 60, 60)]),
    Scene(30, mining=[PIT]),
    Scene(40, mining=[GROWN]),
    Scene(50, mining=[GROWN, (70, 10, 10, 10)]),
)
"""Forest, then a pit, a cloud that hides it, the pit again, its growth, and a second pit seen once."""


class TestClock:
    """A clock that moves a second at every look and does not wait."""

    __test__ = False

    def __init__(self) -> None:
        self.at = datetime(2026, 6, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def service(data: Path, **settings: object) -> Service:
    clock = TestClock()
    return build(load_settings(data=data, **({"model": "spectral-6"} | settings)), Clock(clock.now, clock.sleep))


def load_zones(to: Service, loaded: Sequence[Zone] = (PARK, FAR_CONCESSION)) -> None:
    with transaction(to.engine) as session:
        for zone in loaded:
            zones.activate(session, zone.layer, zone.layer_version, [zone], at=to.clock.now())


def told(
    by: Service, scenes: Sequence[Scene], folder: Path, *, order: str = "acquired", tense: AlertTense = AlertTense.TEST
) -> ReplaySummary:
    write_archive(folder, scenes)
    return replay(by, [folder], order=order, tense=tense)


def records(of: Service) -> list[AlertPublished]:
    with transaction(of.engine) as session:
        return alerts.records(session)
