"""Folders of images and masks as what a network learns from."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from typer.testing import CliRunner

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli import app
from jagawana.services.raster.decoding import DecoderLimits
from jagawana.services.training.reading import read_labelled

LIMITS = DecoderLimits(20, 1 << 30)
BANDS = ("blue", "green", "red", "nir")
EAST, NORTH = 500_000, 9_800_000


def write(folder: Path, name: str, mask: np.ndarray, *, east: float = EAST, counts: int = 1000, bands: tuple[str, ...] = BANDS) -> None:
    folder.mkdir(exist_ok=True)
    pixels = np.stack([counts + 200 * mask.astype(np.int16) + 10 * i for i in range(len(bands))]).astype(np.uint16)
    grid = {"height": mask.shape[0], "width": mask.shape[1], "crs": "EPSG:32749", "transform": Affine(10, 0, east, 0, -10, NORTH)}
    with rasterio.open(folder / f"{name}.tif", "w", driver="GTiff", count=len(bands), dtype="uint16", **grid) as file:
        file.write(pixels)
        file.descriptions = bands
    with rasterio.open(folder / f"{name}.mask.tif", "w", driver="GTiff", count=1, dtype="uint8", **grid) as file:
        file.write(mask[None])


def pit(shape: tuple[int, int] = (48, 48)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[10:20, 10:30] = LandClass.MINING
    return mask


def read(*folders: Path):
    return read_labelled(folders, chip_px=48, limits=LIMITS)


def test_pairs_and_single_images_become_chips_with_their_place(tmp_path: Path) -> None:
    write(tmp_path, "a_t0", np.zeros((48, 48), np.uint8))
    write(tmp_path, "a_t1", pit())
    write(tmp_path, "b", pit((100, 150)), east=EAST + 900_000)
    pairs = read(tmp_path)
    assert len(pairs) == 1 + 2 * 3 and pairs.bands == BANDS
    assert (pairs.before.labels[0] == 0).all() and (pairs.after.labels[0] == pit()).all() and not pairs.unchanged[0]
    np.testing.assert_allclose(pairs.after.reflectance[0, 0], (1000 + 200 * pit().astype(int)) * 1e-4, rtol=1e-6)
    assert np.isnan(pairs.before.reflectance[1:]).all() and (pairs.before.labels[1:] == NOT_OBSERVED).all()
    assert len(set(pairs.block[1:])) == 1 and pairs.block[0] != pairs.block[1]


def test_two_dates_labelled_alike_are_unchanged_unless_the_table_says_otherwise(tmp_path: Path) -> None:
    for date in ("t0", "t1"):
        write(tmp_path, f"a_{date}", pit())
    assert read(tmp_path).unchanged.tolist() == [True]
    (tmp_path / "blocks.csv").write_text("name,block,change\na,north,new_road\n")
    pairs = read(tmp_path)
    assert pairs.unchanged.tolist() == [False] and pairs.block == ("north",)


def test_two_folders_share_the_bands_they_have_in_common(tmp_path: Path) -> None:
    write(tmp_path / "four", "a", pit())
    write(tmp_path / "six", "b", pit(), bands=(*BANDS, "swir16", "swir22"))
    pairs = read(tmp_path / "four", tmp_path / "six")
    assert pairs.bands == BANDS and len(pairs) == 2 and [s.name for s in pairs.sources] == ["four", "six"]
    with pytest.raises(DataError, match="swir16") as refused:
        pairs.with_bands((*BANDS, "swir16"))
    assert refused.value.code == ErrorCode.BANDS_MISSING


def test_a_source_carries_what_its_folder_states_and_nothing_is_made_up(tmp_path: Path) -> None:
    for name in ("silent", "stated"):
        write(tmp_path / name, "a", pit())
    (tmp_path / "stated" / "source.json").write_text('{"name": "Kapuas 2026", "licence": "CC-BY-4.0", "redistribution": true}')
    silent, stated = read(tmp_path / "silent", tmp_path / "stated").sources
    assert (silent.name, silent.licence, silent.attribution, silent.redistribution) == ("silent", "not stated", None, None)
    assert (stated.name, stated.licence, stated.attribution, stated.redistribution) == ("Kapuas 2026", "CC-BY-4.0", None, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"license": "MIT"}', "license: there is no such field"),
        ('{"licence": "  "}', "licence: String should have at least 1"),
        ('{"attribution": "a | b"}', "attribution: String should match"),
        ('{"redistribution": "perhaps"}', "redistribution: Input should be a valid boolean"),
        ("[]", "source.json"),
        ("{", "source.json"),
    ],
)
def test_terms_that_cannot_be_read_are_refused_with_an_example(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, "a", pit())
    (tmp_path / "source.json").write_text(text)
    with pytest.raises(DataError, match=words) as refused:
        read(tmp_path)
    assert refused.value.code == ErrorCode.LABELS_INVALID and '"licence": "CC-BY-4.0"' in refused.value.detail


@pytest.mark.parametrize(
    ("case", "words", "code"),
    [("small", "at least 48 x 48", ErrorCode.GRID_UNSUPPORTED), ("dates", "not on one grid", ErrorCode.GRID_MISMATCH)],
)
def test_what_cannot_be_cut_is_told(tmp_path: Path, case: str, words: str, code: ErrorCode) -> None:
    write(tmp_path, "a_t0", pit((40, 60) if case == "small" else (48, 48)))
    write(tmp_path, "a_t1", pit((40, 60) if case == "small" else (60, 48)))
    with pytest.raises(DataError, match=words) as refused:
        read(tmp_path)
    assert refused.value.code == code


def test_the_command_trains_on_a_folder_of_ones_own(tmp_path: Path) -> None:
    for i in range(4):
        write(tmp_path / "ours", f"p{i}_t0", np.zeros((48, 48), np.uint8), east=EAST - 300_000 + 230_000 * i)
        write(tmp_path / "ours", f"p{i}_t1", pit(), east=EAST - 300_000 + 230_000 * i)
    (tmp_path / "ours" / "source.json").write_text('{"licence": "ODbL-1.0", "attribution": "Sari, 2026", "redistribution": false}')
    (tmp_path / "config.json").write_text('{"folds": 2, "batch": 4, "base": 4, "poolings": 2, "simulated_share": 0, "simulated_chips": 0}')
    command = ["train", "--model", "rgbn", "--labels", str(tmp_path / "ours"), "--out", str(tmp_path / "model"), "--steps", "3"]
    result = CliRunner().invoke(app, [*command, "--config", str(tmp_path / "config.json")])
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["folds", "rgbn.calls.npz", "rgbn.json", "rgbn.md", "rgbn.safetensors"]
    assert "| ours | 8 | ODbL-1.0; attribution: Sari, 2026; not to be passed on |" in (tmp_path / "model" / "rgbn.md").read_text()
