"""train, evaluate: commands that learn and measure."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from jagawana.services.cli.options import AsJson, ModelId, print_json, print_table
from jagawana.services.cli.running import bars


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(train)
    app.command()(evaluate)


def train(
    out: Annotated[Path, typer.Option("--out", help="Folder for MODEL.safetensors, MODEL.json and MODEL.md.")],
    model: Annotated[Literal["s2", "rgbn"], typer.Option("--model", help="Which network.")] = "s2",
    labels: Annotated[
        Path | None, typer.Option(help="Folder with s2_amazon_pairs/ and s2_amazon_labels/; without it only simulation.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="JSON of training options; see docs/detector.md.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same weights on the same machine.")] = None,
    version: Annotated[str | None, typer.Option(help="Version written into the card.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network on labelled images and simulated scenes, measure it on places it never saw, write weights and card."""
    from jagawana.detectors.training.card import write_model
    from jagawana.detectors.training.train import train as run
    from jagawana.services.training_options import training_config

    chosen = training_config(config, model_id=model, steps=steps, seed=seed, version=version)
    with bars() as progress:
        task = progress.add_task(f"training {model}", total=chosen.steps)
        trained = run(
            chosen, labels=labels, progress=lambda n, of, loss: progress.update(task, completed=n, total=of, description=f"loss {loss:.3f}")
        )
    card = write_model(trained, out)
    print_json({"card": str(card)}) if as_json else typer.echo(f"{card.with_suffix('.md')} says what it can do and what it cannot")


def evaluate(
    world: Annotated[Path, typer.Option("--world", help="Folder that `jagawana simulate` wrote.")],
    model: ModelId = None,
    data: Annotated[Path | None, typer.Option("--data", help="New folder to keep the replay in; by default it is thrown away.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a simulated world and score what was told against its truth. Every figure is of simulated scenes."""
    from jagawana.services.evaluation.run import evaluate_world

    with bars() as progress:
        task = progress.add_task("scenes", total=None)
        score = evaluate_world(world, model=model, data=data, progress=lambda n, of: progress.update(task, completed=n, total=of))
    print_json(score.as_dict()) if as_json else print_table("Evaluation (simulated scenes)", ("figure", "value"), _rows(score.as_dict()))


def _rows(figures: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Nested figures as rows of their own; what could not be measured is a dash."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", "–" if v is None else v) for inner, v in value.items())
        else:
            yield name, "–" if value is None else ", ".join(map(str, value)) if isinstance(value, tuple) else value
