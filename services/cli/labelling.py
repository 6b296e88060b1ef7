"""label: chips for an interpreter, and masks of the answers."""

from pathlib import Path
from typing import Annotated

import typer

from jagawana.services.cli.options import AsJson, print_json, print_table, settings_of
from jagawana.services.cli.running import bars

label = typer.Typer(
    no_args_is_help=True, help="Label images by hand: numbered segments to choose from, answers to masks (docs/labelling.md)."
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(label, name="label")


@label.command()
def pictures(
    images: Annotated[list[Path], typer.Argument(metavar="FOLDER|IMAGE…", help="NAME.tif, or pairs NAME_t0.tif and NAME_t1.tif.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for chips, and labelling/ in it for pictures and answers.")],
    chip_px: Annotated[int, typer.Option(min=48, max=256, help="Side of the chips larger images are cut into.")] = 48,
    segments: Annotated[int, typer.Option(min=4, max=4000, help="Segments a chip, about.")] = 64,
    chips: Annotated[int, typer.Option(min=1, help="At most so many chips an image, spread evenly over it.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Cut images into chips; for each a picture with numbered segments and a form for the answer."""
    from jagawana.services.labelling.chips import ChipPlan, make_chips

    with bars() as progress:
        task = progress.add_task("images", total=None)
        plan = ChipPlan(chip_px=chip_px, about_segments=segments, most=chips)
        made = make_chips(
            images, out, plan, settings_of(None), progress=lambda n, of: progress.update(task, completed=n, total=of)
        )  # fmt: skip
    if as_json:
        print_json({"chips": made, "answers": str(out / "labelling")})
    else:
        typer.echo(
            f"{len(made)} chips in {out}; look at {out / 'labelling'}/*.png, answer in the .json beside them, then label rasterise {out}"
        )


@label.command()
def rasterise(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that `label pictures` made.")],
    as_json: AsJson = False,
) -> None:
    """Check the answers and write NAME.mask.tif beside each answered chip; nothing is written while an answer is wrong."""
    from jagawana.services.labelling.answers import rasterise as run

    done = run(folder, settings_of(None))
    if as_json:
        print_json(done.as_dict())
        return
    if done.pixels:
        total = done.total()
        print_table("Pixels", ("image", *total), [*((name, *n.values()) for name, n in done.pixels.items()), ("all", *total.values())])
    if done.unanswered:
        typer.echo(f"not answered yet: {', '.join(done.unanswered)}")
