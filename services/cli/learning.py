"""evaluate: measures what was told and what was called."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.cli.options import AsJson, ModelId, print_json, print_table, settings_of
from jagawana.services.cli.running import bars


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    world: Annotated[Path | None, typer.Option("--world", help="Folder that `jagawana simulate` wrote.")] = None,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", help="Folder of NAME.tif with NAME.mask.tif; see docs/evaluation.md.")
    ] = None,
    model: ModelId = None,
    out: Annotated[Path, typer.Option("--out", help="With --dataset: folder for evaluation.json and .html.")] = Path("jagawana-evaluation"),
    data: Annotated[Path | None, typer.Option("--data", help="With --world: new folder to keep the replay in.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score a model on labelled images (--dataset), or the whole chain on a simulated world (--world)."""
    if (world is None) == (dataset is None):
        raise DataError(ErrorCode.SETTINGS_INVALID, "give either --dataset, a folder of images and masks, or --world, a simulated world")
    if dataset is not None:
        _evaluate_dataset(dataset, out, model, as_json=as_json)
    elif world is not None:
        _evaluate_world(world, data, model, as_json=as_json)


def _evaluate_world(world: Path, data: Path | None, model: str | None, *, as_json: bool) -> None:
    from jagawana.services.evaluation.run import evaluate_world

    with bars() as progress:
        task = progress.add_task("scenes", total=None)
        score = evaluate_world(world, model=model, data=data, progress=lambda n, of: progress.update(task, completed=n, total=of))
    print_json(score.as_dict()) if as_json else print_table("Evaluation (simulated scenes)", ("figure", "value"), _rows(score.as_dict()))


def _evaluate_dataset(folder: Path, out: Path, model: str | None, *, as_json: bool) -> None:
    from jagawana.detectors.training.page import said
    from jagawana.services.evaluation.dataset.page import change_rows, image_rows, road_rows
    from jagawana.services.evaluation.dataset.run import PAGE, evaluate_dataset

    with bars() as progress:
        task = progress.add_task("places", total=None)
        settings = settings_of(None, model=model)
        score = evaluate_dataset(folder, out, settings, progress=lambda n, of: progress.update(task, completed=n, total=of))
    if as_json:
        return print_json(score.as_dict())
    figures = score.evaluation
    classes = [
        (c.land_class, said(c.iou), *(said(r).split()[0] for r in (c.f1, c.precision, c.recall)), c.recall.n) for c in figures.classes
    ]
    print_table(figures.data, ("class", "IoU", "F1", "precision", "recall", "labelled px"), classes)
    more = (*image_rows(figures), *change_rows(figures), *road_rows(figures))
    print_table("", ("figure", "value", "of"), [(what, said(value), f"{value.n} {unit}") for what, value, unit in more])
    typer.echo(f"{out / PAGE} shows the best and the worst")


def _rows(figures: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Nested figures as rows of their own; what could not be measured is a dash."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", "–" if v is None else v) for inner, v in value.items())
        else:
            yield name, "–" if value is None else ", ".join(map(str, value)) if isinstance(value, tuple) else value
