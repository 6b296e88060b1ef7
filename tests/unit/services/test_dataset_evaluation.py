"""`jagawana evaluate --dataset`: folders of images and masks, scored; their oddities; and what is refused."""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from affine import Affine
from scenes import DIGGINGS, EAST, EPSG, FOREST, NORTH
from typer.testing import CliRunner

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.model_card import Evaluation
from jagawana.detectors.simulation.chips import chips
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli import app
from jagawana.services.detect import single_image
from jagawana.services.detect.models import load_detector
from jagawana.services.evaluation.dataset.looking import Looker
from jagawana.services.evaluation.dataset.pictures import EACH, choose
from jagawana.services.evaluation.dataset.run import evaluate_dataset
from jagawana.services.evaluation.dataset.scores import DatasetScore, ImageScore
from jagawana.services.labelled.places import Labelled, places_of
from jagawana.services.labelled.tables import mask_values
from jagawana.services.settings import load_settings

PLACE = Affine(10, 0, EAST, 0, -10, NORTH)
NAMES = ("B02", "B03", "B04", "B08", "B11", "B12")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
Box = tuple[slice, slice]
PIT: Box = (slice(10, 30), slice(10, 30))


def ground(*pits: Box, bands: int = 6, shape: tuple[int, int] = (48, 48)) -> np.ndarray:
    """Reflectance of forest with pits that the spectral detector calls exactly."""
    values = np.array(FOREST[:bands], np.float32)[:, None, None] * np.ones((1, *shape), np.float32)
    for pit in pits:
        values[:, pit[0], pit[1]] = np.array(DIGGINGS[:bands], np.float32)[:, None, None]
    return values


def labels(*pits: Box, shape: tuple[int, int] = (48, 48)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for pit in pits:
        mask[pit] = LandClass.MINING
    return mask


def write(path: Path, pixels: np.ndarray, *, crs: str | None = f"EPSG:{EPSG}", transform: Affine = PLACE, **more: Any) -> None:
    with rasterio.open(path, "w", driver="GTiff", width=pixels.shape[2], height=pixels.shape[1], count=len(pixels), dtype=pixels.dtype,
                       crs=crs, transform=transform, **more) as file:  # fmt: skip
        file.write(pixels)
        if len(pixels) == len(NAMES):
            file.descriptions = NAMES


def labelled(folder: Path, name: str, image: np.ndarray, mask: np.ndarray | None, **place: Any) -> Path:
    folder.mkdir(exist_ok=True)
    write(folder / f"{name}.tif", np.rint(image * 10_000).astype(np.uint16), **place)
    if mask is not None:
        write(folder / f"{name}.mask.tif", mask[None], **place)
    return folder


def evaluated(folder: Path, model: str = "spectral-6") -> DatasetScore:
    return evaluate_dataset(folder, folder.parent / "out", load_settings(model=model))


def mining(of: Evaluation) -> dict[str, float | None]:
    score = of.classes[LandClass.MINING]
    return {"iou": score.iou.share, "precision": score.precision.share, "recall": score.recall.share}


def refused(folder: Path, model: str = "spectral-6") -> DataError:
    with pytest.raises(DataError) as caught:
        evaluated(folder, model)
    assert not (folder.parent / "out").exists()
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_pair_is_scored_by_pixels_and_as_change(folder: Path) -> None:
    labelled(folder, "a_t0", ground(), labels())
    labelled(folder, "a_t1", ground(PIT), labels((slice(10, 30), slice(20, 40))))  # half of it is right
    labelled(folder, "b_t0", ground(PIT), labels(PIT))
    labelled(folder, "b_t1", ground(PIT, (slice(35, 40), slice(30, 40))), labels(PIT))  # 50 px that are not there
    labelled(folder, "c", ground(), labels())
    score = evaluated(folder)
    of = score.evaluation
    assert (of.images, of.pairs) == (5, 2) and of.data == "3 places of data, 1 blocks."
    assert mining(of) == {"iou": round(1000 / 1450, 3), "precision": 0.8, "recall": round(1000 / 1200, 3)}
    assert (of.event_precision.share, of.event_precision.n, of.event_recall.share, of.event_recall.n) == (0.5, 2, 1.0, 1)
    assert (of.unchanged_pairs_with_event.share, of.unchanged_pairs_with_event.n) == (1.0, 1)
    assert (of.new_mining_precision.share, of.new_mining_recall.share) == (round(200 / 450, 3), 0.5)
    assert of.flipped.share == round((200 + 50) / (48 * 48 - 400 + 48 * 48), 3)
    assert [(i.labelled.name, i.mining_iou) for i in score.images][:2] == [("a_t0", None), ("a_t1", round(200 / 600, 3))]
    assert of.classes[1].iou.low is None, "one block has no interval"


def test_what_is_unsure_or_not_recorded_is_not_counted(folder: Path) -> None:
    image, mask = ground(PIT), labels(PIT)
    image[:, :5] = 0  # fill
    mask[:5] = LandClass.MINING
    mask[40:] = NOT_OBSERVED
    of = evaluated(labelled(folder, "a", image, mask)).evaluation
    assert mining(of)["iou"] == 1 and sum(map(sum, of.confusion)) == 48 * 35


def test_large_images_are_read_in_windows_and_small_ones_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_image, "WINDOW_PX", 256)
    pits = [(slice(r, r + 40), slice(r + 300, r + 345)) for r in (3, 240, 460)]
    labelled(folder, "large", ground(*pits, shape=(517, 1001)), labels(*pits, shape=(517, 1001)))
    labelled(folder, "small", ground(PIT), labels(PIT))
    assert mining(evaluated(folder).evaluation)["iou"] == 1
    html = (folder.parent / "out/evaluation.html").read_text()
    assert html.count("<img") == 6
    large = places_of(folder).places[0].dates[0]
    picture = Looker(load_settings(model="spectral-6"), mask_values(folder)).picture(large, at_most_px=480)
    assert picture.shape == (3, 173, 334)
    assert np.array_equal(picture[0] > 0.1, labels(*pits, shape=(517, 1001))[::3, ::3] == 1)


