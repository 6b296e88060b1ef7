"""What a replay of labelled pairs came to: findings against hand labels, told or only recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import rasterize
from real.amazon import PIXEL_M, SIZE_PX, Pair

from jagawana.detectors.grid import reproject
from jagawana.schemas.alert import AlertContent, AlertState, ChangeClass
from jagawana.services.store import alerts
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import AlertRow
from jagawana.services.wiring import Service

MINING, UNSURE = 1, 255
OVER = (AlertState.RETRACTED, AlertState.ENDED)
EVENT_PX = 30
"""0.3 ha: the smallest new mining that must be found, and the smallest that the service reports at 10 m."""
Labels = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Finding = tuple[AlertContent, bool]
"""What is believed of one cell, zone and rule, and whether people were told and it was not withdrawn."""


@dataclass(frozen=True)
class Truth:
    """Hand labels of one pair, both (48, 48): new mining, and the ground labelled at both dates."""

    new: Flags
    known: Flags
    change: str

    @property
    def new_px(self) -> int:
        """Pixels of new mining."""
        return int(self.new.sum())


@dataclass(frozen=True)
class Found:
    """One mining finding that stands: its ground (48, 48) in a pair, and whether a person was told."""

    content: AlertContent
    told: bool
    ground: Flags


@dataclass(frozen=True)
class Score:
    """Counts of pairs. An event is a pair with EVENT_PX of new mining; a quiet pair has none at all."""

    events: int
    events_found: int
    events_told: int
    quiet: int
    quiet_alarmed: int
    quiet_told: int

    def __str__(self) -> str:
        found = f"{self.events_found}/{self.events} pairs with new mining found ({self.events_told} told)"
        return f"{found}; {self.quiet_alarmed}/{self.quiet} pairs without alarmed ({self.quiet_told} told)"


def read_truth(data: Path) -> dict[str, Truth]:
    """Hand labels of `s2_amazon_labels`, by sample id."""
    stored = np.load(data / "s2_amazon_labels" / "labels.npz")
    columns = (stored[k] for k in ("sample_id", "t0", "t1", "change"))
    return {str(name): _truth(before, after, str(change)) for name, before, after, change in zip(*columns, strict=True)}


def _truth(before: Labels, after: Labels, change: str) -> Truth:
    known = (before != UNSURE) & (after != UNSURE)
    return Truth((after == MINING) & (before != MINING) & known, known, change)


def mining_findings(service: Service) -> list[Finding]:
    """Every finding of mining that is believed in the end."""
    with transaction(service.engine) as session:
        rows = [(alerts.content_of(r), _stands(r)) for r in alerts.all_alerts(session) if r.state not in OVER]
    return [(content, stands) for content, stands in rows if content.mining_ha > 0]


def _stands(row: AlertRow) -> bool:
    return bool(row.published) and AlertContent.model_validate_json(row.published).state is not AlertState.RETRACTED


def findings_of(pairs: Sequence[Pair], findings: Sequence[Finding]) -> dict[str, list[Found]]:
    """The findings that lie in each pair, by sample id."""
    shapes = [_mining(content) for content, _ in findings]
    tree = shapely.STRtree(shapes)
    found: dict[str, list[Found]] = {}
    for pair in pairs:
        near = tree.query(reproject(pair.outline, pair.epsg, 4326), predicate="intersects")
        inside = ((findings[n], _ground(shapes[n], pair)) for n in sorted(near))
        found[pair.sample_id] = [Found(content, told, ground) for (content, told), ground in inside if ground.any()]
    return found


def score(truth: Mapping[str, Truth], found: Mapping[str, Sequence[Found]]) -> Score:
    """Pairs counted. A finding counts for an event when it overlaps the new mining, against a quiet pair when it lies on
    ground that was labelled at both dates.
    """
    events = {name: [f for f in found[name] if (f.ground & t.new).any()] for name, t in truth.items() if t.new_px >= EVENT_PX}
    quiet = {name: [f for f in found[name] if (f.ground & t.known).any()] for name, t in truth.items() if t.new_px == 0}
    return Score(
        len(events), _any(events), _any(events, told=True),
        len(quiet), _any(quiet), _any(quiet, told=True),
    )  # fmt: skip


def _any(found: Mapping[str, Sequence[Found]], *, told: bool = False) -> int:
    return sum(any(f.told or not told for f in mine) for mine in found.values())


def _mining(content: AlertContent) -> shapely.Geometry:
    parts = [shapely.geometry.shape(s.geometry.model_dump()) for s in content.shapes if s.change_class is ChangeClass.MINING]
    return shapely.union_all(parts)


def _ground(shape: shapely.Geometry, pair: Pair) -> Flags:
    """Pixels of the pair whose centre lies in the shape."""
    drawn = reproject(shape, 4326, pair.epsg).buffer(PIXEL_M / 100)
    mask = rasterize([(drawn, 1)], out_shape=(SIZE_PX, SIZE_PX), transform=pair.transform, dtype=np.uint8)
    return np.asarray(mask, bool)
