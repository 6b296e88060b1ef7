from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.inference.choosing import choose
from jagawana.detectors.inference.detector import UNetDetector
from jagawana.detectors.model_card import read_card
from jagawana.detectors.training.augment import Augmentation, augmented, dropped, pasted, relit, rescaled, turned
from jagawana.detectors.training.blocks import split_blocks
from jagawana.detectors.training.card import write_model
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import BANDS, Images, read_pairs
from jagawana.detectors.training.places import mined_images, unmined_images
from jagawana.detectors.training.pools import pools_of
from jagawana.detectors.training.train import train
from jagawana.schemas.errors import DataError, ErrorCode

COUNTS = {0: (250, 450, 250, 2900, 1500, 650), 1: (1300, 1800, 2200, 2800, 2600, 1700), 3: (500, 700, 500, 300, 200, 150)}
"""Hand class to reflectance times 10,000."""


def write_pairs(folder: Path, *, n: int = 18, seed: int = 0) -> Path:
    """A folder as the real one: forest, a river, and at the second date a pit; six blocks; a corner without data."""
    rng = np.random.default_rng(seed)
    hand = np.zeros((2, n, 48, 48), np.uint8)
    hand[:, :, :, 30:40] = 3
    for i in range(n):
        if i % 3:
            hand[1, i, 5 : 10 + i, 2:26] = 1
    table = np.zeros((4, 6))
    for code, spectrum in COUNTS.items():
        table[code] = spectrum
    counts = (table[hand] * rng.normal(1, 0.05, (2, n, 48, 48, 6))).astype(np.int16)
    counts[0, 0, :8, :8] = 0
    hand[:, :, 47, 47] = 255
    ids = np.array([f"p{i}" for i in range(n)])
    (folder / "s2_amazon_pairs").mkdir(parents=True)
    (folder / "s2_amazon_labels").mkdir()
    np.savez(folder / "s2_amazon_pairs/pairs.npz", sample_id=ids[::-1], t0=counts[0][::-1], t1=counts[1][::-1])
    change = np.array(["new_mining" if i % 3 else "none" for i in range(n)])
    np.savez(folder / "s2_amazon_labels/labels.npz", sample_id=ids, t0=hand[0], t1=hand[1], change=change)
    rows = "".join(f"p{i},b{i % 6}\n" for i in range(n))
    (folder / "s2_amazon_pairs/pairs.csv").write_text("sample_id,block\n" + rows)
    return folder


TINY = TrainConfig(
    steps=100,
    batch=6,
    base=8,
    poolings=2,
    simulated_share=0,
    simulated_chips=0,
    average_decay=0.9,
    learning_rate=1e-2,
    split_seed=0,
    calibration_share=0.2,
)


def some(n: int = 5, size: int = 48) -> Images:
    rng = np.random.default_rng(1)
    return Images(
        rng.uniform(0.01, 0.4, (n, 4, size, size)).astype(np.float32), rng.choice([0, 1, 2, 4, 5, 255], (n, size, size)).astype(np.uint8)
    )


def test_hand_classes_become_ours_and_pairs_find_their_images(tmp_path: Path) -> None:
    pairs = read_pairs(write_pairs(tmp_path))
    assert set(np.unique(pairs.after.labels)) == {LandClass.BACKGROUND, LandClass.MINING, LandClass.WATER, NOT_OBSERVED}
    mining = pairs.after.labels == LandClass.MINING
    red, nir = (pairs.after.reflectance[:, BANDS.index(b)] for b in ("red", "nir"))
    assert red[mining].min() > 0.15 and nir[pairs.after.labels == LandClass.WATER].max() < 0.05
    assert np.isnan(pairs.before.reflectance[0, :, :8, :8]).all() and (pairs.before.labels[0, :8, :8] == NOT_OBSERVED).all()
    assert pairs.block[7] == "b1" and pairs.unchanged.sum() == 6


def test_missing_labels_are_said_with_the_folder_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="s2_amazon_labels") as refused:
        read_pairs(tmp_path)
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


