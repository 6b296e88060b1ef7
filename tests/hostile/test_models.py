"""Group F: a bad network never loads, nothing in it runs, and a bad setting ends the start with its name.

That a running service consumes nothing meanwhile is tests/faults/test_damaged_models.py.
"""

import random
import time
from pathlib import Path

import pytest
from hostile.models import CARDS, MODELS, SETTINGS, BadModel, BadSetting, card_with, flipped
from results import record

from jagawana.rules.pack import load_pack
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.services.detect import models
from jagawana.services.settings import load_settings

FLIPS = 200
MOST_SECONDS = 10.0
_packaged = models._packaged
SECONDS: dict[str, float] = {}


def _install(weights: bytes, card: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"s2.safetensors": weights, "s2.json": card}
    monkeypatch.setattr(models, "_packaged", files.__getitem__)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_it_never_loads_and_nothing_in_it_runs(model: BadModel, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, card = _packaged("s2.safetensors"), _packaged("s2.json")
    weights = model.weights(good, tmp_path / "mark")
    assert weights != good
    _install(weights, card if model.pinned else card_with(card, "sha256", to=sha256_of(weights)), monkeypatch)
    began = time.perf_counter()
    with pytest.raises(DataError) as refused:
        models.load_detector("s2", device="cpu", precision="fp32", runtime=runtime, threads=1)
    SECONDS[f"{model}, {runtime}"] = seconds = time.perf_counter() - began
    assert refused.value.code is ErrorCode.MODEL_INVALID and seconds < MOST_SECONDS
    assert not (tmp_path / "mark").exists()


def test_no_flipped_bit_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    good, card, chance = _packaged("s2.safetensors"), _packaged("s2.json"), random.Random(5)
    refusals = []
    for _ in range(FLIPS):
        _install(flipped(good, chance), card, monkeypatch)
        with pytest.raises(DataError) as refused:
            models.load_detector("s2", device="cpu", precision="fp32", runtime="torch")
        refusals.append(refused.value.code)
    assert refusals == [ErrorCode.MODEL_INVALID] * FLIPS
    _install(good, card, monkeypatch)
    assert models.load_detector("s2", device="cpu", precision="fp32", runtime="torch").spec.ref.sha256 == sha256_of(good)
    record("bad_models", {
        "bit_flips": FLIPS, "bit_flips_refused": len(refusals), "weights": len(MODELS), "runtimes": 2, "cards": len(CARDS),
        "settings": len(SETTINGS), "slowest_refusal_s": round(max(SECONDS.values(), default=0.0), 2),
    })  # fmt: skip


@pytest.mark.parametrize(("name", "path", "value"), CARDS, ids=[name for name, _, _ in CARDS])
def test_a_card_that_makes_no_sense_is_refused(name: str, path: tuple[str, ...], value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(_packaged("s2.safetensors"), card_with(_packaged("s2.json"), *path, to=value), monkeypatch)
    with pytest.raises(DataError) as refused:
        models.load_detector("s2", device="cpu", precision="fp32", runtime="torch")
    assert refused.value.code is ErrorCode.MODEL_INVALID


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_a_setting_that_makes_no_sense_ends_the_start_and_is_named(setting: BadSetting, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in setting.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DataError) as refused:
        load_settings(**setting.given)
    name = next(iter(setting.given), None) or next(iter(setting.environment)).removeprefix("JAGAWANA_").lower()
    assert refused.value.code is ErrorCode.SETTINGS_INVALID and name in refused.value.detail.lower()


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"[]", b"{", b'{"pack": NaN}', b'{"pack": "x", "version": "1", "rules": []}', b"[" * 100_000]
)
def test_a_rule_pack_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(DataError) as refused:
        load_pack(text)
    assert refused.value.code is ErrorCode.RULES_INVALID


def test_every_number_is_there() -> None:
    assert {m.id for m in MODELS} | {"F06"} == {f"F{n:02}" for n in range(1, 7)}
