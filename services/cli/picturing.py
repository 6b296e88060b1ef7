"""timeline, stats, report: what is believed, as tables and pictures for people."""

from pathlib import Path
from typing import Annotated

import typer

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli.options import AsJson, Data, print_json, print_table, settings_of
from jagawana.services.cli.running import bars
from jagawana.services.notify.wording import Language

Out = Annotated[Path, typer.Option("--out", help="Folder for what is written.")]
Lang = Annotated[Language, typer.Option("--lang", help="Of pictures and text.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(timeline)


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
    from jagawana.services.store.blobs import FolderBlobs
    from jagawana.services.store.database import open_database
    from jagawana.services.timeline.place import place_in_file, place_of_site
    from jagawana.services.timeline.run import timelines
    from jagawana.services.timeline.writing import TABLE_HEADER, summary, table_rows, write

    if (area is None) == (site is None):
        raise DataError(ErrorCode.SETTINGS_INVALID, "give either --area FILE or --site CODE")
    drawing_is_possible()
    settings = settings_of(data)
    engine, blobs = open_database(settings.database), FolderBlobs(settings.blobs)
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