@given(
    st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60),
    st.integers(0, 99),
    st.floats(0, 0.6),
    st.floats(0, 0.3),
)
def test_every_block_is_on_one_side_and_no_side_is_over_its_share(block: list[str], seed: int, test: float, calibration: float) -> None:
    split = split_blocks(block, seed=seed, test_share=test, calibration_share=calibration)
    parts = (split.training, split.calibration, split.test)
    assert frozenset().union(*parts) == set(block) and sum(map(len, parts)) == len(set(block))
    assert sum(b in split.test for b in block) <= test * len(block) + 1e-9
    assert sum(b in split.calibration for b in block) <= calibration * len(block) + 1e-9
    assert split == split_blocks(list(reversed(block)), seed=seed, test_share=test, calibration_share=calibration)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_a_variation_keeps_shape_classes_and_sense_and_leaves_its_input_alone(seed: int) -> None:
    images = some()
    before = images.reflectance.copy(), images.labels.copy()
    result = augmented(images, np.random.default_rng(seed), bands=BANDS[:4], how=Augmentation(drop_share=0.5, paste_share=0.5))
    assert result.reflectance.shape == images.reflectance.shape and result.reflectance.dtype == np.float32
    assert result.labels.dtype == np.uint8 and set(np.unique(result.labels)) <= set(np.unique(images.labels))
    unseen = np.isnan(result.reflectance).any(axis=1)
    assert (result.labels[unseen] == NOT_OBSERVED).all()
    assert result.reflectance[~np.isnan(result.reflectance)].min() >= 0
    np.testing.assert_array_equal(images.reflectance, before[0])
    np.testing.assert_array_equal(images.labels, before[1])


def test_label_and_picture_turn_and_move_together() -> None:
    labels = np.zeros((8, 48, 48), np.uint8)
    for i, label in enumerate(labels):
        label[6 : 20 + i, 10 : 40 - 2 * i] = LandClass.MINING
    images = Images(np.repeat(labels[:, None], 4, axis=1).astype(np.float32), labels)
    rng = np.random.default_rng(3)
    for result in (turned(images, rng), rescaled(images, rng, zoom=(0.8, 2.0), share=1.0), pasted(images, rng, share=1.0)):
        assert not np.array_equal(result.labels, labels)
        agree = (result.reflectance[:, 0] > 0.5) == (result.labels == LandClass.MINING)
        assert agree.mean() > 0.98


def test_enlarging_shows_less_ground() -> None:
    labels = np.zeros((1, 48, 48), np.uint8)
    labels[:, 20:28, 20:28] = LandClass.MINING
    images = Images(np.zeros((1, 4, 48, 48), np.float32), labels)
    sizes = [(rescaled(images, np.random.default_rng(s), zoom=(2.0, 2.0), share=1.0).labels == 1).sum() for s in range(20)]
    assert max(sizes) == 4 * 64


def test_haze_brightens_blue_more_than_the_infrared() -> None:
    images = Images(np.full((400, 4, 4, 4), 0.1, np.float32), np.zeros((400, 4, 4), np.uint8))
    how = Augmentation(gain=0, gain_per_band=0, offset=0, noise=0, haze=0.05)
    rise = relit(images, np.random.default_rng(0), bands=BANDS[:4], how=how).reflectance.mean(axis=(0, 2, 3)) - 0.1
    assert rise[0] > rise[1] > rise[2] > rise[3] > 0


def test_a_dropped_patch_has_neither_picture_nor_label() -> None:
    result = dropped(some(), np.random.default_rng(0), share=1.0)
    gone = np.isnan(result.reflectance).all(axis=1)
    assert gone.reshape(5, -1).any(axis=1).all() and (result.labels[gone] == NOT_OBSERVED).all()


