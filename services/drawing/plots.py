"""Plots by matplotlib, an extra: whether it is there, dates in the reader's language, files without the time they were made."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jagawana.schemas.errors import DataError, ErrorCode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT = "#1b211e", "#55605a"


def drawing_is_possible() -> None:
    """Refuse at the start, not after an hour of reading.

    Raises:
        DataError: SETTINGS_INVALID without matplotlib.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, "pictures need matplotlib: pip install 'jagawana[pictures]'") from e


def save(figure: "Figure", paths: Sequence[Path]) -> None:
    """Write a figure once for every path; the ending says the format. The same figure gives the same PNG; names inside an SVG differ."""
    for path in paths:
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def dated(ax: "Axes", months: Sequence[str], *, most: int = 7) -> None:
    """Dates below an axis, written out, as many as there is room for."""
    from matplotlib.dates import AutoDateLocator, num2date

    ax.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=most))  # type: ignore[no-untyped-call]

    def said_as(x: float, _position: float) -> str:
        at = num2date(x)  # type: ignore[no-untyped-call]
        return f"{at.day} {months[at.month - 1]} {at.year}"

    ax.xaxis.set_major_formatter(said_as)


def tidy(ax: "Axes") -> None:
    """No frame above and to the right, small numbers."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)
