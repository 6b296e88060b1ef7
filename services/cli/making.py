"""simulate, scene, detect: commands that make files."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli.options import AsJson, ModelId, print_json, settings_of
from jagawana.services.cli.running import bars


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(simulate)
    app.command()(scene)
    app.command()(detect)


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write items/, assets/, zones.gpkg and truth.gpkg into.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    sites: Annotated[int | None, typer.Option(min=0, help="Artisanal sites; 0 makes a world without any mining.")] = None,
    days: Annotated[int, typer.Option(min=30, help="Length of the history; scenes come at the same rate.")] = 360,
    as_json: AsJson = False,
) -> None:
    """Make a simulated world: forest, rivers, fields, villages, a legal pit and mining sites that grow."""
    from dataclasses import replace

    from jagawana.detectors.simulation.config import WorldConfig
    from jagawana.detectors.simulation.world import World
    from jagawana.services.ingest.simulate import write_world

    config = WorldConfig(seed=seed)
    rate = days / config.days
    config = replace(config, days=days, dates_10m=max(1, round(config.dates_10m * rate)), dates_5m=max(1, round(config.dates_5m * rate)))
    config = config if sites is None else replace(config, sites=sites)
    with bars() as progress:
        task = progress.add_task("scenes", total=None)
        made = write_world(World(config), out, progress=lambda n, of: progress.update(task, completed=n, total=of))
    result = {"scenes": len(made.items), "items": str(out / "items"), "zones": str(made.zones), "truth": str(made.truth)}
    print_json(result) if as_json else typer.echo(f"{len(made.items)} scenes in {out}")


def scene(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="GeoTIFFs of one scene.")],
    acquired: Annotated[str, typer.Option("--datetime", help="Acquisition time, RFC 3339 with its zone, e.g. 2026-01-05T02:40:00Z.")],
    platform: Annotated[str, typer.Option(help="e.g. sentinel-2a or planetscope.")],
    out: Annotated[Path, typer.Option("--out", help="Archive to add the scene to.")],
    baseline: Annotated[str | None, typer.Option(help="Sentinel-2 processing baseline, e.g. 05.10.")] = None,
    scene_id: Annotated[str | None, typer.Option("--id", help="Scene id.", show_default="the first file's name")] = None,
    as_json: AsJson = False,
) -> None:
    """Describe GeoTIFFs as one scene: a STAC item with size, SHA-256, grid and bands, ready for `replay`."""
    from jagawana.services.ingest.describe import SceneFacts, describe_scene
    from jagawana.services.raster.headers import headers_of

    facts = SceneFacts(acquired_at=_time(acquired), platform=platform, baseline=baseline, scene_id=scene_id)
    path = describe_scene(files, facts, out, headers_of=headers_of(settings_of(None)))
    print_json({"item": str(path)}) if as_json else typer.echo(str(path))


def detect(
    source: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A GeoTIFF, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for NAME.mask.tif.")],
    model: ModelId = None,
    probabilities: Annotated[bool, typer.Option(help="Also write NAME.prob.tif, class probabilities.")] = False,
    cloud_mask: Annotated[str, typer.Option(help="none, brightness or csmask; cloud becomes 255, not observed.")] = "none",
    as_json: AsJson = False,
) -> None:
    """Class masks of single images: 0 background, 1 mining, 2 road, 3 water, 4 bare, 5 hut, 255 not observed."""
    from jagawana.services.detect.single_image import detect_images

    with bars() as progress:
        task = progress.add_task("images", total=None)
        made = detect_images(
            source, out, settings_of(None, model=model), probabilities=probabilities, cloud_mask=cloud_mask,
            progress=lambda n, of: progress.update(task, completed=n, total=of),
        )  # fmt: skip
    if as_json:
        print_json(made)
    else:
        for row in made:
            typer.echo(f"{row['mask']}  mining {row['mining_share']:.2%}  ({row['model']})")


def _time(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--datetime {text!r}: {e}; write it as 2026-01-05T02:40:00Z") from e
    if value.tzinfo is None:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--datetime {text!r} has no zone; end it with Z for UTC")
    return value
