"""Laws that hold for any shape and any zones."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPoint, affinity, box

from jagawana.rules.judge import judge
from jagawana.rules.margin import STEP_M, reach_inside, reach_outside
from jagawana.rules.pack import PERMISSIVE, STRICTNESS, NamedList, shipped_pack
from jagawana.rules.partition import MIN_PIECE_HA, size_ha
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind

ON = date(2024, 5, 1)
INDONESIA = shipped_pack("indonesia").model_copy(
    update={"lists": {"keppres_41_2004": NamedList(source="made up for the test", values=("exempt-1",))}}
)
"""As shipped, but with a permit on the list, which is empty as shipped."""
PACKS = [INDONESIA, shipped_pack("brazil")]
RESTRICTED = [kind for kind in ZoneKind if kind not in PERMISSIVE and kind is not ZoneKind.PROVINCE]
RECORDS = [
    {},
    {"stage": "IUP Operasi Produksi"},
    {"stage": "IUP Eksplorasi"},
    {"code": "exempt-1", "stage": "IUP Operasi Produksi"},
    {"method": "tambang bawah tanah", "designation": "Reserva Extrativista"},
    {"stage": "REQUERIMENTO DE LAVRA GARIMPEIRA"},
]
"""What zones have on record: everything that a condition of a shipped pack asks."""
packs = st.sampled_from(PACKS)

metres = st.integers(0, 600).map(float)


@st.composite
def areas(draw):
    """A rotated rectangle, sometimes with a hole, sometimes in two parts; from less than a pixel to 36 ha."""
    west, south = draw(metres), draw(metres)
    width, height = draw(st.integers(1, 600)), draw(st.integers(1, 600))
    area = affinity.rotate(box(west, south, west + width, south + height), draw(st.integers(0, 89)))
    if draw(st.booleans()):
        area = area.difference(affinity.scale(area, 0.4, 0.5))
    return area.union(affinity.translate(area, 700, 50)) if draw(st.booleans()) else area


lines = st.lists(st.tuples(metres, metres), min_size=2, max_size=5, unique=True).map(lambda c: shapely.union_all(shapely.LineString(c)))
points = st.lists(st.tuples(metres, metres), min_size=1, max_size=5, unique=True).map(MultiPoint)
shapes = st.one_of(areas(), areas(), lines, points)


@st.composite
def zone_lists(draw, kinds=tuple(ZoneKind), *, min_size=0, max_size=5):
    found = draw(st.lists(st.tuples(st.sampled_from(kinds), areas(), st.sampled_from(RECORDS)), min_size=min_size, max_size=max_size))
    return [Zone(f"{k}-{i}", k, f"{k} {i}", g, "l", "1", "s", **record) for i, (k, g, record) in enumerate(found)]


def judged(shape, zones, on=ON, pack=INDONESIA):
    return judge(shape, zones=ZoneIndex(zones, kinds_loaded=[ZoneKind.CONCESSION]), on=on, pack=pack, pixel_m=10)


def ground_ha(pieces, at_least):
    return sum(size_ha(p.geometry) for p in pieces if STRICTNESS[p.verdict.category] >= at_least)


@settings(deadline=None)
@given(shapes, zone_lists(), zone_lists(tuple(RESTRICTED), min_size=1, max_size=2), packs)
def test_adding_restricted_zones_never_softens(shape, zones, added, pack):
    before = judged(shape, zones, pack=pack)
    after = judged(shape, zones + [replace(z, zone_id=f"added-{z.zone_id}") for z in added], pack=pack)
    for at_least in (1, 2, 3):
        assert ground_ha(after, at_least) >= ground_ha(before, at_least) - 1e-6
    assert max(STRICTNESS[p.verdict.category] for p in after) >= max(STRICTNESS[p.verdict.category] for p in before)


@settings(deadline=None)
@given(shapes, zone_lists(min_size=1, max_size=4), st.sampled_from(RESTRICTED), st.integers(0, 4), st.integers(1, 3), packs)
def test_adding_a_restricted_zone_never_softens_slivers(shape, zones, kind, which, width, pack):
    """A strip of 1 to 3 m along a zone's border, or at a corner of a shape in a permit: it cuts off about the smallest piece, or less."""
    border = zones[which % len(zones)].geometry.boundary
    if which >= 2:
        border = shapely.Point(shapely.get_coordinates(shape)[0])
        zones = [*zones, Zone("permit", ZoneKind.CONCESSION, "permit", box(-900, -900, 2500, 2500), "l", "1", "s")]
    strip = Zone("strip", kind, "strip", border.buffer(width), "l", "1", "s")
    before, after = judged(shape, zones, pack=pack), judged(shape, [*zones, strip], pack=pack)
    assert sum(size_ha(p.geometry) for p in after) == pytest.approx(size_ha(shape), abs=1e-6)
    for at_least in (1, 2, 3):
        assert ground_ha(after, at_least) >= ground_ha(before, at_least) - 1e-6


