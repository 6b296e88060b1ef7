import numpy as np
import pytest
import torch

from jagawana.detectors.classes import LandClass
from jagawana.detectors.inference import BLOCK_PX, UNetDetector, blocks, choose_device, choose_precision
from jagawana.detectors.known_answer import SIZE_PX, answer_of, likeness, window_of
from jagawana.detectors.model_card import Architecture, KnownAnswer, ModelCard, Normalisation, Split, read_card
from jagawana.detectors.training.card import weights_of
from jagawana.detectors.unet import UNet, halo_px, receptive_radius_px
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of

BANDS = ("blue", "green", "red", "nir")
NORMALISATION = Normalisation(mean=(0.06, 0.09, 0.1, 0.25), std=(0.03, 0.04, 0.06, 0.08))


def network(*, poolings: int = 3, bands: int = 4) -> UNet:
    """An untrained network whose every connection carries: positive weights, so that no ReLU hides one."""
    torch.manual_seed(0)
    net = UNet(bands=bands, classes=len(LandClass), base=4, poolings=poolings).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.uniform_(module.weight, 0.01, 0.1)
    return net


def opinionated(seed: int = 0) -> UNet:
    """An untrained network that calls several classes and is fairly sure of them."""
    torch.manual_seed(seed)
    net = UNet(bands=4, classes=len(LandClass), base=4, poolings=3).eval()
    with torch.no_grad():
        net.head.weight *= 300
    return net


def card_of(weights: bytes, *, answer: KnownAnswer | None = None, **changes: object) -> ModelCard:
    card = ModelCard(
        model_id="rgbn",
        version="test",
        sha256=sha256_of(weights),
        architecture=Architecture(base=4, poolings=3),
        bands=BANDS,
        min_resolution_m=2.5,
        max_resolution_m=10.5,
        classes=tuple(c.name.lower() for c in LandClass),
        normalisation=NORMALISATION,
        calibrated=False,
        sources=(),
        split=Split(method="none", training_blocks=(), calibration_blocks=(), test_blocks=()),
        test=None,
        baseline=None,
        simulated=None,
        seed=0,
        command="none",
        limits=(),
        known_answer=answer or KnownAnswer(seed=5, size_px=48, classes="0" * 48**2, pixels=((0, 0),), probabilities=((1,) * 6,)),
    )
    return card.model_copy(update=changes)


def detector_of(net: UNet, **changes: object) -> UNetDetector:
    card = card_of(weights_of(net), **changes)
    return UNetDetector(net, card, device=torch.device("cpu"), precision="fp32")


def answered(net: UNet) -> tuple[bytes, ModelCard]:
    """Weights and a card with the true answer."""
    weights = weights_of(net)
    copy = UNet(bands=4, classes=6, base=4, poolings=3)
    copy.load_state_dict(net.state_dict())
    probabilities = detector_of(copy)(*window_of(5, SIZE_PX, NORMALISATION))
    return weights, card_of(weights, answer=answer_of(probabilities, seed=5))


def scene(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    reflectance = np.random.default_rng(seed).uniform(0, 0.4, (4, height, width)).astype(np.float32)
    return reflectance, np.ones((height, width), bool)


@pytest.mark.parametrize("poolings", [1, 2, 3])
def test_the_computed_radius_is_how_far_a_pixel_really_reaches(poolings: int) -> None:
    net = network(poolings=poolings).double()
    radius, grid = receptive_radius_px(poolings), 2**poolings
    pixels = torch.zeros(1, 4, 20 * grid, 20 * grid, dtype=torch.float64)
    reach = 0
    with torch.inference_mode():
        before = net(pixels)
        for phase in range(grid):
            touched = pixels.clone()
            at = 10 * grid + phase
            touched[0, :, at, at] = 1e6
            moved = ((net(touched) - before).abs().amax(dim=(0, 1)) > 0).nonzero()
            reach = max(reach, int((moved - at).abs().max()))
    assert reach == radius
    assert halo_px(poolings) >= radius and halo_px(poolings) % grid == 0


def test_three_poolings_need_a_halo_of_56_px() -> None:
    assert (receptive_radius_px(3), halo_px(3)) == (51, 56)


def test_the_shipped_shape_has_half_a_million_parameters() -> None:
    assert sum(p.numel() for p in UNet(bands=6, classes=6).parameters()) == 488_518


@pytest.mark.parametrize(("height", "width"), [(48, 48), (49, 131), (61, 50)])
def test_any_window_of_48_px_and_more_is_answered_pixel_by_pixel(height: int, width: int) -> None:
    probabilities = detector_of(opinionated())(*scene(height, width))
    assert probabilities.shape == (6, height, width) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)


