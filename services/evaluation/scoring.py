"""Scores of told alerts against the truth of a simulated world. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject
from jagawana.schemas.alert import AlertPublished, AlertState, ChangeClass, Stage
from jagawana.services.evaluation.truth import TrueEvent, Truth

TOLERANCE_M = 30.0
"""A told shape this near to worked ground is about it: three Sentinel-2 pixels, for co-registration and mixed edges."""
PRECURSOR_M = 200.0
STEP = timedelta(days=15)
"""The truth is written at this interval."""
ClearLooks = Callable[[BaseGeometry, datetime, datetime], int]
"""How many clear looks a place had after one time and up to another."""


@dataclass(frozen=True)
class Waiting:
    """From first visible to told: medians over the events that were."""

    events: int
    days: float | None
    clear_looks: float | None


@dataclass(frozen=True)
class WorldScore:
    """How the chain did. Every figure is of simulated scenes."""

    events: int
    events_told: int
    recall: float | None
    provisional_told: int
    provisional_precision: float | None
    confirmed_told: int
    confirmed_precision: float | None
    to_provisional: Waiting
    to_confirmed: Waiting
    precursors_told: int
    precursor_sites_led: int
    precursor_lead_days: float | None
    false_alerts: int
    watched_km2: float
    months: float
    false_per_1000_km2_month: float | None
    missed: tuple[str, ...]
    what: str = "simulated scenes"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Told:
    """A record in scene time: its decision belongs to the last scene that showed it."""

    record: AlertPublished
    at: datetime
    mining: BaseGeometry
    precursors: BaseGeometry


def score(records: Sequence[AlertPublished], truth: Truth, clear_looks: ClearLooks, *, watched_km2: float, months: float) -> WorldScore:
    """Score every record ever told.

    Args:
        records: in the order they were decided.
        clear_looks: see ClearLooks; geometry in the truth's coordinate system.
        watched_km2, months: what was watched, for the rate of false alerts.
    """
    told = [_told(r, truth.epsg) for r in records if r.content.state is not AlertState.RETRACTED]
    wanted = [e for e in truth.events if e.should_alert]
    found = {e.event_id: [t for t in told if _is_about(t, e)] for e in wanted}
    first = {AlertState.PROVISIONAL: _firsts(told, AlertState.PROVISIONAL), AlertState.CONFIRMED: _firsts(told, AlertState.CONFIRMED)}
    right = {state: [_is_true(t, truth) for t in firsts] for state, firsts in first.items()}
    false = sum(not (_is_true(t, truth) or _is_true_precursor(t, truth)) for t in _first_of_each(told))
    leads = _leads(told, truth)
    return WorldScore(
        events=len(wanted),
        events_told=sum(bool(t) for t in found.values()),
        recall=_share([bool(t) for t in found.values()]),
        provisional_told=len(first[AlertState.PROVISIONAL]),
        provisional_precision=_share(right[AlertState.PROVISIONAL]),
        confirmed_told=len(first[AlertState.CONFIRMED]),
        confirmed_precision=_share(right[AlertState.CONFIRMED]),
        to_provisional=_waiting(wanted, found, clear_looks, (AlertState.PROVISIONAL, AlertState.CONFIRMED)),
        to_confirmed=_waiting(wanted, found, clear_looks, (AlertState.CONFIRMED,)),
        precursors_told=sum(t.record.content.stage is Stage.PRECURSOR for t in _first_of_each(told)),
        precursor_sites_led=len(leads),
        precursor_lead_days=median(leads) if leads else None,
        false_alerts=false,
        watched_km2=round(watched_km2, 1),
        months=round(months, 2),
        false_per_1000_km2_month=round(false / (watched_km2 / 1000) / months, 3) if watched_km2 and months else None,
        missed=tuple(event for event, records_of in found.items() if not records_of),
    )


def _told(record: AlertPublished, epsg: int) -> _Told:
    shapes = [(s.change_class, reproject(shapely.geometry.shape(s.geometry.model_dump()), 4326, epsg)) for s in record.content.shapes]
    mining = shapely.union_all([g for kind, g in shapes if kind is ChangeClass.MINING])
    return _Told(
        record, record.content.last_seen_at, mining, shapely.union_all([g for kind, g in shapes if kind is not ChangeClass.MINING])
    )


def _is_about(told: _Told, event: TrueEvent) -> bool:
    return not told.mining.is_empty and told.mining.distance(event.final) <= TOLERANCE_M and told.at >= event.first_visible_at - STEP


def _is_true(told: _Told, truth: Truth) -> bool:
    """Whether there was worked ground where mining was told, by the time it was told."""
    return not told.mining.is_empty and any(
        s.at <= told.at + STEP and told.mining.distance(s.geometry) <= TOLERANCE_M for s in truth.states
    )


def _is_true_precursor(told: _Told, truth: Truth) -> bool:
    return not told.precursors.is_empty and any(told.precursors.distance(s.precursors) <= PRECURSOR_M for s in truth.sites)


def _firsts(told: Sequence[_Told], state: AlertState) -> list[_Told]:
    """The first mining record of each alert in a state."""
    return _first_of_each([t for t in told if t.record.content.state is state and t.record.content.stage is Stage.MINING])


def _first_of_each(told: Sequence[_Told]) -> list[_Told]:
    first: dict[object, _Told] = {}
    for t in told:
        first.setdefault(t.record.content.alert_id, t)
    return list(first.values())


def _waiting(
    events: Sequence[TrueEvent], found: dict[str, list[_Told]], clear_looks: ClearLooks, states: tuple[AlertState, ...]
) -> Waiting:
    days, looks = [], []
    for event in events:
        times = [t.at for t in found[event.event_id] if t.record.content.state in states]
        if times:
            at = max(min(times), event.first_visible_at)
            days.append((at - event.first_visible_at) / timedelta(days=1))
            looks.append(clear_looks(event.final, event.first_visible_at, at))
    return Waiting(len(days), round(median(days), 1) if days else None, median(looks) if looks else None)


def _leads(told: Sequence[_Told], truth: Truth) -> list[float]:
    """Days from the first precursor told of a site to its first pit, where that is positive."""
    leads = []
    for site in truth.sites:
        times = [t.at for t in told if not t.precursors.is_empty and t.precursors.distance(site.precursors) <= PRECURSOR_M]
        if times and min(times) < site.first_pit_at:
            leads.append(round((site.first_pit_at - min(times)) / timedelta(days=1), 1))
    return leads


def _share(values: Sequence[bool]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None
