"""Rows of blocks: every window right, every block decoded once, memory bounded."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster import block_rows as module
from jagawana.services.raster.block_rows import BlockRows, block_rows
from jagawana.services.raster.decoding import DecoderLimits, decoder

ROOMY = DecoderLimits(30.0, 1 << 30)
PIXELS = np.random.default_rng(0).integers(1, 60_000, (3, 700, 500)).astype(np.uint16)


def written(path: Path, pixels: np.ndarray = PIXELS, **how: object) -> Path:
    count, height, width = pixels.shape
    profile = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"} | how
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=pixels.dtype, crs="EPSG:32749",
        transform=Affine(10, 0, 453_000, 0, -10, 9_871_000), **profile,
    ) as file:  # fmt: skip
        file.write(pixels)
    return path


def windows() -> list[tuple[int, int, int, int]]:
    """Overlapping windows from north to south."""
    return [(top, left, min(180, 700 - top), min(210, 500 - left)) for top in range(0, 700, 150) for left in range(0, 500, 190)]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compress": "zstd", "predictor": 2},
        {"interleave": "pixel"},
        {"tiled": False, "blockysize": 7},
        {"tiled": False, "blockysize": 700},
    ],
)
def test_every_window_is_what_the_file_holds_and_every_row_is_decoded_once(how: dict[str, object], tmp_path: Path) -> None:
    with decoder({"a": written(tmp_path / "a.tif", **how)}, ROOMY) as child, block_rows(child) as rows:
        for top, left, height, width in windows():
            found = rows.read("a", bands=[3, 1], window=(top, left, height, width))
            assert np.array_equal(found, PIXELS[[2, 0], top : top + height, left : left + width])
        assert rows.rows_decoded == -(-700 // module._row_height(rows.header("a")))


def test_windows_in_any_order_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 1)
    monkeypatch.setattr(module, "AT_LEAST_ROWS", 64)
    mixed = np.random.default_rng(1).permutation(windows())
    with decoder({"a": written(tmp_path / "a.tif")}, ROOMY) as child, block_rows(child) as rows:
        for top, left, height, width in mixed.tolist():
            found = rows.read("a", bands=[1], window=(top, left, height, width))
            assert np.array_equal(found[0], PIXELS[0, top : top + height, left : left + width])


def test_memory_does_not_grow_with_the_height_of_a_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_LEAST_ROWS", 64)
    ends = []
    for height in (1_024, 4_096):
        path = written(tmp_path / f"{height}.tif", np.ones((1, height, 300), np.uint16))
        with decoder({"a": path}, ROOMY) as child, block_rows(child) as rows:
            for top in range(0, height - 150, 100):
                rows.read("a", bands=[1], window=(top, 0, 150, 300))
            ends.append(os.fstat(child.memory).st_size)
    assert ends[0] == ends[1] < 1_024 * 300 * 2


def test_two_assets_and_a_row_too_large_to_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 300 * 500 * 2)
    paths = {"a": written(tmp_path / "a.tif"), "b": written(tmp_path / "b.tif", PIXELS[:1, ::2, ::2].copy())}
    with decoder(paths, ROOMY) as child, block_rows(child) as rows:
        assert np.array_equal(rows.read("a", bands=[1, 2, 3], window=(600, 3, 100, 9)), PIXELS[:, 600:, 3:12])
        assert np.array_equal(rows.read("b", bands=[1], window=(300, 0, 50, 250))[0], PIXELS[0, 600::2, ::2])
        assert rows.rows_decoded == 1, "the first was read window by window"


def test_a_broken_block_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif")
    content = bytearray(path.read_bytes())
    content[5_000 : len(content) - 5_000] = b"\xff" * (len(content) - 10_000)
    path.write_bytes(bytes(content))
    with decoder({"a": path}, ROOMY) as child:
        rows = BlockRows(child)
        with pytest.raises(DataError) as refused:
            for window in windows():
                rows.read("a", bands=[1, 2, 3], window=window)
        rows.close()
    assert refused.value.code is ErrorCode.DECODE_FAILED
