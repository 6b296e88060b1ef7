"""The report as files: a row per reach and look, and one document with everything behind it."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping

from jagawana.detectors.grid import reproject
from jagawana.detectors.turbidity.looks import ReachValue
from jagawana.detectors.turbidity.reaches import Reach
from jagawana.detectors.turbidity.series import Quantity
from jagawana.services.notify.wording import Language
from jagawana.services.turbidity.run import RiverReport
from jagawana.services.turbidity.summary import said

CSV, JSON, PICTURE = "turbidity.csv", "turbidity.json", "turbidity.png"
Row = dict[str, Any]


def write_tables(report: RiverReport, out: Path, language: Language) -> None:
    """CSV and JSON, under other names first, so that each is whole or is not there."""
    for name, text in ((CSV, to_csv(report)), (JSON, json.dumps(to_document(report, language), indent=1, ensure_ascii=False))):
        unfinished = out / f".{name}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(out / name)


def to_csv(report: RiverReport) -> str:
    """A row per look and reach; cells are empty where there is no value."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(_row_of(report)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(report))
    return stream.getvalue()


def rows(report: RiverReport) -> Iterator[Row]:
    """One mapping per look and reach."""
    for look in report.looks:
        for reach, value in zip(report.reaches, look.values, strict=True):
            yield _row(report, look.day.isoformat(), " ".join(look.scene_ids), reach, value)


def _row_of(report: RiverReport) -> Iterable[str]:
    return _row(report, "", "", report.reaches[0], ReachValue(None, 0, 0.0))


def _row(report: RiverReport, day: str, scenes: str, reach: Reach, value: ReachValue) -> Row:
    fnu, factor = value.turbidity_fnu, report.calibration.dates_left_out.factor_95
    return {
        "date": day, "reach": reach.name, "start_m": round(reach.start_m), "stop_m": round(reach.stop_m), "ndti": value.ndti,
        "turbidity_fnu": fnu, "lower_quartile_fnu": value.lower_quartile_fnu, "upper_quartile_fnu": value.upper_quartile_fnu,
        "low_95_fnu": None if fnu is None else round(fnu / factor, 1), "high_95_fnu": None if fnu is None else round(fnu * factor, 1),
        "saturated": value.saturated, "extrapolated": None if fnu is None else report.calibration.is_extrapolated(fnu),
        "pixels": value.pixels, "clear_share": value.clear_share, "gap": value.gap.name.lower() if value.gap else None, "scenes": scenes,
    }  # fmt: skip


def to_document(report: RiverReport, language: Language) -> dict[str, Any]:
    """Everything: site, reaches with their lines in WGS 84, looks, series, correlations and what they must not be taken for."""
    river = report.place.river
    return {
        "site": asdict(report.site),
        "river": {
            "site_to_line_m": round(river.site_to_line_m),
            "half_width_m": report.place.half_width_m,
            "divides_at_m": river.divides_at_m,
        },
        "reaches": [_reach(r, report.place.epsg) for r in report.reaches],
        "looks": list(rows(report)),
        "refused": report.refused,
        "series": _series(report),
        "mined": [{"date": d.isoformat(), "mining_ha": ha} for d, ha in zip(report.mined.days, report.mined.mining_ha, strict=True)],
        "correlation": {"below": [asdict(c) for c in report.below], "below_against_above": [asdict(c) for c in report.contrast]},
        "said": said(report, language),
        "calibration": report.calibration.model_dump(mode="json"),
    }


def _reach(reach: Reach, epsg: int) -> Row:
    line = shapely.set_precision(reproject(reach.line, epsg, 4326), 1e-6)
    return {"reach": reach.name, "start_m": round(reach.start_m), "stop_m": round(reach.stop_m), "geometry": mapping(line)}


def _series(report: RiverReport) -> dict[str, Any]:
    s = report.series
    unit = (
        "natural logarithm of the ratio to each reach's median" if s.quantity is Quantity.TURBIDITY else "difference to each reach's median"
    )
    names = ("below", "above", "contrast")
    points = [
        {"date": day.isoformat()} | {n: None if x != x else round(float(x), 4) for n, x in zip(names, numbers, strict=True)}
        for day, *numbers in zip(s.days, s.below, s.above, s.contrast, strict=True)
    ]
    return {"quantity": s.quantity, "unit": f"{unit} each reach's median", "looks": points}
