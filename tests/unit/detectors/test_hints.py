"""Values of shape, ponds and colour: what they tell apart on made-up ground, and what must not move them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import ndimage

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import fold
from jagawana.detectors.grid import Square
from jagawana.detectors.hints.colour import DARK, FULL, colouration
from jagawana.detectors.hints.ground import Flags, Ground
from jagawana.detectors.hints.hints import hints_of, values_of
from jagawana.detectors.hints.leaning import READINGS, hint
from jagawana.detectors.hints.reading import AROUND_M, Picture, ground_at
from jagawana.detectors.history import STORED_CLASSES, Observation, sparse
from jagawana.detectors.quicklook import BRIGHTEST, quicklook, read_quicklook, reflectance
from jagawana.schemas.hints import HintName, Leaning

SAND, LATERITE, COAL, FOREST, CLEAR_WATER = (
    (0.17, 0.15, 0.11), (0.20, 0.10, 0.06), (0.045, 0.043, 0.040), (0.025, 0.045, 0.025), (0.02, 0.035, 0.04),
)  # fmt: skip
COLOURS = (HintName.REDNESS, HintName.BRIGHTNESS, HintName.DARK_SHARE)
SHAPES = tuple(name for name in HintName if name not in COLOURS)


def ground(mining: Flags, water: Flags | None = None, front: Flags | None = None, rgb: tuple[float, ...] | None = None) -> Ground:
    colours = None if rgb is None else np.broadcast_to(np.array(rgb, np.float32)[:, None, None], (3, *mining.shape)).copy()
    return Ground(10.0, mining, np.zeros_like(mining) if water is None else water, mining if front is None else front, colours)


def square_pit() -> Ground:
    mining = np.zeros((60, 60), bool)
    mining[15:45, 15:45] = True
    return ground(mining)


def scattered(seed: int = 3) -> Ground:
    """Ragged diggings of a few pixels to a hectare, with ponds in them."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(60, 60)), 1.5)
    mining = noise > np.quantile(noise, 0.75)
    water = noise > np.quantile(noise, 0.95)
    return ground(mining, water)


def test_a_square_pit_and_scattered_ponds_are_far_apart() -> None:
    pit, diggings = values_of(square_pit()), values_of(scattered())
    assert pit[HintName.DIGGINGS_PER_KM2] == pytest.approx(1 / 0.09) and pit[HintName.DIGGING_HA] == 9.0
    assert diggings[HintName.DIGGINGS_PER_KM2] > 4 * pit[HintName.DIGGINGS_PER_KM2] and diggings[HintName.DIGGING_HA] < 1
    assert pit[HintName.PONDS_PER_KM2] == pit[HintName.POND_SHARE] == 0 and HintName.POND_HA not in pit
    assert diggings[HintName.PONDS_PER_KM2] > 20 and diggings[HintName.POND_SHARE] == pytest.approx(0.2, abs=0.02)
    for name in (HintName.SOLIDITY, HintName.RECTANGULARITY, HintName.STRAIGHTNESS):
        assert pit[name] == pytest.approx(1.0) and diggings[name] < 0.8
    assert pit[HintName.COMPACTNESS] == pytest.approx(np.pi / 4, abs=1e-6) and diggings[HintName.COMPACTNESS] < 0.6


SYMMETRIES: list[Callable[[Flags], Flags]] = [lambda m, k=k, f=f: np.rot90(m[:, ::-1] if f else m, k) for k in range(4) for f in (0, 1)]  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(4))
def test_turning_and_mirroring_change_nothing(seed: int) -> None:
    as_it_is = scattered(seed)
    expected = values_of(as_it_is)
    for turn in SYMMETRIES:
        turned = values_of(ground(turn(as_it_is.mining).copy(), turn(as_it_is.water).copy()))
        straight, was = turned.pop(HintName.STRAIGHTNESS), expected[HintName.STRAIGHTNESS]
        assert straight == pytest.approx(was, abs=0.1), "equally far corners may be left out in another order"
        compact = turned.pop(HintName.COMPACTNESS)
        assert compact == pytest.approx(expected[HintName.COMPACTNESS], rel=0.05)
        assert turned == pytest.approx({n: v for n, v in expected.items() if n in turned})


