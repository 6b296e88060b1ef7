"""From images to chips, pictures and forms, and from answers to masks."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from scenes import DIGGINGS, FOREST

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.labelling.answers import Rasterised
from jagawana.services.labelling.answers import rasterise as run
from jagawana.services.labelling.chips import ChipPlan, make_chips
from jagawana.services.settings import load_settings

PLACE = Affine(10, 0, 453_000, 0, -10, 9_871_000)
NAMES = ("B02", "B03", "B04", "B08", "B11", "B12")
PIT = np.s_[12:32, 8:28]


def write(path: Path, *, rows: int = 48, columns: int = 48, bands: int = 6, pit: bool = True, fill: bool = False, **more: Any) -> Path:
    """Forest with a pit, and fill in the south-west corner where asked; georeferenced unless told otherwise."""
    values = np.array(FOREST[:bands])[:, None, None] * np.random.default_rng(0).normal(1, 0.02, (1, rows, columns))
    if pit:
        values[(slice(None), *PIT)] = np.array(DIGGINGS[:bands])[:, None, None]
    counts = np.rint(values * 1e4).astype(more.get("dtype", "uint16"))
    if fill:
        counts[:, -8:, :8] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"crs": "EPSG:32749", "transform": PLACE, "dtype": "uint16"} | more
    with rasterio.open(path, "w", driver="GTiff", width=columns, height=rows, count=bands, **profile) as file:
        file.write(counts)
        file.descriptions = NAMES[:bands]
    return path


def chips(*given: Path, out: Path, **plan: Any) -> list[str]:
    return make_chips(given, out, ChipPlan(**plan), load_settings())


def rasterised(folder: Path) -> Rasterised:
    return run(folder, load_settings())


def read(path: Path) -> tuple[np.ndarray, Any]:
    with rasterio.open(path) as file:
        return file.read(), file.profile | {"descriptions": file.descriptions}


def edit(folder: Path, of: str, /, **said: Any) -> Path:
    """Fill in a form: `said` by image, anything else at the top."""
    path = folder / "labelling" / f"{of}.json"
    form = json.loads(path.read_text())
    for name, value in said.items():
        if name in form["images"]:
            form["images"][name] |= value
        else:
            form[name] = value
    path.write_text(json.dumps(form))
    return path


AROUND = [[[0, 0], [48, 0], [48, 12], [0, 12]], [[0, 32], [48, 32], [48, 48], [0, 48]], [[0, 12], [8, 12], [8, 32], [0, 32]],
          [[28, 12], [48, 12], [48, 32], [28, 32]]]  # fmt: skip
"""What segments take of the forest, given back with polygons."""


def the_pit(folder: Path, chip: str) -> dict[str, Any]:
    """The answer of an interpreter who names the pit's segments and corrects them."""
    numbers = read(folder / "labelling" / f"{chip}.segments.tif")[0][0]
    inside = np.bincount(numbers[PIT].ravel(), minlength=numbers.max() + 1)
    named = [int(n) for n in np.flatnonzero(inside * 2 > np.bincount(numbers.ravel()))]
    corrections = [{"class": "background", "points": ring} for ring in AROUND]
    return {"scene": "mining", "segments": {"mining": named}, "polygons": corrections}


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder with one chip, not yet answered."""
    chips(write(tmp_path / "in" / "a.tif"), out=tmp_path / "set")
    return tmp_path / "set"


# ---- the whole way -----------------------------------------------------------------------------------------------


def test_a_pit_named_by_its_segments_and_corrected_becomes_the_mask_of_the_pit(one: Path) -> None:
    edit(one, "a", a=the_pit(one, "a"))
    result = rasterised(one)
    (mask,), profile = read(one / "a.mask.tif")
    expected = np.zeros((48, 48), np.uint8)
    expected[PIT] = LandClass.MINING
    assert np.array_equal(mask, expected)
    assert (profile["dtype"], profile["nodata"], profile["crs"].to_epsg(), profile["transform"]) == ("uint8", NOT_OBSERVED, 32749, PLACE)
    assert result.pixels["a"] == {"background": 1904, "mining": 400, "road": 0, "water": 0, "bare": 0, "hut": 0, "unsure": 0}
    assert result.total()["mining"] == 400 and result.unanswered == ()


def test_the_folder_holds_images_and_masks_only_beside_the_work(one: Path) -> None:
    assert sorted(p.name for p in one.iterdir()) == ["a.tif", "labelling"]
    work = one / "labelling"
    assert sorted(p.name for p in work.iterdir()) == ["a.json", "a.png", "a.segments.tif", "answer.schema.json"]
    with Image.open(work / "a.png") as picture:
        assert picture.size == (3 * 548, 574)


def test_a_chip_is_its_image_pixel_for_pixel(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "a.tif", nodata=7)
    chips(source, out=tmp_path / "set")
    (before, was), (after, now) = read(source), read(tmp_path / "set" / "a.tif")
    assert np.array_equal(before, after)
    assert all(was[k] == now[k] for k in ("crs", "transform", "dtype", "nodata", "descriptions"))


def test_a_pair_has_one_form_one_picture_and_two_masks(tmp_path: Path) -> None:
    write(tmp_path / "in" / "b_t0.tif", pit=False)
    write(tmp_path / "in" / "b_t1.tif")
    folder = tmp_path / "set"
    assert chips(tmp_path / "in", out=folder) == ["b"]
    edit(folder, "b", b_t0={"scene": "not_mining"}, b_t1=the_pit(folder, "b"), change=["new_mining"],
         interpreter="Sari", labelled_on="2026-01-05")  # fmt: skip
    rasterised(folder)
    before, after = (read(folder / f"b_{t}.mask.tif")[0][0] for t in ("t0", "t1"))
    assert (before == 0).all() and (after[PIT] == LandClass.MINING).all() and (after > 0).sum() == 400


def test_the_same_images_make_the_same_files(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "a.tif", fill=True)
    for name in ("x", "y"):
        chips(source, out=tmp_path / name)
    for file in sorted(p.relative_to(tmp_path / "x") for p in (tmp_path / "x").rglob("*") if p.is_file()):
        assert (tmp_path / "x" / file).read_bytes() == (tmp_path / "y" / file).read_bytes(), file


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    "more",
    [{"bands": 4}, {"crs": None, "transform": Affine.identity()}, {"dtype": "int16"},
     {"crs": "EPSG:4326", "transform": Affine(1e-4, 0, 110, 0, -1e-4, -1)}],
    ids=["four bands", "without a place", "int16", "in degrees"],
)  # fmt: skip
def test_all_kinds_of_images_come_back_as_masks_on_their_grid(more: dict[str, Any], tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "a.tif", **more)
    folder = tmp_path / "set"
    chips(source, out=folder)
    edit(folder, "a", a=the_pit(folder, "a"))
    rasterised(folder)
    (mask,), profile = read(folder / "a.mask.tif")
    assert (mask == LandClass.MINING).sum() == 400 and (mask[PIT] == LandClass.MINING).all()
    assert profile["transform"] == read(source)[1]["transform"]


def test_fill_has_no_segment_and_stays_unsure(tmp_path: Path) -> None:
    chips(write(tmp_path / "in" / "a.tif", fill=True), out=tmp_path / "set")
    edit(tmp_path / "set", "a", a={"scene": "doubtful"})
    rasterised(tmp_path / "set")
    mask = read(tmp_path / "set" / "a.mask.tif")[0][0]
    numbers = read(tmp_path / "set" / "labelling" / "a.segments.tif")[0][0]
    assert (
        (mask[-8:, :8] == NOT_OBSERVED).all() and (mask == NOT_OBSERVED).sum() == 64 and np.array_equal(mask == NOT_OBSERVED, numbers == 0)
    )


# ---- cutting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "columns", "chip_px", "made", "size"),
    [(48, 48, 48, 1, (48, 48)), (60, 50, 48, 1, (60, 50)), (20, 30, 48, 1, (20, 30)), (100, 150, 48, 6, (50, 50)),
     (130, 70, 64, 2, (65, 70))],
)  # fmt: skip
def test_large_images_are_cut_into_chips_of_one_size(
    rows: int, columns: int, chip_px: int, made: int, size: tuple[int, int], tmp_path: Path
) -> None:
    source = write(tmp_path / "in" / "a.tif", rows=rows, columns=columns, pit=False)
    names = chips(source, out=tmp_path / "set", chip_px=chip_px)
    whole = read(source)[0]
    assert len(names) == made
    for name in names:
        pixels, profile = read(tmp_path / "set" / f"{name}.tif")
        assert pixels.shape[1:] == size
        column, row = (round(v) for v in ~PLACE @ (profile["transform"].c, profile["transform"].f))
        assert np.array_equal(pixels, whole[:, row : row + size[0], column : column + size[1]])


def test_of_many_chips_some_are_taken_evenly_and_those_without_data_left_out(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "a.tif", rows=240, columns=240, pit=False)
    names = chips(source, out=tmp_path / "set", most=5)
    assert names == ["a_r000c000", "a_r001c001", "a_r002c002", "a_r003c003", "a_r004c004"]
    with rasterio.open(source, "r+") as file:
        counts = file.read()
        counts[:, :96] = 0
        file.write(counts)
    assert chips(source, out=tmp_path / "rest", most=5) == ["a_r002c002", "a_r003c003", "a_r004c004"]


# ---- refusals ----------------------------------------------------------------------------------------------------


def refused(do: Any, *args: Any, **more: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        do(*args, **more)
    return caught.value


def test_images_that_make_no_chips_are_refused(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "set"
    folder.mkdir()
    assert refused(chips, folder, out=out).code is ErrorCode.ASSET_MISSING
    lonely = write(folder / "c_t0.tif")
    error = refused(chips, lonely, out=out)
    assert error.code is ErrorCode.ASSET_MISSING and "c_t1.tif is missing beside c_t0.tif" in error.detail
    write(folder / "c_t1.tif", rows=50)
    error = refused(chips, folder, out=out)
    assert error.code is ErrorCode.GRID_MISMATCH and "c_t1.tif has another size than c_t0.tif" in error.detail
    write(folder / "c_t1.tif", transform=PLACE @ Affine.translation(1, 0))
    assert "another position" in refused(chips, folder, out=out).detail
    write(folder / "c_t1.tif", bands=4)
    assert refused(chips, folder, out=out).code is ErrorCode.BANDS_MISMATCH
    assert refused(chips, write(tmp_path / "three.tif", bands=3), out=out).code is ErrorCode.BANDS_MISSING
    empty = write(tmp_path / "empty.tif", pit=False)
    with rasterio.open(empty, "r+") as file:
        file.write(np.zeros((6, 48, 48), np.uint16))
    assert refused(chips, empty, out=out).code is ErrorCode.NO_VALID_PIXELS
    write(folder / "c_t1.tif")
    error = refused(chips, folder, write(tmp_path / "other" / "c.tif"), out=out)
    assert error.code is ErrorCode.SETTINGS_INVALID and "of one name" in error.detail


def test_answers_are_never_overwritten(one: Path) -> None:
    form = edit(one, "a", note="an hour of work")
    error = refused(chips, one.parent / "in" / "a.tif", out=one)
    assert error.code is ErrorCode.SETTINGS_INVALID and "a.json is there already" in error.detail
    assert "an hour of work" in form.read_text()
    assert "a.tif is there already" in refused(chips, one.parent / "in" / "a.tif", out=one.parent / "in").detail


CORNER = [[0, 0], [9, 0], [9, 9]]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "class misspelt": ({"a": {"scene": "mining", "segments": {"minning": [1]}}}, "mining is meant"),
    "class of a polygon": ({"a": {"scene": "mining", "polygons": [{"class": "watre", "points": CORNER}]}}, "water is meant"),
    "scene misspelt": ({"a": {"scene": "minig"}}, "images.a.scene: Input should be 'mining', 'not_mining' or 'doubtful'"),
    "segment": ({"a": {"scene": "mining", "segments": {"mining": [999]}}}, "a.json: images.a.segments.mining: there is no segment 999"),
    "outside": ({"a": {"scene": "doubtful", "roads": [{"points": [[0, 0], [60, 5]]}]}}, "point [60.0, 5.0] lies outside"),
    "two corners": ({"a": {"scene": "doubtful", "polygons": [{"class": "bare", "points": [[0, 0], [9, 0]]}]}}, "at least 3"),
    "unknown field": ({"a": {"scene": "doubtful", "lines": []}}, "images.a.lines: Extra inputs are not permitted"),
    "change of one date": ({"a": {"scene": "doubtful"}, "change": ["new_road"]}, "change: one date cannot show any"),
    "another chip": ({"chip": "b"}, "must be of chip a and of images a"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_answers_are_told_where_and_what_to_do(case: str, one: Path) -> None:
    said, words = WRONG[case]
    edit(one, "a", **said)
    error = refused(rasterised, one)
    assert error.code is ErrorCode.LABELS_INVALID and "a.json" in error.detail and words in error.detail
    assert not (one / "a.mask.tif").exists()


def test_every_wrong_answer_is_told_and_no_mask_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    chips(write(tmp_path / "in" / "a.tif"), write(tmp_path / "in" / "b.tif"), write(tmp_path / "in" / "c.tif"), out=folder)
    edit(folder, "a", a={"scene": "doubtful"})
    edit(folder, "b", b={"scene": "mining", "segments": {"mining": [998, 999]}})
    (folder / "labelling" / "c.json").write_text('{"chip": "c", }')
    error = refused(rasterised, folder)
    assert all(word in error.detail for word in ("3 found", "segment 998", "segment 999", "c.json"))
    assert not list(folder.glob("*.mask.tif"))


def test_pairs_say_none_alone_and_lost_files_are_named(tmp_path: Path) -> None:
    write(tmp_path / "in" / "b_t0.tif"), write(tmp_path / "in" / "b_t1.tif")
    folder = tmp_path / "set"
    chips(tmp_path / "in", out=folder)
    edit(folder, "b", b_t0={"scene": "doubtful"}, b_t1={"scene": "doubtful"}, change=["none", "new_road"])
    assert "none stands alone" in refused(rasterised, folder).detail
    edit(folder, "b", change=["none"])
    (folder / "b_t1.tif").unlink()
    assert "b_t1.tif is missing" in refused(rasterised, folder).detail
    assert refused(rasterised, tmp_path).code is ErrorCode.ASSET_MISSING


# ---- little by little --------------------------------------------------------------------------------------------


def test_what_is_not_answered_has_no_mask_and_an_answer_taken_back_loses_it(one: Path) -> None:
    assert rasterised(one) == Rasterised({}, ("a",)) and not (one / "a.mask.tif").exists()
    edit(one, "a", a={"scene": "doubtful"})
    assert rasterised(one).unanswered == () and (one / "a.mask.tif").exists()
    edit(one, "a", a={"scene": None})
    assert rasterised(one).unanswered == ("a",) and not (one / "a.mask.tif").exists()


def test_the_schema_beside_the_forms_takes_what_we_take(one: Path) -> None:
    schema = json.loads((one / "labelling" / "answer.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    form = json.loads((one / "labelling" / "a.json").read_text())
    jsonschema.validate(form, schema)
    form["labelled_on"] = date(2026, 1, 5).isoformat()
    form["images"]["a"] |= {"scene": "mining", "polygons": [{"class": "mining", "points": [[0, 0], [9, 0], [9, 9]]}]}
    jsonschema.validate(form, schema)
    form["images"]["a"]["polygons"][0]["class"] = "gold"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(form, schema)