def test_two_windows_agree_wherever_both_have_their_halo() -> None:
    detector = detector_of(opinionated())
    halo = detector.spec.halo_px
    reflectance, valid = scene(208, 240)
    whole = detector(reflectance, valid)[:, halo : 208 - halo, 32 + halo : 208 - halo]
    part = detector(reflectance[:, :, 32:208], valid[:, 32:208])[:, halo : 208 - halo, halo : 176 - halo]
    np.testing.assert_allclose(part, whole, atol=1e-5)


def test_blocks_change_nothing_inside_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = detector_of(opinionated())
    reflectance, valid = scene(300, 203)
    whole = detector(reflectance, valid)
    monkeypatch.setattr("jagawana.detectors.inference.BLOCK_PX", 96)
    assert len(blocks(300, halo_px=56, grid_px=8)) == 3
    np.testing.assert_allclose(detector(reflectance, valid), whole, atol=1e-5)


@pytest.mark.parametrize("length", [48, 640, 961, 1112, 2113, 10980])
def test_blocks_cover_an_axis_once_and_begin_on_the_pooling_grid(length: int) -> None:
    cut = blocks(length, halo_px=56, grid_px=8)
    written = [i for block in cut for i in range(length)[block.write]]
    assert written == list(range(length))
    assert all(block.read.start % 8 == 0 for block in cut)
    assert all(block.write.stop - block.write.start <= 1.5 * BLOCK_PX for block in cut)


def test_what_was_not_seen_does_not_matter() -> None:
    detector = detector_of(opinionated())
    reflectance, valid = scene(64, 64)
    valid[10:20, 30:50] = False
    other = reflectance.copy()
    other[:, 10:20, 30:50] = np.nan
    np.testing.assert_array_equal(detector(other, valid), detector(reflectance, valid))
    stray = reflectance.copy()
    stray[1, 40, 40] = np.nan
    assert np.isfinite(detector(stray, valid)).all()


def test_the_same_window_gives_the_same_answer_twice() -> None:
    detector = detector_of(opinionated())
    np.testing.assert_array_equal(detector(*scene(96, 80)), detector(*scene(96, 80)))


def test_a_higher_temperature_makes_it_less_sure_but_not_otherwise_minded() -> None:
    sure = detector_of(opinionated())(*scene(64, 64))
    unsure = detector_of(opinionated(), temperature=3.0)(*scene(64, 64))
    assert unsure.max(axis=0).mean() < sure.max(axis=0).mean()
    np.testing.assert_array_equal(unsure.argmax(axis=0), sure.argmax(axis=0))


def test_folding_the_norms_keeps_the_function() -> None:
    net = opinionated()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    pixels = torch.randn(1, 4, 64, 64)
    with torch.inference_mode():
        before = net(pixels)
        net.fold_norms()
        torch.testing.assert_close(net(pixels), before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "valid_shape", "code"),
    [
        ((6, 64, 64), (64, 64), ErrorCode.BANDS_MISMATCH),
        ((4, 64, 64), (64, 65), ErrorCode.GRID_MISMATCH),
        ((4, 47, 64), (47, 64), ErrorCode.GRID_UNSUPPORTED),
    ],
)
def test_windows_it_does_not_read_are_refused(shape: tuple[int, ...], valid_shape: tuple[int, ...], code: ErrorCode) -> None:
    with pytest.raises(DataError) as refused:
        detector_of(opinionated())(np.zeros(shape, np.float32), np.ones(valid_shape, bool))
    assert refused.value.code == code