def test_a_run_learns_the_made_up_places_and_its_model_loads(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data")
    steps: list[tuple[int, int, float]] = []
    trained = train(TINY, labels=folder, progress=lambda done, of, loss: steps.append((done, of, loss)))
    assert [s[0] for s in steps] == list(range(1, 101)) and steps[-1][2] < steps[0][2]
    card = trained.card
    assert card.calibrated and card.test is not None and card.test.images == 2 * 6
    assert not set(card.split.test_blocks) & set(card.split.training_blocks)
    recall = card.test.classes[LandClass.MINING].recall.share
    assert recall is not None and recall > 0.8
    path = write_model(trained, tmp_path / "out")
    assert sorted(p.name for p in path.parent.iterdir()) == ["s2.json", "s2.md", "s2.safetensors"]
    read = read_card(path.read_bytes(), name="s2.json")
    detector = UNetDetector.from_weights(
        (path.parent / "s2.safetensors").read_bytes(), read, choose("cpu", "fp32", "auto")[0], precision="fp32"
    )
    assert detector.spec.halo_px == 24
    assert f"mean IoU over the classes present: {card.test.mean_iou}" in (path.parent / "s2.md").read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_weights_and_another_seed_does_not(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path)
    short = TINY.model_copy(update={"steps": 5})
    first, again = (train(short, labels=folder).card.sha256 for _ in range(2))
    other = train(short.model_copy(update={"seed": 1}), labels=folder).card.sha256
    assert first == again != other


def test_test_and_calibration_places_never_reach_the_weights(tmp_path: Path) -> None:
    short = TINY.model_copy(update={"steps": 5})
    folder = write_pairs(tmp_path / "a")
    first = train(short, labels=folder).card
    held_out = {*first.split.test_blocks, *first.split.calibration_blocks}
    pairs = dict(np.load(folder / "s2_amazon_pairs/pairs.npz"))
    for i, name in enumerate(pairs["sample_id"]):
        if f"b{int(name[1:]) % 6}" in held_out:
            pairs["t0"][i], pairs["t1"][i] = 4000, 100
    np.savez(folder / "s2_amazon_pairs/pairs.npz", **pairs)
    assert train(short, labels=folder).card.sha256 == first.sha256


def test_a_split_that_leaves_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    greedy = TINY.model_copy(update={"test_share": 0.67, "calibration_share": 0.67})
    with pytest.raises(DataError) as refused:
        train(greedy, labels=write_pairs(tmp_path))
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_the_command_on_the_card_repeats_the_run() -> None:
    assert TrainConfig().command(labelled=True) == "jagawana train --model s2 --out FOLDER --labels FOLDER"
    changed = TrainConfig(model_id="rgbn", steps=10, seed=4, base=8).command(labelled=False)
    assert changed == 'jagawana train --model rgbn --out FOLDER --steps 10 --seed 4 --config FILE, where FILE holds {"base": 8}'


def test_unmined_worlds_show_everything_bright_but_mining() -> None:
    images = unmined_images(7, 12, sensor="s2", resolution_m=10, chip_px=48)
    assert images.reflectance.shape == (12, 6, 48, 48) and images.reflectance.dtype == np.float32
    classes = set(np.unique(images.labels))
    assert LandClass.MINING not in classes and LandClass.BARE in classes


def test_worlds_without_room_are_passed_over_and_none_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def crowded(seed: int, n: int, **_: object) -> Images:
        if seed % 2:
            raise DataError(ErrorCode.SETTINGS_INVALID, "no room")
        return Images(np.full((n, 6, 48, 48), seed, np.float32), np.zeros((n, 48, 48), np.uint8))

    monkeypatch.setattr("jagawana.detectors.training.places.chips", crowded)
    images = mined_images(1, 30, sensor="s2", resolution_m=10, chip_px=48)
    assert list(images.reflectance[:, 0, 0, 0]) == [2.0] * 24 + [4.0] * 6
    monkeypatch.setattr("jagawana.detectors.training.places.PER_WORLD", 0)
    with pytest.raises(DataError) as refused:
        mined_images(1, 3, sensor="s2", resolution_m=10, chip_px=48)
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_a_batch_is_mixed_as_the_config_says_and_the_card_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def blank(seed: int, n: int, *, sensor: str, resolution_m: int, chip_px: int) -> Images:
        return Images(np.zeros((n, 4, chip_px, chip_px), np.float32), np.zeros((n, chip_px, chip_px), np.uint8))

    for maker in ("mined_images", "unmined_images"):
        monkeypatch.setattr(f"jagawana.detectors.training.pools.{maker}", blank)
    pools, sources = pools_of(TrainConfig(model_id="rgbn", simulated_chips=60), some())
    assert sum(pool.per_batch for pool in pools) == 16
    assert [pool.per_batch for pool in pools] == [5, 5, 1, 1, 2, 2]
    assert [source.images for source in sources] == [5, 60] and "huts" in sources[1].remarks
    alone, _ = pools_of(TrainConfig(simulated_chips=60), None)
    assert sum(pool.per_batch for pool in alone) == 16
