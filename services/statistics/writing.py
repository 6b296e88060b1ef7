"""Statistics as files: tables for programs, one document with everything, and the pictures."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jagawana.rules.reach import Nearest
from jagawana.schemas.alert import Category
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.wording import Language
from jagawana.services.statistics.charts import draw_overview
from jagawana.services.statistics.mined import Mined
from jagawana.services.statistics.national import Near, Picture
from jagawana.services.statistics.provinces import draw_map
from jagawana.services.statistics.sums import by, ground_ha, months, total
from jagawana.services.statistics.words import words_of

Row = Mapping[str, Any]


def write(p: Picture, out: Path, language: Language, *, by_province: bool) -> list[Path]:
    """CSV, JSON, PNG and SVG; returns what was written."""
    out.mkdir(parents=True, exist_ok=True)
    tables = {"areas.csv": area_rows(p), "grounds.csv": ground_rows(p), "months.csv": month_rows(p), "findings.csv": finding_rows(p)}
    tables |= {"people.csv": people_rows(p)} if p.people is not None else {}
    for name, rows in tables.items():
        (out / name).write_text(_csv(rows), encoding="utf-8")
    (out / "stats.json").write_text(json.dumps(document(p), indent=1, ensure_ascii=False), encoding="utf-8")
    pictures = [out / "overview.png", out / "overview.svg"]
    draw_overview(p, p.selection.province or words_of(language).everywhere, pictures, language)
    if by_province:
        maps = [out / "provinces.png", out / "provinces.svg"]
        draw_map(p, maps, language)
        pictures += maps
    return [*(out / name for name in tables), out / "stats.json", *pictures]


def _csv(rows: Sequence[Row]) -> str:
    stream = io.StringIO()
    if rows:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return stream.getvalue()


def area_rows(p: Picture) -> list[Row]:
    """A row for each province and category."""
    return [
        {"province": name or "", "category": category.value} | asdict(total(m for m in found if m.category is category))
        for name, found in p.by_province.items() for category in Category
    ]  # fmt: skip


def ground_rows(p: Picture) -> list[Row]:
    """A row for each province and ground; the rows of a province are its hectares."""
    return [
        {"province": name or "", "concession": g.concession.value, "restricted": g.restricted.value if g.restricted else ""}
        | {"mining_ha": ha}
        for name, found in p.by_province.items() for g, ha in ground_ha(found).items()
    ]  # fmt: skip


def month_rows(p: Picture) -> list[Row]:
    """A row for each province and month, hectares of new mining by category."""
    return [
        {"province": name or "", "month": f"{month:%Y-%m}"} | {f"category_{c.value}_ha": row[c] for c in Category}
        for name, found in p.by_province.items() for month, row in months(found).items()
    ]  # fmt: skip


def people_rows(p: Picture) -> list[Row]:
    """All provinces together first; a person near sites of two provinces is counted in both, and once in the first row."""
    first = {"province": "*", "radius_km": p.surroundings.radius_km, "people": round(p.people or 0)}
    return [
        first,
        *({"province": n or "", "radius_km": p.surroundings.radius_km, "people": round(v)} for n, v in p.people_by_province.items()),
    ]


def finding_rows(p: Picture) -> list[Row]:
    """A row for each finding, and each cell with mining that was already there."""
    return [_finding(m, near) for m, near in zip(p.counted, p.near, strict=True)]


def _finding(m: Mined, near: Near) -> Row:
    return {
        "code": m.code, "cell": m.cell, "province": m.province or "", "category": m.category.value,
        "state": m.state.value if m.state else "known", "told": m.was_told, "tense": m.tense.value,
        "first_seen_on": m.first_seen_on.isoformat(), "mining_ha": m.mining_ha, "road_m": m.road_m, "huts": m.huts,
        "nearest_settlement": near.settlement_name, "settlement_km": _km(near.settlement), "road_km": _km(near.road),
        "river_km": _km(near.river),
    }  # fmt: skip


def _km(near: Nearest | None) -> float | None:
    return None if near is None else round(near.km, 2)


def document(p: Picture) -> dict[str, Any]:
    """Everything, with what was asked and what it rests on."""
    first, last = p.period
    return {
        "selection": {
            "from": str(first) if first else None, "to": str(last) if last else None, "province": p.selection.province,
            "tense": p.selection.tense.value if p.selection.tense else [t.value for t in AlertTense if t.is_real],
        },
        "said": said(p),
        "total": asdict(total(p.counted)),
        "by_category": {c.value: asdict(total(m for m in p.counted if m.category is c)) for c in Category},
        "by_ground": [
            {"concession": g.concession.value, "restricted": g.restricted.value if g.restricted else None, "mining_ha": ha}
            for g, ha in ground_ha(p.counted).items()
        ],
        "by_province": {name or "": asdict(total(found)) for name, found in by(p.counted, lambda m: m.province).items()},
        "people": None if p.people is None else {"source": p.surroundings.population_source, "rows": people_rows(p)},
        "layers_loaded": sorted(k.value for k in p.kinds_loaded),
        "months": month_rows(p), "areas": area_rows(p), "grounds": ground_rows(p), "findings": finding_rows(p),
    }  # fmt: skip


def said(p: Picture) -> list[str]:
    """What a reader of the numbers must know."""
    counted = p.selection.tense.value if p.selection.tense else "current and archival"
    lines = [f"counted: findings of tense {counted}; left out as of another tense: {p.tests_left_out}"]
    lines.append("mining that was already there at the first clear look is " + ("counted, as known_ha" if p.has_known else "not counted"))
    lines.append("areas are lower bounds: what cloud hid is not counted; ground under two restricted zones counts under the stricter")
    if p.people is not None:
        source = f"people within {p.surroundings.radius_km:g} km: from {p.surroundings.population_source}"
        lines.append(f"{source}; the ground around all mining is joined, so that nobody counts twice")
    lines.append("distances are geodesic, from the edge of the mining; none is given beyond 100 km")
    return lines


def table_rows(p: Picture, *, by_province: bool) -> list[list[object]]:
    """For a terminal."""
    groups = p.by_province if by_province else {p.selection.province or "*": list(p.counted)}
    rows: list[list[object]] = []
    for name, found in groups.items():
        for category, mine in sorted(by(found, lambda m: m.category).items()):
            t = total(mine)
            rows.append([name or "-", category.value, t.findings, t.told, t.mining_ha, t.new_ha, t.known_ha, t.ended_ha])
    return rows


TABLE_HEADER = ("province", "category", "findings", "told", "mining, ha", "new", "known", "ended")
