"""What a simulated history is about: scenes, zones, packs and models; and the thinking, which is cheap, pure and blind to order.

The networks, the fold and the judging are not here: they have laws and tests of their own (`tests/unit/detectors`, `tests/unit/rules`).
What is remembered and told between and after them is the production's own code.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

import alert_examples
import shapely

from jagawana.detectors.grid import cell_square, reproject, tile_square
from jagawana.rules.pack import RulePack, indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import AlertContent, AlertState, Category, Cutout, ZoneKind
from jagawana.schemas.envelope import encode
from jagawana.schemas.ids import alert_id, canonical_json, observation_id, sha256_of
from jagawana.schemas.observation import AlertTense, ModelRef
from jagawana.schemas.scene import SceneAcquired, SceneItem
from jagawana.services.assess.alerts import Finding
from jagawana.services.store.log import event_id_of
from jagawana.services.store.tables import ObservationRow, SceneRow

TILES = ("49MDU57", "49MDU58")
CELLS = {TILES[0]: ("49MDU5070", "49MDU5171"), TILES[1]: ("49MDU5080", "49MDU5181")}
DAY_ONE = datetime(2026, 1, 5, 2, 40, tzinfo=UTC)
MODELS = ("first", "second")
PACKS = (indonesia(), indonesia().model_copy(update={"version": "2.0"}))
QUICKLOOK = "0e" * 32
FIRST_LIGHT = datetime(2000, 1, 1, tzinfo=UTC)
ENDS_AFTER = 2


class Nature(StrEnum):
    """What a scene does to whoever handles it."""

    GOOD = "good"
    FLAKY = "flaky"  # its decoder dies once or twice
    POISON = "poison"  # its decoder always dies
    KILLER = "killer"  # its worker always dies
    WRONG = "wrong"  # refused
    GARBAGE = "garbage"  # not a message at all

    @property
    def ends_dead(self) -> bool:
        return self not in (Nature.GOOD, Nature.FLAKY)


@dataclass(frozen=True)
class SimulatedScene:
    """One product. `shown` gives hectares by cell, for the tiles it touches; a cell it does not name was seen to be clean."""

    number: int
    day: int
    revision: int
    tense: AlertTense
    nature: Nature
    crashes: int
    shown: Mapping[str, Mapping[str, float]]

    @property
    def scene_id(self) -> str:
        return f"S2_{self.day:03d}_r{self.revision}"

    @property
    def acquired_at(self) -> datetime:
        return DAY_ONE + timedelta(days=self.day)

    @property
    def payload(self) -> bytes:
        """The event."""
        return b"no message %d" % self.number if self.nature is Nature.GARBAGE else _payload(self.day, self.revision, self.tense)

    @cached_property
    def event_id(self) -> str:
        return event_id_of(self.payload)

    @property
    def item(self) -> SceneItem:
        return _item(self.day, self.revision)

    @cached_property
    def contents(self) -> Mapping[str, bytes]:
        """The blob of each tile: what the network would have seen."""
        return {
            tile: json.dumps({"scene": self.scene_id, "tile": tile, "shown": shown}, sort_keys=True).encode()
            for tile, shown in self.shown.items()
        }

    @cached_property
    def rows(self) -> Mapping[tuple[str, str], ObservationRow]:
        """The observations by tile and model; their blobs may not be there yet."""
        return {
            (tile, model): _row(self.day, self.revision, self.tense, tile, model).model_copy(update={"blob": sha256_of(content)})
            for tile, content in self.contents.items()
            for model in MODELS
        }

    def scene_row(self) -> SceneRow:
        return _scene_row(self.day, self.revision)


@lru_cache(maxsize=4096)
def _item(day: int, revision: int) -> SceneItem:
    west, south, east, north = 110.55, -1.2, 110.65, -1.08
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    asset = {
        "href": "/nowhere/image.tif", "bands": [{"name": "B04"}], "file:size": 1, "file:checksum": "1220" + f"{day:032x}{revision:032x}",
        "proj:code": "EPSG:32749", "proj:shape": [1, 1], "proj:transform": [10, 0, 0, 0, -10, 0],
    }  # fmt: skip
    properties = {
        "datetime": (DAY_ONE + timedelta(days=day)).isoformat(), "platform": "sentinel-2a", "gsd": 10.0, "grid:code": "MGRS-49MDU",
        "s2:processing_baseline": f"05.{revision:02d}",
    }  # fmt: skip
    return SceneItem.model_validate(
        {
            "id": f"S2_{day:03d}_r{revision}", "bbox": [west, south, east, north], "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": properties, "assets": {"image": asset},
        }
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _payload(day: int, revision: int, tense: AlertTense) -> bytes:
    return encode(SceneAcquired(item=_item(day, revision), tense=tense), source="/simulation", at=DAY_ONE)


@lru_cache(maxsize=4096)
def _scene_row(day: int, revision: int) -> SceneRow:
    item = _item(day, revision)
    document = canonical_json(item)
    return SceneRow(scene_id=item.id, item_sha256=sha256_of(document), acquired_at=item.acquired_at, item="{}", recorded_at=FIRST_LIGHT)


@lru_cache(maxsize=4096)
def _row(day: int, revision: int, tense: AlertTense, tile: str, model: str) -> ObservationRow:
    item, fingerprint = _item(day, revision), f"{model}/1/10m"
    return ObservationRow(
        observation_id=observation_id(tile, item.acquisition_key, item.id, item.revision, fingerprint), tile=tile, fingerprint=fingerprint,
        acquisition_key=item.acquisition_key, revision=item.revision, scene_id=item.id, platform="sentinel-2a",
        acquired_at=item.acquired_at, model_id=model, model_sha256="ab" * 32, calibrated=True, resolution_m=10, blob="",
        quicklook=QUICKLOOK, quicklook_bounds="0,0,1,1",
        footprint_share=1.0, clear_share=1.0, cloud_share=0.0, tense=tense, recorded_at=FIRST_LIGHT,
    )  # fmt: skip


def _degrees(cell: str) -> shapely.Polygon:
    outline: shapely.Polygon = reproject(cell_square(cell).polygon.buffer(-50, join_style="mitre"), 32749, 4326)
    return outline


@lru_cache(maxsize=1)
def layers() -> Mapping[str, Sequence[Zone]]:
    """Versions of the one zone layer, a park a cell: three cells; one lost and another won; the first tile only."""

    def park(version: str, cell: str) -> Zone:
        return Zone(f"park-{cell}", ZoneKind.CONSERVATION, "Taman Uji", _degrees(cell), "parks", version, "test")

    a, b = CELLS[TILES[0]]
    c, d = CELLS[TILES[1]]
    return {
        "1": (park("1", a), park("1", b), park("1", c)),
        "2": (park("2", b), park("2", c), park("2", d)),
        "3": (park("3", a), park("3", b)),
    }


@dataclass(frozen=True)
class Script:
    """What happens in a history, in no order yet."""

    scenes: tuple[SimulatedScene, ...]
    zone_changes: tuple[str, ...]
    model_changes: tuple[str, ...]
    pack_changes: tuple[int, ...]
    by_item: Mapping[tuple[str, AlertTense], SimulatedScene]


def script(rng: random.Random) -> Script:
    """A history's scenes and changes."""
    days = rng.sample(range(60), rng.randint(3, 6))
    begun = {cell: rng.choice(days) for cells in CELLS.values() for cell in cells if rng.random() < 0.6}
    scenes = [_scene(rng, n, day, 1, begun) for n, day in enumerate(days)]
    if rng.random() < 0.3:
        scenes.append(_scene(rng, len(scenes), rng.choice(days), 2, begun))
    if rng.random() < 0.2:
        tested = rng.choice([s for s in scenes])
        scenes.append(_as_test(tested, len(scenes)))
    if rng.random() < 0.35:
        scenes.append(_scene(rng, len(scenes), 90, 1, begun, rng.choice([Nature.POISON, Nature.KILLER, Nature.WRONG, Nature.GARBAGE])))
    return Script(
        scenes=tuple(scenes),
        zone_changes=tuple(rng.choices(list(layers()), k=rng.choice([0, 0, 1, 2]))),
        model_changes=tuple(MODELS[1:] if rng.random() < 0.2 else ()),
        pack_changes=(1,) if rng.random() < 0.2 else (),
        by_item={(s.scene_id, s.tense): s for s in scenes},
    )


