"""A scene's pixels on a tile's grid: at edges, at other pixel sizes, and from the neighbouring zone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from scenes import S2_BANDS, Scene, describe, write_scene

from jagawana.detectors.clouds import SceneClassificationMask
from jagawana.detectors.grid import Square, tile_at, tile_square, tiles_touched, transformer
from jagawana.detectors.spectral import spectral_detector
from jagawana.schemas.scene import SceneItem
from jagawana.services.detect.imagery import POOLING_PX, SceneImage, TileWindow
from jagawana.services.detect.observing import TileSeen, read_tile
from jagawana.services.detect.observing import seen_of as seen_in
from jagawana.services.raster.decoding import DecoderLimits, decoder
from jagawana.services.store.observation_files import ObservationLabel, encode

BANDS = tuple(S2_BANDS.values())
TILE = "49MDU57"
SQUARE = tile_square(TILE)
LIMITS = DecoderLimits(30.0, 1 << 30)
HALO = 32


def raster(
    path: Path, pixels: np.ndarray, west: float, north: float, *, pixel_m: float = 10, epsg: int = 32749, nodata: float | None = 0
) -> dict[str, Any]:
    """Write an asset and describe it; `pixels` is (bands, rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = Affine(pixel_m, 0, west, 0, -pixel_m, north)
    with rasterio.open(path, "w", driver="GTiff", height=pixels.shape[1], width=pixels.shape[2], count=len(pixels), dtype=pixels.dtype,
                       crs=f"EPSG:{epsg}", transform=place, nodata=nodata) as file:  # fmt: skip
        file.write(pixels)
    return {
        "href": str(path), "proj:code": f"EPSG:{epsg}", "proj:shape": list(pixels.shape[1:]), "proj:transform": list(place)[:6],
        **describe(path),
    }  # fmt: skip


def described(asset: dict[str, Any], *names: str) -> dict[str, Any]:
    codes = {common: name for name, common in S2_BANDS.items()} | {"scl": "SCL"}
    return {**asset, "bands": [{"name": codes[n], "eo:common_name": n, "raster:scale": 1e-4} for n in names]}


def item(assets: dict[str, Any], baseline: str = "03.01", scene_id: str = "s", platform: str = "sentinel-2a") -> SceneItem:
    return SceneItem.model_validate({
        "id": scene_id, "bbox": [110, -1.3, 110.2, -1], "assets": assets,
        "geometry": {"type": "Polygon", "coordinates": [[[108, -4], [116, -4], [116, 2], [108, 2], [108, -4]]]},
        "properties": {"datetime": "2026-01-05T02:40:00Z", "platform": platform, "gsd": 10, "s2:processing_baseline": baseline},
    })  # fmt: skip


@contextmanager
def image(scene: SceneItem) -> Iterator[SceneImage]:
    with decoder({key: Path(asset.href) for key, asset in scene.assets.items()}, LIMITS) as pixels:
        yield SceneImage(scene, pixels)


def ground(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Six bands of smooth but unrepeated ground, uint16."""
    rng = np.random.default_rng(seed)
    r, c = np.mgrid[0:rows, 0:columns]
    waves = [np.sin(r / a + n) * np.cos(c / b - n) for n, (a, b) in enumerate(rng.uniform(5, 40, (6, 2)))]
    return (1500 + 1000 * np.stack(waves)).astype(np.uint16)


def place(east: float, north: float) -> tuple[int, int]:
    """Tile pixel of a point, 10 m."""
    return int((SQUARE.north + SQUARE.side - north) // 10), int((east - SQUARE.east) // 10)


# ---- windows -----------------------------------------------------------------------------------------------------


def window_of(folder: Path, west: float, north: float, side_px: int, *, pixel_m: float = 10, resolution_m: int = 10) -> TileWindow | None:
    asset = raster(folder / "a.tif", np.ones((6, side_px, side_px), np.uint16), west, north, pixel_m=pixel_m)
    with image(item({"a": described(asset, *BANDS)}, platform="sentinel-2a" if pixel_m >= 10 else "planetscope")) as scene:
        return scene.window(SQUARE, resolution_m, HALO)


W, N = SQUARE.east, SQUARE.north + SQUARE.side


@pytest.mark.parametrize(
    ("west", "north", "side_px", "expected"),
    [
        (W - 3_000, N + 3_000, 1_700, (-32, -32, 1_064, 1_064)),  # covers tile and halo
        (W, N, 1_000, (0, 0, 1_000, 1_000)),  # covers the tile alone
        (W + 3_000, N - 2_000, 96, (200, 296, 96, 100)),  # inside: the start goes back to the pooling grid
        (W - 500, N - 2_000, 96, (200, -32, 96, 78)),  # over the west edge, with its halo
        (W + 9_900, N - 9_900, 96, (984, 984, 48, 48)),  # over the south-east corner
        (W + 8, N - 8, 100, (0, 0, 101, 101)),  # off the grid by 8 m: all pixels it touches
    ],
)
def test_a_window_is_the_covered_part_with_its_halo_on_the_pooling_grid(
    west: float, north: float, side_px: int, expected: tuple[int, ...], tmp_path: Path
) -> None:
    window = window_of(tmp_path, west, north, side_px)
    assert window is not None and (window.row, window.column, window.rows, window.columns) == expected
    assert window.row % POOLING_PX == window.column % POOLING_PX == 0


@pytest.mark.parametrize(("west", "north"), [(W + 10_000, N), (W, N + 960), (W - 960, N), (W, N - 10_000), (W + 10_100, N)])
def test_a_scene_that_only_reaches_the_edge_or_the_halo_has_no_window(west: float, north: float, tmp_path: Path) -> None:
    assert window_of(tmp_path, west, north, 96) is None


def test_finer_pixels_have_more_of_them(tmp_path: Path) -> None:
    window = window_of(tmp_path, W, N, 200, pixel_m=5, resolution_m=5)
    assert window is not None and (window.rows, window.columns) == (200, 200)
    window = window_of(tmp_path / "4.77", W, N, 200, pixel_m=4.77, resolution_m=5)
    assert window is not None and (window.rows, window.columns) == (191, 191), "954 m"


# ---- pixels ------------------------------------------------------------------------------------------------------


def test_on_the_tile_s_grid_pixels_are_taken_as_they_are(tmp_path: Path) -> None:
    pixels = ground(100, 120)
    pixels[:, 40:50, 40:50] = 0
    with image(item({"a": described(raster(tmp_path / "a.tif", pixels, W + 800, N - 800), *BANDS)})) as scene:
        window = scene.window(SQUARE, 10, HALO)
        assert window is not None and (window.row, window.column) == (80, 80)
        layers, valid = scene.reflectance(window, ("nir", "blue"))
    assert layers.dtype == np.float32 and np.array_equal(layers, pixels[[3, 0]] * np.float32(1e-4))
    assert np.array_equal(valid, (pixels[[3, 0]] != 0).all(axis=0))


def test_a_window_beyond_the_scene_is_filled_with_nothing(tmp_path: Path) -> None:
    with image(item({"a": described(raster(tmp_path / "a.tif", ground(50, 50), W + 800, N - 800), *BANDS)})) as scene:
        _, seen = scene.reflectance(TileWindow(SQUARE, 10, 70, 70, 80, 80), ("red",))
        _, far = scene.reflectance(TileWindow(SQUARE, 10, 900, 900, 60, 60), ("red",))
    assert seen.sum() == 2_500 and seen[10:60, 10:60].all() and not far.any()


def test_a_20_m_band_lies_where_the_10_m_bands_lie(tmp_path: Path) -> None:
    """A ramp in 20 m pixels, read bilinearly at 10 m, is the same ramp in metres."""
    columns = np.arange(60)
    ramp = np.broadcast_to(1000 + 40 * columns, (2, 60, 60)).astype(np.uint16)
    fine, coarse = (
        raster(tmp_path / "10.tif", ground(120, 120)[:4], W + 800, N - 800),
        raster(tmp_path / "20.tif", ramp, W + 800, N - 800, pixel_m=20),
    )
    with image(item({"a": described(fine, *BANDS[:4]), "b": described(coarse, "swir16", "swir22")})) as scene:
        assert scene.finest.transform.a == 10
        window = scene.window(SQUARE, 10, HALO)
        assert window is not None
        (swir,), valid = scene.reflectance(window, ("swir16",))
    centres_m = (np.arange(120) + 0.5) * 10
    expected = (1000 + 40 * (centres_m / 20 - 0.5)) * 1e-4
    assert np.abs(swir[10:-10, 4:-4] - expected[4:-4]).max() < 1e-5
    assert valid.all()


def test_the_scene_classification_is_never_mixed(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).choice([4, 9], (1, 60, 60)).astype(np.uint8)
    fine, scl = (
        raster(tmp_path / "10.tif", ground(120, 120), W + 800, N - 800),
        raster(tmp_path / "scl.tif", codes, W + 800, N - 800, pixel_m=20),
    )
    with image(item({"a": described(fine, *BANDS), "b": described(scl, "scl")})) as scene:
        window = scene.window(SQUARE, 10, HALO)
        assert window is not None
        found = scene.scene_class(window)
    assert found is not None and np.array_equal(found, codes[0].repeat(2, 0).repeat(2, 1))


def test_without_a_classification_there_is_none(tmp_path: Path) -> None:
    with image(item({"a": described(raster(tmp_path / "a.tif", ground(60, 60), W, N), *BANDS)})) as scene:
        window = scene.window(SQUARE, 10, HALO)
        assert window is not None and scene.scene_class(window) is None


def test_every_baseline_of_a_scene_gives_the_same_reflectance(tmp_path: Path) -> None:
    """Promise P7: DN and offset change together, reflectance does not."""
    seen, pixels = [], ground(80, 80)
    for baseline, shift in (("03.01", 0), ("04.00", 1000), ("05.10", 1000)):
        asset = raster(tmp_path / f"{baseline}.tif", pixels + np.uint16(shift), W, N)
        with image(item({"a": described(asset, *BANDS)}, baseline)) as scene:
            window = scene.window(SQUARE, 10, 0)
            assert window is not None
            seen.append(scene.reflectance(window, BANDS)[0])
    assert np.abs(seen[0] - seen[1]).max() <= 1e-6 and np.array_equal(seen[1], seen[2])


# ---- other grids -------------------------------------------------------------------------------------------------


def test_a_southern_scene_in_the_northern_zone_is_where_it_belongs(tmp_path: Path) -> None:
    """As some producers write it: EPSG:326xx with negative northings."""
    pixels = ground(100, 100)
    with image(item({"a": described(raster(tmp_path / "a.tif", pixels, W + 800, N - 800 - 10_000_000, epsg=32649), *BANDS)})) as scene:
        assert tiles_touched(scene.footprint) == [TILE]
        window = scene.window(SQUARE, 10, HALO)
        assert window is not None
        layers, _ = scene.reflectance(window, BANDS)
    row, column = 80 - window.row, 80 - window.column
    inside = layers[:, row + 2 : row + 98, column + 2 : column + 98]
    assert np.abs(inside - pixels[:, 2:98, 2:98] * 1e-4).max() < 1e-5


def test_a_scene_in_the_neighbouring_zone_s_grid_is_where_it_belongs(tmp_path: Path) -> None:
    """A mark at a known longitude and latitude, written in zone 50, read on a tile of zone 49."""
    to_49, to_50 = transformer(32750, 32749), transformer(32749, 32750)
    tile = tile_at(32749, 825_000.0, 9_755_000.0)
    square = tile_square(tile)
    centre = square.east + 5_005.0, square.north + 5_005.0
    east, north = (round(v / 10) * 10.0 for v in to_50.transform(*centre))
    pixels = np.full((6, 200, 200), 500, np.uint16)
    pixels[:, 97:103, 97:103] = 4000
    with image(item({"a": described(raster(tmp_path / "a.tif", pixels, east - 1_000, north + 1_000, epsg=32750), *BANDS)})) as scene:
        assert tile in tiles_touched(scene.footprint)
        window = scene.window(square, 10, HALO)
        assert window is not None
        (red,), valid = scene.reflectance(window, ("red",))
    weight = np.where(valid, red - 0.05, 0)
    rows, columns = np.indices(red.shape)
    middle = ((columns + 0.5) * weight).sum() / weight.sum(), ((rows + 0.5) * weight).sum() / weight.sum()
    found = np.array(window.transform @ middle)
    assert np.hypot(*(found - to_49.transform(east, north))) < 1.0, "a tenth of a pixel"
    assert weight.sum() == pytest.approx(36 * 0.35, rel=0.03) and red[valid].min() == pytest.approx(0.05)


# ---- what an observation depends on ------------------------------------------------------------------------------


def seen_of(folder: Path, pixels: np.ndarray, scl: np.ndarray, west: float, north: float, square: Square = SQUARE) -> TileSeen:
    assets = {
        "a": described(raster(folder / "a.tif", pixels, west, north), *BANDS),
        "scl": described(raster(folder / "scl.tif", scl, west, north), "scl"),
    }
    with image(item(assets)) as scene:
        window = scene.window(square, 10, HALO)
        assert window is not None
        detector = spectral_detector("spectral-6")
        read = read_tile(scene, TILE, window, detector.spec.bands, SceneClassificationMask())
        return seen_in(read, detector.stored(read.pixels), detector.spec.bands)


def blob(seen: TileSeen) -> bytes:
    return encode(
        seen.probabilities, seen.sky, square=SQUARE, origin=seen.origin, resolution_m=10, label=ObservationLabel(TILE, "s", SCENE_AT, "f")
    )


SCENE_AT = Scene(0).acquired_at


def test_an_observation_depends_on_the_scene_near_the_tile_and_on_nothing_else(tmp_path: Path) -> None:
    """The same tile from its own granule with a margin, and from a scene half as wide again with other ground further out."""
    margin, beyond = 400, 300
    size = 1_000 + 2 * margin
    pixels = ground(size, size)
    scl = np.where(np.random.default_rng(1).random((1, size, size)) < 0.001, 9, 4).astype(np.uint8)
    tight = seen_of(tmp_path / "tight", pixels, scl, W - margin * 10, N + margin * 10)
    wide_pixels, wide_scl = (
        np.full((6, size + 2 * beyond, size + 2 * beyond), 3_000, np.uint16),
        np.full((1, size + 2 * beyond, size + 2 * beyond), 3, np.uint8),
    )
    wide_pixels[:, beyond:-beyond, beyond:-beyond], wide_scl[:, beyond:-beyond, beyond:-beyond] = pixels, scl
    wide = seen_of(tmp_path / "wide", wide_pixels, wide_scl, W - (margin + beyond) * 10, N + (margin + beyond) * 10)
    assert blob(tight) == blob(wide) and tight.quicklook == wide.quicklook and tight.bounds == wide.bounds


def test_only_the_tile_is_kept_and_its_shares_are_of_the_whole_tile(tmp_path: Path) -> None:
    scl = np.full((1, 200, 200), 4, np.uint8)
    scl[:, 150:] = 9
    seen = seen_of(tmp_path, ground(200, 200), scl, W - 1_000, N + 1_000)
    assert seen.origin == (0, 0) and seen.sky.shape == (100, 100) == seen.probabilities.shape[1:]
    assert seen.bounds == (W, N - 1_000, W + 1_000, N)
    assert (seen.footprint_share, seen.cloud_share) == (0.01, pytest.approx(0.0053)), "cloud with its 30 m margin"
    assert seen.clear_share == pytest.approx(seen.footprint_share - seen.cloud_share)
    assert (seen.probabilities[:, seen.sky != 1] == 0).all()


def test_one_scene_over_two_tiles_is_cut_without_gap_or_overlap(tmp_path: Path) -> None:
    pixels, scl = ground(100, 200), np.full((1, 100, 200), 4, np.uint8)
    east = tile_square(tile_at(32749, W + 10_005, N - 5))
    left, right = (seen_of(tmp_path / f"{n}", pixels, scl, W + 9_000, N, square) for n, square in enumerate((SQUARE, east)))
    whole = seen_of(tmp_path / "whole", pixels, scl, W, N)
    joined = np.concatenate([left.probabilities[:, :, left.probabilities.shape[2] - 100 :], right.probabilities[:, :, :100]], axis=2)
    assert np.array_equal(joined, whole.probabilities)


def test_a_written_scene_is_read_back_with_its_own_numbers(tmp_path: Path) -> None:
    path = write_scene(tmp_path, Scene(0))
    document = json.loads(path.read_text())
    for asset in document["assets"].values():
        asset["href"] = str(tmp_path / "assets" / Path(asset["href"]).name)
    with image(SceneItem.model_validate(document)) as scene:
        window = scene.window(SQUARE, 10, 0)
        assert window is not None
        (nir,), valid = scene.reflectance(window, ("nir",))
    assert nir[valid].mean() == pytest.approx(0.30, abs=0.002)
