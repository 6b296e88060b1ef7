"""The inference loop on both runtimes: the same network, and nothing depends on how windows are cut."""

import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.classes import LandClass
from jagawana.detectors.detector import Window
from jagawana.detectors.inference.blocks import CORE_PX, stretches
from jagawana.detectors.inference.choosing import choose, choose_device, choose_precision
from jagawana.detectors.inference.detector import UNetDetector
from jagawana.detectors.inference.layers import Layers
from jagawana.detectors.known_answer import SIZE_PX, answer_of, likeness, window_of
from jagawana.detectors.model_card import Architecture, KnownAnswer, ModelCard, Normalisation, Split, read_card
from jagawana.detectors.training.card import weights_of
from jagawana.detectors.training.loop import normalised
from jagawana.detectors.unet import UNet
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of

BANDS = ("blue", "green", "red", "nir")
NORMALISATION = Normalisation(mean=(0.06, 0.09, 0.1, 0.25), std=(0.03, 0.04, 0.06, 0.08), surroundings=True)
HALO_PX = 80
RUNTIMES = ("torch", "openvino")


def opinionated(seed: int = 0) -> UNet:
    """An untrained network that calls several classes and is fairly sure of them."""
    torch.manual_seed(seed)
    net = UNet(bands=NORMALISATION.channels, classes=len(LandClass), base=4, poolings=3).eval()
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
        split=Split(method="none", folds=()),
        test=None,
        baseline=None,
        simulated=None,
        seed=0,
        command="none",
        limits=(),
        known_answer=answer or KnownAnswer(seed=5, size_px=48, classes="0" * 48**2, pixels=((0, 0),), probabilities=((1,) * 6,)),
    )
    return card.model_copy(update=changes)


def loaded(weights: bytes, card: ModelCard, *, runtime: str = "openvino", precision: str = "fp32", threads: int = 0) -> UNetDetector:
    runtime_of, exact = choose("cpu", precision, runtime, threads=threads)
    return UNetDetector.from_weights(weights, card, runtime_of, precision=exact)


def detector_of(net: UNet, *, runtime: str = "openvino", precision: str = "fp32", threads: int = 0, **changes: object) -> UNetDetector:
    """Without asking for a known answer."""
    runtime_of, exact = choose("cpu", precision, runtime, threads=threads)
    layers = Layers.of(
        {name: value.detach().numpy() for name, value in net.state_dict().items() if value.ndim}, net.grid_px.bit_length() - 1
    )
    return UNetDetector(layers, card_of(weights_of(net), **changes), runtime_of, precision=exact)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def answered(net: UNet) -> tuple[bytes, ModelCard]:
    """Weights and a card with the true answer."""
    weights = weights_of(net)
    probabilities = detector_of(net, runtime="torch")(*window_of(5, SIZE_PX, NORMALISATION))
    return weights, card_of(weights, answer=answer_of(probabilities, seed=5))


def scene(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    reflectance = np.random.default_rng(seed).uniform(0, 0.4, (4, height, width)).astype(np.float32)
    return reflectance, np.ones((height, width), bool)


@pytest.mark.parametrize(("height", "width"), [(48, 48), (49, 131), (61, 50)])
def test_any_window_of_48_px_and_more_is_answered_pixel_by_pixel(height: int, width: int, runtime: str) -> None:
    probabilities = detector_of(opinionated(), runtime=runtime)(*scene(height, width))
    assert probabilities.shape == (6, height, width) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)


def test_two_windows_agree_wherever_both_have_their_halo(runtime: str) -> None:
    detector = detector_of(opinionated(), runtime=runtime)
    halo = detector.spec.halo_px
    reflectance, valid = scene(208, 240)
    whole = detector(reflectance, valid)[:, halo : 208 - halo, 32 + halo : 208 - halo]
    part = detector(reflectance[:, :, 32:208], valid[:, 32:208])[:, halo : 208 - halo, halo : 176 - halo]
    np.testing.assert_allclose(part, whole, atol=1e-5)


