"""demo, replay, up: commands that run the pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jagawana.schemas.observation import AlertTense
from jagawana.services.cli.options import AsJson, Data, ModelId, print_json, print_table, settings_of
from jagawana.services.rooms import Room


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(replay)
    app.command()(up)
    app.command()(work)


def bars() -> Progress:
    """Progress bars on stderr, so that stdout stays a result."""
    return Progress(
        TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    )


def replay(
    paths: Annotated[list[Path], typer.Argument(metavar="DIR|ITEM…", help="Folders are searched for item JSON.")],
    order: Annotated[str, typer.Option(help="acquired, given or shuffle:SEED.")] = "acquired",
    tense: Annotated[AlertTense, typer.Option(help="Only current reaches people; a replay is a test or archival.")] = AlertTense.TEST,
    model: ModelId = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Send the scenes of an archive through the pipeline, drain it, and say what came of it."""
    from jagawana.services.replay import replay as run
    from jagawana.services.wiring import build

    with bars() as progress:
        task = progress.add_task("scenes", total=None)
        service = build(settings_of(data, model=model))
        summary = run(service, paths, order=order, tense=tense, progress=lambda n, of: progress.update(task, completed=n, total=of))
    if as_json:
        print_json(summary.as_dict())
        return
    rows = [("scenes done", summary.scenes_done), ("scenes dead-lettered", summary.scenes_dead)]
    rows += [(f"  {code}", n) for code, n in summary.dead.items()]
    rows += [(f"alerts {kind}", n) for kind, n in summary.alerts.items()]
    rows += [(f"deliveries {state}", n) for state, n in summary.deliveries.items()]
    print_table("Replay", ("what", "how many"), rows)
    typer.echo(f"digest {summary.digest}")


def demo(
    out: Annotated[Path, typer.Option("--out", "--data", help="Folder for archive, data and page; made anew.")] = Path("jagawana-demo"),
    seed: Annotated[int, typer.Option(help="Seed of the simulated world.")] = 7,
    as_json: AsJson = False,
) -> None:
    """The whole chain on a simulated archive: scenes, alerts, the messages a ranger would have read, and a page to look at."""
    from jagawana.services.demo import run_demo

    with bars() as progress:
        result = run_demo(out, seed, lambda name: _bar(progress, name))
    if as_json:
        print_json(result.as_dict())
        return
    print_table("Alerts (simulated scenes)", result.alerts_header, result.alerts)
    for message in result.messages:
        typer.echo(f"\n{'─' * 72}\n{message}")
    typer.echo(f"\n{'─' * 72}\n{result.closing}")


def _bar(progress: Progress, name: str) -> Callable[[int, int], None]:
    task = progress.add_task(name, total=None)
    return lambda n, of: progress.update(task, completed=n, total=of)


def up(
    port: Annotated[int, typer.Option(help="Port of the page, on this machine only.")] = 8080,
    inbox: Annotated[Path | None, typer.Option(help="Watched folder of item JSON.", show_default="DATA/inbox")] = None,
    tense: Annotated[AlertTense, typer.Option(help="What new scenes are.")] = AlertTense.CURRENT,
    data: Data = None,
) -> None:
    """Run until stopped: watch a folder for new scenes, work, deliver, and show the page on 127.0.0.1."""
    from jagawana.services.up import run_until_stopped

    settings = settings_of(data)
    typer.echo(f"watching {inbox or settings.data / 'inbox'}; page on http://127.0.0.1:{port} (stop with Ctrl-C)")
    run_until_stopped(settings, inbox=inbox or settings.data / "inbox", tense=tense, port=port)


def work(
    room: Annotated[Room, typer.Argument(help="Which room this process is.")],
    port: Annotated[int, typer.Option(help="Port of the page (web).")] = 8080,
    host: Annotated[str, typer.Option(help="Address of the page (web). It shows exact places and asks for no password.")] = "127.0.0.1",
    inbox: Annotated[Path | None, typer.Option(help="Watched folder of item JSON (ingest).", show_default="DATA/inbox")] = None,
    tense: Annotated[AlertTense, typer.Option(help="What new scenes are (ingest).")] = AlertTense.CURRENT,
    data: Data = None,
) -> None:
    """Run one room of the distributed mode until stopped: Kafka between the rooms, one database for all (docs/distributed.md)."""
    from jagawana.services.work.process import work as run

    run(settings_of(data), room, inbox=inbox, tense=tense, port=port, host=host)
