from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.decision import decided
from jagawana.detectors.inference.choosing import choose
from jagawana.detectors.inference.detector import UNetDetector
from jagawana.detectors.model_card import Normalisation, read_card
from jagawana.detectors.training.augment import (
    Augmentation,
    augmented,
    blurred,
    dropped,
    pasted,
    relit,
    rescaled,
    shadowed,
    turned,
)
from jagawana.detectors.training.blocks import block_folds, stopping_blocks
from jagawana.detectors.training.calibrate import UNCALIBRATED, Calibration, calibrated, fitted_calibration
from jagawana.detectors.training.card import write_model
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import BANDS, Images, Places, seen_once
from jagawana.detectors.training.loop import Fit, inconsistency
from jagawana.detectors.training.pools import real_pools, simulated_pools, sources_of
from jagawana.detectors.training.simulated import mined_images, unmined_images
from jagawana.detectors.training.stages import Stage, Watch
from jagawana.detectors.training.train import train
from jagawana.detectors.unet import UNet
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.training.amazon_pairs import read_amazon_pairs
from jagawana.services.training.checkpoints import Checkpoints

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
    steps=80,
    batch=6,
    base=8,
    poolings=2,
    simulated_share=0,
    simulated_chips=0,
    average_decay=0.9,
    learning_rate=1e-2,
    folds=2,
    stopping_share=0.34,
    check_every=20,
)


def some(n: int = 5, size: int = 48, dates: int = 2) -> Places:
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 1, 2, 4, 5, 255], (n, dates, size, size)).astype(np.uint8)
    return Places(rng.uniform(0.01, 0.4, (n, dates, 4, size, size)).astype(np.float32), labels)


def test_hand_classes_become_ours_and_pairs_find_their_images(tmp_path: Path) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path))
    assert set(np.unique(pairs.after.labels)) == {LandClass.BACKGROUND, LandClass.MINING, LandClass.WATER, NOT_OBSERVED}
    mining = pairs.after.labels == LandClass.MINING
    red, nir = (pairs.after.reflectance[:, BANDS.index(b)] for b in ("red", "nir"))
    assert red[mining].min() > 0.15 and nir[pairs.after.labels == LandClass.WATER].max() < 0.05
    assert np.isnan(pairs.before.reflectance[0, :, :8, :8]).all() and (pairs.before.labels[0, :8, :8] == NOT_OBSERVED).all()
    assert pairs.block[7] == "b1" and pairs.unchanged.sum() == 6


def test_missing_labels_are_said_with_the_folder_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="s2_amazon_labels") as refused:
        read_amazon_pairs(tmp_path)
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60), st.integers(0, 99), st.integers(2, 4), st.floats(0, 0.3))
def test_every_block_is_in_one_fold_and_no_fold_is_much_larger(block: list[str], seed: int, folds: int, share: float) -> None:
    fold_of = block_folds(block, folds=folds, seed=seed)
    assert set(fold_of) == set(block) and set(fold_of.values()) <= set(range(folds))
    held = [sum(fold_of[b] == f for b in block) for f in range(folds)]
    assert max(held) - min(held) <= max(block.count(b) for b in block)
    assert fold_of == block_folds(list(reversed(block)), folds=folds, seed=seed)
    stopping = stopping_blocks(block, seed=seed, share=share)
    assert stopping <= set(block) and sum(b in stopping for b in block) <= share * len(block) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_a_variation_keeps_shape_classes_and_sense_and_leaves_its_input_alone(seed: int) -> None:
    places = some()
    before = places.reflectance.copy(), places.labels.copy()
    how = Augmentation(drop_share=0.5, paste_share=0.5, blur_share=0.5, shadow_share=0.5)
    result = augmented(places, np.random.default_rng(seed), bands=BANDS[:4], how=how)
    assert result.reflectance.shape == places.reflectance.shape and result.reflectance.dtype == np.float32
    assert result.labels.dtype == np.uint8 and set(np.unique(result.labels)) <= set(np.unique(places.labels))
    unseen = np.isnan(result.reflectance).any(axis=2)
    assert (result.labels[unseen] == NOT_OBSERVED).all()
    assert result.reflectance[~np.isnan(result.reflectance)].min() >= 0
    np.testing.assert_array_equal(places.reflectance, before[0])
    np.testing.assert_array_equal(places.labels, before[1])


def pits() -> Places:
    labels = np.zeros((8, 2, 48, 48), np.uint8)
    for i, label in enumerate(labels):
        label[:, 6 : 20 + i, 10 : 40 - 2 * i] = LandClass.MINING
    return Places(np.repeat(labels[:, :, None], 4, axis=2).astype(np.float32), labels)