def _as_test(scene: SimulatedScene, number: int) -> SimulatedScene:
    return SimulatedScene(number, scene.day, scene.revision, AlertTense.TEST, Nature.GOOD, 0, scene.shown)


def _scene(
    rng: random.Random, number: int, day: int, revision: int, begun: Mapping[str, int], nature: Nature | None = None
) -> SimulatedScene:
    nature = nature or (Nature.FLAKY if rng.random() < 0.15 else Nature.GOOD)
    tiles = TILES if rng.random() < 0.5 else (rng.choice(TILES),)
    shown: dict[str, dict[str, float]] = {}
    for tile in tiles:
        active = [c for c in CELLS[tile] if c in begun and day >= begun[c]]
        shown[tile] = {c: round(0.5 + 0.05 * max(0, day - begun[c]), 2) for c in active if rng.random() < 0.8}
    tense = AlertTense.ARCHIVAL if rng.random() < 0.1 else AlertTense.CURRENT
    return SimulatedScene(number, day, revision, tense, nature, rng.randint(1, 2) if nature is Nature.FLAKY else 0, shown)


# The thinking


@dataclass(frozen=True)
class SimulatedStream:
    """The looks of one fingerprint, in the order in which the store gives them: the oldest first."""

    fingerprint: str
    rows: Sequence[ObservationRow]
    shown: Sequence[Mapping[str, float]]


