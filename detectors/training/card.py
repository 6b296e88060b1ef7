"""From a fitted network to what is published: weights, calibrated probabilities, three files."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from jagawana.detectors.detector import Mask, Probabilities, Reflectance
from jagawana.detectors.model_card import ModelCard, Normalisation
from jagawana.detectors.training.cross import Calls
from jagawana.detectors.training.loop import normalised
from jagawana.detectors.training.page import page
from jagawana.detectors.unet import UNet


@dataclass(frozen=True)
class TrainedModel:
    """What write_model writes."""

    weights: bytes
    card: ModelCard
    calls: Calls | None = None
    folds: tuple["TrainedModel", ...] = ()


def weights_of(network: UNet) -> bytes:
    """The network as a safetensors file."""
    return save({name: tensor.detach().contiguous().clone() for name, tensor in network.state_dict().items()})


def predictor(network: UNet, normalisation: Normalisation) -> Callable[[Reflectance, Mask], Probabilities]:
    """The network as a function of reflectance, in fp32 on the CPU: the arithmetic of every published figure."""

    def predict(reflectance: Reflectance, valid: Mask) -> Probabilities:
        seen = np.where(valid, reflectance, np.float32(np.nan)).astype(np.float32)
        with torch.inference_mode():
            logits = network(normalised(seen[None], normalisation))[0]
            probabilities: Probabilities = torch.softmax(logits, dim=0).numpy()
        return probabilities

    return predict


def write_model(trained: TrainedModel, out: Path) -> Path:
    """Write `<id>.safetensors`, `<id>.md` and, last, `<id>.json` into the folder `out`; returns the path of the card.

    Where real places were called, `<id>.calls.npz` says what was called: `classes` and `mining`, see cross.Calls. The networks that
    called them go into `folds/1`, `folds/2` and so on: each can be tried on its blocks as if they were new.

    Each file appears whole or not at all.
    """
    out.mkdir(parents=True, exist_ok=True)
    name = trained.card.model_id
    for number, of_fold in enumerate(trained.folds, 1):
        write_model(of_fold, out / "folds" / str(number))
    _write(out / f"{name}.safetensors", trained.weights)
    if trained.calls is not None:
        content = io.BytesIO()
        np.savez_compressed(content, classes=trained.calls.classes, mining=trained.calls.mining.astype(np.float16))
        _write(out / f"{name}.calls.npz", content.getvalue())
    _write(out / f"{name}.md", page(trained.card).encode())
    _write(out / f"{name}.json", trained.card.model_dump_json(indent=1).encode() + b"\n")
    return out / f"{name}.json"


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
