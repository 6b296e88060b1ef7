"""The Brazilian pack on real layers: conservation units of the CNUC and indigenous lands of FUNAI, read through mapping files."""

import json
from datetime import date
from pathlib import Path

import pytest
import shapely

from jagawana.detectors.grid import reproject, utm_epsg
from jagawana.rules.judge import judge
from jagawana.rules.pack import shipped_pack
from jagawana.rules.zones import Zone, ZoneIndex, zones_to_crs
from jagawana.schemas.alert import ZoneKind
from jagawana.services.zones.files import read_here
from jagawana.services.zones.mapping import read_mapping

LAYERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "vectors" / "brazil_para_ucs"
UNITS = {
    "mapping": "1.0",
    "kind": {"column": "grupo", "values": {"Uso Sustentável": "sustainable_use", "Proteção Integral": "conservation"}},
    "zone_id": {"column": "cd_cnuc"}, "name": {"column": "nome_uc"}, "designation": {"column": "categoria"},
    "source": "CNUC", "licence": "government open data", "redistributable": True,
}  # fmt: skip
LANDS = {
    "mapping": "1.0", "kind": {"value": "indigenous_land"}, "code": {"column": "terrai_cod"}, "name": {"column": "terrai_nom"},
    "designation": {"column": "fase_ti"}, "source": "FUNAI",
}  # fmt: skip


def read(name: str, mapping: dict[str, object], folder: Path) -> list[Zone]:
    path = folder / "mapping.json"
    path.write_text(json.dumps(mapping))
    return read_here(LAYERS / name, kind=None, layer=name, layer_version="1", name_field=None, mapping=read_mapping(path))


def rule_inside(zone: Zone, zones: list[Zone], stage: str | None) -> set[str]:
    """Rules that a pit of 1 ha well inside a zone falls under, with a title of that stage all around; None: no title."""
    place = shapely.maximum_inscribed_circle(zone.geometry, tolerance=0.01).centroid if zone.geometry.area > 0.01 else zone.geometry
    place = place.representative_point()
    epsg = utm_epsg(place.x, place.y)
    pit = reproject(place, 4326, epsg).buffer(56)
    near = zones_to_crs([z for z in zones if shapely.dwithin(z.geometry, place, 0.01)], epsg)
    title = Zone("title", ZoneKind.CONCESSION, "title", pit.buffer(500), "titles", "1", "made up", stage=stage)
    index = ZoneIndex([*near, *([title] if stage else [])], kinds_loaded=[ZoneKind.CONCESSION])
    found = judge(pit, zones=index, on=date(2026, 1, 1), pack=shipped_pack("brazil"), pixel_m=10)
    return {p.verdict.rule_id for p in found}


@pytest.mark.shared
@pytest.mark.skipif(not LAYERS.is_dir(), reason="needs the real data beside the project (../shared/data)")
def test_every_real_unit_and_land_is_judged_by_its_own_rule(tmp_path: Path) -> None:
    zones = [*read("UCs_filtradas.shp", UNITS, tmp_path), *read("TerraIn_filtrado.shp", LANDS, tmp_path)]
    assert len(zones) == 18 and len({z.zone_id for z in zones}) == 18
    expected = {ZoneKind.CONSERVATION: "br.cat3.full_protection", ZoneKind.INDIGENOUS_LAND: "br.cat3.indigenous_land"}
    seen = set()
    for zone in zones:
        own = expected.get(zone.kind) or ("br.cat3.extractive_reserve" if zone.designation == "Reserva Extrativista" else None)
        assert rule_inside(zone, zones, "CONCESSÃO DE LAVRA") == {own or "br.cat2.sustainable_use"}
        assert rule_inside(zone, zones, "REQUERIMENTO DE LAVRA") == {own or "br.cat3.research_only"}
        assert rule_inside(zone, zones, None) == {own or "br.cat3.outside_titles"}
        seen.add(own)
    assert len(seen) == 4
    assert sum(z.kind is ZoneKind.SUSTAINABLE_USE for z in zones) == 13
