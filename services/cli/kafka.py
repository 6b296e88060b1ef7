"""kafka …: topics and access lists, an archive played to Kafka, keys and signatures."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.cli.options import AsJson, print_json, print_table, settings_of

if TYPE_CHECKING:
    from jagawana.services.agencies.signing import Received
    from jagawana.services.bus.kafka.connection import Connection

kafka = typer.Typer(no_args_is_help=True, help="Topics, access lists, keys; an archive played to Kafka (docs/agencies.md).")
keys = typer.Typer(no_args_is_help=True, help="Keys that messages to agencies are signed with.")
kafka.add_typer(keys, name="keys")


class PlayedTense(StrEnum):
    """What is played never reaches people."""

    TEST = "test"
    ARCHIVAL = "archival"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(kafka, name="kafka")


@kafka.command()
def apply(
    agencies: Annotated[Path | None, typer.Option(help="TOML file of agencies and what they may read.")] = None,
    yes: Annotated[bool, typer.Option("--yes/--plan", help="Do it, or only show what would be done.")] = False,
    revoke: Annotated[bool, typer.Option(help="Also take away access that neither catalogue nor file names.")] = False,
    leave: Annotated[list[Topic] | None, typer.Option(help="Leave this topic as it is; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make topics and access lists what they should be. Data is never deleted."""
    from jagawana.services.agencies import applying
    from jagawana.services.agencies.access import load_agencies

    chosen = load_agencies(agencies)
    with applying.admin_client(_connection()) as admin:
        plan = applying.plan(admin, chosen, leave=leave or ())
        if yes:
            applying.apply(admin, plan, revoke=revoke)
    rows = list(plan.lines())
    if as_json:
        print_json({"applied": yes, "lines": [{"what": what, "which": which} for what, which in rows]})
        return
    print_table("Applied" if yes else "Plan (nothing is done without --yes)", ("what", "which"), rows or [("nothing", "to do")])


@kafka.command()
def play(
    paths: Annotated[list[Path], typer.Argument(metavar="DIR|ITEM…", help="Folders are searched for item JSON.")],
    speed: Annotated[float, typer.Option(min=1e-6, help="Gaps between acquisitions are divided by this: 86400 plays a day in a second.")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of acquisition.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of acquisition.")] = None,
    tense: Annotated[PlayedTense, typer.Option(help="What the scenes are; never current.")] = PlayedTense.TEST,
    as_json: AsJson = False,
) -> None:
    """Send an archive's scenes to Kafka in order of acquisition. The workers must be allowed to read them (JAGAWANA_SCENE_ROOTS)."""
    import time

    from jagawana.schemas.observation import AlertTense
    from jagawana.services.agencies import playing
    from jagawana.services.ingest.items import find_items

    items = playing.within(find_items(paths, AlertTense(tense)), first and first.date(), last and last.date())
    with playing.scenes_topic(_connection()) as send:
        sent = playing.play(items, send, speed=speed, sleep=time.sleep)
    print_json({"sent": sent}) if as_json else typer.echo(f"{sent} scenes sent")


@keys.command("new")
def new_key(
    file: Annotated[Path, typer.Argument(help="Where the private key is written; for JAGAWANA_SIGNING_KEY.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it may sign.")] = 400,
) -> None:
    """Make a private key. Publish its public half before it is used."""
    from jagawana.services.agencies.keys import new_key, write_private

    key = new_key((datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0))
    write_private(key, file)
    typer.echo(f"{file}: key {key.public.kid}, signs until {key.expires_at:%Y-%m-%d}; now publish it: jagawana kafka keys public")


@keys.command("public")
def publish_keys(
    private: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Private keys: the one in use, its successor, those before.")],
    out: Annotated[Path, typer.Option(help="The file for agencies; keys already in it stay.")] = Path("keys.json"),
) -> None:
    """Write the file of public keys that agencies verify with."""
    from jagawana.services.agencies.keys import read_private, read_public, write_public

    known = read_public(out) if out.exists() else {}
    known |= {key.kid: key for key in (read_private(file).public for file in private)}
    write_public(known.values(), out)
    typer.echo(f"{out}: {len(known)} keys; give it to agencies on a way they trust")


@kafka.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Records, one JSON object a line, as kcat -C -J prints them.")],
    public: Annotated[Path, typer.Option("--keys", help="The published key file.")],
    as_json: AsJson = False,
) -> None:
    """Say of each record whether it is what was signed, and why not; no network is needed. Exit code 1 unless all are."""
    from jagawana.services.agencies.keys import read_public
    from jagawana.services.agencies.signing import verified

    known, rows = read_public(public), []
    for number, record in enumerate(_records(file), start=1):
        row: dict[str, Any] = {"record": number, "kid": record.signature and record.signature.kid}
        try:
            envelope, message = verified(record, known)
            rows.append(row | {"good": True, "id": envelope.id, "what": f"{message.name} {message.key}"})
        except DataError as e:
            rows.append(row | {"good": False, "id": None, "what": str(e)})
    bad = sum(not row["good"] for row in rows)
    if as_json:
        print_json({"good": len(rows) - bad, "bad": bad, "records": rows})
    else:
        print_table(f"{len(rows) - bad} good, {bad} bad", ("record", "good", "what"), [[r["record"], r["good"], r["what"]] for r in rows])
    if bad or not rows:
        raise typer.Exit(1)


def _records(file: Path) -> "list[Received]":
    from jagawana.services.agencies.received import received

    try:
        return list(received(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{file}: {e}; give a file of records in UTF-8") from e


def _connection() -> "Connection":
    from jagawana.services.bus.kafka.connection import connection_of

    return connection_of(settings_of(None))
