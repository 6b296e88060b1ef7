"""Where verdicts change: exactly a pixel, exactly the tolerance, which part takes a sliver, and how wide a road is."""

from dataclasses import replace
from datetime import date

import pytest
from shapely import LineString, Point, Polygon, affinity, box
from shapely.geometry.base import BaseGeometry

from jagawana.rules.judge import JudgedPiece, judge, verdict_under
from jagawana.rules.pack import RulePack, indonesia
from jagawana.rules.zones import ACCURACY_M, Zone, ZoneIndex
from jagawana.schemas.alert import Category, Verdict, ZoneKind

ON = date(2024, 5, 1)


def zone(zone_id: str, kind: str, geometry: Polygon, *, accuracy_m: float = ACCURACY_M) -> Zone:
    return Zone(zone_id, ZoneKind(kind), zone_id, geometry, "layer", "2024-01", "test", accuracy_m=accuracy_m, stage="IUP Operasi Produksi")


PIT = zone("iup-1", "concession", box(0, 0, 1000, 1000))


def judged(shape: BaseGeometry, *zones: Zone, pack: RulePack | None = None) -> list[JudgedPiece]:
    index = ZoneIndex(zones, kinds_loaded=[ZoneKind.CONCESSION])
    return judge(shape, zones=index, on=ON, pack=pack or indonesia(), pixel_m=10.0)


def only(pieces: list[JudgedPiece]) -> Verdict:
    (piece,) = pieces
    return piece.verdict


def by_rule(pieces: list[JudgedPiece]) -> dict[str, float]:
    """Square metres under each rule."""
    return {p.verdict.rule_id: round(p.geometry.area, 6) for p in pieces}


def test_exactly_a_pixel_of_a_stricter_category_is_a_piece_and_a_hair_less_is_not() -> None:
    shape = box(100, 100, 200, 200)
    a_pixel = judged(shape, PIT, zone("park", "conservation", box(90, 90, 110, 110)))
    assert by_rule(a_pixel) == {"id.cat3.conservation": 100, "id.cat1.concession": 9900}
    less = judged(shape, PIT, zone("park", "conservation", box(90, 90, 110, 109.99)))
    assert by_rule(less) == {"id.cat1.concession": 10_000}


def test_a_pixel_that_rounding_makes_a_billionth_smaller_is_still_one() -> None:
    pixel = affinity.rotate(box(100, 100, 110, 110), 9)
    assert 99.999 < pixel.area < 100, "what is tried here"
    assert by_rule(judged(box(50, 50, 150, 150), PIT, zone("park", "conservation", pixel)))["id.cat3.conservation"] == 100


def test_slivers_of_two_categories_together_are_a_piece_of_the_softer() -> None:
    park, forest = zone("park", "conservation", box(100, 100, 106, 110)), zone("f", "production_forest", box(106, 100, 112, 110))
    assert by_rule(judged(box(100, 100, 200, 200), PIT, park, forest)) == {"id.cat2.production_forest": 120, "id.cat1.concession": 9880}


def test_a_sliver_joins_the_largest_part_of_the_next_softer_category() -> None:
    small, large = zone("a", "concession", box(0, 0, 50, 100)), zone("b", "concession", box(50, 0, 150, 100))
    pieces = judged(box(0, 0, 150, 100), small, large, zone("park", "conservation", box(0, 0, 5, 5)))
    assert {p.verdict.decisive_zone: p.geometry.area for p in pieces} == {"b": 10_025, "a": 4_975}


def test_a_road_counts_as_ten_metres_wide_and_ends_where_it_ends() -> None:
    forest = zone("f", "production_forest", box(0, -500, 500, 500))
    inside = only(judged(LineString([(100, 0), (300, 0)]), forest))
    assert [(z.zone_id, z.overlap_ha, z.share) for z in inside.zones] == [("f", 0.2, 1.0)]
    before = only(judged(LineString([(-200, 0), (-1, 0)]), forest))
    assert before.zones == ()
    hut = only(judged(Point(-4, 0), forest))
    assert [z.zone_id for z in hut.zones] == ["f"], "a disc of ten metres reaches in"


