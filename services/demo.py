"""The demonstration: a simulated archive through the whole chain in the embedded mode, and a page to look at."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.world import World
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertState
from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.simulate import write_world
from jagawana.services.notify import exports
from jagawana.services.replay import ReplaySummary, replay
from jagawana.services.settings import load_settings
from jagawana.services.store import alerts
from jagawana.services.store import zones as zone_store
from jagawana.services.store.blobs import write_durably
from jagawana.services.store.database import transaction
from jagawana.services.web.report import render_report
from jagawana.services.web.view import ReportSource, report_view
from jagawana.services.wiring import Service, build
from jagawana.services.zones.files import read_zones

NOTES = (
    "Every scene on this page was simulated; no place, permit or park on it is real.",
    "Every message is a test and went to the file channel only.",
)
SHOWN_MESSAGES = 3
Bar = Callable[[str], Callable[[int, int], None]]
"""Gives a progress callback (done, in all) for a named part of the work."""


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration ends with."""

    summary: ReplaySummary
    alerts_header: Sequence[str]
    alerts: Sequence[Sequence[str]]
    messages: Sequence[str]
    page: Path
    messages_folder: Path

    @property
    def closing(self) -> str:
        """The last lines a person reads."""
        s = self.summary
        return (
            f"{s.scenes_done} scenes, {s.alerts['initial']} alerts, {sum(s.alerts.values())} records; digest {s.digest[:16]}…\n"
            f"All messages: {self.messages_folder}\nThe page:     {self.page}"
        )

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self) | {"page": str(self.page), "messages_folder": str(self.messages_folder)}


def run_demo(out: Path, seed: int, bar: Bar) -> DemoResult:
    """Simulate, replay, render. `out` is made anew."""
    out = out.absolute()
    for part in ("archive", "data"):
        shutil.rmtree(out / part, ignore_errors=True)
    archive = write_world(World(WorldConfig(seed=seed)), out / "archive", progress=bar("simulating scenes"))
    service = build(load_settings(data=out / "data"))
    activate_zones(service, read_zones(archive.zones, kind=None, layer="zones", layer_version="simulated", name_field=None))
    summary = replay(service, [archive.root], order="acquired", tense=AlertTense.TEST, progress=bar("watching scenes"))
    source = ReportSource(service.engine, service.blobs, service.assess.histories)
    view = report_view(source, title="jagawana: possible mining, simulated year", made_at=service.clock.now(), simulated=True, notes=NOTES)
    page = out / "report.html"
    write_durably(page, render_report(view).encode())
    return _result(service, summary, page)


def activate_zones(service: Service, found: Sequence[Zone]) -> None:
    """Make a layer active."""
    with transaction(service.engine) as session:
        zone_store.activate(session, found[0].layer, found[0].layer_version, found, at=service.clock.now())


def _result(service: Service, summary: ReplaySummary, page: Path) -> DemoResult:
    with transaction(service.engine) as session:
        latest = [r for r in alerts.latest_records(session) if r.content.state is not AlertState.RETRACTED]
    folder = service.settings.messages
    shown = sorted(folder.glob("*-logbook-id.txt"))[-SHOWN_MESSAGES:]
    return DemoResult(
        summary=summary,
        alerts_header=exports.TABLE_HEADER,
        alerts=exports.to_table_rows(latest),
        messages=[m.read_text() for m in shown],
        page=page,
        messages_folder=folder,
    )