def test_label_and_picture_turn_and_move_together_and_both_dates_alike() -> None:
    places, rng = pits(), np.random.default_rng(3)
    for result in (turned(places, rng), rescaled(places, rng, zoom=(0.8, 2.0), share=1.0), pasted(places, rng, share=1.0)):
        assert not np.array_equal(result.labels, places.labels)
        agree = (result.reflectance[:, :, 0] > 0.5) == (result.labels == LandClass.MINING)
        assert agree.mean() > 0.98
        np.testing.assert_array_equal(result.labels[:, 0], result.labels[:, 1])


def test_enlarging_shows_less_ground() -> None:
    labels = np.zeros((1, 1, 48, 48), np.uint8)
    labels[:, :, 20:28, 20:28] = LandClass.MINING
    places = Places(np.zeros((1, 1, 4, 48, 48), np.float32), labels)
    sizes = [(rescaled(places, np.random.default_rng(s), zoom=(2.0, 2.0), share=1.0).labels == 1).sum() for s in range(20)]
    assert max(sizes) == 4 * 64


def test_haze_brightens_blue_more_than_the_infrared() -> None:
    places = Places(np.full((400, 1, 4, 4, 4), 0.1, np.float32), np.zeros((400, 1, 4, 4), np.uint8))
    how = Augmentation(gain=0, gain_per_band=0, offset=0, noise=0, haze=0.05)
    rise = relit(places, np.random.default_rng(0), bands=BANDS[:4], how=how).reflectance.mean(axis=(0, 1, 3, 4)) - 0.1
    assert rise[0] > rise[1] > rise[2] > rise[3] > 0


def test_a_coarser_sensor_mixes_neighbours_and_keeps_the_mean() -> None:
    places, sharp = pits(), pits().reflectance
    soft = blurred(places, np.random.default_rng(0), to=0.5, share=1.0).reflectance
    assert ((soft > 0.05) & (soft < 0.95)).sum() > 100 and set(np.unique(sharp)) == {0.0, 1.0}
    np.testing.assert_allclose(soft.mean(axis=(-2, -1)), sharp.mean(axis=(-2, -1)), atol=0.03)


def test_a_shadow_darkens_every_band_of_a_pixel_alike() -> None:
    places = Places(np.full((6, 2, 4, 48, 48), 0.2, np.float32), np.zeros((6, 2, 48, 48), np.uint8))
    shaded = shadowed(places, np.random.default_rng(0), loss=(0.2, 0.6), share=1.0).reflectance / 0.2
    assert shaded.max() <= 1 and 0.4 <= shaded.min() < 0.7
    np.testing.assert_allclose(shaded, np.broadcast_to(shaded[:, :, :1], shaded.shape), rtol=1e-6)


def test_a_dropped_patch_has_neither_picture_nor_label() -> None:
    result = dropped(some(), np.random.default_rng(0), share=1.0)
    gone = np.isnan(result.reflectance).all(axis=2)
    assert gone.reshape(5, -1).any(axis=1).all() and (result.labels[gone] == NOT_OBSERVED).all()


def test_a_run_learns_the_made_up_places_and_its_model_loads(tmp_path: Path) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path / "data"))
    told: list[tuple[str, int, int, float]] = []
    trained = train(TINY, labelled=pairs, progress=lambda stage, done, of, loss: told.append((stage, done, of, loss)))
    assert list(dict.fromkeys(stage for stage, *_ in told)) == ["fold 1 of 2", "fold 2 of 2", "all places"]
    first = [t for t in told if t[0] == "fold 1 of 2"]
    assert [t[1] for t in first] == list(range(1, len(first) + 1)) and first[-1][3] < first[0][3]
    card = trained.card
    assert card.calibrated and card.test is not None and (card.test.images, card.test.pairs) == (36, 18)
    assert sorted(b for fold in card.split.folds for b in fold) == [f"b{i}" for i in range(6)]
    recall = card.test.classes[LandClass.MINING].recall.share
    assert recall is not None and recall > 0.8
    path = write_model(trained, tmp_path / "out")
    assert sorted(p.name for p in path.parent.iterdir()) == ["folds", "s2.calls.npz", "s2.json", "s2.md", "s2.safetensors"]
    calls = np.load(path.parent / "s2.calls.npz")["classes"]
    for number in (1, 2):
        of_fold = path.parent / "folds" / str(number) / "s2.json"
        own = read_card(of_fold.read_bytes(), name="s2.json")
        unseen = pairs.within(frozenset(own.split.folds[0]))
        own_weights = of_fold.with_suffix(".safetensors").read_bytes()
        network = UNetDetector.from_weights(own_weights, own, choose("cpu", "fp32", "auto")[0], precision="fp32")
        picture = unseen.after.reflectance[0]
        seen = np.isfinite(picture).all(axis=0)
        again = decided(network(np.nan_to_num(picture), seen), seen, network.spec.decision)
        index = next(i for i, block in enumerate(pairs.block) if block in own.split.folds[0])
        assert (again == calls[index, 1]).mean() > 0.99, "the network that measured is the one that is written"
    read = read_card(path.read_bytes(), name="s2.json")
    weights = (path.parent / "s2.safetensors").read_bytes()
    detector = UNetDetector.from_weights(weights, read, choose("cpu", "fp32", "auto")[0], precision="fp32")
    assert detector.spec.halo_px == 52, "24 of the network, 27 of what each band is compared with"
    assert f"mean IoU over the classes present: {card.test.mean_iou}" in (path.parent / "s2.md").read_text(encoding="utf-8")


