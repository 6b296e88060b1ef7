"""The options of a training run: a JSON file, with the command's options on top."""

from pathlib import Path

from pydantic import ValidationError

from jagawana.detectors.training.config import TrainConfig
from jagawana.schemas.envelope import read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault


def training_config(file: Path | None, **given: object) -> TrainConfig:
    """The configuration.

    Raises:
        DataError: SETTINGS_INVALID, naming the option.
    """
    options = read_object(file.read_bytes()) if file is not None else {}
    try:
        return TrainConfig.model_validate(options | {k: v for k, v in given.items() if v is not None})
    except ValidationError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{file or 'options'} {first_fault(e)}; see detectors/training/config.py") from e
