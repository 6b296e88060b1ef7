"""Golden verdicts: the three categories, borders, dates, stages, and what cannot be known."""

from dataclasses import replace
from datetime import date

import pytest
import shapely
from shapely import LineString, MultiPoint, MultiPolygon, Point, box

from jagawana.rules.judge import JudgedPiece, judge
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import Category, ZoneKind

ON = date(2024, 5, 1)


def zone(zone_id, kind, geometry, **more):
    return Zone(zone_id, ZoneKind(kind), f"Zone {zone_id}", geometry, "layer", "2024-01", "test", **more)


PIT = zone("iup-1", "concession", box(0, 0, 1000, 1000), stage="IUP Operasi Produksi", holder="PT Contoh")


def judged(shape, *zones, on=ON, pixel_m=10.0, kinds_loaded=None) -> list[JudgedPiece]:
    return judge(shape, zones=ZoneIndex(zones, kinds_loaded=kinds_loaded), on=on, pack=indonesia(), pixel_m=pixel_m)


def only(pieces):
    assert len(pieces) == 1
    return pieces[0].verdict


def test_inside_a_concession_and_outside_every_restricted_zone_is_category_1():
    v = only(judged(box(400, 400, 500, 500), PIT))
    assert (v.category, v.rule_id, v.decisive_zone) == (Category.HIGH, "id.cat1.concession", "iup-1")
    assert [(z.zone_id, z.overlap_ha, z.share, z.holder) for z in v.zones] == [("iup-1", 1.0, 1.0, "PT Contoh")]


@pytest.mark.parametrize("kind", ["production_forest", "riparian"])
def test_inside_a_concession_and_production_forest_or_riparian_strip_is_category_2(kind):
    v = only(judged(box(400, 400, 500, 500), PIT, zone("r", kind, box(300, 300, 600, 600))))
    assert (v.category, v.rule_id, v.decisive_zone) == (Category.CONDITIONAL, f"id.cat2.{kind}", "r")
    assert {z.zone_id for z in v.zones} == {"iup-1", "r"}


@pytest.mark.parametrize("kind", ["conservation", "protected_forest"])
def test_a_concession_does_not_excuse_conservation_or_protected_forest(kind):
    v = only(judged(box(400, 400, 500, 500), PIT, zone("p", kind, box(300, 300, 600, 600))))
    assert (v.category, v.rule_id, v.decisive_zone) == (Category.LOW, f"id.cat3.{kind}", "p")


def test_conservation_decides_before_protected_forest():
    v = only(
        judged(box(0, 0, 100, 100), zone("a", "protected_forest", box(0, 0, 100, 100)), zone("b", "conservation", box(0, 0, 100, 100)))
    )
    assert v.rule_id == "id.cat3.conservation"
    assert v.articles[0].article == "Pasal 38 ayat (1)"


@pytest.mark.parametrize("kind", ["production_forest", "riparian", "province"])
def test_outside_every_concession_is_category_3_whatever_else_is_there(kind):
    v = only(judged(box(2000, 0, 2100, 100), PIT, zone("z", kind, box(1900, 0, 2200, 100))))
    assert (v.category, v.rule_id, v.decisive_zone) == (Category.LOW, "id.cat3.outside_concession", None)
    assert [z.zone_id for z in v.zones] == ["z"]


def test_a_shape_across_a_concession_border_and_a_park_border_is_cut_at_both():
    park = zone("park", "conservation", box(800, 0, 1200, 1000))
    pieces = judged(box(600, 100, 1400, 200), PIT, park)
    found = {p.verdict.rule_id: (p.geometry.bounds, p.verdict.zones) for p in pieces}
    assert {r: b for r, (b, _) in found.items()} == {
        "id.cat3.conservation": (800, 100, 1200, 200),
        "id.cat3.outside_concession": (1200, 100, 1400, 200),
        "id.cat1.concession": (600, 100, 800, 200),
    }
    shares = {z.zone_id: (z.overlap_ha, z.share) for z in found["id.cat3.conservation"][1]}
    assert shares == {"iup-1": (2.0, 0.5), "park": (4.0, 1.0)}


def test_a_road_is_cut_at_the_border_and_keeps_its_length():
    road = LineString([(-500, 33), (700, 71)])
    pieces = judged(road, PIT)
    assert [p.verdict.rule_id for p in pieces] == ["id.cat3.outside_concession", "id.cat1.concession"]
    assert sum(p.geometry.length for p in pieces) == pytest.approx(road.length)
    assert pieces[0].geometry.length == pytest.approx(road.length * 5 / 12)


def test_huts_are_judged_one_by_one():
    pieces = judged(MultiPoint([(500, 500), (-100, 0), (-120, 0)]), PIT)
    assert {p.verdict.rule_id: shapely.get_num_geometries(p.geometry) for p in pieces} == {
        "id.cat3.outside_concession": 2,
        "id.cat1.concession": 1,
    }