def test_a_finer_pixel_changes_no_value_of_the_same_ground() -> None:
    coarse = scattered()
    fine = Ground(5.0, *(layer.repeat(2, 0).repeat(2, 1) for layer in (coarse.mining, coarse.water, coarse.front)))
    of_coarse, of_fine = values_of(coarse), values_of(fine)
    of_coarse.pop(HintName.STRAIGHTNESS), of_fine.pop(HintName.STRAIGHTNESS)
    assert of_fine == pytest.approx(of_coarse, rel=0.15)


def test_a_river_past_the_diggings_is_no_pond_and_a_pond_beside_them_is() -> None:
    pit = square_pit()
    river, beside = np.zeros_like(pit.mining), np.zeros_like(pit.mining)
    river[:, 45:50] = True
    beside[20:24, 45:46] = True
    assert values_of(ground(pit.mining, river))[HintName.POND_SHARE] == 0
    with_pond = values_of(ground(pit.mining, beside))
    assert with_pond[HintName.POND_HA] == 0.04 and with_pond[HintName.POND_SHARE] == pytest.approx(4 / 904)


def test_islands_in_a_pit_leave_its_outline_as_it_is() -> None:
    pit, hollow = square_pit(), square_pit().mining.copy()
    hollow[25:35, 25:35] = False
    assert values_of(ground(hollow))[HintName.SOLIDITY] == values_of(pit)[HintName.SOLIDITY] == pytest.approx(1.0)


def test_what_the_window_cuts_is_no_outline() -> None:
    ragged = np.zeros((60, 60), bool)
    ragged[:40] = True
    ragged[36:40:2, ::2] = ragged[40:44, ::6] = True
    cut, whole = values_of(ground(ragged)), values_of(ground(np.pad(ragged, 3)))
    assert cut[HintName.STRAIGHTNESS] < whole[HintName.STRAIGHTNESS], "three straight sides are the window's"
    assert values_of(ground(np.ones((60, 60), bool)))[HintName.STRAIGHTNESS] == 0.0


@pytest.mark.parametrize(
    ("rgb", "leaning"),
    [(SAND, {}), (LATERITE, {HintName.REDNESS: Leaning.LATERITE_LIKE_RED}), (COAL, {HintName.DARK_SHARE: Leaning.COAL_LIKE_DARK}),
     (FOREST, {}), (CLEAR_WATER, {})],
)  # fmt: skip
def test_black_and_red_ground_lean_and_sand_forest_and_water_do_not(rgb: tuple[float, ...], leaning: dict[HintName, Leaning]) -> None:
    found = {h.name: h for h in hints_of(ground(square_pit().mining, rgb=rgb))}
    assert set(COLOURS) <= set(found)
    assert {n: h.leaning for n, h in found.items() if h.leaning is not Leaning.NONE} == leaning
    for name in leaning:
        assert found[name].threshold is not None and found[name].value >= found[name].threshold
    tint = colouration(np.array(rgb, np.float32))
    assert found[HintName.REDNESS].value == pytest.approx(float(tint), abs=1e-3)
    assert found[HintName.BRIGHTNESS].value == pytest.approx(np.sqrt(np.mean(np.square(rgb))), abs=1e-3)


def test_only_the_front_has_a_colour_and_its_water_has_none() -> None:
    pit = square_pit()
    front, water = np.zeros_like(pit.mining), np.zeros_like(pit.mining)
    front[15:20, 15:45], water[15:17, 15:45] = True, True
    made = ground(pit.mining, water, front, rgb=SAND)
    assert made.colours is not None
    made.colours[:, front] = np.array(COAL, np.float32)[:, None]
    made.colours[:, water] = np.array(LATERITE, np.float32)[:, None]
    values = values_of(made)
    assert values[HintName.DARK_SHARE] == 1.0 and values[HintName.BRIGHTNESS] < DARK
    made.colours[:, front] = np.nan
    assert not set(COLOURS) & set(values_of(made)), "unseen ground has no colour"


def test_ground_too_bright_for_the_picture_has_no_redness() -> None:
    values = values_of(ground(square_pit().mining, rgb=(FULL, 0.12, 0.1)))
    assert HintName.REDNESS not in values and HintName.BRIGHTNESS in values


def test_too_little_ground_has_no_values() -> None:
    speck = np.zeros((20, 20), bool)
    assert hints_of(ground(speck, rgb=SAND)) == ()
    speck[5, 5:9] = True
    assert set(values_of(ground(speck, rgb=SAND))) == {HintName.PONDS_PER_KM2, HintName.POND_SHARE}


