"""The guard reads honest files as GDAL does, in every form a writer may choose, and refuses none of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.shutil import copy

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster.guard import LAYOUT_RULES, hold, open_guarded
from jagawana.services.raster.tiff import TiffLayout

FORMS: dict[str, dict[str, Any]] = {
    "strips": {},
    "one strip": {"blockysize": 300},
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 128},
    "one tile larger than the image": {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"},
    "bands apart": {"interleave": "band", "compress": "lzw", "predictor": 2},
    "bands together": {"interleave": "pixel", "compress": "zstd", "tiled": True},
    "LERC": {"compress": "lerc"},
    "LERC and zstd": {"compress": "lerc_zstd"},
    "PackBits": {"compress": "packbits"},
    "BigTIFF": {"BIGTIFF": "YES", "tiled": True},
    "the other byte order": {"ENDIANNESS": "BIG", "compress": "deflate"},
    "BigTIFF in the other byte order": {"BIGTIFF": "YES", "ENDIANNESS": "BIG"},
    "sparse": {"sparse_ok": True, "tiled": True, "compress": "deflate"},
    "signed": {"dtype": "int16"},
    "bytes": {"dtype": "uint8"},
    "floats": {"dtype": "float32", "compress": "deflate", "predictor": 3},
    "one band": {"count": 1},
    "thirteen bands": {"count": 13, "tiled": True, "compress": "deflate"},
    "red, green and blue": {"count": 3, "dtype": "uint8", "photometric": "RGB"},
    "alpha": {"count": 4, "dtype": "uint8", "photometric": "RGB", "ALPHA": "YES"},
}


def _write(path: Path, **form: Any) -> Path:
    how = {"count": 4, "dtype": "uint16", "width": 300, "height": 300, "nodata": 0, "crs": "EPSG:32749"} | form
    pixels = np.random.default_rng(1).integers(1, 200, (how["count"], 300, 300)).astype(how["dtype"])
    if "sparse_ok" in form:
        pixels[:, :, 100:] = 0
    with rasterio.open(path, "w", driver="GTiff", transform=Affine(10, 0, 453_000, 0, -10, 9_871_000), **how) as file:
        file.write(pixels)
        file.update_tags(note="x" * 5000)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_an_honest_file_is_read_as_gdal_reads_it(form: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "a.tif", **FORMS[form])
    with open_guarded(str(path), "a") as file, open(path, "rb") as reader:
        layout = TiffLayout(reader.fileno(), "a")
        assert (layout.shape, layout.samples) == (file.shape, file.count)
        if form != "strips" and layout.compression != 1:
            assert layout.block_shape == file.block_shapes[0]
        _, sizes = layout.blocks
        assert len(sizes) == layout.block_count and (form == "sparse") == bool((sizes == 0).any())
        assert file.read().shape == (file.count, 300, 300)


def test_overviews_masks_and_cloud_optimised_files_are_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.tif", tiled=True, blockxsize=64, blockysize=64, compress="deflate", nodata=None)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(np.full((300, 300), 255, np.uint8))
        file.build_overviews([2, 4], Resampling.average)
    copy(path, tmp_path / "cog.tif", driver="COG", compress="zstd", blocksize=128)
    for made in (path, tmp_path / "cog.tif"):
        with open_guarded(str(made), "a") as file:
            assert file.shape == (300, 300)
    with open(path, "rb") as reader:
        layout = TiffLayout(reader.fileno(), "a")
        assert layout.directory_bytes(1 << 20) > layout.directory_bytes(0) + 500, "all directories are counted"


@pytest.mark.parametrize("content", [b"", b"I", b"II*\0", b"XX*\0\x08\0\0\0", b"II\x07\0\x08\0\0\0", b"II+\0\x08\0\0\0", b"\0" * 64])
def test_what_is_no_tiff_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_guarded(str(tmp_path / "a.tif"), "a")
    assert caught.value.code is ErrorCode.DECODE_FAILED and caught.value.detail.startswith("a: ")


def test_whatever_is_cut_off_or_changed_is_a_layout_or_an_error_of_ours(tmp_path: Path) -> None:
    """Every byte of a small file's directory in turn, and every length."""
    path = _write(tmp_path / "a.tif", count=1, width=300, height=300)
    whole = path.read_bytes()
    start = int.from_bytes(whole[4:8], "little")
    changed = [whole[:n] for n in (*range(0, 16), *range(start, start + 200, 3))]
    changed += [whole[:n] + bytes([whole[n] ^ 0xFF]) + whole[n + 1 :] for n in range(start, start + 200)]
    for content in changed:
        path.write_bytes(content)
        with open(path, "rb") as reader:
            try:
                hold(LAYOUT_RULES, TiffLayout(reader.fileno(), "a"))
            except DataError as e:
                assert e.code