def test_of_overlapping_zones_of_a_kind_the_one_with_the_largest_overlap_is_cited_then_the_first_by_id():
    small, large = zone("a", "conservation", box(0, 0, 60, 100)), zone("b", "conservation", box(20, 0, 100, 100))
    pieces = judged(box(0, 0, 100, 100), small, large)
    assert [(p.verdict.decisive_zone, p.geometry.bounds) for p in pieces] == [("b", (20, 0, 100, 100)), ("a", (0, 0, 20, 100))]
    twins = judged(box(0, 0, 100, 100), replace(large, zone_id="z"), replace(large, zone_id="c"))
    assert twins[0].verdict.decisive_zone == "c"


def test_a_permit_counts_on_its_last_day_and_not_on_the_day_after():
    permit = replace(PIT, valid_from=date(2020, 1, 1), valid_to=ON)
    assert only(judged(box(400, 400, 500, 500), permit, on=ON)).category is Category.HIGH
    after = only(judged(box(400, 400, 500, 500), permit, on=date(2024, 5, 2)))
    assert after.rule_id == "id.cat3.outside_concession"
    assert "iup-1 (Zone iup-1) ended on 2024-05-01" in after.trace[-1].because
    before = only(judged(box(400, 400, 500, 500), permit, on=date(2019, 12, 31)))
    assert "begins on 2020-01-01" in before.trace[-1].because


@pytest.mark.parametrize("stage", ["IUP Eksplorasi", "IUPK EKSPLORASI", "exploration", "Studi Kelayakan"])
def test_an_exploration_permit_does_not_allow_production(stage):
    v = only(judged(box(400, 400, 500, 500), replace(PIT, stage=stage)))
    assert (v.category, v.rule_id, v.decisive_zone) == (Category.LOW, "id.cat3.exploration_only", "iup-1")
    assert f"'{stage}', which does not allow production" in v.trace[-1].because


@pytest.mark.parametrize("stage", ["IUP Operasi Produksi", "IUP OP", "IUPK-OP", "production", "Exploitation", "eksplorasi dan eksploitasi"])
def test_a_production_stage_counts_without_remark(stage):
    v = only(judged(box(400, 400, 500, 500), replace(PIT, stage=stage)))
    assert v.category is Category.HIGH
    assert "stage" not in v.trace[-1].because


@pytest.mark.parametrize("stage", [None, "IUPK", "?"])
def test_an_unknown_stage_is_taken_as_exploitation_and_the_trace_says_so(stage):
    v = only(judged(box(400, 400, 500, 500), replace(PIT, stage=stage)))
    assert v.category is Category.HIGH
    assert "taken as exploitation" in v.trace[-1].because


def test_without_any_concession_layer_outside_cannot_be_known():
    v = only(judged(box(0, 0, 100, 100), zone("pf", "production_forest", box(0, 0, 100, 100))))
    assert (v.category, v.rule_id) == (Category.UNDETERMINED, "id.undetermined.no_concession_layer")
    assert any("no layer of kind concession is loaded" in t.because for t in v.trace)


def test_without_any_concession_layer_a_park_still_decides():
    assert only(judged(box(0, 0, 100, 100), zone("p", "conservation", box(0, 0, 100, 100)))).category is Category.LOW


def test_a_concession_layer_without_a_concession_near_means_outside():
    v = only(judged(box(0, 0, 100, 100), kinds_loaded=[ZoneKind.CONCESSION]))
    assert (v.rule_id, v.boundary_margin_m, v.near_boundary) == ("id.cat3.outside_concession", None, False)


def test_before_the_law_no_rule_decides():
    assert only(judged(box(400, 400, 500, 500), PIT, on=date(1990, 1, 1))).rule_id == "id.undetermined.no_rule"


def test_every_rule_considered_is_in_the_trace_in_order_and_only_the_last_fired():
    v = only(judged(box(400, 400, 500, 500), PIT))
    ids = [r.rule_id for r in indonesia().rules]
    assert [t.rule_id for t in v.trace] == ids[: ids.index(v.rule_id) + 1]
    assert [t.fired for t in v.trace] == [False] * (len(v.trace) - 1) + [True]
    assert "0.0000 of 1.0000 ha lies inside a conservation area in force on 2024-05-01" in v.trace[0].because


def test_the_trace_of_protected_forest_says_that_underground_mining_is_possible():
    v = only(judged(box(0, 0, 100, 100), zone("p", "protected_forest", box(0, 0, 100, 100))))
    assert "underground mining can be permitted" in v.trace[-1].because


