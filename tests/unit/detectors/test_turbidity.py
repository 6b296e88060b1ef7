"""Turbidity of single pixels and reaches: the published forms, the calibration, what counts as river water, and where a river runs."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.turbidity.calibration import MatchUps, Provenance, fit, leaving_dates_out, load_calibration, shipped_calibration
from jagawana.detectors.turbidity.looks import Corridor, Gap, reach_values
from jagawana.detectors.turbidity.reaches import ReachPlan, reach_of, river_at
from jagawana.detectors.turbidity.retrieval import DOGLIOTTI_NIR, DOGLIOTTI_RED, NECHAD_RED_MSI, dogliotti, ndti, without_glint
from jagawana.detectors.turbidity.water import Cover, cover
from jagawana.schemas.errors import DataError

FOREST = {"green": 0.045, "red": 0.025, "nir": 0.30, "swir16": 0.14}
RIVER = {"green": 0.085, "red": 0.095, "nir": 0.050, "swir16": 0.010}
CLOUD = {"green": 0.46, "red": 0.47, "nir": 0.50, "swir16": 0.40}
PROVENANCE = Provenance(source="test", licence="none", reflectance="made up", limits="all")
SIDE = 60
reflectances = st.floats(0.0, 0.6)


# ---- the published forms -----------------------------------------------------------------------------------------


def test_the_forms_give_what_their_papers_say() -> None:
    """By hand from the published coefficients; Dogliotti and others put 0.05 of red at about 15 FNU, where red begins to saturate."""
    assert DOGLIOTTI_RED.fnu(np.array([0.01, 0.05])) == pytest.approx([2.42902, 16.40281], abs=1e-4)
    assert DOGLIOTTI_NIR.fnu(np.array([0.1])) == pytest.approx([584.76950], abs=1e-4)
    assert NECHAD_RED_MSI.fnu(np.array([0.05, 0.0978])) == pytest.approx([24.5924, 71.6060], abs=1e-3)
    assert ndti(np.array([0.10, 0.05]), np.array([0.15, 0.05])) == pytest.approx([0.2, 0.0])


def test_dogliotti_passes_from_red_to_near_infrared() -> None:
    nir = np.full(3, 0.03)
    low, middle, high = dogliotti(np.array([0.049, 0.06, 0.071]), nir)
    assert low == pytest.approx(DOGLIOTTI_RED.fnu(np.array(0.049))) and high == pytest.approx(DOGLIOTTI_NIR.fnu(np.array(0.03)))
    assert middle == pytest.approx((DOGLIOTTI_RED.fnu(np.array(0.06)) + DOGLIOTTI_NIR.fnu(np.array(0.03))) / 2)


@given(reflectances, reflectances)
def test_the_forms_never_fall_with_reflectance_nor_leave_their_range(a: float, b: float) -> None:
    low, high = NECHAD_RED_MSI.fnu(np.array([min(a, b), max(a, b)]))
    assert 0 <= low <= high < 2000
    assert -1 <= ndti(np.array([a + 0.001]), np.array([b]))[0] <= 1


def test_an_index_of_nothing_is_a_gap() -> None:
    assert np.isnan(ndti(np.array([0.0, -0.02]), np.array([0.0, 0.01]))).all()


def test_glint_is_taken_off_and_noise_is_not_put_on() -> None:
    assert without_glint(np.array([0.10, 0.10, 0.02]), np.array([0.03, -0.01, 0.05])) == pytest.approx([0.07, 0.10, 0.002])


# ---- calibration -------------------------------------------------------------------------------------------------


@given(reflectances, reflectances, reflectances, st.floats(-0.02, 0.2))
def test_turbidity_never_falls_where_water_gets_redder(green: float, a: float, b: float, swir: float) -> None:
    low, high = shipped_calibration().fnu(np.full(2, green), np.array([min(a, b), max(a, b)]), np.full(2, swir))
    assert 0 < low <= high * (1 + 1e-12)


def test_glint_moves_an_estimate_little() -> None:
    c = shipped_calibration()
    calm, shining = c.fnu(np.array([0.08, 0.13]), np.array([0.09, 0.14]), np.array([0.0, 0.05]))
    assert shining == pytest.approx(calm, rel=1e-9), "equal light in all bands is no turbidity"


def made_up(noise: float, *, days: int = 6, each: int = 10, seed: int = 1) -> MatchUps:
    """Match-ups of a known law: T = 4 N ** 0.6 (red / green) ** 1.5, times noise that a day shares."""
    rng = np.random.default_rng(seed)
    n = days * each
    red, green, swir = rng.uniform(0.04, 0.15, n), rng.uniform(0.06, 0.11, n), rng.uniform(0, 0.03, n)
    truth = 4 * NECHAD_RED_MSI.fnu(red) ** 0.6 * (red / green) ** 1.5
    shared = np.repeat(rng.normal(0, noise, days), each)
    dates = tuple(date(2026, 1, 1) + timedelta(days=9 * (k // each)) for k in range(n))
    return MatchUps(dates, green + swir, red + swir, swir, truth * np.exp(shared))


def test_a_fit_finds_the_law_it_was_given() -> None:
    c = fit(made_up(0.0), name="law", provenance=PROVENANCE)
    assert (c.scale, c.power, c.colour) == pytest.approx((4, 0.6, 1.5), rel=1e-6)
    assert c.dates_left_out.rmse_fnu == 0 and c.dates_left_out.spearman == 1 and c.dates_left_out.factor_95 == 1
    assert load_calibration(c.model_dump_json(), where="x") == c


def test_leaving_dates_out_is_honest_about_what_a_day_shares() -> None:
    noisy = fit(made_up(0.5), name="noisy", provenance=PROVENANCE)
    assert noisy.dates_left_out.factor_68 > noisy.in_sample.factor_68
    m = made_up(0.5)
    one_day = np.array([d == m.days[0] for d in m.days])
    moved = MatchUps(m.days, m.green, m.red, m.swir16, np.where(one_day, m.turbidity_fnu * 10, m.turbidity_fnu))
    before, after = leaving_dates_out(m), leaving_dates_out(moved)
    assert after[one_day] == pytest.approx(before[one_day]), "a date's own samples never reach its estimate"
    assert not np.allclose(after[~one_day], before[~one_day])


def test_match_ups_under_glint_are_dropped_and_counted() -> None:
    m = made_up(0.1)
    swir = m.swir16.copy()
    swir[:3] = 0.15
    c = fit(MatchUps(m.days, m.green + 0.15, m.red + 0.15, swir, m.turbidity_fnu), name="x", provenance=PROVENANCE)
    assert (c.match_ups, c.dropped_for_glint) == (57, 3)


def test_a_calibration_that_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"LABELS_INVALID.*of 3 dates"):
        fit(made_up(0.1, days=3), name="few", provenance=PROVENANCE)
    m = made_up(0.0)
    with pytest.raises(DataError, match=r"LABELS_INVALID.*redder"):
        fit(MatchUps(m.days, m.green, m.red, m.swir16, 1 / m.turbidity_fnu), name="upside down", provenance=PROVENANCE)
    with pytest.raises(DataError, match=r"SETTINGS_INVALID.*power"):
        load_calibration(shipped_calibration().model_dump_json().replace('"power":', '"power":-'), where="x")


def test_the_shipped_calibration_says_what_it_is_not_for() -> None:
    c = shipped_calibration()
    assert "Kalimantan" in c.provenance.limits and len(c.dates) == 8 and c.match_ups + c.dropped_for_glint == 94
    assert not c.is_extrapolated(50) and c.is_extrapolated(500) and c.is_extrapolated(0.5)
    assert c.is_saturated(np.array([0.10, 0.30]), np.array([0.0, 0.0])).tolist() == [False, True]


# ---- water -------------------------------------------------------------------------------------------------------


def painted(*patches: tuple[dict[str, float], slice, slice]) -> dict[str, np.ndarray]:
    """Forest with patches, float32 (SIDE, SIDE) by band."""
    bands = {name: np.full((SIDE, SIDE), value, np.float32) for name, value in FOREST.items()}
    for spectrum, rows, columns in patches:
        for name, value in spectrum.items():
            bands[name][rows, columns] = value
    return bands


def looked_at(bands: dict[str, np.ndarray], sky: np.ndarray | None = None) -> dict[int, object]:
    """Two reaches of 300 m along a line down the middle of the window, corridor 100 m to each side."""
    columns, rows = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    reaches = river_at([LineString([(300, 600), (300, 0)])], Point(300, 599), ReachPlan(300, 600, 0)).reaches
    reach, distance = reach_of(reaches, columns * 10, 600 - rows * 10, within_m=100)
    sky = np.full((SIDE, SIDE), SkyClass.CLEAR, np.uint8) if sky is None else sky
    return reach_values(bands, sky, Corridor(reach, distance), [0, 1], calibration=shipped_calibration())


BED = (slice(None), slice(26, 34))


def test_forest_plants_and_cloud_are_no_water_and_shine_is_glint() -> None:
    bands = painted((RIVER, slice(0, 10), slice(None)), ({**RIVER, "nir": 0.2}, slice(10, 20), slice(None)),
                    ({**RIVER, "green": 0.25, "red": 0.26, "nir": 0.22, "swir16": 0.16}, slice(20, 30), slice(None)))  # fmt: skip
    kinds = cover(bands)
    assert [int(kinds[row, 0]) for row in (5, 15, 25, 40)] == [Cover.WATER, Cover.LAND, Cover.GLINT, Cover.LAND]
    del bands["swir16"]
    assert cover(bands)[5, 0] == Cover.WATER and cover(bands)[40, 0] == Cover.LAND
    with pytest.raises(DataError, match=r"BANDS_MISSING.*nir"):
        cover({"green": bands["green"], "red": bands["red"]})


def test_a_reach_has_the_turbidity_of_its_water_and_not_of_its_banks() -> None:
    bank = {"green": 0.20, "red": 0.28, "nir": 0.20, "swir16": 0.05}
    above, below = looked_at(painted((bank, slice(None), slice(25, 35)), (RIVER, *BED))).values()
    expected = shipped_calibration().fnu(*(np.array([RIVER[b]]) for b in ("green", "red", "swir16")))[0]
    for value in (above, below):
        assert value.gap is None and value.turbidity_fnu == pytest.approx(expected, abs=0.06)
        assert value.ndti == pytest.approx((0.095 - 0.085) / 0.18, abs=1e-4)


def test_a_pond_beside_the_river_is_not_the_river() -> None:
    pond = {"green": 0.12, "red": 0.20, "nir": 0.08, "swir16": 0.01}
    quiet = looked_at(painted((RIVER, *BED)))
    assert looked_at(painted((RIVER, *BED), (pond, slice(5, 25), slice(36, 40)))) == quiet
    joined = looked_at(painted((RIVER, *BED), (pond, slice(5, 25), slice(33, 40))))
    assert joined[0].upper_quartile_fnu > quiet[0].upper_quartile_fnu, "water that is joined counts"


def gap_of(bands: dict[str, np.ndarray], sky: np.ndarray | None = None) -> tuple[Gap | None, ...]:
    values = looked_at(bands, sky)
    for v in values.values():
        assert (v.gap is None) == (v.ndti is not None) == (v.turbidity_fnu is not None), "a gap has no number, least of all zero"
    return tuple(v.gap for v in values.values())


def test_every_gap_has_its_reason_and_no_number() -> None:
    river = painted((RIVER, *BED))
    sky = np.full((SIDE, SIDE), SkyClass.CLEAR, np.uint8)
    assert gap_of(river) == (None, None)
    cloudy, outside = sky.copy(), sky.copy()
    cloudy[:30], outside[30:] = SkyClass.CLOUD, SkyClass.FILL
    assert gap_of(river, cloudy) == (Gap.CLOUD, None) and gap_of(river, outside) == (None, Gap.OUTSIDE)
    shine = {band: value + 0.11 for band, value in RIVER.items()}
    assert gap_of(painted((RIVER, *BED), (shine, slice(0, 30), BED[1]))) == (Gap.GLINT, None)
    assert gap_of(painted((RIVER, slice(0, 30), slice(26, 34)))) == (None, Gap.DRY)
    assert gap_of(painted((RIVER, slice(None), slice(29, 31)))) == (Gap.NARROW, Gap.NARROW)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 59), st.integers(0, 59), st.integers(1, 60))
def test_cloud_makes_gaps_and_never_other_numbers(row: int, column: int, size: int) -> None:
    """Whatever square of cloud lies over an even river, a reach has the river's value or none."""
    where = (slice(row, row + size), slice(column, column + size))
    sky = np.full((SIDE, SIDE), SkyClass.CLEAR, np.uint8)
    sky[where] = SkyClass.CLOUD
    clear = looked_at(painted((RIVER, *BED)))
    for n, value in looked_at(painted((RIVER, *BED), (CLOUD, *where)), sky).items():
        assert value.gap is not None or value.turbidity_fnu == clear[n].turbidity_fnu