def test_pinned_weights_load_and_answer_in_both_precisions() -> None:
    weights, card = answered(opinionated())
    full = UNetDetector.from_weights(weights, card, device="cpu", precision="fp32")
    agreement, difference = likeness(full(*window_of(5, SIZE_PX, NORMALISATION)), card.known_answer)
    assert agreement == 1 and difference < 1e-3
    half = UNetDetector.from_weights(weights, card, device="cpu", precision="bf16")
    assert half.spec.ref.fingerprint != full.spec.ref.fingerprint


def test_the_fingerprint_names_everything_that_moves_a_label() -> None:
    weights, card = answered(opinionated())
    first = UNetDetector.from_weights(weights, card, device="cpu", precision="fp32").spec.ref
    assert first.sha256 == sha256_of(weights)
    assert first.fingerprint.startswith(f"rgbn-test/{first.sha256[:8]}/fp32/torch{torch.__version__.split('+')[0]}-cpu/halo56/norm")
    warmer = card.model_copy(update={"temperature": 1.0001})
    assert UNetDetector.from_weights(weights, warmer, device="cpu", precision="fp32").spec.ref.fingerprint != first.fingerprint


def refused_code(weights: bytes, card: ModelCard) -> ErrorCode:
    with pytest.raises(DataError) as refused:
        UNetDetector.from_weights(weights, card, device="cpu", precision="fp32")
    return refused.value.code


def test_a_flipped_bit_is_not_the_pinned_file() -> None:
    weights, card = answered(opinionated())
    flipped = bytearray(weights)
    flipped[-5] ^= 1
    assert refused_code(bytes(flipped), card) == ErrorCode.MODEL_INVALID


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\xff" * 64])
def test_a_pinned_file_that_is_no_safetensors_is_refused(content: bytes) -> None:
    assert refused_code(content, card_of(content)) == ErrorCode.MODEL_INVALID


def test_weights_of_another_shape_are_refused() -> None:
    weights = weights_of(UNet(bands=6, classes=6, base=4, poolings=3))
    assert refused_code(weights, card_of(weights)) == ErrorCode.MODEL_INVALID


def test_weights_that_are_not_numbers_are_refused() -> None:
    net = opinionated()
    with torch.no_grad():
        net.head.bias[0] = float("nan")
    weights = weights_of(net)
    assert refused_code(weights, card_of(weights)) == ErrorCode.MODEL_INVALID


def test_a_network_that_answers_otherwise_than_its_card_says_is_refused() -> None:
    _, card = answered(opinionated(seed=0))
    other = weights_of(opinionated(seed=1))
    assert refused_code(other, card.model_copy(update={"sha256": sha256_of(other)})) == ErrorCode.MODEL_INVALID


def test_auto_settles_on_what_the_machine_has_and_nonsense_is_refused() -> None:
    assert choose_device("auto").type in {"cpu", "cuda"}
    assert choose_precision("auto", torch.device("cpu")) in {"fp32", "bf16"}
    for ask in (lambda: choose_device("tpu"), lambda: choose_precision("int3", torch.device("cpu"))):
        with pytest.raises(DataError) as refused:
            ask()
        assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_a_card_survives_its_file_and_a_contradictory_one_does_not() -> None:
    _, card = answered(opinionated())
    assert read_card(card.model_dump_json(), name="x") == card
    for change in ({"bands": ("blue",)}, {"min_resolution_m": 99.0}, {"extra": 1}):
        with pytest.raises(DataError) as refused:
            read_card(card.model_copy(update=change).model_dump_json() if "extra" not in change else '{"extra": 1}', name="x")
        assert refused.value.code == ErrorCode.MODEL_INVALID