@dataclass
class _Believed:
    """What one stream comes to for one cell."""

    seen_by: list[ObservationRow]
    clean_since: int = 0
    hectares: float = 0.0

    @property
    def state(self) -> AlertState:
        if self.clean_since >= ENDS_AFTER:
            return AlertState.ENDED
        return AlertState.CONFIRMED if len(self.seen_by) > 1 else AlertState.PROVISIONAL


def simulated_findings(tile: str, streams: Sequence[SimulatedStream], zones: ZoneIndex, pack: RulePack) -> list[Finding]:
    """What the first look of a stream shows is inventory; what later looks show is new; once only, then not: withdrawn."""
    best: dict[str, _Believed] = {}
    for stream in streams:
        for cell, believed in _fold(stream).items():
            known = best.get(cell)
            if known is None or len(believed.seen_by) > len(known.seen_by):
                best[cell] = believed
    return sorted((_finding(tile, c, b, zones, pack) for c, b in best.items()), key=lambda f: str(f.content.alert_id))


def _fold(stream: SimulatedStream) -> dict[str, _Believed]:
    inventory, believed = set(stream.shown[0]), dict[str, _Believed]()
    for row, shown in zip(stream.rows[1:], stream.shown[1:], strict=True):
        for cell in [c for c in believed if c not in shown]:
            believed[cell].clean_since += 1
            if len(believed[cell].seen_by) == 1:
                del believed[cell]
        for cell, hectares in shown.items():
            if cell not in inventory:
                mine = believed.setdefault(cell, _Believed([]))
                mine.seen_by.append(row)
                mine.clean_since, mine.hectares = 0, hectares
    return believed


def _finding(tile: str, cell: str, believed: _Believed, zones: ZoneIndex, pack: RulePack) -> Finding:
    first, last = believed.seen_by[0], believed.seen_by[-1]
    touching = zones.touching(_inside(cell), first.acquired_at.date())
    zone = touching[0] if touching else None
    template = _template(tile, cell, zone and (zone.zone_id, zone.layer_version), pack.version)
    shape = template.shapes[0].model_copy(
        update={"state": believed.state, "area_ha": believed.hectares, "first_seen_at": first.acquired_at, "last_seen_at": last.acquired_at}
    )
    evidence = template.evidence.model_copy(
        update={
            "scene_ids": tuple(dict.fromkeys(r.scene_id for r in believed.seen_by)),
            "observation_ids": tuple(r.observation_id for r in believed.seen_by),
            "models": (ModelRef(model_id=first.model_id, sha256=first.model_sha256, fingerprint=first.fingerprint),),
            "after": Cutout(scene_id=last.scene_id, acquired_at=last.acquired_at, blob=last.quicklook, bounds=(0.0, 0.0, 1.0, 1.0)),
        }
    )
    changes: dict[str, Any] = {"state": believed.state, "shapes": (shape,), "mining_ha": believed.hectares, "evidence": evidence}
    content = template.model_copy(update=changes | {"first_seen_at": first.acquired_at, "last_seen_at": last.acquired_at})
    return Finding(content, worthy=zone is not None)


@lru_cache(maxsize=1024)
def _template(tile: str, cell: str, zone: tuple[str, str] | None, pack_version: str) -> AlertContent:
    """An alert of a cell in a zone; dates, sizes and evidence are put in by the caller."""
    rule = "id-conservation" if zone else "id-outside"
    overlap = alert_examples.zone(zone_id=zone[0], layer="parks", layer_version=zone[1], kind=ZoneKind.CONSERVATION) if zone else None
    verdict = alert_examples.verdict(
        (overlap,) if overlap else (), rule_id=rule, pack_version=pack_version, category=Category.LOW, decisive_zone=zone and zone[0]
    )
    return alert_examples.content(
        zones=(overlap,) if overlap else (), alert_id=alert_id(cell, zone and zone[0], rule), tile=tile, cell=cell, verdict=verdict,
        place={"type": "Point", "coordinates": _place(cell)},
    )  # fmt: skip


@lru_cache(maxsize=64)
def _inside(cell: str) -> shapely.Polygon:
    return cell_square(cell).polygon.buffer(-200)


@lru_cache(maxsize=64)
def _place(cell: str) -> tuple[float, float]:
    point = reproject(cell_square(cell).polygon.centroid, tile_square(cell[:5] + cell[5] + cell[7]).epsg, 4326)
    return round(point.x, 7), round(point.y, 7)