def test_pixel_size_decides_what_is_an_area(folder: Path) -> None:
    patch = (slice(10, 20), slice(10, 20))  # 100 px: 1 ha at 10 m, 0.25 ha at 5 m
    for name, place in (("ten", PLACE), ("five", PLACE @ Affine.scale(0.5))):
        one = folder.parent / name
        labelled(one, "a_t0", ground(bands=4), labels(), transform=place)
        labelled(one, "a_t1", ground(patch, bands=4), labels(patch), transform=place)
    assert evaluated(folder.parent / "ten", "spectral-4").evaluation.event_recall.n == 1
    assert evaluated(folder.parent / "five", "spectral-4").evaluation.event_recall.n == 0


def test_blocks_come_from_the_place_or_from_the_folder_or_are_places(folder: Path) -> None:
    def blocks() -> list[str]:
        return [i.block for i in evaluated(folder).images]

    labelled(folder, "a_t0", ground(), labels())
    labelled(folder, "a_t1", ground(), labels())
    labelled(folder, "b", ground(), labels(), crs="EPSG:4326", transform=Affine(9e-5, 0, -0.1, 0, -9e-5, -3.9))
    labelled(folder, "c", ground(), labels(), crs=None)
    assert blocks() == ["55_-1", "55_-1", "-1_-2", "place c"]
    (folder / "blocks.csv").write_text("name,block\na,north\nc,north\n")
    assert blocks() == ["north", "north", "-1_-2", "north"]


def test_who_made_the_folder_may_say_what_is_unchanged(folder: Path) -> None:
    labelled(folder, "a_t0", ground(), labels())
    labelled(folder, "a_t1", ground(PIT), labels())
    for change, unchanged in (("", 1), ("none", 1), ("river_moved", 0)):
        (folder / "blocks.csv").write_text(f"name,block,change\na,x,{change}\n")
        assert evaluated(folder).evaluation.unchanged_pairs_with_event.n == unchanged


def test_of_a_pair_with_one_mask_the_labelled_date_is_scored_alone(folder: Path) -> None:
    labelled(folder, "a_t0", ground(), None)
    labelled(folder, "a_t1", ground(PIT), labels(PIT))
    score = evaluated(folder)
    assert (score.evaluation.images, score.evaluation.pairs, score.unlabelled) == (1, 0, ("a_t0",))