# ---- reaches -----------------------------------------------------------------------------------------------------

MAIN = LineString([(0, 10_000), (0, 0)])
TRIBUTARY = LineString([(-4000, 9000), (0, 5000)])


def test_a_river_is_cut_up_and_down_from_its_site() -> None:
    river = river_at([MAIN], Point(120, 7000), ReachPlan(1000, 2500, 2000))
    assert [r.name for r in river.reaches] == ["-2.00", "-1.00", "+0.00", "+1.00", "+2.00"]
    assert [r.is_upstream for r in river.reaches] == [True, True, False, False, False]
    assert [r.line.coords[0][1] for r in river.reaches] == [9000, 8000, 7000, 6000, 5000], "lines run downstream"
    assert river.reaches[-1].line.length == pytest.approx(500) and river.site_to_line_m == 120
    assert river.shorter_than(ReachPlan(1000, 2500, 2000)) == ()
    assert river_at([MAIN], Point(0, 3000), ReachPlan()).shorter_than(ReachPlan()) == (3000,)
    assert river_at([MAIN], Point(0, 10_000), ReachPlan()).shorter_than(ReachPlan()) == (0,)


def test_a_tributary_goes_on_in_the_river_it_joins_and_never_up_it() -> None:
    river = river_at([MAIN, TRIBUTARY], Point(-1000, 6000), ReachPlan(1000, 5000, 1000))
    last = river.reaches[-1].line
    assert last.coords[-1][0] == 0 and last.coords[-1][1] == pytest.approx(5000 - (5000 - np.hypot(1000, 1000)), abs=1)


