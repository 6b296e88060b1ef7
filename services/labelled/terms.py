"""Whose images a labelled folder holds, and on what terms: source.json."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from jagawana.schemas.base import Model
from jagawana.schemas.envelope import read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault

TERMS = "source.json"
NOT_STATED = "not stated"
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\n|]+$")]
"""A line that fits into a table."""


class Terms(Model):
    """What a folder says of itself; what is left out is not known."""

    name: Words | None = Field(default=None, description="of the collection; else the folder's")
    licence: Words = Field(default=NOT_STATED, description="of pixels and labels, e.g. an SPDX identifier")
    attribution: Words | None = Field(default=None, description="whom to name, and how")
    redistribution: bool | None = Field(default=None, description="whether the images may be passed on")


def terms_of(folder: Path) -> Terms:
    """The terms of a folder; without source.json nothing is known.

    Raises:
        DataError: LABELS_INVALID when source.json is not what it should be.
    """
    path = folder / TERMS
    if not path.is_file():
        return Terms()
    try:
        return Terms.model_validate(read_object(path.read_bytes()))
    except ValidationError as error:
        raise _wrong(path, first_fault(error)) from error
    except DataError as error:
        raise _wrong(path, error.detail) from error


def _wrong(path: Path, why: str) -> DataError:
    example = '{"licence": "CC-BY-4.0", "attribution": "Sari, 2026", "redistribution": true}'
    return DataError(ErrorCode.LABELS_INVALID, f"{path}: {why}; write {', '.join(Terms.model_fields)}, each if known, e.g. {example}")
