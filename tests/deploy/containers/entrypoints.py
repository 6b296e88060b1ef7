"""Whether a container's arguments and environment mean something: read by the command line's own parser and the settings' own model."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from jagawana.services.cli import app
from jagawana.services.settings import PREFIX, SECRETS, Settings, load_settings

AWS = {"SSL_CERT_FILE", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
"""What the client of S3 reads (docs/object-storage.md)."""


def parse(arguments: Sequence[str]) -> str:
    """The command that `jagawana ARGUMENTS` would run, with all its words understood; nothing is run.

    Raises:
        Exception: the command line's own, for a word it does not know.
    """
    command: Any = typer.main.get_command(app)
    context, words, named = command.make_context("jagawana", list(arguments)), list(arguments), []
    while hasattr(command, "commands"):  # a group; none of ours has options of its own
        name, command, words = command.resolve_command(context, words)
        named.append(name)
    command.make_context(named[-1], words, parent=context)
    return " ".join(named)


def read(environment: Mapping[str, str], secrets: Mapping[str, str], folder: Path) -> Settings:
    """The settings of a process with this environment.

    Args:
        secrets: files of the folder that JAGAWANA_SECRETS names, by name.
        folder: an empty one, to lay them in.

    Raises:
        DataError: a setting is wrong or misspelt.
        AssertionError: a variable is none of ours, nor of the client of S3.
    """
    unknown = environment.keys() - AWS - {SECRETS} - {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert not unknown, f"nobody reads {sorted(unknown)}"
    for name, content in secrets.items():
        (folder / name).write_text(content)
    given = dict(environment) | ({SECRETS: str(folder)} if SECRETS in environment else {})
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(given)
        return load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)
