"""zones: layers of legal meaning."""

from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of

if TYPE_CHECKING:
    from jagawana.rules.zones import Zone
    from jagawana.services.zones.changes import LayerChange

zones = typer.Typer(no_args_is_help=True, help="Layers of concessions, forest classes, riparian strips and provinces.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(zones, name="zones")


@zones.command()
def load(
    file: Annotated[Path, typer.Argument(help="GeoPackage, GeoJSON, Shapefile or KML.")],
    mapping: Annotated[Path | None, typer.Option(help="JSON or TOML file that says where the attributes are (docs/zones.md).")] = None,
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
    from jagawana.services.store.database import transaction
    from jagawana.services.wiring import build
    from jagawana.services.zones.files import read_zones
    from jagawana.services.zones.loading import load_layer
    from jagawana.services.zones.mapping import read_mapping

    name = layer or file.stem
    if mapping is not None and (kind is not None or name_field is not None):
        raise DataError(ErrorCode.SETTINGS_INVALID, "--mapping says kinds and names; leave --kind and --name-field out")
    meant = read_mapping(mapping) if mapping else None
    found = read_zones(file, kind=kind, layer=name, layer_version=layer_version or "", name_field=name_field, mapping=meant)
    service = build(settings_of(data))
    judged_by_workers = bool(service.settings.kafka_servers)  # those of assess look for new zones by themselves
    with nullcontext() if judged_by_workers else service.working():
        with transaction(service.engine) as session:
            version, change = load_layer(session, name, layer_version, found, accept_change=accept_change, at=datetime.now(UTC))
        if not judged_by_workers:
            service.drain()
    _say_loaded(name, version, found, change, as_json)


def _say_loaded(name: str, version: str, found: "list[Zone]", change: "LayerChange", as_json: bool) -> None:
    counts = {k.value: sum(z.kind is k for z in found) for k in ZoneKind}
    if as_json:
        kinds = {k: n for k, n in counts.items() if n}
        changed = {"change": asdict(change)} if change.zones_before else {}
        print_json({"layer": name, "layer_version": version, "zones": len(found), "kinds": kinds} | changed)
        return
    print_table(f"{name} {version}", ("kind", "zones"), [(k, n) for k, n in counts.items() if n])
    if change.zones_before:
        typer.echo(f"{name} {version} {change}")


@zones.command(name="list")
def list_versions(data: Data = None, as_json: AsJson = False) -> None:
    """The layers that were loaded, all their versions, and which of them are in force."""
    from jagawana.services.store import zones as store
    from jagawana.services.store.database import open_database, transaction

    with transaction(open_database(settings_of(data))) as session:
        found = store.versions(session)
    if as_json:
        print_json([asdict(v) | {"loaded_at": v.loaded_at.isoformat()} for v in found])
        return
    rows = [
        (
            v.layer,
            v.layer_version,
            "in force" if v.active else "",
            ", ".join(f"{n} {k}" for k, n in v.kinds.items()),
            f"{v.loaded_at:%Y-%m-%d %H:%M}",
        )
        for v in found
    ]
    print_table("Zone layers", ("layer", "version", "", "zones", "loaded (UTC)"), rows)


@zones.command()
def withdraw(layer: Annotated[str, typer.Argument(help="Name of the layer.")], data: Data = None) -> None:
    """Take a layer out of force, such as one loaded under a wrong name, and judge again what it judged.

    Its versions are kept; loading one again puts it back. Without any layer of concessions nothing is outside of them.
    """
    from jagawana.services.store import zones as store
    from jagawana.services.store.database import transaction
    from jagawana.services.wiring import build

    service = build(settings_of(data))
    with service.working():
        with transaction(service.engine) as session:
            version = store.withdraw(session, layer)
        service.drain()
    typer.echo(f"{layer} {version} is no longer in force")


@zones.command()
def diff(
    layer: Annotated[str, typer.Argument(help="Name of the layer.")],
    old: Annotated[str, typer.Argument(help="A version that was loaded.")],
    new: Annotated[str, typer.Argument(help="Another one.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What changed between two loaded versions of a layer: zones, hectares, and the alerts that lie there."""
    from jagawana.schemas.ids import short_code
    from jagawana.services.store import alerts
    from jagawana.services.store import zones as store
    from jagawana.services.store.database import open_database, transaction
    from jagawana.services.zones.changes import affected, change_of, zone_changes

    with transaction(open_database(settings_of(data))) as session:
        before, after = store.of_version(session, layer, old), store.of_version(session, layer, new)
        records = alerts.latest_records(session)
    changes, change = zone_changes(before, after), change_of(before, after)
    touched = affected(changes, [r.content for r in records])
    rows = [(c.zone_id, c.kind.value, c.name, c.became, round(c.lost_ha, 2), round(c.gained_ha, 2)) for c in changes]
    header = ("zone_id", "kind", "name", "became", "lost_ha", "gained_ha")
    codes = [short_code(c.alert_id) for c in touched]
    if as_json:
        print_json({"layer": layer, "change": asdict(change), "zones": [dict(zip(header, r, strict=True)) for r in rows], "alerts": codes})
        return
    print_table(f"{layer}: {old} to {new}", header, rows)
    typer.echo(f"{change}; alerts there: {', '.join(codes) or 'none'}")
