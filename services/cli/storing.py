"""migrate: the tables of this release."""

import typer

from jagawana.services.cli.options import Data, settings_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)


def migrate(data: Data = None) -> None:
    """Make the database's tables, or bring those of an earlier release up to date; once per release, with every worker stopped.

    SQLite does it by itself when it is opened. PostgreSQL: JAGAWANA_DATABASE_URL, as a user that may create tables.
    """
    from jagawana.services.store.database import migrate as run
    from jagawana.services.store.schema import REVISION

    run(settings_of(data))
    typer.echo(f"the database is at revision {REVISION}")