@settings(deadline=None)
@given(shapes, zone_lists(), packs)
def test_pieces_are_the_whole_shape_and_do_not_overlap(shape, zones, pack):
    pieces = judged(shape, zones, pack=pack)
    total_ha = size_ha(shape)
    assert sum(size_ha(p.geometry) for p in pieces) == pytest.approx(total_ha, abs=1e-6)
    assert size_ha(shapely.union_all([p.geometry for p in pieces])) == pytest.approx(total_ha, abs=1e-6)
    assert {shapely.get_dimensions(p.geometry) for p in pieces} == {shapely.get_dimensions(shape)}


@settings(deadline=None)
@given(shapes, zone_lists(), packs)
def test_no_category_rests_on_less_than_a_pixel_unless_the_shape_is_smaller(shape, zones, pack):
    pieces = judged(shape, zones, pack=pack)
    strictest = {STRICTNESS[p.verdict.category] for p in pieces}
    for severity in strictest:
        assert ground_ha(pieces, severity) >= min(MIN_PIECE_HA, size_ha(shape)) - 1e-6


@settings(deadline=None)
@given(shapes, zone_lists(), st.randoms(use_true_random=False))
def test_the_order_of_zones_does_not_matter_and_judging_again_gives_the_same(shape, zones, random):
    shuffled = list(zones)
    random.shuffle(shuffled)
    assert judged(shape, zones) == judged(shape, zones) == judged(shape, shuffled)


@settings(deadline=None)
@given(shapes, zone_lists(), st.integers(0, 400))
def test_a_permit_that_covers_the_shape_stops_counting_the_day_after_it_ends(shape, zones, days):
    last = ON + timedelta(days=days)
    others = [z for z in zones if z.kind not in PERMISSIVE]
    permit = Zone("permit", ZoneKind.CONCESSION, "permit", box(-900, -900, 2500, 2500), "l", "1", "s", valid_to=last)
    on_time, too_late = judged(shape, [*others, permit], last), judged(shape, [*others, permit], last + timedelta(days=1))
    assert not any(p.verdict.rule_id == "id.cat3.outside_concession" for p in on_time)
    assert all(STRICTNESS[p.verdict.category] == 3 for p in too_late)


@settings(deadline=None)
@given(shapes, zone_lists(), packs)
def test_every_piece_inside_a_zone_touches_the_zone_it_cites_and_says_by_how_much(shape, zones, pack):
    for piece in judged(shape, zones, pack=pack):
        cited, overlaps = piece.verdict.decisive_zone, {z.zone_id: z for z in piece.verdict.zones}
        assert piece.verdict.trace[-1].fired and piece.verdict.trace[-1].rule_id == piece.verdict.rule_id
        assert sum(t.fired for t in piece.verdict.trace) == 1
        assert all(0 < z.share <= 1 for z in overlaps.values())
        if cited and size_ha(piece.geometry) >= MIN_PIECE_HA:
            assert overlaps[cited].overlap_ha > 0


@settings(deadline=None)
@given(areas(), areas())
def test_margins_are_those_of_the_whole_boundary(shape, outline):
    """The boundary is cut to a window for speed; the answer must be that of the uncut one."""
    zone = Zone("z", ZoneKind.CONSERVATION, "z", outline, "l", "1", "s")
    for piece, margin in (
        (shape.intersection(outline), lambda g: reach_inside(g, zone, pixel_m=10)),
        (shape.difference(outline), lambda g: reach_outside(g, [zone], pixel_m=10)),
    ):
        if piece.area > 1:
            points = [*shapely.points(shapely.get_coordinates(shapely.segmentize(piece, STEP_M))), piece.representative_point()]
            assert margin(piece).margin_m == pytest.approx(shapely.distance(points, outline.boundary).max(), abs=0.006)
