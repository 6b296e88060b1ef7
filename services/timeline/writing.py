"""The files of a timeline, and what is said of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jagawana.services.notify.wording import Language
from jagawana.services.store.blobs import BlobStore
from jagawana.services.timeline.animation import animate
from jagawana.services.timeline.chart import draw
from jagawana.services.timeline.place import Place
from jagawana.services.timeline.run import Timeline
from jagawana.services.timeline.table import rows, to_csv

TABLE_HEADER = ("model", "looks", "with a value", "first value, ha", "last value, ha", "last date")


def write(timelines: Sequence[Timeline], place: Place, blobs: BlobStore, out: Path, language: Language) -> list[Path]:
    """CSV, plot and one GIF a stream; returns what was written."""
    out.mkdir(parents=True, exist_ok=True)
    table, pictures = out / "timeline.csv", [out / "timeline.png", out / "timeline.svg"]
    table.write_text(to_csv(timelines), encoding="utf-8")
    draw(timelines, place.name, pictures, language)
    films = [(out / _film_name(t, timelines), t) for t in timelines]
    return [table, *pictures, *(path for path, t in films if animate(t, place, blobs, path, language))]


def _film_name(timeline: Timeline, all_of_them: Sequence[Timeline]) -> str:
    """By the model, and by its weights too where one model has two."""
    alone = sum(t.model_id == timeline.model_id for t in all_of_them) == 1
    return f"timeline-{timeline.model_id}{'' if alone else '-' + timeline.fingerprint.split('/')[1]}.gif"


def summary(timelines: Sequence[Timeline], files: Sequence[Path]) -> dict[str, Any]:
    """For programs."""
    return {
        "streams": [{"model": t.model_id, "fingerprint": t.fingerprint, "looks": list(rows(t))} for t in timelines],
        "files": [str(f) for f in files],
    }


def table_rows(timelines: Sequence[Timeline]) -> list[list[object]]:
    """For people: a row a stream."""
    made = []
    for t in timelines:
        values = [r for r in rows(t) if not r["is_gap"]]
        ends = [values[0]["mining_ha"], values[-1]["mining_ha"], values[-1]["date"]] if values else ["-", "-", "-"]
        made.append([t.model_id, len(t.points), len(values), *ends])
    return made


def advice(timelines: Sequence[Timeline]) -> str | None:
    """What to do where no look of any stream has a value; None where some have."""
    if any(t.seen for t in timelines):
        return None
    clearest = max((p.clear_share for t in timelines for p in t.points), default=0.0)
    return (
        f"no look shows {timelines[0].least_clear:.0%} of the place, the clearest shows {clearest:.0%}: give a smaller area, "
        "or a smaller share as --least-clear"
    )
