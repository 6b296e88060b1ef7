"""train, evaluate: commands that learn and measure."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
