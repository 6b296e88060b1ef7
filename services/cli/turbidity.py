"""turbidity: a river below a site, and a calibration of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of
from jagawana.services.cli.running import bars
from jagawana.services.notify.wording import Language

turbidity = typer.Typer(no_args_is_help=True, help="How turbid a river is below a site, from Sentinel-2 (docs/turbidity.md).")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(turbidity, name="turbidity")


@turbidity.command()
def river(
    scenes: Annotated[list[Path], typer.Argument(metavar="DIR|ITEM…", help="Scenes as `jagawana scene` and `replay` know them.")],
    lines: Annotated[Path, typer.Option("--lines", help="River centre-lines, drawn downstream: GeoPackage, GeoJSON or Shapefile.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for turbidity.csv, .json and .png.")],
    site: Annotated[str | None, typer.Option(help="LONGITUDE,LATITUDE in degrees, e.g. 113.92,-1.53.")] = None,
    alert: Annotated[str | None, typer.Option(help="Instead of --site: code or id of an alert.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call the site.", show_default="its coordinates or code")] = None,
    layer: Annotated[str, typer.Option(help="Table of the lines, where a GeoPackage holds several.")] = "rivers",
    against_flow: Annotated[bool, typer.Option("--against-flow", help="The lines are drawn upstream.")] = False,
    downstream_km: Annotated[float, typer.Option(min=0.1, max=200, help="How far to follow the river.")] = 10.0,
    upstream_km: Annotated[float, typer.Option(min=0.0, max=200, help="What the river brings anyway.")] = 2.0,
    reach_m: Annotated[float, typer.Option(min=100, max=10_000, help="Length of a reach.")] = 1000.0,
    half_width_m: Annotated[float, typer.Option(min=20, max=5_000, help="Pixels within this of the line are looked at.")] = 150.0,
    mining: Annotated[Path | None, typer.Option(help="CSV: date,mining_ha.", show_default="what --data believes near the site")] = None,
    mining_km: Annotated[float, typer.Option(min=0.1, max=50, help="Mining this near to the site is counted.")] = 2.0,
    calibration: Annotated[Path | None, typer.Option(help="From `turbidity calibrate`.", show_default="the shipped one")] = None,
    language: Annotated[Language, typer.Option(help="Of the picture and the summary.")] = Language.ENGLISH,
    picture: Annotated[bool, typer.Option("--picture/--no-picture", help="Draw turbidity.png (needs the extra `pictures`).")] = True,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Turbidity of the river below a site, reach by reach and look by look, beside the mined area, and how they go together."""
    from jagawana.detectors.turbidity.reaches import ReachPlan
    from jagawana.services.turbidity.chart import draw, drawing_is_possible
    from jagawana.services.turbidity.options import calibration_of, mined_of, site_of
    from jagawana.services.turbidity.run import RiverRequest, run
    from jagawana.services.turbidity.summary import TABLE_HEADER, said, summary, table_rows
    from jagawana.services.turbidity.words import words_of
    from jagawana.services.turbidity.writing import PICTURE, write_tables

    settings = settings_of(data)
    if picture:
        drawing_is_possible()
    place = site_of(site, alert, settings, name=name)
    plan = ReachPlan(reach_m, downstream_km * 1000, upstream_km * 1000)
    request = RiverRequest(tuple(scenes), lines, place, plan, half_width_m, layer, against_flow)
    mined = mined_of(mining, mining_km, place, settings)
    with bars() as progress:
        task = progress.add_task("scenes", total=None)
        report = run(
            request, mined, calibration_of(calibration), settings, spool=out,
            progress=lambda n, of: progress.update(task, completed=n, total=of),
        )  # fmt: skip
    write_tables(report, out, language)
    if picture:
        draw(report, out / PICTURE, language)
    if as_json:
        print_json(summary(report, out))
        return
    print_table(words_of(language).title.format(name=place.name), TABLE_HEADER, table_rows(report))
    for sentence in said(report, language):
        typer.echo(sentence)
    for refused in report.refused:
        typer.echo(f"not read: {refused['scene']}: {refused['code']}: {refused['detail']}", err=True)


@turbidity.command()
def calibrate(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="date,green,red,swir16,turbidity_fnu: samples and reflectance above them.")],
    out: Annotated[Path, typer.Option("--out", help="The calibration, for --calibration.")],
    name: Annotated[str, typer.Option(help="What to call it, e.g. kahayan-2026.")],
    source: Annotated[str, typer.Option(help="Who sampled what, where and how.")],
    licence: Annotated[str, typer.Option(help="Of the samples.")] = "not stated",
    reflectance: Annotated[str, typer.Option(help="Which product the reflectance is.")] = "Sentinel-2 L2A (Sen2Cor)",
    limits: Annotated[str, typer.Option(help="What it must not be used for.")] = "other rivers, other sensors, other processors",
    as_json: AsJson = False,
) -> None:
    """Fit a calibration to your own river, and say what it is worth: every date estimated without itself."""
    from jagawana.detectors.turbidity.calibration import Provenance, fit
    from jagawana.services.turbidity.tables import read_match_ups

    provenance = Provenance(source=source, licence=licence, reflectance=reflectance, limits=limits)
    fitted = fit(read_match_ups(table), name=name, provenance=provenance)
    out.write_text(fitted.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json(fitted.model_dump(mode="json"))
        return
    pairs = zip(fitted.in_sample.model_dump().items(), fitted.dates_left_out.model_dump().values(), strict=True)
    print_table(f"{name}: {fitted.match_ups} match-ups, {len(fitted.dates)} dates", ("figure", "in sample", "dates left out"),
                [(what, seen, unseen) for (what, seen), unseen in pairs])  # fmt: skip
