"""jagawana …: the command line. Commands are thin: they read options, call a room or the wiring, and print."""

import sys

import typer

from jagawana.schemas.errors import JagawanaError
from jagawana.services.cli import (
    judging,
    kafka,
    labelling,
    learning,
    looking,
    making,
    picturing,
    running,
    storing,
    training,
    turbidity,
    zoning,
)

app = typer.Typer(
    name="jagawana", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False,
    help="Tells the right person, in time, that possible mining has begun where it must not.",
)  # fmt: skip
for module in (running, storing, making, zoning, judging, looking, learning, training, labelling, turbidity, picturing, kafka):
    module.register(app)


def main() -> None:
    """Run a command; an expected error is one line on stderr and exit code 1."""
    try:
        app()
    except JagawanaError as e:
        print(f"jagawana: {e}", file=sys.stderr)
        sys.exit(1)
