"""Options that many commands share, and how results are printed."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jagawana.services.settings import Settings, load_settings

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the database, blobs and messages.", show_default="./jagawana-data")]
AsJson = Annotated[bool, typer.Option("--json", help="Print results as JSON.")]
ModelId = Annotated[
    str | None, typer.Option("--model", help="s2, rgbn, spectral-6, spectral-4, or a card's path; by default the bands decide.")
]
ENDLESS = 10_000
"""Columns of a window in which no word is cut."""


def settings_of(data: Path | None, **more: object) -> Settings:
    """Settings from the environment, with the command's options on top."""
    return load_settings(data=data, **more)


def print_json(value: Any) -> None:
    """A result for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False))


def print_table(title: str, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """A result for people: a table, or a paragraph for each row where the window is too narrow for its words."""
    console, texts = Console(), [[*map(str, row)] for row in rows]
    table = Table(*header, title=title, title_justify="left", header_style="bold")
    for row in texts:
        table.add_row(*row)
    if console.measure(table, options=console.options.update(width=ENDLESS)).minimum <= console.width:
        console.print(table)
        return
    console.print(f"{title}\n", style="italic", markup=False)
    for row in texts:
        first, *others = (Text(f"{name}: {value}") for name, value in zip(header, row, strict=True))
        first.stylize("bold")
        console.print(first, *(Padding(line, (0, 0, 0, 2)) for line in others), "", sep="\n")
