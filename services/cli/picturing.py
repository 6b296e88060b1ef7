"""timeline, stats, report: what is believed, as tables and pictures for people."""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of
from jagawana.services.cli.running import bars
from jagawana.services.notify.wording import Language

if TYPE_CHECKING:
    from jagawana.services.statistics.national import Picture
    from jagawana.services.statistics.sums import Selection

Out = Annotated[Path, typer.Option("--out", help="Folder for what is written.")]
First = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First seen on this day or later.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="First seen on this day or before.")]
Population = Annotated[Path | None, typer.Option(help="GeoTIFF of people per cell, or points or polygons with a population.")]
Settlements = Annotated[Path | None, typer.Option(help="Points: CSV with lon, lat, name, or GeoPackage, GeoJSON, Shapefile.")]
Roads = Annotated[Path | None, typer.Option(help="Lines: GeoPackage, GeoJSON or Shapefile.")]
Rivers = Annotated[Path | None, typer.Option(help="Lines: GeoPackage, GeoJSON or Shapefile.")]
Radius = Annotated[float, typer.Option("--radius-km", min=0.1, max=100, help="People this near to mining are counted.")]
Tense = Annotated[AlertTense | None, typer.Option(help="Count this tense only.", show_default="current and archival")]
Known = Annotated[bool, typer.Option("--known/--no-known", help="Also mining that was there at the first clear look.")]
Lang = Annotated[Language, typer.Option("--lang", help="Of pictures and text.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(timeline)
    app.command()(stats)
    app.command()(report)


def timeline(
    out: Out,
    area: Annotated[Path | None, typer.Option(help="Polygons: GeoPackage, GeoJSON or Shapefile.")] = None,
    site: Annotated[
        str | None, typer.Option(help="Code or id of an alert, or a cell: with the active cells it hangs together with.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Table of --area, where a GeoPackage holds several.")] = None,
    least_clear: Annotated[float, typer.Option(min=0, max=1, help="A look that shows a smaller share of the place is a gap.")] = 0.8,
    lang: Lang = Language.ENGLISH,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What became of a place, look by look: timeline.csv, .png, .svg and an animated GIF for each sensor."""
    from jagawana.detectors.fold import FoldPolicy
    from jagawana.services.assess.histories import Histories
    from jagawana.services.drawing.plots import drawing_is_possible
    from jagawana.services.store.blobs import open_blobs
    from jagawana.services.store.database import open_database
    from jagawana.services.timeline.place import place_in_file, place_of_site
    from jagawana.services.timeline.run import timelines
    from jagawana.services.timeline.writing import TABLE_HEADER, advice, summary, table_rows, write

    if (area is None) == (site is None):
        raise DataError(ErrorCode.SETTINGS_INVALID, "give either --area FILE or --site CODE")
    drawing_is_possible()
    settings = settings_of(data)
    engine, blobs = open_database(settings), open_blobs(settings)
    place = place_in_file(area, layer) if area is not None else place_of_site(engine, str(site))
    with bars() as progress:
        task = progress.add_task("tiles", total=None)
        found = timelines(
            engine,
            Histories(blobs, FoldPolicy()),
            place,
            least_clear=least_clear,
            progress=lambda n, of: progress.update(task, completed=n, total=of),
        )
    files = write(found, place, blobs, out, lang)
    print_json(summary(found, files)) if as_json else print_table(place.name, TABLE_HEADER, table_rows(found))
    if advised := advice(found):
        typer.echo(advised, err=True)


class By(StrEnum):
    """How sums are divided."""

    NOTHING = "nothing"
    PROVINCE = "province"


def stats(
    out: Out,
    by: Annotated[By, typer.Option(help="Also a map with a pie for each province.")] = By.NOTHING,
    first: First = None,
    last: Last = None,
    tense: Tense = None,
    known: Known = True,
    population: Population = None,
    radius_km: Radius = 10.0,
    settlements: Settlements = None,
    roads: Roads = None,
    rivers: Rivers = None,
    lang: Lang = Language.ENGLISH,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What is recorded, told or not: by category, ground, province and month; people and places near. CSV, JSON, PNG and SVG."""
    from jagawana.services.statistics.sums import Selection
    from jagawana.services.statistics.writing import TABLE_HEADER, document, said, table_rows, write

    selection = Selection(*_days(first, last), tense)
    p = _picture(data, selection, known, population, radius_km, settlements, roads, rivers)
    files = write(p, out, lang, by_province=by is By.PROVINCE)
    if as_json:
        print_json(document(p) | {"files": [str(f) for f in files]})
        return
    print_table("Possible mining", TABLE_HEADER, table_rows(p, by_province=by is By.PROVINCE))
    for sentence in said(p):
        typer.echo(sentence)


def report(
    province: Annotated[str, typer.Option(help="Name of a province, as its zone layer has it.")],
    out: Out,
    first: First = None,
    last: Last = None,
    tense: Tense = None,
    known: Known = True,
    population: Population = None,
    radius_km: Radius = 10.0,
    settlements: Settlements = None,
    roads: Roads = None,
    rivers: Rivers = None,
    coordinates: Annotated[bool, typer.Option("--coordinates", help="Exact places too. Do not pass such a report on.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Also on paper.")] = True,
    lang: Lang = Language.INDONESIAN,
    data: Data = None,
) -> None:
    """A report of a province for people: report.html, readable on a phone, and report.pdf. Without exact places."""
    from jagawana.services.reporting.contents import contents
    from jagawana.services.reporting.page import to_html
    from jagawana.services.reporting.paper import printing_is_possible, to_pdf
    from jagawana.services.statistics.sums import Selection
    from jagawana.services.store.blobs import open_blobs

    if pdf:
        printing_is_possible()
    selection = Selection(*_days(first, last), tense, province)
    p = _picture(data, selection, known, population, radius_km, settlements, roads, rivers)
    said = contents(p, open_blobs(settings_of(data)), lang, made_at=datetime.now(UTC), coordinates=coordinates)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(to_html(said), encoding="utf-8")
    if pdf:
        (out / "report.pdf").write_bytes(to_pdf(said))
    typer.echo(f"{out / 'report.html'}{' and report.pdf' if pdf else ''}")


def _days(first: datetime | None, last: datetime | None) -> tuple[date | None, date | None]:
    if first and last and last < first:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--to {last:%Y-%m-%d} is before --from {first:%Y-%m-%d}; exchange them")
    return first and first.date(), last and last.date()


def _picture(
    data: Path | None, selection: "Selection", known: bool, population: Path | None, radius_km: float, settlements: Path | None,
    roads: Path | None, rivers: Path | None,
) -> "Picture":  # fmt: skip
    from jagawana.detectors.fold import FoldPolicy
    from jagawana.services.assess.histories import Histories
    from jagawana.services.assess.rule_packs import pack_of
    from jagawana.services.drawing.plots import drawing_is_possible
    from jagawana.services.statistics.mined import mined
    from jagawana.services.statistics.national import picture, surroundings
    from jagawana.services.statistics.people import people_source
    from jagawana.services.store.blobs import open_blobs
    from jagawana.services.store.database import open_database

    drawing_is_possible()
    settings = settings_of(data)
    people_in = people_source(population, settings) if population else None
    around = surroundings(
        settlements=settlements, roads=roads, rivers=rivers, people_in=people_in, population=population, radius_km=radius_km
    )
    engine = open_database(settings)
    histories = Histories(open_blobs(settings), FoldPolicy()) if known else None
    return picture(engine, mined(engine, histories=histories, pack=pack_of(settings.rules)), selection, around, has_known=known)