@pytest.mark.parametrize(
    ("reach_m", "near"),
    [(39, True), (41, False)],  # accuracy 30 m + one pixel of 10 m
)
def test_near_boundary_is_a_piece_that_reaches_in_less_than_accuracy_and_a_pixel(reach_m, near):
    park = zone("park", "conservation", box(0, 0, 5000, 5000))
    inside = judged(box(-200, 1000, reach_m, 1100), park, PIT)[0].verdict
    assert (inside.boundary_margin_m, inside.tolerance_m, inside.near_boundary) == (reach_m, 40, near)


def test_near_boundary_outside_is_measured_from_the_nearest_concession():
    v = only(judged(box(1000.5, 0, 1030, 100), PIT))
    assert (v.rule_id, v.boundary_margin_m, v.near_boundary) == ("id.cat3.outside_concession", 30, True)
    far = only(judged(box(1000.5, 0, 1100, 100), replace(PIT, accuracy_m=100)))
    assert (far.boundary_margin_m, far.tolerance_m, far.near_boundary) == (100, 110, True)


def test_a_concession_more_than_5_km_away_gives_no_margin():
    assert only(judged(box(6100, 0, 6200, 100), PIT)).boundary_margin_m is None
    assert only(judged(box(5900, 0, 6000, 100), PIT)).boundary_margin_m == 5000


def test_only_concessions_count_for_the_margin_outside_them():
    near = [
        zone("park", "conservation", box(1200, 0, 1300, 100)),
        replace(PIT, zone_id="e", geometry=box(1150, 0, 1190, 100), stage="Eksplorasi"),
    ]
    v = only(judged(box(1050, 0, 1100, 100), PIT, *near))
    assert (v.rule_id, v.boundary_margin_m) == ("id.cat3.outside_concession", 100)


def test_a_road_across_a_park_is_not_near_its_boundary_though_both_its_ends_are():
    v = only(judged(LineString([(0, 500), (1000, 500)]), zone("park", "conservation", box(0, 0, 1000, 1000))))
    assert v.boundary_margin_m == pytest.approx(500, abs=20)
    assert not v.near_boundary


def test_less_than_a_pixel_of_a_stricter_category_joins_the_piece_beside_it_and_is_named_in_the_trace():
    park = zone("park", "conservation", box(500, 0, 600, 600))
    v = only(judged(box(400, 400, 500.9, 500), PIT, park))  # 0.009 ha in the park
    assert v.category is Category.HIGH
    assert ("park", 0.009) in [(z.zone_id, z.overlap_ha) for z in v.zones]
    assert "includes 0.0090 ha of other rules' ground" in v.trace[-1].because
    assert len(judged(box(400, 400, 501.1, 500), PIT, park)) == 2  # 0.011 ha


def test_slivers_of_two_zones_that_together_fill_a_pixel_are_not_lost():
    a, b = zone("a", "conservation", box(500, 0, 600, 450)), zone("b", "protected_forest", box(500, 450, 600, 600))
    pieces = judged(box(400, 400, 501.5, 500), PIT, a, b)  # 0.0075 ha in each
    assert [p.verdict.category for p in pieces] == [Category.LOW, Category.HIGH]
    assert pieces[0].geometry.area == pytest.approx(150)


def test_a_shape_smaller_than_a_pixel_is_still_judged():
    assert only(judged(box(-5, 0, 0, 5), PIT)).category is Category.LOW


def test_shapes_in_several_parts_and_zones_with_holes_are_cut_exactly():
    ring = zone("ring", "conservation", box(0, 0, 300, 300).difference(box(100, 100, 200, 200)))
    pieces = judged(MultiPolygon([box(50, 50, 250, 250), box(400, 0, 500, 100)]), ring, PIT)
    assert [(p.verdict.rule_id, p.geometry.area) for p in pieces] == [("id.cat3.conservation", 30_000), ("id.cat1.concession", 20_000)]


def test_a_border_that_is_only_touched_decides_nothing():
    v = only(judged(box(400, 400, 500, 500), PIT, zone("park", "conservation", box(500, 0, 600, 600))))
    assert v.category is Category.HIGH
    assert [z.zone_id for z in v.zones] == ["iup-1"]


def test_a_single_hut_has_a_verdict():
    assert only(judged(Point(500, 500), PIT)).category is Category.HIGH


def test_dust_along_a_border_does_not_take_a_shape_of_less_than_a_pixel():
    """A thousandth of a millimetre of a hut's ground outside the park is rounding, not another category."""
    park = zone("park", "conservation", box(0, 0, 100, 100))
    assert only(judged(box(95, 50, 100 + 1e-6, 55), park, PIT)).rule_id == "id.cat3.conservation"
    assert only(judged(box(95, 50, 100 + 1e-2, 55), park, PIT)).category is Category.HIGH, "a centimetre can be drawn"