def test_mask_values_of_ones_own_get_names(folder: Path) -> None:
    mask = labels(PIT) * 7
    mask[40:] = 99
    labelled(folder, "a", ground(PIT), mask)
    error = refused(folder)
    assert error.code is ErrorCode.LABELS_INVALID
    assert "a.mask.tif holds 7, 99" in error.detail and "1 mining" in error.detail and "255 unsure" in error.detail
    (folder / "classes.json").write_text('{"7": "mining", "99": "unsure"}')
    of = evaluated(folder).evaluation
    assert mining(of)["iou"] == 1 and sum(map(sum, of.confusion)) == 48 * 40


@pytest.mark.parametrize("text", ['{"7": "pit"}', '{"seven": "mining"}', '["mining"]', "{", '{"7": null}'])
def test_a_classes_file_that_says_nothing_is_refused(text: str, folder: Path) -> None:
    labelled(folder, "a", ground(), labels())
    (folder / "classes.json").write_text(text)
    error = refused(folder)
    assert error.code is ErrorCode.LABELS_INVALID and "unsure" in error.detail and "classes.json" in error.detail


def test_folders_that_hold_no_dataset_are_refused(folder: Path) -> None:
    assert refused(folder).code is ErrorCode.ASSET_MISSING
    labelled(folder, "a", ground(), None)
    error = refused(folder)
    assert error.code is ErrorCode.ASSET_MISSING and "holds 1 GeoTIFFs and no mask" in error.detail
    write(folder / "b.mask.tif", labels()[None])
    assert "b.tif belongs beside it" in refused(folder).detail
    (folder / "b.mask.tif").rename(folder / "a.mask.tif")
    shutil.copy(folder / "a.tif", folder / "a.TIFF")
    assert refused(folder).code is ErrorCode.SETTINGS_INVALID


def test_a_mask_must_lie_on_its_image(folder: Path) -> None:
    labelled(folder, "a", ground(), labels())
    write(folder / "a.mask.tif", labels(shape=(48, 47))[None])
    error = refused(folder)
    assert error.code is ErrorCode.GRID_MISMATCH and "48 x 47" in error.detail
    write(folder / "a.mask.tif", labels()[None], transform=PLACE @ Affine.translation(1, 0))
    assert refused(folder).code is ErrorCode.GRID_MISMATCH
    write(folder / "a.mask.tif", labels()[None], crs=None)
    assert evaluated(folder).evaluation.images == 1, "a mask without a place lies where its image lies"


def test_two_dates_must_lie_on_one_grid(folder: Path) -> None:
    labelled(folder, "a_t0", ground(), labels())
    labelled(folder, "a_t1", ground(), labels(), transform=PLACE @ Affine.translation(0, 1))
    assert refused(folder).code is ErrorCode.GRID_MISMATCH


def test_pixels_that_a_model_does_not_read_are_refused(folder: Path) -> None:
    labelled(folder, "a", ground(), labels(), transform=PLACE @ Affine.scale(3))
    error = refused(folder)
    assert error.code is ErrorCode.GRID_UNSUPPORTED and "30 m" in error.detail and "resample" in error.detail


def test_one_folder_is_one_model(folder: Path) -> None:
    labelled(folder, "a", ground(), labels())
    labelled(folder, "b", ground(bands=4), labels())
    with pytest.raises(DataError, match=r"b\.tif needs another model .*s2 and rgbn") as caught:
        evaluate_dataset(folder, folder.parent / "out", load_settings())
    assert caught.value.code is ErrorCode.SETTINGS_INVALID


