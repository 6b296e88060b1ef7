"""Each rule has a sample that only it keeps away: refused with its code, and without the rule let through, or stopped elsewhere."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hostile import containers, files, meanings, tiff
from hostile.table import Case, Target
from hostile.traps import Traps, traps
from results import record
from scenes import describe, edit_item, write_scene

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.scene import SceneItem
from jagawana.services.detect.header_rules import HEADER_RULES, Described
from jagawana.services.ingest.items import _absolute
from jagawana.services.raster import copies, guard
from jagawana.services.raster.copies import own_copies
from jagawana.services.raster.decoding import DecoderLimits, RasterHeader, decoder
from jagawana.services.raster.guard import Rule, hold
from jagawana.services.raster.nursery import nursery

ALL = {case.name: case for case in (*containers.CASES, *files.CASES, *meanings.CASES)}
LAYOUT_SAMPLES = {
    "directory size": "48 MB of metadata",
    "number of pixels": "60,000 pixels square and sparse",
    "number of bands": "65,535 bands",
    "sample type": "64-bit numbers",
    "codec": "a whole JPEG inside",
    "block size": "one tile of 65,536 pixels square",
    "decoded size": "zstd bomb",
    "blocks inside the file": "strips that begin at the end",
    "blocks apart": "strips over one another",
    "one reading": "three bands that are read as four",
}
COPY_SAMPLES = {
    "local address": "an address with a host",
    "allowed folder": "a folder that is a link out",
    "asset size": "a file of more bytes than one asset may have",
    "regular file": "a pipe",
    "size as said": "a file emptied after it was described",
    "checksum as said": "a broken deflate stream",
    "magic": "a PNG named .tif",
}
HEADER_SAMPLES = {
    "UTM": "web map metres",
    "north up": "rotated",
    "pixel size": "pixels of 60 metres",
    "side": "one pixel",
    "on Earth": "across the antimeridian",
    "sensor's pixels": "six bands of a finer sensor",
    "coordinate system as said": "the neighbouring zone",
    "grid as said": "half a pixel to the east",
    "number of bands": "three bands",
    "order of bands": "bands in another order, which the file says",
    "footprint as said": "a footprint elsewhere",
}
LIMIT = 4 << 20
CLAIMS = {
    "an address with a host": Case(
        "B09", "an address with a host", ErrorCode.HREF_FORBIDDEN,
        lambda t: (edit_item(t.item, lambda d: d["assets"]["image"].update(href=f"http://127.0.0.1:1{t.image}")), None)[1]),
    "a file of more bytes than one asset may have": Case(
        "A34", "a file of more bytes than one asset may have", ErrorCode.TOO_LARGE,
        lambda t: (t.image.write_bytes(t.image.read_bytes() + bytes(LIMIT)),
                   edit_item(t.item, lambda d: d["assets"]["image"].update(describe(t.image))), None)[2]),
}  # fmt: skip
FIGURES: dict[str, str] = {}
COPY_RULES = ("ADDRESS_RULES", "CLAIM_RULES", "HANDLE_RULES", "COPY_RULES")


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traps]:
    with traps(tmp_path_factory.mktemp("traps")) as set_up:
        yield set_up


@pytest.fixture(scope="module", autouse=True)
def _figures() -> Iterator[None]:
    yield
    record("guard_rules", FIGURES)


def spoilt(case: Case, folder: Path, laid: Traps) -> tuple[SceneItem, Target]:
    made = write_scene(folder, scene := case.made(1))
    target = Target(made, *(folder / "assets" / f"{scene.scene_id}_{key}.tif" for key in ("image", "scl")), laid)
    case.spoil(target)
    return SceneItem.model_validate(_absolute(json.loads(made.read_text()), made.parent)), target


def test_every_rule_has_a_sample() -> None:
    assert list(LAYOUT_SAMPLES) == [r.name for r in (*guard.LAYOUT_RULES, *guard.OPENED_RULES)]
    assert list(COPY_SAMPLES) == [r.name for rules in COPY_RULES for r in getattr(copies, rules)]
    assert list(HEADER_SAMPLES) == [r.name for r in HEADER_RULES]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, laid: Traps) -> dict[str, tuple[str, str]]:
    """What comes of each layout sample with all rules, and without its own."""
    lines = []
    for rule, name in LAYOUT_SAMPLES.items():
        image = spoilt(ALL[name], tmp_path_factory.mktemp("sample"), laid)[1].image
        lines += [json.dumps([None, str(image)]), json.dumps([rule, str(image)])]
    script = Path(__file__).with_name("without_rule.py")
    done = subprocess.run([sys.executable, script], input="\n".join(lines), capture_output=True, text=True, timeout=120, check=True)
    answers = done.stdout.splitlines()
    return {rule: (answers[2 * n], answers[2 * n + 1]) for n, rule in enumerate(LAYOUT_SAMPLES)}


@pytest.mark.parametrize("rule", LAYOUT_SAMPLES)
def test_a_rule_of_the_layout_is_needed(rule: str, opened: dict[str, tuple[str, str]]) -> None:
    code = ALL[LAYOUT_SAMPLES[rule]].expected
    with_it, without_it = opened[rule]
    FIGURES[rule] = f"{with_it}; without it: {without_it}"
    assert with_it == code
    assert without_it in LET_THROUGH.get(rule, ("opened",)), without_it


LET_THROUGH = {
    "number of bands": ("opened", "ended with -14", "ended with -9", "MemoryError"),  # it keeps GDAL busy for longer than we wait
}


def copied(item: SceneItem, archive: Path, spool: Path) -> str:
    try:
        with own_copies(item, roots=[archive], spool=spool, max_bytes=LIMIT) as made:
            return "copied" if made else "nothing"
    except DataError as e:
        return str(e.code)


@pytest.mark.parametrize("rule", COPY_SAMPLES)
def test_a_rule_of_copying_is_needed(rule: str, tmp_path: Path, laid: Traps, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CLAIMS.get(COPY_SAMPLES[rule]) or ALL[COPY_SAMPLES[rule]]
    item, _ = spoilt(case, tmp_path / "archive", laid)
    assert copied(item, tmp_path / "archive", tmp_path / "spool") == case.expected
    for rules in COPY_RULES:
        monkeypatch.setattr(copies, rules, tuple(r for r in getattr(copies, rules) if r.name != rule))
    # an emptied file, and a pipe nobody writes to, are stopped by what they contain
    elsewhere = {"regular file": "SIZE_MISMATCH", "size as said": "CHECKSUM_MISMATCH"}
    without = copied(item, tmp_path / "archive", tmp_path / "spool")
    FIGURES[rule] = f"{case.expected}; without it: {without}"
    assert without == elsewhere.get(rule, "copied")


def test_links_are_not_followed_by_the_way_we_open(tmp_path: Path, laid: Traps, monkeypatch: pytest.MonkeyPatch) -> None:
    item, _ = spoilt(ALL["a link to the image"], tmp_path / "archive", laid)
    assert copied(item, tmp_path / "archive", tmp_path / "spool") == ErrorCode.NOT_REGULAR_FILE
    monkeypatch.setattr(copies, "OPEN_FLAGS", copies.OPEN_FLAGS & ~copies.os.O_NOFOLLOW)
    assert copied(item, tmp_path / "archive", tmp_path / "spool") == "copied"


def judged(rules: Sequence[Rule[Described]], described: Described) -> str:
    try:
        hold(rules, described)
    except DataError as e:
        return str(e.code)
    except Exception as e:
        return type(e).__name__
    return "accepted"


def header_of(image: Path) -> RasterHeader:
    with decoder({"image": image}, DecoderLimits(30, 1 << 30)) as child:
        return child.header("image")


@pytest.mark.parametrize("rule", HEADER_SAMPLES)
def test_a_rule_of_headers_is_needed(rule: str, tmp_path: Path, laid: Traps) -> None:
    case = ALL[HEADER_SAMPLES[rule]]
    item, target = spoilt(case, tmp_path, laid)
    described = Described("image", item, header_of(target.image))
    assert judged(HEADER_RULES, described) == case.expected
    without = judged(tuple(r for r in HEADER_RULES if r.name != rule), described)
    FIGURES[f"header: {rule}"] = f"{case.expected}; without it: {without}"
    assert without == "accepted" or (rule in UNPLACEABLE and without != case.expected), without


UNPLACEABLE = ("UTM", "number of bands")
"""Rules that later ones rely on: without them, those stop the sample or stumble over it."""


def test_a_good_scene_meets_every_rule(tmp_path: Path, laid: Traps) -> None:
    case = replace(ALL["three bands"], spoil=lambda t: None)
    item, target = spoilt(case, tmp_path, laid)
    assert judged(HEADER_RULES, Described("image", item, header_of(target.image))) == "accepted"
    assert copied(item, tmp_path, tmp_path / "spool") == "copied"


def test_the_largest_blocks_that_the_rules_let_through_fit_into_the_memory_promised(tmp_path: Path) -> None:
    side, path = 4096, tmp_path / "large.tif"
    block = _four_bands(tmp_path / "one.tif", side)
    shape = tiff.fields(side * 2, side * 4, samples=4, bits=8, compression=50_000, planar=1)
    path.write_bytes(tiff.build(shape | tiff.tiles(side, [8] * 8, [len(block)] * 8), before=block))
    with decoder({"image": path}, DecoderLimits(30, 3 << 30)) as child:
        assert side * side * 4 == guard.MAX_BLOCK_BYTES and child.header("image").shape == (side * 2, side * 4)
        for left in range(3):
            child.read("image", bands=[1, 2, 3, 4], window=(side - 500, side * (left + 1) - 500, 1000, 1000))
        (pid,) = Path(f"/proc/{nursery()._process.pid}/task/{nursery()._process.pid}/children").read_text().split()
        (peak,) = (int(line.split()[1]) << 10 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    FIGURES["largest blocks that are let through"] = f"{peak >> 20} MiB"
    assert guard.MAX_BLOCK_BYTES < peak < 2 << 30


def _four_bands(path: Path, side: int) -> bytes:
    """The one block of an interleaved file of zeros."""
    with rasterio.open(path, "w", driver="GTiff", width=side, height=side, count=4, dtype="uint8", tiled=True, blockxsize=side,
                       blockysize=side, interleave="pixel", compress="zstd") as file:  # fmt: skip
        for band in range(1, 5):
            file.write(np.zeros((side, side), np.uint8), band)
    with rasterio.open(path) as file:
        offset, size = (int(file.get_tag_item(f"BLOCK_{what}_0_0", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE"))
    return path.read_bytes()[offset : offset + size]
