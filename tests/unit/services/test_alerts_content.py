"""What an alert holds, with one sensor and with two; and that a tile is committed whole, once, or not at all."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from chain import PIT as SCENE_PIT
from chain import load_zones, records, service, told
from scenes import Scene, write_archive
from sqlmodel import select

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import fold
from jagawana.detectors.grid import reproject, tile_square
from jagawana.detectors.history import STORED_CLASSES, Observation, sparse
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import AlertContent, AlertState, AlertType, ChangeClass, Stage, ZoneKind
from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.schemas.ids import alert_id, sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.alerts import Finding, findings
from jagawana.services.assess.histories import Stream
from jagawana.services.ingest.items import find_items, send
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.store.tables import AlertRow, AlertVersionRow, DeliveryRow, EventRow, ObservationRow
from jagawana.services.wiring import Service

TILE = "49MDU57"
SQUARE = tile_square(TILE)
START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
PARK = ZoneIndex([Zone("park", ZoneKind.CONSERVATION, "Park", shapely.box(*SQUARE.polygon.buffer(5_000).bounds), "parks", "1", "test")])
Box = tuple[int, int, int, int]
"""Metres from the north-west corner of cell 49MDU5070's northern half: south, east, height, width."""
Shown = Mapping[LandClass, Sequence[Box]]
PIT: Shown = {LandClass.MINING: [(100, 100, 120, 120)]}
ROAD: Shown = {LandClass.ROAD: [(100, 100, 10, 700)]}
TOP_M = 9_200
SIDE_M = 960


