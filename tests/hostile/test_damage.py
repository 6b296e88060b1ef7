"""Silent damage is caught: one bit, a lost end, another file of the same size, whatever codec the file is written with."""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from results import record
from scenes import Scene, describe, write_scene

from jagawana.schemas.errors import DataError
from jagawana.schemas.scene import SceneItem
from jagawana.services.raster.copies import own_copies

CODECS = ("none", "deflate", "zstd", "lzw", "lerc")
FLIPS, TRUNCATIONS, SWAPS = 200, 20, 5
"""Of each codec."""
LOOKED_AT = 40
"""Of the flips of each codec, read without the checksum too, for information."""
FIGURES: dict[str, dict[str, object]] = {}


@dataclass
class Damaged:
    """One file, its description, and what becomes of the bytes it is replaced by."""

    folder: Path
    item: SceneItem
    image: Path
    content: bytes
    codes: Counter[str] = field(default_factory=Counter)

    def replaced_by(self, content: bytes) -> None:
        self.image.write_bytes(content)
        try:
            with own_copies(self.item, roots=[self.folder], spool=self.folder / "spool", max_bytes=1 << 30):
                self.codes["accepted"] += 1
        except DataError as e:
            self.codes[e.code] += 1


def _texture(seed: int) -> np.ndarray:
    """Two bands that look like ground: smooth, with noise."""
    r, c = np.mgrid[0:96, 0:96]
    noise = np.random.default_rng(seed).normal(0, 12, (2, 96, 96))
    return (1500 + 400 * np.sin(r / 9) * np.cos(c / 7) + noise).astype(np.uint16)


def _write(path: Path, codec: str, seed: int) -> bytes:
    how = {} if codec == "none" else {"compress": codec}
    with rasterio.open(path, "w", driver="GTiff", width=96, height=96, count=2, dtype="uint16", crs="EPSG:32749", tiled=True, blockxsize=32,
                       blockysize=32, transform=Affine(10, 0, 453_000, 0, -10, 9_871_000), **how) as file:  # fmt: skip
        file.write(_texture(seed))
    return path.read_bytes()


@pytest.fixture(params=CODECS)
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Damaged:
    document = json.loads(write_scene(tmp_path, Scene(0)).read_text())
    image = tmp_path / f"{request.param}.tif"
    content = _write(image, request.param, 0)
    document["assets"] = {"image": {**document["assets"]["image"], "href": str(image), **describe(image)}}
    return Damaged(tmp_path, SceneItem.model_validate(document), image, content)


@pytest.fixture(scope="module", autouse=True)
def _figures() -> Iterator[None]:
    yield
    record("bit_flips", FIGURES)


def _flips(content: bytes, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    for bit in rng.sample(range(8 * len(content)), FLIPS):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)


def test_no_flipped_bit_is_accepted(damaged: Damaged) -> None:
    codec = damaged.image.stem
    flips = list(_flips(damaged.content, CODECS.index(codec)))
    for flipped in flips:
        damaged.replaced_by(flipped)
    alone, guarded = _without_checksum(damaged, flips[:LOOKED_AT])
    FIGURES[codec] = {
        "flips": FLIPS, "accepted": damaged.codes["accepted"], "without_checksum": LOOKED_AT, "accepted_by_gdal_alone": alone,
        "accepted_by_the_guard_alone": guarded,
    }  # fmt: skip
    assert damaged.codes == {"CHECKSUM_MISMATCH": FLIPS}


def _without_checksum(damaged: Damaged, flips: list[bytes]) -> tuple[int, int]:
    """How many flips are read without an error, with whatever pixels."""
    clean = damaged.folder / "clean.tif"
    clean.write_bytes(damaged.content)
    paths = [damaged.folder / f"flip{n}.tif" for n in range(len(flips))]
    for path, flipped in zip(paths, flips, strict=True):
        path.write_bytes(flipped)
    script = Path(__file__).with_name("reading_alone.py")
    done = subprocess.run([sys.executable, script, clean, *paths], capture_output=True, text=True, timeout=120, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(flips)
    return tuple(sum(outcomes[n] != "refused" for outcomes in found) for n in (0, 1))  # type: ignore[return-value]


def test_no_truncated_file_is_accepted(damaged: Damaged) -> None:
    for n in range(TRUNCATIONS):
        damaged.replaced_by(damaged.content[: len(damaged.content) * n // TRUNCATIONS])
    damaged.replaced_by(damaged.content[:-1])
    damaged.replaced_by(damaged.content + b"\0")
    assert damaged.codes == {"SIZE_MISMATCH": TRUNCATIONS + 2}


def test_no_other_file_of_the_same_size_is_accepted(damaged: Damaged) -> None:
    codec, size = damaged.image.stem, len(damaged.content)
    for seed in range(1, SWAPS + 1):
        other = _write(damaged.folder / "other.tif", codec, seed)
        damaged.replaced_by(other[:size].ljust(size, b"\0"))
    assert damaged.codes == {"CHECKSUM_MISMATCH": SWAPS}


def test_the_undamaged_file_is_accepted(damaged: Damaged) -> None:
    damaged.replaced_by(damaged.content)
    assert damaged.codes == {"accepted": 1}
