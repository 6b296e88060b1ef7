"""zones: layers of legal meaning."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jagawana.schemas.alert import ZoneKind
from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of

zones = typer.Typer(no_args_is_help=True, help="Layers of concessions, forest classes, riparian strips and provinces.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(zones, name="zones")


@zones.callback()
def _zones() -> None:
    """Keep `load` a subcommand."""


@zones.command()
def load(
    file: Annotated[Path, typer.Argument(help="GeoPackage, GeoJSON or Shapefile.")],
    kind: Annotated[ZoneKind | None, typer.Option(help="Kind of every zone; by default the layer's `kind` attribute.")] = None,
    layer: Annotated[str | None, typer.Option(help="Name of the layer.", show_default="the file's name")] = None,
    layer_version: Annotated[str | None, typer.Option(help="Version of the layer.", show_default="today")] = None,
    name_field: Annotated[str | None, typer.Option(help="Attribute that holds the zones' names.", show_default="name")] = None,
    accept_change: Annotated[bool, typer.Option("--accept-change", help="Load it although it changes over 20 % of the layer.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Load a zone layer, make it the active version, and judge again what was judged by another one.

    A next version that changes more than 20 % of a layer's hectares or zones is held until it is loaded with --accept-change.
    """
    from jagawana.services.assess.zone_changes import change_of, refuse_unreviewed
    from jagawana.services.assess.zone_files import read_zones
    from jagawana.services.store import zones as store
    from jagawana.services.store.database import transaction
    from jagawana.services.wiring import build

    now = datetime.now(UTC)
    name, version = layer or file.stem, layer_version or f"{now:%Y-%m-%d}"
    found = read_zones(file, kind=kind, layer=name, layer_version=version, name_field=name_field)
    service = build(settings_of(data))
    with service.working():
        with transaction(service.engine) as session:
            change = change_of(store.of_layer(session, name), found)
            if not accept_change:
                refuse_unreviewed(name, version, change)
            store.activate(session, name, version, found, at=now)
        service.drain()
    counts = {k.value: sum(z.kind is k for z in found) for k in ZoneKind}
    if as_json:
        kinds = {k: n for k, n in counts.items() if n}
        changed = {"change": asdict(change)} if change.zones_before else {}
        print_json({"layer": name, "layer_version": version, "zones": len(found), "kinds": kinds} | changed)
        return
    print_table(f"{name} {version}", ("kind", "zones"), [(k, n) for k, n in counts.items() if n])
    if change.zones_before:
        typer.echo(f"{name} {version} {change}")
