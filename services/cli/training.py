"""train: makes a network and its card."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from jagawana.services.cli.options import AsJson, print_json
from jagawana.services.cli.running import bars


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    out: Annotated[Path, typer.Option("--out", help="Folder for MODEL.safetensors, MODEL.json and MODEL.md.")],
    model: Annotated[Literal["s2", "rgbn"], typer.Option("--model", help="Which network.")] = "s2",
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled images: s2_amazon_pairs/ and s2_amazon_labels/, or image and mask pairs; again for more folders."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="JSON of training options; see docs/detector.md.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps of each network.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same weights on the same machine.")] = None,
    version: Annotated[str | None, typer.Option(help="Version written into the card.")] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to compute.")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Train a network on labelled images and simulated scenes, measure its kind on places it never saw, write weights and card.

    A run that was cut off goes on where it was when the same command is given again.
    """
    from jagawana.detectors.training.card import write_model
    from jagawana.detectors.training.train import train as run
    from jagawana.services.raster.decoding import DecoderLimits
    from jagawana.services.settings import load_settings
    from jagawana.services.training.checkpoints import Checkpoints
    from jagawana.services.training.options import training_config
    from jagawana.services.training.reading import read_labelled

    chosen = training_config(config, model_id=model, steps=steps, seed=seed, version=version)
    settings = load_settings()
    limits = DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)
    labelled = read_labelled(labels, chip_px=chosen.chip_px, limits=limits) if labels else None
    checkpoints = Checkpoints(out, chosen, labelled)
    with bars() as progress:
        tasks: dict[str, int] = {}

        def shown(stage: str, done: int, of: int, loss: float) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=of)
            progress.update(tasks[stage], completed=done, description=f"{model}, {stage}: loss {loss:.3f}")  # type: ignore[arg-type]

        trained = run(chosen, labelled=labelled, keeper=checkpoints, progress=shown, device=device)
    card = write_model(trained, out)
    checkpoints.drop()
    print_json({"card": str(card)}) if as_json else typer.echo(f"{card.with_suffix('.md')} says what it can do and what it cannot")
