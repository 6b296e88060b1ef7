"""Options that many commands share, and how results are printed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jagawana.services.settings import Settings, load_settings

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the database, blobs and messages.", show_default="./jagawana-data")]
AsJson = Annotated[bool, typer.Option("--json", help="Print results as JSON.")]
ModelId = Annotated[
    str | None, typer.Option("--model", help="s2, rgbn, spectral-6, spectral-4, or a card's path; by default the bands decide.")
]


def settings_of(data: Path | None, **more: object) -> Settings:
    """Settings from the environment, with the command's options on top."""
    return load_settings(data=data, **more)


def print_json(value: Any) -> None:
    """A result for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False))


def print_table(title: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A result for people."""
    table = Table(*header, title=title, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)
