"""Masks of loose images, whatever they say of themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from scenes import CLOUD, DIGGINGS, FOREST

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.detect.single_image import detect_images
from jagawana.services.settings import load_settings

PLACE = Affine(10, 0, 453_000, 0, -10, 9_871_000)
NAMES = ("B02", "B03", "B04", "B08", "B11", "B12")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
"""The images of these tests are written without georeference on purpose; what users see is tested with the command line."""


def reflectance(bands: int = 6, side: int = 48) -> np.ndarray:
    """Forest with a pit in rows and columns 10 to 29."""
    values = np.array(FOREST[:bands], np.float32)[:, None, None] * np.ones((1, side, side), np.float32)
    values[:, 10:30, 10:30] = np.array(DIGGINGS[:bands], np.float32)[:, None, None]
    return values


def write(
    path: Path, pixels: np.ndarray, *, names: tuple[str, ...] = (), scale: float | None = None, offset: float = 0.0, **more: Any
) -> Path:
    with rasterio.open(path, "w", driver="GTiff", width=pixels.shape[2], height=pixels.shape[1], count=len(pixels), dtype=pixels.dtype,
                       **more) as file:  # fmt: skip
        file.write(pixels)
        if names:
            file.descriptions = names
        if scale is not None:
            file.scales, file.offsets = (scale,) * len(pixels), (offset,) * len(pixels)
    return path


def numbers(values: np.ndarray, scale: float = 1e-4, offset: float = 0.0) -> np.ndarray:
    return np.rint((values - offset) / scale).astype(np.uint16)


def detected(
    source: Path, *, model: str | None = "spectral-6", probabilities: bool = False, cloud_mask: str = "none"
) -> list[dict[str, Any]]:
    out = (source if source.is_dir() else source.parent) / "out"
    return detect_images(source, out, load_settings(model=model), probabilities=probabilities, cloud_mask=cloud_mask)


def mask(row: dict[str, Any]) -> np.ndarray:
    with rasterio.open(row["mask"]) as file:
        assert file.count == 1 and file.dtypes == ("uint8",) and file.nodata == NOT_OBSERVED
        pixels: np.ndarray = file.read(1)
    return pixels


EXPECTED = np.zeros((48, 48), np.uint8)
EXPECTED[10:30, 10:30] = LandClass.MINING
KINDS: dict[str, dict[str, Any]] = {
    "plain, six bands in the usual order": {"pixels": numbers(reflectance())},
    "georeferenced": {"pixels": numbers(reflectance()), "crs": "EPSG:32749", "transform": PLACE},
    "in degrees": {"pixels": numbers(reflectance()), "crs": "EPSG:4326", "transform": Affine(1e-4, 0, 110, 0, -1e-4, -1)},
    "bands described, in another order": {"pixels": numbers(reflectance())[::-1], "names": NAMES[::-1]},
    "bands by common name": {"pixels": numbers(reflectance()), "names": ("blue", "green", "red", "nir", "swir16", "swir22")},
    "with a band nobody knows": {"pixels": numbers(np.concatenate([reflectance(), reflectance()[:1]])), "names": (*NAMES, "AOT")},
    "scale and offset of its own": {"pixels": numbers(reflectance(), 1e-4, -0.1), "scale": 1e-4, "offset": -0.1},
    "a coarse scale": {"pixels": numbers(reflectance(), 2e-5), "scale": 2e-5},
    "reflectance as floats": {"pixels": reflectance()},
    "int16": {"pixels": numbers(reflectance()).astype(np.int16)},
    "tiled and compressed": {"pixels": numbers(reflectance()), "tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_pit_is_found_whatever_the_image_says_of_itself(kind: str, tmp_path: Path) -> None:
    (row,) = detected(write(tmp_path / "scene.tif", **KINDS[kind]))
    assert row["mask"] == str(tmp_path / "out" / "scene.mask.tif") and row["model"] == "spectral-6"
    assert np.array_equal(mask(row), EXPECTED) and row["mining_share"] == pytest.approx(400 / 48**2, abs=1e-6)


def test_a_mask_lies_where_its_image_lies(tmp_path: Path) -> None:
    (row,) = detected(write(tmp_path / "scene.tif", numbers(reflectance()), crs="EPSG:32749", transform=PLACE))
    with rasterio.open(row["mask"]) as file:
        assert file.crs.to_epsg() == 32749 and file.transform == PLACE


@pytest.mark.parametrize(
    ("pixels", "nodata"),
    [(numbers(reflectance()), 0), (numbers(reflectance()), None), (numbers(reflectance()), 65535), (reflectance(), -1.0),
     (reflectance(), None)],
    ids=["0", "0 without saying so", "65535", "-1", "NaN"],
)  # fmt: skip
def test_where_there_is_no_data_nothing_was_observed(pixels: np.ndarray, nodata: float | None, tmp_path: Path) -> None:
    pixels = pixels.copy()
    pixels[:, 40:, :8] = nodata if nodata is not None else np.nan if pixels.dtype == np.float32 else 0
    pixels[2, 20, 20] = pixels[2, 44, 4]
    (row,) = detected(write(tmp_path / "scene.tif", pixels, nodata=nodata))
    expected = EXPECTED.copy()
    expected[40:, :8] = expected[20, 20] = NOT_OBSERVED
    assert np.array_equal(mask(row), expected), "one band without data is enough"
    assert row["mining_share"] == pytest.approx(399 / (48**2 - 65), abs=1e-6)


def test_probabilities_are_written_with_the_names_of_the_classes(tmp_path: Path) -> None:
    (row,) = detected(write(tmp_path / "scene.tif", numbers(reflectance())), probabilities=True)
    with rasterio.open(tmp_path / "out" / "scene.prob.tif") as file:
        assert file.descriptions == ("background", "mining", "road", "water", "bare", "hut") and set(file.dtypes) == {"float32"}
        chances = file.read()
    assert np.allclose(chances.sum(axis=0), 1, atol=1e-5) and np.array_equal(chances.argmax(axis=0), mask(row))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["scene.mask.tif", "scene.prob.tif"]


def test_cloud_is_not_observed_when_asked_for(tmp_path: Path) -> None:
    values = reflectance(side=96)
    values[:, 60:90, 60:90] = np.array(CLOUD, np.float32)[:, None, None]
    path = write(tmp_path / "scene.tif", numbers(values), crs="EPSG:32749", transform=PLACE)
    with_cloud, without = mask(detected(path)[0]), mask(detected(path, cloud_mask="brightness")[0])
    assert (with_cloud[65:85, 65:85] != NOT_OBSERVED).all() and (without[65:85, 65:85] == NOT_OBSERVED).all()
    assert (without[10:30, 10:30] == LandClass.MINING).all()


def test_an_image_larger_than_a_window_has_no_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jagawana.services.detect import single_image

    values = np.clip(reflectance(side=200) + np.random.default_rng(0).normal(0, 0.02, (6, 200, 200)), 0.001, 1).astype(np.float32)
    path = write(tmp_path / "scene.tif", values)
    whole = mask(detected(path)[0])
    monkeypatch.setattr(single_image, "WINDOW_PX", 64)
    assert np.array_equal(mask(detected(path)[0]), whole)


def test_a_folder_is_its_images_and_not_their_sidecars_or_masks(tmp_path: Path) -> None:
    for name in ("b.tif", "a.tiff", "C.TIF"):
        write(tmp_path / name, numbers(reflectance()))
    (tmp_path / "b.tif.aux.xml").write_text("<PAMDataset/>")
    (tmp_path / "notes.txt").write_text("hello")
    write(tmp_path / "old.mask.tif", numbers(reflectance())[:1])
    assert [Path(r["image"]).name for r in detected(tmp_path)] == ["C.TIF", "a.tiff", "b.tif"]


def test_four_bands_have_their_own_model(tmp_path: Path) -> None:
    path = write(tmp_path / "planet.tif", numbers(reflectance(4)), crs="EPSG:32749", transform=PLACE @ Affine.scale(0.5))
    assert np.array_equal(mask(detected(path, model="spectral-4")[0]), EXPECTED)
    assert detected(path, model=None)[0]["model"] == "rgbn"


def refused(*args: Any, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        detected(*args, **options)
    return caught.value


def test_what_cannot_be_read_is_refused_by_its_name_and_leaves_no_mask(tmp_path: Path) -> None:
    three = write(tmp_path / "three.tif", numbers(reflectance(3)))
    assert refused(three).code is ErrorCode.BANDS_MISSING and "three.tif" in refused(three).detail
    assert refused(write(tmp_path / "four.tif", numbers(reflectance(4)))).code is ErrorCode.BANDS_MISSING
    (tmp_path / "text.tif").write_text("hello")
    assert refused(tmp_path / "text.tif").code is ErrorCode.DECODE_FAILED
    assert not list((tmp_path / "out").iterdir())


def test_nothing_there_and_no_such_cloud_mask(tmp_path: Path) -> None:
    assert refused(tmp_path).code is ErrorCode.ASSET_MISSING
    assert refused(tmp_path / "no.tif").code is ErrorCode.ASSET_MISSING
    path = write(tmp_path / "a.tif", numbers(reflectance()))
    assert refused(path, cloud_mask="fog").code is ErrorCode.SETTINGS_INVALID