SHORT = TINY.model_copy(update={"steps": 6, "check_every": 2})


def test_the_same_run_gives_the_same_weights_and_another_seed_does_not(tmp_path: Path) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path))
    first, again = (train(SHORT, labelled=pairs).card for _ in range(2))
    other = train(SHORT.model_copy(update={"seed": 1}), labelled=pairs).card
    assert first == again and first.sha256 != other.sha256


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("cut_at", [("fold 1 of 2", 3), ("fold 2 of 2", 4), ("all places", 1)])
def test_a_run_cut_off_anywhere_goes_on_to_the_same_model(tmp_path: Path, cut_at: tuple[str, int]) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path / "data"))
    whole = train(SHORT, labelled=pairs).card
    checkpoints = Checkpoints(tmp_path, SHORT, pairs)
    seen: list[tuple[str, int]] = []

    def cut(stage: str, done: int, of: int, loss: float) -> None:
        if (stage, done) == cut_at:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        train(SHORT, labelled=pairs, keeper=checkpoints, progress=cut)
    resumed = train(SHORT, labelled=pairs, keeper=checkpoints, progress=lambda stage, done, of, loss: seen.append((stage, done)))
    assert resumed.card == whole and (cut_at[0], 1) not in seen[1:] and len(seen) < 18
    checkpoints.drop()
    assert not checkpoints.folder.exists()


def test_another_config_or_other_labels_never_take_up_a_kept_state(tmp_path: Path) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path / "data"))
    other = pairs.where(np.arange(len(pairs)) > 0)
    folders = {Checkpoints(tmp_path, *of).folder for of in ((SHORT, pairs), (TINY, pairs), (SHORT, other), (SHORT, None))}
    assert len(folders) == 4


def test_a_fold_never_learns_from_the_places_it_is_tested_on(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path)
    pairs = read_amazon_pairs(folder)
    kept: dict[str, object] = {}

    class Memory:
        def kept(self, stage: str) -> None:
            return None

        def keep(self, stage: str, state: dict[str, object]) -> None:
            kept[stage] = state["fit"]

    card = train(SHORT, labelled=pairs, keeper=Memory()).card
    first = kept["fold 1 of 2"]["average"]["module.head.weight"].clone()  # type: ignore[index]
    stored = dict(np.load(folder / "s2_amazon_labels/labels.npz"))
    for i, name in enumerate(stored["sample_id"]):
        if f"b{int(name[1:]) % 6}" in card.split.folds[0]:
            stored["t1"][i] = 4
    np.savez(folder / "s2_amazon_labels/labels.npz", **stored)
    train(SHORT, labelled=read_amazon_pairs(folder), keeper=Memory())
    assert torch.equal(first, kept["fold 1 of 2"]["average"]["module.head.weight"])  # type: ignore[index]


def test_fewer_blocks_than_folds_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path))
    for labelled, folds, words in ((pairs, 7, "cannot make 7 folds"), (None, 2, "nothing to train on")):
        config = SHORT.model_copy(update={"folds": folds, "simulated_share": 0 if labelled is not None else 1})
        with pytest.raises(DataError, match=words) as refused:
            train(config.model_copy(update={"batch": 6 if labelled is not None else 0}), labelled=labelled)
        assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_a_network_stops_when_nothing_gets_better_and_the_best_is_kept() -> None:
    watch, net = Watch(patience=2), UNet(bands=4, classes=6, base=4, poolings=1)
    for step, loss in enumerate([0.9, 0.5, 0.7], 1):
        watch.see(loss, step, net)
        net.head.bias.data += 1  # type: ignore[union-attr]
        assert not watch.over
    watch.see(0.6, 4, net)
    assert watch.over and watch.at == 2
    best = watch.weights["head.bias"]
    assert torch.allclose(best + 2, net.head.bias)  # type: ignore[arg-type]


