"""Group F: weights, cards and settings, F01 to F06. Unless a row says otherwise the card pins the bad weights, as after a swap of both."""

import io
import json
import os
import pickle  # noqa: TID251  # to make what must never be read
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

Arrays = dict[str, np.ndarray]
Weights = Callable[[bytes, Path], bytes]


@dataclass(frozen=True)
class BadModel:
    """One row: the weights as they are found, given the good ones and where a trap would leave its mark."""

    id: str
    name: str
    weights: Weights
    pinned: bool = False
    """Whether the card still pins the good weights."""

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


@dataclass(frozen=True)
class BadSetting:
    """One row of F06."""

    name: str
    given: dict[str, object] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"F06 {self.name}"


class _Trap:
    """What a pickle can do to whoever reads it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def flipped(weights: bytes, chance: random.Random) -> bytes:
    """One bit changed anywhere."""
    spoiled = bytearray(weights)
    spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


def _pickled(_: bytes, mark: Path) -> bytes:
    return pickle.dumps(_Trap(mark))


def _header(length: int) -> Weights:
    return lambda good, _: struct.pack("<Q", length) + good[8:]


def _arrays(spoil: Callable[[Arrays], object]) -> Weights:
    def make(good: bytes, _: Path) -> bytes:
        arrays = {name: values.copy() for name, values in load(good).items()}
        spoil(arrays)
        return save(arrays)

    return make


def _set(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Weights:
    return _arrays(lambda arrays: arrays.update({name: np.ascontiguousarray(change(arrays[name]))}))


def _filled(value: float, values: np.ndarray) -> np.ndarray:
    return np.full_like(values, value)


def _npz(good: bytes, _: Path) -> bytes:
    file = io.BytesIO()
    np.savez(file, **load(good))
    return file.getvalue()


FIRST, HEAD, NORM = "down.0.conv_a.weight", "head.weight", "down.0.norm_a.running_var"
MODELS: tuple[BadModel, ...] = (
    BadModel("F01", "a bit flipped", lambda good, _: flipped(good, random.Random(1)), pinned=True),
    BadModel("F01", "every exponent doubled", _arrays(lambda a: a.update({FIRST: a[FIRST] ** 2}))),
    BadModel("F02", "half of it", lambda good, _: good[: len(good) // 2]),
    BadModel("F02", "a byte short", lambda good, _: good[:-1]),
    BadModel("F02", "nothing", lambda good, _: b""),
    BadModel("F02", "a header of 2^63 bytes", _header(2**63)),
    BadModel("F02", "a header of 200 MB", _header(200_000_000)),
    BadModel("F03", "a pickle", _pickled),
    BadModel("F03", "a pickle, swapped in", _pickled, pinned=True),
    BadModel("F03", "an archive of arrays", _npz),
    BadModel("F04", "NaN", _set(FIRST, partial(_filled, float("nan")))),
    BadModel("F04", "infinity", _set(HEAD, partial(_filled, float("inf")))),
    BadModel("F04", "a negative variance", _set(NORM, partial(_filled, -1.0))),
    BadModel("F04", "zeros", _set(FIRST, partial(_filled, 0.0))),
    BadModel("F05", "a band more", _set(FIRST, lambda w: np.concatenate([w, w[:, :1]], axis=1))),
    BadModel("F05", "a class fewer", _set(HEAD, lambda w: w[:-1])),
    BadModel("F05", "a layer missing", _arrays(lambda a: a.pop(FIRST))),
    BadModel("F05", "a layer of another shape", _set("up.0.conv_a.weight", lambda w: w[:, :3])),
    BadModel("F05", "a layer without dimensions", _set(FIRST, lambda w: w.ravel()[:7])),
    BadModel("F05", "a bias of another length", _set("head.bias", lambda w: w[:2])),
    BadModel("F05", "kernels of 5 x 5", _set(FIRST, lambda w: np.pad(w, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=0.5))),
    BadModel("F05", "kernels of 1 x 1", _set("up.1.conv_b.weight", lambda w: w[:, :, :1, :1])),
    BadModel("F05", "whole numbers", _set(FIRST, lambda w: w.astype(np.int64))),
    BadModel("F05", "another network altogether", lambda good, _: save({"weight": np.zeros((3, 3), np.float32)})),
)
SETTINGS: tuple[BadSetting, ...] = (
    BadSetting("a key nobody knows", {"decoder_second": 5}),
    BadSetting("a negative time", {"decoder_seconds": -1}),
    BadSetting("no time", {"decoder_seconds": 0}),
    BadSetting("not a number", {"decoder_seconds": "nan"}),
    BadSetting("negative memory", environment={"JAGAWANA_DECODER_BYTES": "-1"}),
    BadSetting("no attempt", environment={"JAGAWANA_ATTEMPTS": "0"}),
    BadSetting("negative threads", environment={"JAGAWANA_THREADS": "-2"}),
    BadSetting("a device nobody has", environment={"JAGAWANA_DEVICE": "tpu"}),
    BadSetting("a list that is none", environment={"JAGAWANA_SCENE_ROOTS": "[not json"}),
    BadSetting("a name misspelt", environment={"JAGAWANA_DECODER_SECNDS": "5"}),
    BadSetting("a failpoint nobody knows", environment={"JAGAWANA_FAILPOINTS": "nowhere:1=die"}),
)


def card_with(card: bytes, *path: str, to: object) -> bytes:
    """A card with one value changed."""
    document: dict[str, Any] = json.loads(card)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return json.dumps(document).encode()


CARDS: tuple[tuple[str, tuple[str, ...], object], ...] = (
    ("no bands", ("bands",), []), ("a band more", ("bands",), ["blue"] * 7), ("a temperature of zero", ("temperature",), 0),
    ("a negative spread", ("normalisation", "std"), [-1.0] * 6), ("a spread of zero", ("normalisation", "std"), [0.0] * 6),
    ("a hash that is none", ("sha256",), "0"), ("sizes the wrong way round", ("max_resolution_m",), 1.0),
    ("a negative threshold", ("min_resolution_m",), -1), ("99 poolings", ("architecture", "poolings"), 99),
    ("a known answer too short", ("known_answer", "classes"), "0"), ("a key nobody knows", ("shell",), "x"),
)  # fmt: skip
