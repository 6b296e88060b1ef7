"""What a simulated history is about: scenes, zone layers, rule packs and models, and the order of nothing yet."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import cast

import shapely

from jagawana.detectors.grid import cell_square, reproject
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.envelope import encode, event_id_of
from jagawana.schemas.ids import canonical_json, observation_id, sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.scene import SceneAcquired, SceneItem
from jagawana.services.store.tables import ObservationRow, SceneRow

TILES = ("49MDU57", "49MDU58")
CELLS = {TILES[0]: ("49MDU5070", "49MDU5171"), TILES[1]: ("49MDU5080", "49MDU5181")}
DAY_ONE = datetime(2026, 1, 5, 2, 40, tzinfo=UTC)
MODELS = ("first", "second")
PACKS = (indonesia(), indonesia().model_copy(update={"version": "2.0"}))
MOST_A_DAY = 4
"""Different events of one acquisition that are looked at; without a flood there are at most three."""
QUICKLOOK = "0e" * 32
FIRST_LIGHT = datetime(2000, 1, 1, tzinfo=UTC)


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
    return cast(shapely.Polygon, reproject(cell_square(cell).polygon.buffer(-50, join_style="mitre"), 32749, 4326))


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
        tested = rng.choice(scenes)
        scenes.append(_as_test(tested, len(scenes)) if rng.random() < 0.6 else _tried_out(rng, tested, len(scenes), begun))
    if rng.random() < 0.35:
        scenes.append(_scene(rng, len(scenes), 90, 1, begun, rng.choice([Nature.POISON, Nature.KILLER, Nature.WRONG, Nature.GARBAGE])))
    scenes += _flood(len(scenes), days, begun)
    return Script(
        scenes=tuple(scenes),
        zone_changes=tuple(rng.choices(list(layers()), k=rng.choice([0, 0, 1, 2]))),
        model_changes=tuple(MODELS[1:] if rng.random() < 0.2 else ()),
        pack_changes=(1,) if rng.random() < 0.2 else (),
        by_item={(s.scene_id, s.tense): s for s in scenes},
    )


def _flood(number: int, days: Sequence[int], begun: Mapping[str, int]) -> list[SimulatedScene]:
    """Now and then, more revisions of one acquisition than there can be; drawn aside, so that other histories stay what they are."""
    aside = random.Random(f"flood {days}")
    revisions = range(1, MOST_A_DAY + 3) if aside.random() < 0.03 else ()
    return [_scene(aside, number + n, 95, revision, begun) for n, revision in enumerate(revisions)]


def _as_test(scene: SimulatedScene, number: int) -> SimulatedScene:
    return SimulatedScene(number, scene.day, scene.revision, AlertTense.TEST, Nature.GOOD, 0, scene.shown)


def _tried_out(rng: random.Random, scene: SimulatedScene, number: int, begun: Mapping[str, int]) -> SimulatedScene:
    """A reprocessed product that only ever comes as a test."""
    return replace(_scene(rng, number, scene.day, 3, begun, Nature.GOOD), tense=AlertTense.TEST)


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