def test_no_value_of_shape_leans_whatever_it_is() -> None:
    assert set(READINGS) == set(HintName)
    for name in SHAPES:
        for value in (0.0, 0.5, 1.0, 1e6):
            assert hint(name, value).leaning is Leaning.NONE, "docs/hints.md: none of them told places apart with both masks"


def test_what_is_shown_is_what_is_compared() -> None:
    just_below, on_it = hint(HintName.REDNESS, 0.24949), hint(HintName.REDNESS, 0.24951)
    assert (just_below.value, just_below.leaning) == (0.249, Leaning.NONE)
    assert (on_it.value, on_it.leaning) == (0.25, Leaning.LATERITE_LIKE_RED)


def test_the_pictures_curve_can_be_undone() -> None:
    ramp = np.linspace(0, 0.3, 64, dtype=np.float32).repeat(8).repeat(8).reshape(64, 64)
    back = reflectance(read_quicklook(quicklook(np.stack([ramp, ramp, ramp]))))
    assert np.abs(back[..., 0] - np.minimum(ramp, BRIGHTEST)).max() < 0.006


TILE, CELL = Square(32749, 450_000, 9_870_000, 10_000), Square(32749, 453_000, 9_875_000, 1_000)
TOP, LEFT = 400, 300  # the cell's corner in pixels of the tile


def look(day: int, mining: list[tuple[slice, slice]], water: list[tuple[slice, slice]] = []) -> Observation:  # noqa: B006
    stored = np.zeros((len(STORED_CLASSES), 300, 300), np.uint8)
    for land_class, places in ((LandClass.MINING, mining), (LandClass.WATER, water)):
        for place in places:
            stored[STORED_CLASSES.index(land_class)][place] = 230
    positions, values = sparse(stored, origin=(TOP - 100, LEFT - 100), side=1000)
    sky = np.full((300, 300), SkyClass.CLEAR, np.uint8)
    sky[:, 150:] = SkyClass.CLOUD if day == 30 else SkyClass.CLEAR
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return Observation(str(day), str(day), "s2a", at, 10, positions, values, sky, (TOP - 100, LEFT - 100))


def block(row: int, column: int, height: int, width: int) -> tuple[slice, slice]:
    """Pixels from the cell's corner."""
    return slice(100 + row, 100 + row + height), slice(100 + column, 100 + column + width)


def test_the_ground_of_a_cell_is_what_hangs_together_with_it() -> None:
    old, first, second = block(-10, 10, 15, 10), block(5, 10, 10, 10), block(15, 10, 6, 10)
    apart, beyond = block(-40, 0, 9, 9), block(-60, 0, 5, 5)
    looks = [look(0, [old]), look(10, [old, first, apart, beyond]), look(20, [old, first, second, apart, beyond], [block(8, 12, 3, 3)])]
    picture: Picture = np.full((300, 300, 3), 128, np.uint8)
    picture[second] = (255, 0, 0)
    state = fold(looks)
    found = ground_at(state, TILE, CELL, looks[-1], picture)
    margin = AROUND_M // 10
    assert found.mining.shape == (200, 200) and found.pixel_m == 10
    assert np.count_nonzero(found.mining) == 150 + 100 + 60, "old and new of the cell, across its edge, and nothing apart from it"
    assert found.front[margin + 15 : margin + 21, margin + 10 : margin + 20].all() and np.count_nonzero(found.front) == 60
    assert np.count_nonzero(found.water) == 9 and found.water[margin + 8, margin + 12]
    assert found.colours is not None and (found.colours[0][found.front] == np.float32(BRIGHTEST)).all()
    assert (found.colours[1][found.front] == 0).all()
    assert ground_at(state, TILE, CELL, looks[-1], None).colours is None


def test_ground_that_the_look_did_not_see_has_no_colour_and_a_tiles_edge_is_no_error() -> None:
    looks = [look(0, []), look(30, [block(0, 0, 10, 40)])]
    found = ground_at(fold(looks), TILE, CELL, looks[-1], np.zeros((300, 300, 3), np.uint8))
    margin = AROUND_M // 10
    assert found.colours is not None
    assert np.isnan(found.colours[:, :, margin + 50 :]).all() and not np.isnan(found.colours[:, :, : margin + 50]).any()
    corner = Square(32749, 450_000, 9_879_000, 1_000)
    assert ground_at(fold(looks), TILE, corner, looks[-1], None).mining.shape == (150, 150)
