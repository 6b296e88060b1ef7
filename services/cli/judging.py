"""judge: a shape against the active zone layers, with the law, the facts and why."""

import math
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(judge)


def judge(
    file: Annotated[Path, typer.Argument(help="GeoJSON in WGS 84: areas (mining), lines (roads) or points (huts); or a kept case.")],
    on: Annotated[str | None, typer.Option("--date", help="Day whose zones and permits count, e.g. 2026-01-31.")] = None,
    pack: Annotated[str | None, typer.Option(help="indonesia, brazil, or a pack's JSON file.", show_default="JAGAWANA_RULES")] = None,
    resolution_m: Annotated[float, typer.Option(help="Pixel of the image the shape was drawn from, in metres.")] = 10.0,
    keep: Annotated[Path | None, typer.Option(help="Write the case here: shape, zones and day, to be judged again as FILE.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge a shape: category, articles, zones with hectares, facts, and every rule that was asked. Nothing is stored."""
    from jagawana.rules.case import read_case
    from jagawana.services.assess.given_shapes import read_document, shapes_of
    from jagawana.services.assess.judging import cases_of, verdicts
    from jagawana.services.assess.rule_packs import pack_of
    from jagawana.services.store.database import open_database
    from jagawana.services.store.sql import SqlStore

    settings = settings_of(data)
    rules, document = pack_of(pack or settings.rules), read_document(file)
    if _is_case(document):
        cases = [read_case(document)]
    else:
        store, day, pixel_m = SqlStore(open_database(settings)), _day(on), _pixel_m(resolution_m)
        cases = cases_of(store, shapes_of(document), on=day, pack=rules, pixel_m=pixel_m)
    judged = [verdicts(case, rules) for case in cases]
    if keep is not None:
        _keep(keep, cases)
    pieces = [{"shape": number} | piece for number, found in enumerate(judged, start=1) for piece in found]
    print_json(pieces) if as_json else _print(pieces, rules.languages[-1])


def _is_case(document: bytes) -> bool:
    return document[:200].lstrip().startswith(b'{"case"')


def _keep(path: Path, cases: list[Any]) -> None:
    if len(cases) != 1:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--keep writes one case, and there are {len(cases)} shapes; give a file of one shape")
    path.write_text(cases[0].model_dump_json(), encoding="utf-8")


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError as e:
        given = f"is {text!r}" if text else "is missing"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--date {given}; write the day whose zones and permits count as 2026-01-31") from e


def _pixel_m(value: float) -> float:
    if not (math.isfinite(value) and 0 < value <= 100):
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--resolution-m is {value:g}; give the pixel in metres, from 0 to 100, e.g. 10")
    return value


def _print(pieces: list[dict[str, Any]], language: str) -> None:
    for piece in pieces:
        facts = piece["facts"]
        typer.echo(f"\nShape {piece['shape']}, {facts['size_ha']} ha, on {facts['day']}: category {piece['category']}")
        typer.echo(piece["words"][language])
        typer.echo(f"{piece['rule']} ({facts['pack']} {facts['pack_version']}): {piece['article'] or 'no article'}")
        if piece["near_boundary"]:
            typer.echo(
                f"Near the boundary: reaches {piece['boundary_margin_m']} m, less than the {piece['tolerance_m']} m of map and pixel."
            )
        if piece["zones"]:
            print_table("Zones", ("zone", "kind", "ha", "share", "near boundary", "layer"), map(_row, piece["zones"]))
        for trial in piece["trace"]:
            typer.echo(f"  {'->' if trial['fired'] else '  '} {trial['rule_id']}: {trial['because']}")


def _row(zone: dict[str, Any]) -> tuple[object, ...]:
    near, layer = "yes" if zone["near_boundary"] else "no", f"{zone['layer']} {zone['layer_version']}"
    return zone["name"], zone["kind"], zone["overlap_ha"], f"{zone['share']:.1%}", near, layer