def test_pieces_in_any_order_are_one_river() -> None:
    pieces = [LineString([(0, 4000), (0, 1000)]), LineString([(0, 10_000), (0, 7000)]), LineString([(10, 7000), (0, 4000)])]
    river = river_at(pieces, Point(0, 8000), ReachPlan(1000, 6000, 1000))
    assert [r.name for r in river.reaches] == ["-1.00", "+0.00", "+1.00", "+2.00", "+3.00", "+4.00", "+5.00"] and river.divides_at_m == ()


def test_where_lines_divide_the_longest_is_followed_and_that_is_said() -> None:
    short = LineString([(0, 0), (500, -500)])
    long = LineString([(0, 0), (-2000, -2000)])
    river = river_at([MAIN, short, long], Point(0, 1000), ReachPlan(500, 3000, 0))
    assert river.reaches[-1].line.coords[-1][0] < -1000 and river.divides_at_m == (1000,)


def test_a_loop_of_lines_ends() -> None:
    loop = [LineString([(0, 0), (1000, 0)]), LineString([(1000, 0), (1000, 1000)]), LineString([(1000, 1000), (0, 0)])]
    assert sum(r.line.length for r in river_at(loop, Point(10, 0), ReachPlan(500, 50_000, 0)).reaches) < 10_000


def test_lines_that_do_not_help_are_refused_with_a_hint() -> None:
    with pytest.raises(DataError, match=r"nearest is 5\.0 km away"):
        river_at([MAIN], Point(5000, 5000), ReachPlan())
    with pytest.raises(DataError, match="there are none"):
        river_at([], Point(0, 0), ReachPlan())
    with pytest.raises(DataError, match="--against-flow"):
        river_at([MAIN], Point(0, 0), ReachPlan())


def test_every_point_near_the_line_has_one_reach() -> None:
    reaches = river_at([MAIN], Point(0, 10_000), ReachPlan(1000, 3000, 0)).reaches
    east, north = np.array([[0.0, 90, 150], [-99, 0, 0]]), np.array([[9500.0, 9000, 8500], [7500, 7001, 6950]])
    index, distance = reach_of(reaches, east, north, within_m=100)
    assert index[0, 0] == 0 and index[0, 1] in (0, 1) and index[1].tolist() == [2, 2, 2] and index[0, 2] == -1
    assert distance[0, :2].tolist() == [0, 90] and np.isinf(distance[0, 2])