def look(day: float, shown: Shown | None = None, *, resolution_m: int = 10, platform: str = "s2a") -> Observation:
    size = SIDE_M // resolution_m
    stored = np.zeros((len(STORED_CLASSES), size, size), np.uint8)
    for land_class, boxes in (shown or {}).items():
        for south, east, height, width in boxes:
            rows, columns = (slice(a // resolution_m, (a + b) // resolution_m) for a, b in ((south, height), (east, width)))
            stored[STORED_CLASSES.index(land_class), rows, columns] = 230
    origin = (TOP_M // resolution_m, 0)
    positions, values = sparse(stored, origin=origin, side=10_000 // resolution_m)
    sky = np.full((size, size), SkyClass.CLEAR, np.uint8)
    name = f"{platform}-{day}-{resolution_m}"
    return Observation(name, name, platform, START + timedelta(days=day), resolution_m, positions, values, sky, origin)


def stream(fingerprint: str, *looks: Observation, calibrated: bool = True) -> Stream:
    rows = {o.observation_id: _row(o, fingerprint, calibrated) for o in looks}
    return Stream(fingerprint, rows, fold(looks))


def _row(o: Observation, fingerprint: str, calibrated: bool) -> ObservationRow:
    return ObservationRow(
        observation_id=sha256_of(o.observation_id.encode()), tile=TILE, fingerprint=fingerprint, acquisition_key=o.scene_id,
        revision="1", scene_id=o.scene_id, platform=o.platform, acquired_at=o.acquired_at, model_id=fingerprint.split("/")[0],
        model_sha256="ab" * 32, calibrated=calibrated, resolution_m=o.resolution_m, blob="01" * 32, quicklook="02" * 32,
        quicklook_bounds="0,0,1,1", footprint_share=1.0, clear_share=1.0, cloud_share=0.0, tense="test", recorded_at=START,
    )  # fmt: skip


def found(*streams: Stream) -> list[Finding]:
    return findings(TILE, streams, PARK, indonesia())


def only(*streams: Stream) -> AlertContent:
    (finding,) = found(*streams)
    return finding.content


def s2(*looks: tuple[float, Shown]) -> Stream:
    return stream("s2/1", look(0), *(look(day, shown) for day, shown in looks))


def planet(*looks: tuple[float, Shown]) -> Stream:
    return stream("rgbn/1", look(1, resolution_m=5, platform="ps"), *(look(d, shown, resolution_m=5, platform="ps") for d, shown in looks))


def test_one_sensor_one_look() -> None:
    content = only(s2((5, PIT)))
    assert content.alert_id == alert_id("49MDU5070", "park", "id.cat3.conservation") and content.cell == "49MDU5070"
    assert (content.stage, content.state, content.mining_ha) == (Stage.MINING, AlertState.PROVISIONAL, 1.44)
    (shape,) = content.shapes
    assert shape.area_ha == 1.44 and shape.confirmed_at is None
    assert shape.last_clear_before_at == START and shape.first_seen_at == START + timedelta(days=5)
    on_the_ground = reproject(shapely.geometry.shape(shape.geometry.model_dump()), 4326, SQUARE.epsg)
    assert on_the_ground.area == pytest.approx(14_400, rel=1e-4)
    assert on_the_ground.contains(reproject(shapely.Point(content.place.coordinates), 4326, SQUARE.epsg))


def test_hectares_of_two_sensors_are_of_their_union() -> None:
    shifted: Shown = {LandClass.MINING: [(100, 160, 120, 120)]}
    same, overlapping = only(s2((5, PIT)), planet((6, PIT))), only(s2((5, PIT)), planet((6, shifted)))
    assert same.mining_ha == same.shapes[0].area_ha == 1.44
    assert overlapping.mining_ha == 1.44 + 0.72 and len(overlapping.shapes) == 1


def test_two_sensors_that_show_the_same_place_confirm_each_other() -> None:
    content = only(s2((5, PIT)), planet((8, PIT)))
    (shape,) = content.shapes
    assert content.state is shape.state is AlertState.CONFIRMED
    assert shape.confirmed_at == START + timedelta(days=8) and content.first_seen_at == START + timedelta(days=5)
    assert len(content.evidence.models) == 2 and len(content.evidence.observation_ids) == 2


def test_two_sensors_that_show_two_places_do_not() -> None:
    elsewhere: Shown = {LandClass.MINING: [(400, 400, 120, 120)]}
    content = only(s2((5, PIT)), planet((8, elsewhere)))
    assert content.state is AlertState.PROVISIONAL and content.mining_ha == 2.88


def test_two_models_on_one_sensor_s_scene_do_not() -> None:
    old, new = (stream(f, look(0), look(5, PIT)) for f in ("s2/1", "s2/2"))
    assert only(old, new).state is AlertState.PROVISIONAL and only(old, new).mining_ha == 1.44


@pytest.mark.parametrize("apart_m", [0, 10, 20])
def test_a_road_that_two_sensors_draw_a_little_apart_is_counted_once(apart_m: int) -> None:
    beside: Shown = {LandClass.ROAD: [(100 + apart_m, 100, 10, 700)]}
    alone, both = only(planet((8, ROAD))), only(s2((5, beside)), planet((8, ROAD)))
    assert both.road_m == pytest.approx(alone.road_m, rel=0.05)
    assert both.shapes[0].length_m == both.road_m


def test_another_road_is_counted_too() -> None:
    other: Shown = {LandClass.ROAD: [(400, 100, 10, 700)]}
    assert only(s2((5, other)), planet((8, ROAD))).road_m == pytest.approx(2 * 690, rel=0.05)


def test_the_huts_of_a_camp_are_counted_once() -> None:
    camp: Shown = {LandClass.HUT: [(100, 100, 10, 10), (100, 160, 10, 10), (160, 100, 10, 10)]}
    assert only(s2((5, camp), (10, camp))).huts == 3 == only(s2((5, camp), (10, camp)), planet((8, camp), (12, camp))).huts


def test_mining_leads_and_precursors_come_along() -> None:
    content = only(s2((5, {**PIT, **ROAD}), (10, {**PIT, **ROAD})))
    assert content.stage is Stage.MINING and [s.change_class for s in content.shapes] == [ChangeClass.MINING, ChangeClass.ROAD]
    assert content.road_m == pytest.approx(690, abs=20) and content.mining_ha == 1.44


def test_what_regrew_is_not_added_to_what_is_dug_now() -> None:
    nothing: Shown = {}
    other: Shown = {LandClass.MINING: [(400, 400, 60, 60)]}
    content = only(s2((5, PIT), (10, PIT), (15, other), (20, other), (25, other)))
    assert [s.state for s in content.shapes] == [AlertState.CONFIRMED, AlertState.ENDED] and content.mining_ha == 0.36
    ended = only(s2((5, PIT), (10, PIT), (15, nothing), (20, nothing), (25, nothing)))
    assert ended.state is AlertState.ENDED and ended.mining_ha == 1.44


def test_what_was_there_is_inventory_in_its_own_cell() -> None:
    grown: Shown = {LandClass.MINING: [(100, 100, 120, 240)]}
    content = only(stream("s2/1", look(0, PIT), look(5, grown)))
    assert (content.inventory_ha, content.mining_ha) == (1.44, 1.44)


def test_evidence_is_in_order_of_acquisition_and_honest_about_calibration() -> None:
    content = only(planet((3, PIT), (9, PIT)), s2((5, PIT), (12, PIT)))
    assert content.evidence.scene_ids == ("ps-3-5", "s2a-5-10", "ps-9-5", "s2a-12-10") and content.evidence.calibrated
    raw = stream("s2/1", look(0), look(5, PIT), calibrated=False)
    assert not only(raw, planet((6, PIT))).evidence.calibrated
    assert only(raw).evidence.before is not None and only(raw).evidence.before.scene_id == "s2a-0-10"  # type: ignore[union-attr]


# ---- one commit point --------------------------------------------------------------------------------------------


def _rows(chain: Service) -> dict[str, int]:
    tables = (AlertRow, AlertVersionRow, DeliveryRow, EventRow)
    with transaction(chain.engine) as session:
        return {t.__name__: len(session.exec(select(t)).all()) for t in tables}


def _observed(tmp_path: Path, scenes: Sequence[Scene]) -> Service:
    """Scenes detected, nothing assessed yet."""
    load_zones(chain := service(tmp_path / "data"))
    items = find_items([write_archive(tmp_path / "archive", scenes)], AlertTense.TEST)
    with transaction(chain.engine) as session:
        send(session, items, [tmp_path / "archive"], at=chain.clock.now())
    while chain.bus.step(chain.bus.routes[0]):
        pass
    return chain


def test_of_two_assessments_that_read_the_same_version_the_second_writes_nothing(tmp_path: Path) -> None:
    chain = _observed(tmp_path, [Scene(0), Scene(10, mining=[SCENE_PIT])])
    first, second = chain.assess.assess(TILE), chain.assess.assess(TILE)
    with chain.store.transaction() as tx:
        first.apply(tx, chain.clock.now())
    before = _rows(chain)
    assert before["AlertVersionRow"] == 1 and before["DeliveryRow"] == 2
    with pytest.raises(TransientError) as caught, chain.store.transaction() as tx:
        second.apply(tx, chain.clock.now())
    assert caught.value.code is ErrorCode.TILE_MOVED_ON and _rows(chain) == before
    third = chain.assess.assess(TILE)
    with chain.store.transaction() as tx:
        third.apply(tx, chain.clock.now())
    assert _rows(chain) == before, "folding again finds nothing new to tell"


def test_an_error_after_the_compare_and_set_leaves_nothing(tmp_path: Path) -> None:
    chain = _observed(tmp_path, [Scene(0), Scene(10, mining=[SCENE_PIT])])
    effects, before = chain.assess.assess(TILE), _rows(chain)
    with pytest.raises(RuntimeError), chain.store.transaction() as tx:
        effects.apply(tx, chain.clock.now())
        raise RuntimeError("the power went")
    assert _rows(chain) == before and chain.assess.assess(TILE).read.version == 0


def _apply(chain: Service, findings_now: Sequence[Finding]) -> None:
    effects = chain.assess.assess(TILE)
    tenses = {str(f.content.alert_id): AlertTense.TEST for f in findings_now}
    changes: dict[str, Any] = {"findings": findings_now, "tenses": tenses}
    with chain.store.transaction() as tx:
        type(effects)(**{**effects.__dict__, **changes}).apply(tx, chain.clock.now())


def test_a_belief_that_is_withdrawn_twice_over_leaves_no_ghost_in_the_digest(tmp_path: Path) -> None:
    """Told, then no longer worth telling, then not seen at all: the digest is that of never having been told."""
    (finding,) = found(s2((5, PIT)))
    quiet = Finding(finding.content, worthy=False)
    straight, winding = service(tmp_path / "a"), service(tmp_path / "b")
    for step in ([finding], [quiet], []):
        _apply(winding, step)
    _apply(straight, [])
    assert [r.alert_type for r in records(winding)] == [AlertType.INITIAL, AlertType.RETRACTION]
    with transaction(straight.engine) as a, transaction(winding.engine) as b:
        assert digest(a) == digest(b)
    _apply(winding, [finding])
    assert [r.record_number for r in records(winding)] == [1, 2, 3], "seen again, it is the same alert"


@pytest.mark.parametrize(
    ("tenses", "told_as", "state"),
    [
        ("current current current", "current current", AlertState.CONFIRMED),
        ("archival archival current", "archival current", AlertState.CONFIRMED),
        ("archival current archival", "current current", AlertState.CONFIRMED),
        ("current current test", "current", AlertState.PROVISIONAL),
        ("current current injection", "current", AlertState.PROVISIONAL),
        ("test test test", "test test", AlertState.CONFIRMED),
        ("injection injection test", "injection test", AlertState.CONFIRMED),
    ],
)
def test_tests_never_confirm_or_mute_what_is_real(tenses: str, told_as: str, state: AlertState, tmp_path: Path) -> None:
    load_zones(chain := service(tmp_path / "data"))
    for number, tense in enumerate(tenses.split()):
        scene = Scene(10 * number, mining=[SCENE_PIT] if number else [])
        told(chain, [scene], tmp_path / f"archive{number}", tense=AlertTense(tense))
    assert [r.alert_tense.value for r in records(chain)] == told_as.split()
    assert records(chain)[-1].content.state is state
