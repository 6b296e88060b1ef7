"""The timeline as CSV: a row for every look, values empty where too little was seen."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from jagawana.schemas.base import iso_utc
from jagawana.services.timeline.run import Point, Timeline

LOOK = ("model", "fingerprint", "date", "acquired_at", "platform", "scenes", "tense", "clear_share", "is_gap")
VALUES = (
    "mining_ha", "mining_known_ha", "mining_new_ha", "mining_dated_back_ha", "road_known_m", "road_new_m", "huts_known", "huts_new",
)  # fmt: skip


def to_csv(timelines: Sequence[Timeline]) -> str:
    """All streams, one after the other."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, (*LOOK, *VALUES), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for timeline in timelines for row in rows(timeline))
    return stream.getvalue()


def rows(timeline: Timeline) -> Iterator[dict[str, Any]]:
    """One mapping per look."""
    for point in timeline.points:
        yield _look(timeline, point) | {c: None for c in VALUES} | ({} if timeline.is_gap(point) else _values(point))


def _look(timeline: Timeline, point: Point) -> dict[str, Any]:
    return {
        "model": timeline.model_id, "fingerprint": timeline.fingerprint, "date": f"{point.at:%Y-%m-%d}", "acquired_at": iso_utc(point.at),
        "platform": point.platform, "scenes": " ".join(dict.fromkeys(r.scene_id for r in point.rows)),
        "tense": point.tense.value, "clear_share": round(point.clear_share, 3), "is_gap": timeline.is_gap(point),
    }  # fmt: skip


def _values(point: Point) -> dict[str, float | int]:
    known, new = point.ha("mining_known"), point.ha("mining_new")
    return {
        "mining_ha": round(known + new, 4), "mining_known_ha": round(known, 4), "mining_new_ha": round(new, 4),
        "mining_dated_back_ha": round(point.dated_back_ha, 4), "road_known_m": round(point.length_m("roads_known")),
        "road_new_m": round(point.length_m("roads_new")), "huts_known": point.count("huts_known"), "huts_new": point.count("huts_new"),
    }  # fmt: skip