@pytest.mark.parametrize("text", ["name,block\nz,x\n", "place,block\na,x\n", "name\na\n", "\x00", b"name,block\n\xff,x\n"])
def test_a_table_of_blocks_that_fits_nothing_is_refused(text: str | bytes, folder: Path) -> None:
    labelled(folder, "a", ground(), labels())
    (folder / "blocks.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    error = refused(folder)
    assert error.code is ErrorCode.LABELS_INVALID and "blocks.csv" in error.detail


def test_the_page_holds_its_pictures_and_escapes_names(folder: Path) -> None:
    for i in range(5):
        labelled(folder, f"<b>m{i:02d}\u202e", ground(PIT), labels((slice(10, 30), slice(10 + i, 30 + i))))
    labelled(folder, "free&easy", ground(PIT), labels())
    evaluated(folder)
    html = (folder.parent / "out/evaluation.html").read_text(encoding="utf-8")
    assert "<b>m" not in html and "&lt;b&gt;m00" in html and "free&amp;easy" in html and "\u202e" not in html
    assert html.count("<figure>") == 5 + 1 and html.count("data:image/png;base64,") == 2 * html.count("data:image/jpeg;base64,")
    assert "<script" not in html and not re.search(r"(src|href)=\"(?!data:)", html) and html.lstrip().startswith("<!doctype html>")
    body = html[html.index("<body>") : html.index("</body>") + len("</body>")]
    ElementTree.fromstring(re.sub(r"(<img[^>]*)>", r"\1/>", body))


def test_the_best_are_not_also_the_worst() -> None:
    def images(n: int) -> list[ImageScore]:
        return [ImageScore(Labelled(f"i{k:02d}", Path(), Path()), "", 100, 10, 10, k / 20) for k in range(n)]

    for n in range(20):
        chosen = choose(images(n))
        assert not set(chosen.best) & set(chosen.worst)
        assert len(chosen.best) + len(chosen.worst) == min(n, 2 * EACH)
    assert [i.mining_iou for i in choose(images(20)).worst] == [0, 0.05, 0.1, 0.15, 0.2, 0.25]
    free = [ImageScore(Labelled(f"f{k}", Path(), Path()), "", 100, 0, k, 0.0 if k else None) for k in range(9)]
    assert [i.called_mining_px for i in choose(free).false] == [8, 7, 6, 5, 4, 3] and not choose(free).best


def run(*args: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated chips as a folder: eight of them in two blocks."""
    folder = tmp_path_factory.mktemp("simulated") / "chips"
    made = chips(3, 8, 10, "s2", size=64)
    for i, (image, mask) in enumerate(zip(made.reflectance, made.labels, strict=True)):
        labelled(folder, f"chip{i:02d}", np.clip(image, 0.0001, 1), mask, transform=Affine.translation(0, -150_000 * (i % 2)) @ PLACE)
    return folder


def test_the_command_on_simulated_chips(simulated: Path, tmp_path: Path) -> None:
    result = run("evaluate", "--dataset", simulated, "--out", tmp_path / "out")
    assert "8 places of chips, 2 blocks." in result.stdout and "mining" in result.stdout and "evaluation.html" in result.stdout
    written = json.loads((tmp_path / "out/evaluation.json").read_text(encoding="utf-8"))
    figures = Evaluation.model_validate(written["evaluation"])
    assert written["model"]["model_id"] == "s2" and written["dataset"] == str(simulated) and len(written["images"]) == 8
    assert figures.classes[LandClass.MINING].recall.n > 100
    score = figures.classes[LandClass.BACKGROUND].iou
    assert score.share is not None and score.share > 0.8 and score.low is not None
    assert [b.block for b in figures.blocks] == sorted({i["block"] for i in written["images"]}) and len(figures.blocks) == 2
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["evaluation.html", "evaluation.json"]


def test_a_model_of_ones_own_is_named_by_its_card(tmp_path: Path) -> None:
    weights = files("jagawana.detectors") / "weights"
    for ending in ("json", "safetensors"):
        (tmp_path / f"mine.{ending}").write_bytes((weights / f"s2.{ending}").read_bytes())
    own = load_detector(str(tmp_path / "mine.json"), device="cpu", precision="fp32")
    assert own.spec.ref == load_detector("s2", device="cpu", precision="fp32").spec.ref
    one = labelled(tmp_path / "one", "a", ground(PIT), labels(PIT))
    result = run("evaluate", "--dataset", one, "--model", tmp_path / "mine.json", "--out", tmp_path / "out", "--json")
    told = json.loads(result.stdout)
    assert told["model"]["sha256"] == own.spec.ref.sha256 and told["images"][0]["mining_px"] == 400
    (tmp_path / "mine.safetensors").unlink()
    error = run("evaluate", "--dataset", one, "--model", tmp_path / "mine.json", code=1).exception
    assert isinstance(error, DataError) and error.code is ErrorCode.SETTINGS_INVALID and "mine.safetensors" in error.detail


def test_one_thing_is_evaluated_at_a_time(tmp_path: Path) -> None:
    for options in ((), ("--world", tmp_path, "--dataset", tmp_path)):
        error = run("evaluate", *options, code=1).exception
        assert isinstance(error, DataError) and error.code is ErrorCode.SETTINGS_INVALID and "--dataset" in error.detail
