"""The small pictures: right ground at the right place, grey where nothing was seen, small enough for a phone."""

import io

import numpy as np
import pytest
from alert_examples import CELL_BOUNDS
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from shapely import GeometryCollection, MultiLineString, MultiPoint, MultiPolygon, Polygon, box

from jagawana.schemas.alert import ChangeClass
from jagawana.services.notify.cutouts import COLOURS, MARGIN_M, MAX_BYTES, SIZE_PX, Bounds, Outline, Picture, draw, draw_pair, nice_length

CELL = Bounds(*CELL_BOUNDS)
WINDOW = CELL.grown(MARGIN_M)
FOREST, SOIL = (40, 90, 45), (200, 170, 120)


def picture(*, bounds: Bounds = WINDOW, px: int = 120, **changes: object) -> Picture:
    rgb = np.full((px, px, 3), FOREST, np.uint8)
    return Picture(**{"rgb": rgb, "bounds": bounds, "label": "14 Agu 2026", **changes})  # type: ignore[arg-type]


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def pixel(image: np.ndarray, east: float, north: float) -> np.ndarray:
    x = (east - WINDOW.west) / (WINDOW.east - WINDOW.west) * image.shape[1]
    y = (WINDOW.north - north) / (WINDOW.north - WINDOW.south) * image.shape[0]
    return image[int(y), int(x)]


def is_close(colour: np.ndarray, wanted: tuple[int, int, int], tolerance: int = 30) -> bool:
    return bool(np.abs(colour - np.array(wanted)).max() <= tolerance)


def is_grey(colour: np.ndarray) -> bool:
    return bool(np.ptp(colour) < 12 and colour.min() > 140)


def test_ground_lands_where_it_is() -> None:
    rgb = np.full((120, 120, 3), FOREST, np.uint8)
    rgb[30:40, 80:90] = SOIL  # 10 m pixels: 800..900 m east and 300..400 m south of the window's corner
    image = decoded(draw(picture(rgb=rgb), (), window=WINDOW))
    assert image.shape == (SIZE_PX, SIZE_PX, 3)
    assert is_close(pixel(image, WINDOW.west + 850, WINDOW.north - 350), SOIL)
    assert is_close(pixel(image, WINDOW.west + 750, WINDOW.north - 350), FOREST)
    assert is_close(pixel(image, WINDOW.west + 850, WINDOW.north - 450), FOREST)


def test_outlines_lie_on_the_ground_they_name_in_their_colours() -> None:
    pit = box(CELL.west + 400, CELL.south + 400, CELL.west + 600, CELL.south + 600)
    road = MultiLineString([[(CELL.west + 100, CELL.south + 800), (CELL.west + 900, CELL.south + 800)]])
    huts = MultiPoint([(CELL.west + 700, CELL.south + 200)])
    outlines = [Outline(ChangeClass.MINING, MultiPolygon([pit])), Outline(ChangeClass.ROAD, road), Outline(ChangeClass.HUT, huts)]
    image = decoded(draw(picture(), outlines, window=WINDOW))
    assert is_close(pixel(image, CELL.west + 400, CELL.south + 500), COLOURS[ChangeClass.MINING], 70)
    assert is_close(pixel(image, CELL.west + 500, CELL.south + 500), FOREST), "outlined, not filled"
    assert is_close(pixel(image, CELL.west + 500, CELL.south + 800), COLOURS[ChangeClass.ROAD], 70)
    assert is_close(pixel(image, CELL.west + 700, CELL.south + 200), COLOURS[ChangeClass.HUT], 40)


def test_a_missing_picture_is_hatched_grey_and_still_outlined() -> None:
    pit = Outline(ChangeClass.MINING, box(CELL.west + 400, CELL.south + 400, CELL.west + 600, CELL.south + 600))
    before, after = draw_pair(None, picture(), [pit], cell=CELL)
    assert is_grey(pixel(decoded(before), CELL.west + 800, CELL.south + 700))
    assert not is_grey(pixel(decoded(after), CELL.west + 800, CELL.south + 700))
    reddish = decoded(before)
    assert ((reddish[..., 0] - reddish[..., 1]) > 60).any()


def test_ground_outside_the_picture_and_under_cloud_is_grey() -> None:
    west_half = Bounds(WINDOW.west, WINDOW.south, (WINDOW.west + WINDOW.east) / 2, WINDOW.north)
    seen = np.ones((120, 120), bool)
    seen[60:] = False
    image = decoded(draw(picture(bounds=west_half, seen=seen), (), window=WINDOW))
    assert not is_grey(pixel(image, WINDOW.west + 300, WINDOW.north - 300))
    assert is_grey(pixel(image, WINDOW.west + 900, WINDOW.north - 300)), "outside the picture"
    assert is_grey(pixel(image, WINDOW.west + 300, WINDOW.north - 900)), "under cloud"


def test_a_picture_of_another_place_is_all_grey() -> None:
    far = Bounds(WINDOW.west + 50_000, WINDOW.south, WINDOW.east + 50_000, WINDOW.north)
    assert is_grey(pixel(decoded(draw(picture(bounds=far), (), window=WINDOW)), CELL.west + 500, CELL.south + 500))


def test_noise_stays_small_enough_for_a_phone() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (480, 480, 3), dtype=np.uint8)
    for content in draw_pair(picture(rgb=rgb), picture(rgb=rgb), (), cell=CELL):
        assert len(content) <= MAX_BYTES and content.startswith(b"\xff\xd8")


def test_the_same_input_gives_the_same_bytes() -> None:
    assert draw(picture(), (), window=WINDOW) == draw(picture(), (), window=WINDOW)


def test_polygons_with_holes_and_empty_shapes_are_drawn_without_complaint() -> None:
    ring = box(CELL.west + 300, CELL.south + 300, CELL.west + 700, CELL.south + 700).difference(
        box(CELL.west + 450, CELL.south + 450, CELL.west + 550, CELL.south + 550)
    )
    image = decoded(
        draw(
            picture(),
            [Outline(ChangeClass.MINING, ring), Outline(ChangeClass.MINING, Polygon()), Outline(ChangeClass.ROAD, GeometryCollection())],
            window=WINDOW,
        )
    )
    assert is_close(pixel(image, CELL.west + 450, CELL.south + 500), COLOURS[ChangeClass.MINING], 70), "the hole has an edge too"


@given(st.floats(0.01, 1e6))
def test_scale_bars_are_round_and_fit(at_most: float) -> None:
    length = nice_length(at_most)
    assert 0 < length <= at_most * (1 + 1e-9) and length >= at_most / 2.5 * (1 - 1e-9)
    assert float(f"{length:.0e}") == pytest.approx(length)
