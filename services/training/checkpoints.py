"""Where a training run lays its state aside, so that one that was cut off goes on where it was."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import Pairs
from jagawana.detectors.training.loop import State
from jagawana.schemas.ids import sha256_of

TENSOR, ENTRIES, REST = "tensor", "entries", "rest"


class Checkpoints:
    """One safetensors file per network of a run, in a folder named after config and images: another run never takes them up.

    Args:
        out: folder the model will be written to.
        config: of the run.
        labelled: what it learns from.
    """

    def __init__(self, out: Path, config: TrainConfig, labelled: Pairs | None) -> None:
        content = [config.model_dump_json().encode()]
        if labelled is not None:
            content += [i.reflectance.tobytes() + i.labels.tobytes() for i in (labelled.before, labelled.after)]
        self.folder = out / f".{config.model_id}-{sha256_of(b''.join(content))[:16]}"

    def kept(self, stage: str) -> State | None:
        """The last state of a network, or None."""
        if not self._path(stage).is_file():
            return None
        with safe_open(self._path(stage), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
            state: State = _whole(json.loads(file.metadata()[REST]), tensors)
        return state

    def keep(self, stage: str, state: State) -> None:
        """Keep it instead of the one before; whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path, tensors = self._path(stage), dict[str, Tensor]()
        rest = json.dumps(_parted(state, tensors))
        part = path.with_name(path.name + ".part")
        save_file(tensors, part, metadata={REST: rest})
        os.replace(part, path)

    def drop(self) -> None:
        """The run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage.replace(' ', '-')}.safetensors"


def _parted(value: Any, tensors: dict[str, Tensor]) -> Any:
    """What JSON can hold, with numbers in place of the tensors, which are put into `tensors`."""
    if isinstance(value, Tensor):
        tensors[name := str(len(tensors))] = value.detach().contiguous().clone()
        return {TENSOR: name}
    if isinstance(value, dict):
        return {ENTRIES: [[key, _parted(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_parted(item, tensors) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return value.item()


def _whole(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of _parted; tuples come back as lists."""
    if isinstance(value, list):
        return [_whole(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    return tensors[value[TENSOR]] if TENSOR in value else {key: _whole(item, tensors) for key, item in value[ENTRIES]}