def test_an_early_end_gives_the_best_network(tmp_path: Path) -> None:
    pairs = read_amazon_pairs(write_pairs(tmp_path))
    losses = iter([0.3, 0.2, 0.4, 0.4, 0.4])
    fit = Fit(real_pools(TINY, pairs), TINY, NORMAL, steps=50, seed=0)
    _, taken = Stage(check_every=5, patience=3).fitted("one", fit, check=lambda _: next(losses))
    assert (taken, fit.done) == (10, 25)


NORMAL = Normalisation(mean=(0.1,) * 6, std=(0.1,) * 6)


def test_two_dates_that_agree_cost_nothing_and_changed_or_unsure_pixels_are_left_out() -> None:
    logits = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(2, 4, 4, dtype=torch.long)
    assert float(inconsistency(logits[[0, 0]], labels, [(0, 1)])) == 0
    assert float(inconsistency(logits, labels, [(0, 1)])) > 0.1
    labels[1, :2], labels[:, 2:] = 1, 255
    assert float(inconsistency(logits, labels, [(0, 1)])) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.5, 2.0), st.floats(-1.5, 1.5))
def test_calibration_finds_the_temperature_and_bias_that_were_put_in(seed: int, temperature: float, bias: float) -> None:
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (12, 6, 48, 48)).astype(np.float32)
    true[:, LandClass.HUT] = -20
    chance = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = (chance.cumsum(axis=1) < rng.random((12, 1, 48, 48))).sum(axis=1).astype(np.uint8)
    put_in = np.zeros(6, np.float32)
    put_in[LandClass.ROAD] = bias
    found = fitted_calibration((true - put_in[:, None, None]) * np.float32(temperature), labels)
    assert abs(found.temperature - temperature) < 0.12 * temperature and abs(found.biases[LandClass.ROAD] - bias) < 0.3
    assert found.biases[LandClass.HUT] == found.biases[LandClass.BACKGROUND] == 0


def test_a_calibrated_network_says_what_the_calibration_says() -> None:
    net = UNet(bands=4, classes=6, base=4, poolings=2).eval()
    x, calibration = torch.randn(1, 4, 32, 32), Calibration(1.7, (0.0, 0.5, -1.0, 0.2, 0.0, 0.0))
    with torch.inference_mode():
        raw, after = net(x).numpy(), torch.softmax(calibrated(net, calibration)(x), 1).numpy()
    np.testing.assert_allclose(after, calibration.of(raw), atol=1e-5)
    nothing = np.full((2, 48, 48), NOT_OBSERVED, np.uint8)
    assert fitted_calibration(np.zeros((2, 6, 48, 48), np.float32), nothing) == UNCALIBRATED


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

    monkeypatch.setattr("jagawana.detectors.training.simulated.chips", crowded)
    images = mined_images(1, 30, sensor="s2", resolution_m=10, chip_px=48)
    assert list(images.reflectance[:, 0, 0, 0]) == [2.0] * 24 + [4.0] * 6
    monkeypatch.setattr("jagawana.detectors.training.simulated.PER_WORLD", 0)
    with pytest.raises(DataError) as refused:
        mined_images(1, 3, sensor="s2", resolution_m=10, chip_px=48)
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_a_batch_is_mixed_as_the_config_says_and_the_card_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def blank(seed: int, n: int, *, sensor: str, resolution_m: int, chip_px: int) -> Images:
        return Images(np.zeros((n, 4, chip_px, chip_px), np.float32), np.zeros((n, chip_px, chip_px), np.uint8))

    for maker in ("mined_images", "unmined_images"):
        monkeypatch.setattr(f"jagawana.detectors.training.pools.{maker}", blank)
    config = TrainConfig(model_id="rgbn", simulated_chips=60)
    pairs = read_amazon_pairs(write_pairs(tmp_path)).with_bands(config.bands)
    real, simulated = real_pools(config, pairs), simulated_pools(config, labelled=True)
    assert [pool.per_batch for pool in real] == [6, 6] and sum(pool.per_batch for pool in simulated) == 4
    sources = sources_of(config, pairs, simulated)
    assert [source.images for source in sources] == [36, 60] and "huts" in sources[1].remarks
    assert sum(pool.per_batch for pool in simulated_pools(config, labelled=False)) == 16
    fit = Fit([*real, *simulated], config, Normalisation(mean=(0.1,) * 4, std=(0.1,) * 4), steps=2, seed=0)
    pixels, labels, twins = fit._batch()
    assert pixels.shape == (16, 4, 48, 48) and labels.shape == (16, 48, 48) and twins == [(i, i + 1) for i in range(0, 12, 2)]
    assert seen_once(blank(0, 3, sensor="s2", resolution_m=10, chip_px=48)).labels.shape == (3, 1, 48, 48)