@pytest.mark.parametrize(("east", "near"), [(39, True), (40, False), (41, False)])
def test_a_piece_that_reaches_in_by_exactly_the_tolerance_is_not_near_the_boundary(east: float, near: bool) -> None:
    v = only(judged(box(10, 400, east, 500), PIT))
    assert (v.tolerance_m, v.boundary_margin_m, v.near_boundary) == (40, east, near)


def test_outside_the_tolerance_is_that_of_the_nearest_concession() -> None:
    rough, fine = (
        zone("a", "concession", box(0, 0, 100, 100), accuracy_m=100.0),
        zone("b", "concession", box(900, 0, 999, 100), accuracy_m=5.0),
    )
    assert only(judged(box(150, 0, 200, 100), rough, fine)).tolerance_m == 110
    assert only(judged(box(800, 0, 850, 100), rough, fine)).tolerance_m == 15


def reordered(pack: RulePack) -> RulePack:
    """The grounds of the approval's rule in another order, which must not matter."""
    rules = [r.model_copy(update={"where": r.where.model_copy(update={"also_inside": r.where.also_inside[::-1]})}) for r in pack.rules]
    return pack.model_copy(update={"rules": tuple(rules)})


@pytest.mark.parametrize("pack", [indonesia(), reordered(indonesia())], ids=["as shipped", "reordered"])
def test_an_approval_without_production_forest_is_no_approval_to_use_one(pack: RulePack) -> None:
    approval = zone("ppkh", "forest_use_approval", box(0, 0, 1000, 1000))
    assert only(judged(box(400, 400, 500, 500), PIT, approval, pack=pack)).rule_id == "id.cat1.concession"
    forest = zone("f", "production_forest", box(0, 0, 1000, 1000))
    found = only(judged(box(400, 400, 500, 500), PIT, approval, forest, pack=pack))
    assert (found.rule_id, found.category) == ("id.cat1.forest_use_approved", Category.HIGH)


def test_a_piece_beside_a_peoples_mining_area_is_near_the_boundary_that_decided_it() -> None:
    """Outside of it as of every concession, so its border counts too."""
    area = zone("wpr", "peoples_mining_area", box(0, 0, 1000, 1000))
    beside, apart = only(judged(box(1010, 400, 1030, 500), area)), only(judged(box(1100, 400, 1200, 500), area))
    assert (beside.rule_id, beside.near_boundary, beside.boundary_margin_m) == ("id.cat3.outside_concession", True, 30)
    assert (apart.rule_id, apart.near_boundary, apart.boundary_margin_m) == ("id.cat3.outside_concession", False, 200)


def test_the_verdict_under_a_zone_and_rule_is_that_of_their_piece() -> None:
    parks = zone("a", "conservation", box(0, 0, 50, 100)), zone("b", "conservation", box(50, 0, 150, 100))
    index, shape = ZoneIndex([*parks, PIT]), box(0, 0, 200, 100)
    pieces = judge(shape, zones=index, on=ON, pack=indonesia(), pixel_m=10)
    assert [p.verdict.decisive_zone for p in pieces] == ["b", "a", "iup-1"]
    for verdict in (p.verdict for p in pieces):
        assert verdict_under(shape, verdict.decisive_zone, verdict.rule_id, zones=index, on=ON, pack=indonesia(), pixel_m=10) == verdict
    assert verdict_under(shape, "a", "id.cat1.concession", zones=index, on=ON, pack=indonesia(), pixel_m=10) is None


def test_the_trace_of_a_piece_speaks_of_lapsed_permits_on_its_own_ground_only() -> None:
    park = zone("park", "conservation", box(0, 0, 100, 100))
    ended = replace(zone("old", "concession", box(150, 0, 300, 100)), valid_to=date(2024, 4, 30))
    inside, outside = judged(box(0, 0, 200, 100), park, ended)
    assert (inside.verdict.rule_id, outside.verdict.rule_id) == ("id.cat3.conservation", "id.cat3.outside_concession")
    assert "old (old) ended on 2024-04-30" in outside.verdict.trace[-1].because
    three = judged(box(0, 0, 200, 100), park, ended, zone("iup-2", "concession", box(100, 0, 140, 100)))
    permitted = next(p for p in three if p.verdict.rule_id == "id.cat1.concession")
    assert not any("old (old)" in trial.because for trial in permitted.verdict.trace)
