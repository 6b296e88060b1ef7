"""alerts, dead, digest, doctor: commands that only look (and `dead replay`)."""

import platform
from enum import StrEnum
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError
from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of

dead = typer.Typer(no_args_is_help=True, help="Scenes and messages that were refused, with their codes.")
DOCTOR_PACKAGES = ("rasterio", "shapely", "sqlmodel", "apprise", "numpy")


class Format(StrEnum):
    """How alerts are printed."""

    TABLE = "table"
    JSON = "json"
    GEOJSON = "geojson"
    GPX = "gpx"
    KML = "kml"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(alerts)
    app.command()(digest)
    app.command()(doctor)
    app.add_typer(dead, name="dead")


def alerts(
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
    retracted: Annotated[bool, typer.Option(help="Also those that were withdrawn.")] = False,
    area: Annotated[Path | None, typer.Option(help="GeoJSON of an area: only alerts in it.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The alerts as they stand, those of most severity first."""
    from jagawana.rules.severity import ranked
    from jagawana.schemas.alert import AlertState
    from jagawana.services.assess.given_shapes import area_of, read_document
    from jagawana.services.notify import exports
    from jagawana.services.store import alerts as store
    from jagawana.services.store.database import open_database, transaction

    with transaction(open_database(settings_of(data))) as session:
        latest = [r for r in store.latest_records(session) if retracted or r.content.state is not AlertState.RETRACTED]
    by_content = {r.content.alert_id: r for r in latest}
    inside = ranked((r.content for r in latest), area_of(read_document(area)) if area else None)
    records = [by_content[c.alert_id] for c in inside]
    if as_json or form is Format.JSON:
        print_json([r.model_dump(mode="json", by_alias=True) for r in records])
    elif form is Format.TABLE:
        print_table("Alerts", exports.TABLE_HEADER, exports.to_table_rows(records))
    else:
        write = {Format.GEOJSON: exports.to_geojson, Format.GPX: exports.to_gpx, Format.KML: exports.to_kml, Format.CSV: exports.to_csv}
        typer.echo(write[form](records))


def digest(data: Data = None, as_json: AsJson = False) -> None:
    """One SHA-256 over everything that is believed; the same scenes in any order give the same one."""
    from jagawana.services.store.database import open_database, transaction
    from jagawana.services.store.digest import digest as compute

    with transaction(open_database(settings_of(data))) as session:
        value = compute(session)
    print_json({"digest": value}) if as_json else typer.echo(value)


@dead.command("list")
def list_dead(data: Data = None, as_json: AsJson = False) -> None:
    """All dead letters."""
    rows = [_dead_row(d) for d in _dead_letters(data)]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Dead letters",
        ("id", "code", "subject", "room", "replayed"),
        [[r[k] for k in ("id", "code", "subject", "room", "replayed_at")] for r in rows],
    )


@dead.command()
def show(dead_id: Annotated[int, typer.Argument(help="Id from `dead list`.")], data: Data = None, as_json: AsJson = False) -> None:
    """One dead letter: code, reason and the original message."""
    letter = _one(dead_id, data)
    row = _dead_row(letter) | {"detail": letter.detail, "payload": letter.payload.decode("utf-8", "backslashreplace")}
    print_json(row) if as_json else print_table(f"Dead letter {dead_id}", ("what", "value"), row.items())


@dead.command("replay")
def replay_dead(
    dead_id: Annotated[int | None, typer.Argument(help="Id from `dead list`; all when left out.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Try again, after the cause has been mended."""
    from jagawana.services.store import log
    from jagawana.services.store.database import transaction
    from jagawana.services.wiring import build

    chosen = [_one(dead_id, data)] if dead_id is not None else [d for d in _dead_letters(data) if d.replayed_at is None]
    service = build(settings_of(data))
    with service.working():
        with transaction(service.engine) as session:
            for letter in chosen:
                log.revive(session, letter, at=service.clock.now())
        service.drain()
    again = {d.event_id for d in _dead_letters(data) if d.replayed_at is None} & {d.event_id for d in chosen}
    result = {"replayed": len(chosen), "dead_again": len(again)}
    print_json(result) if as_json else print_table("Replayed", ("what", "how many"), result.items())


def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """What is installed, which device and models are used, and whether the data folder is well."""
    facts = {"jagawana": installed_version("jagawana"), "python": platform.python_version(), "system": platform.platform()}
    facts |= {name: installed_version(name) for name in DOCTOR_PACKAGES}
    facts |= _models() | _database(data)
    print_json(facts) if as_json else print_table("Doctor", ("what", "found"), facts.items())
    if any(str(value).startswith("WRONG") for value in facts.values()):
        raise typer.Exit(1)


def _models() -> dict[str, Any]:
    from jagawana.services.detect.models import SHIPPED, load_detector

    found = _torch()
    for model_id in SHIPPED:
        try:
            found[f"model {model_id}"] = f"known answer given; {load_detector(model_id).spec.ref.fingerprint}"
        except JagawanaError as e:
            found[f"model {model_id}"] = f"WRONG: {e}"
    return found


def _torch() -> dict[str, Any]:
    """What torch offers; images for processors come without it."""
    if find_spec("torch") is None:
        return {"torch": "not installed", "cuda": False}
    import torch

    return {"torch": installed_version("torch"), "cpu threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()}


def _database(data: Any) -> dict[str, Any]:
    from sqlalchemy import text

    from jagawana.services.store.database import open_database, transaction

    settings = settings_of(data)
    if settings.database_url is not None:
        with transaction(open_database(settings)) as session:
            return {
                "database": session.connection()
                .execute(text("SELECT 'PostgreSQL ' || version() || ', ' || postgis_full_version()"))
                .scalar()
            }
    if not settings.database.exists():
        return {"database": f"none yet at {settings.database}"}
    with transaction(open_database(settings)) as session:
        check = session.connection().execute(text("PRAGMA integrity_check")).scalar()
    return {"database": f"{settings.database}: {check if check == 'ok' else f'WRONG: {check}'}"}


def _dead_letters(data: Any) -> list[Any]:
    from jagawana.services.store.database import open_database, transaction
    from jagawana.services.store.log import dead_letters

    with transaction(open_database(settings_of(data))) as session:
        return dead_letters(session)


def _one(dead_id: int, data: Any) -> Any:
    for letter in _dead_letters(data):
        if letter.dead_id == dead_id:
            return letter
    raise DataError(ErrorCode.SETTINGS_INVALID, f"no dead letter {dead_id}; `jagawana dead list` has them all")


def _dead_row(letter: Any) -> dict[str, Any]:
    replayed = letter.replayed_at.isoformat() if letter.replayed_at else None
    return {
        "id": letter.dead_id, "code": letter.code, "subject": letter.subject, "room": letter.room, "topic": letter.topic,
        "dead_at": letter.dead_at.isoformat(), "replayed_at": replayed,
    }  # fmt: skip