def test_the_network_for_inference_is_the_network_that_was_trained(runtime: str) -> None:
    net = opinionated()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    reflectance, valid = scene(77, 90)
    with torch.inference_mode():
        expected = torch.softmax(net(normalised(reflectance[None], NORMALISATION))[0], dim=0).numpy()
    np.testing.assert_allclose(detector_of(net, runtime=runtime)(reflectance, valid), expected, atol=2e-4)


def cut_small(monkeypatch: pytest.MonkeyPatch, core_px: int) -> None:
    monkeypatch.setattr("jagawana.detectors.inference.blocks.CORE_PX", core_px)
    monkeypatch.setattr("jagawana.detectors.inference.choosing.CORE_PX", core_px)


@pytest.mark.parametrize("core_px", [40, 96, 504])
@pytest.mark.parametrize("threads", [1, 2])
def test_stored_bytes_do_not_depend_on_blocks_or_threads(core_px: int, threads: int, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact mode: 0 differing pixels, whatever is computed together.

    On some processors torch takes another kernel for small blocks, whose last bits differ: there a byte may be the next one, in one of
    a hundred thousand. Blocks are never small outside tests.
    """
    reflectance, valid = scene(312, 264)
    valid[100:130, 20:90] = False
    keep = slice(56, 256), slice(0, 264)
    clear = np.random.default_rng(0).random((312, 264)) > 0.1
    window = Window(reflectance, valid, keep, clear)
    expected = detector_of(opinionated(), runtime=runtime, threads=2).stored(window)
    cut_small(monkeypatch, core_px)
    found = detector_of(opinionated(), runtime=runtime, threads=threads).stored(window)
    apart = np.abs(found.astype(int) - expected)
    assert found.any() and apart.max() <= (runtime == "torch" and core_px == 40) and (apart != 0).mean() <= 1e-5


@given(row=st.integers(0, 20), column=st.integers(0, 20), core=st.integers(3, 20))
@settings(max_examples=30, deadline=None)
def test_a_pixel_is_the_same_from_every_tile_that_shows_it(row: int, column: int, core: int) -> None:
    """Windows at any offset on the pooling grid, in blocks of any size, agree wherever both have their halo; also in bf16."""
    reflectance, valid = scene(448, 448)
    top, left, side, inside = 8 * row, 8 * column, 120 + 2 * HALO_PX, slice(HALO_PX, 448 - HALO_PX)
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch, 8 * core)
        for precision in ("fp32", "bf16"):
            detector = detector_of(opinionated(), precision=precision)
            inner = Window(reflectance, valid, (inside, inside), np.ones((448, 448), bool))
            whole = detector.stored(inner)[:, top : top + 120, left : left + 120]
            part = reflectance[:, top : top + side, left : left + side], valid[top : top + side, left : left + side]
            kept = slice(HALO_PX, HALO_PX + 120)
            window = Window(*part, (kept, kept), np.ones((side, side), bool))
            assert (detector.stored(window) != whole).sum() == 0


def test_both_runtimes_say_the_same() -> None:
    reflectance, valid = scene(200, 200)
    window = Window(reflectance, valid, (slice(0, 200), slice(0, 200)), np.ones((200, 200), bool))
    one, other = (detector_of(opinionated(), runtime=name).stored(window).astype(int) for name in RUNTIMES)
    assert abs(one - other).max() <= 1, "rounding of the last digit"


def test_blocks_without_a_clear_pixel_never_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch, 96)
    detector, asked = detector_of(opinionated()), []
    answer = detector._runtime.stored
    monkeypatch.setattr(detector._runtime, "stored", lambda *block: (asked.append(1), answer(*block))[1])
    reflectance, valid = scene(192, 192)
    clear = np.zeros((192, 192), bool)
    clear[100, 10] = True
    found = detector.stored(Window(reflectance, valid, (slice(0, 192), slice(0, 192)), clear))
    assert len(asked) == 1 and found[:, clear].any() and not found[:, ~clear].any()


@pytest.mark.parametrize("length", [48, 640, 961, 1112, 2113, 10980])
@pytest.mark.parametrize("halo", [0, 56])
def test_blocks_cover_an_axis_once_and_begin_on_the_pooling_grid(length: int, halo: int) -> None:
    """Also when only the middle of it is wanted; then every block but those at an edge has the same size."""
    keep = slice(halo, length - halo) if length > 2 * halo else slice(0, length)
    cut = stretches(length, keep, halo_px=56, margin_px=8, grid_px=8)
    assert [i for block in cut for i in range(length)[block.kept]] == list(range(length)[keep])
    assert all(block.start % 8 == 0 and block.length % 8 == 0 for block in cut)
    assert all(block.kept.stop - block.kept.start <= 1.5 * CORE_PX for block in cut)
    for block in cut:
        assert (block.kept.start - block.start >= 56) != (block.mirror[0] == 8)
        assert (block.stop - block.kept.stop >= 56 and block.stop % 8 == 0) != (block.mirror[1] >= 8)
    if length > 700:
        assert len({block.length for block in cut}) == 1, "one shape, at the edges too"


def test_what_was_not_seen_does_not_matter(runtime: str) -> None:
    detector = detector_of(opinionated(), runtime=runtime)
    reflectance, valid = scene(64, 64)
    valid[10:20, 30:50] = False
    other = reflectance.copy()
    other[:, 10:20, 30:50] = np.nan
    np.testing.assert_array_equal(detector(other, valid), detector(reflectance, valid))
    stray = reflectance.copy()
    stray[1, 40, 40] = np.nan
    assert np.isfinite(detector(stray, valid)).all()


def test_the_same_window_gives_the_same_answer_twice(runtime: str) -> None:
    detector = detector_of(opinionated(), runtime=runtime)
    np.testing.assert_array_equal(detector(*scene(96, 80)), detector(*scene(96, 80)))


def test_a_higher_temperature_makes_it_less_sure_but_not_otherwise_minded() -> None:
    sure = detector_of(opinionated())(*scene(64, 64))
    unsure = detector_of(opinionated(), temperature=3.0)(*scene(64, 64))
    assert unsure.max(axis=0).mean() < sure.max(axis=0).mean()
    np.testing.assert_array_equal(unsure.argmax(axis=0), sure.argmax(axis=0))


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
    full = loaded(weights, card, precision="fp32")
    agreement, difference = likeness(full(*window_of(5, SIZE_PX, NORMALISATION)), card.known_answer)
    assert agreement == 1 and difference < 1e-3
    half = loaded(weights, card, precision="bf16")
    assert half.spec.ref.fingerprint != full.spec.ref.fingerprint


def test_the_fingerprint_names_everything_that_moves_a_label() -> None:
    weights, card = answered(opinionated())
    first = loaded(weights, card, precision="fp32").spec.ref
    assert first.sha256 == sha256_of(weights)
    assert first.fingerprint.startswith(f"rgbn-test/{first.sha256[:8]}/fp32/openvino{version('openvino')}-cpu/halo80/norm")
    warmer = card.model_copy(update={"temperature": 1.0001})
    assert loaded(weights, warmer, precision="fp32").spec.ref.fingerprint != first.fingerprint


def refused_code(weights: bytes, card: ModelCard) -> ErrorCode:
    with pytest.raises(DataError) as refused:
        loaded(weights, card, precision="fp32")
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
    assert choose_device("auto").split(":")[0] in {"cpu", "cuda"}
    assert choose_precision("auto", "cpu") in {"fp32", "bf16"}
    nonsense = (
        lambda: choose_device("tpu"),
        lambda: choose_precision("int3", "cpu"),
        lambda: choose("cpu", "fp32", "abacus"),
    )
    for ask in nonsense:
        with pytest.raises(DataError) as refused:
            ask()
        assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_on_a_processor_detection_needs_no_torch() -> None:
    """It would cost a second or two and some 400 MB in every detecting process."""
    code = """import sys
from jagawana.services.detect.models import load_detector
load_detector("rgbn", device="cpu")
print("torch" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_a_card_survives_its_file_and_a_contradictory_one_does_not() -> None:
    _, card = answered(opinionated())
    assert read_card(card.model_dump_json(), name="x") == card
    for change in ({"bands": ("blue",)}, {"min_resolution_m": 99.0}, {"extra": 1}):
        with pytest.raises(DataError) as refused:
            read_card(card.model_copy(update=change).model_dump_json() if "extra" not in change else '{"extra": 1}', name="x")
        assert refused.value.code == ErrorCode.MODEL_INVALID
