"""Real pairs of the Amazon, real territories, hand labels the model never saw."""

from pathlib import Path

import pytest
from chain import records
from real.amazon import read_pairs, zone_layers
from real.replays import Group, found_in, replay_amazon
from real.scoring import Finding, read_truth, score

from jagawana.schemas.alert import Category, ZoneKind
from jagawana.schemas.errors import DataError
from jagawana.services.detect.models import read_model_card
from jagawana.services.zones.files import read_zones

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED / "s2_amazon_pairs").is_dir(), reason="needs the real data beside the project (../shared/data)"),
]
EVERY = 2
"""Of the labelled pairs of one fold; all pairs: python -m real.replays amazon. The shipped network learnt from these places too, so this
shows the chain on real pixels and not how accurate it is: that is in the model card."""


LEAST_FOUND = 0.25
"""One look at 0.88; with networks that had not seen the places 0.35 are found (docs/real-input.md)."""


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> list[Group]:
    fold, truth = set(read_model_card("s2").split.folds[0]), read_truth(SHARED)
    pairs = [p for p in read_pairs(SHARED) if p.block in fold and p.sample_id in truth][::EVERY]
    return replay_amazon(pairs, SHARED, tmp_path_factory.mktemp("amazon"))


@pytest.fixture(scope="module")
def findings(groups: list[Group]) -> list[Finding]:
    return [finding for group in groups for finding in group.findings]


def test_real_new_mining_is_found_and_quiet_places_stay_quiet(groups: list[Group]) -> None:
    found, truth = found_in(groups), read_truth(SHARED)
    result = score({name: truth[name] for name in found}, found)
    assert [g.summary.dead for g in groups] == [{}, {}]
    assert result.events >= 20 and result.events_found >= LEAST_FOUND * result.events, result
    assert result.quiet >= 8 and result.quiet_alarmed <= 0.1 * result.quiet, result


def test_people_are_told_inside_protected_zones_only(findings: list[Finding]) -> None:
    told = [content for content, is_told in findings if is_told]
    recorded = [content for content, is_told in findings if not is_told]
    assert told and all(c.verdict.category is Category.LOW and c.verdict.rule_id == "id.cat3.conservation" for c in told)
    assert recorded and all(c.verdict.category is Category.UNDETERMINED for c in recorded), "no concession layer, no verdict outside"


def test_each_message_names_the_zone_it_cites_and_the_province_where_there_is_one(groups: list[Group]) -> None:
    told = [record.content for group in groups for record in records(group.chain)]
    for content in told:
        cited = [z for z in content.verdict.zones if z.zone_id == content.verdict.decisive_zone]
        assert [z.kind for z in cited] == [ZoneKind.CONSERVATION] and cited[0].overlap_ha > 0
        assert content.province in {z.name for z in content.verdict.zones if z.kind is ZoneKind.PROVINCE} | {None}
    assert "Pará" in {c.province for c in told}


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("vectors/itaituba_tapajos/amazonia-indigenous.shp", "far from where SAD69 / UTM zone 21S is used"),
        ("vectors/natural_earth_PD/ne_50m_admin_1_states_provinces.gpkg", "its outline is invalid"),
        ("vectors/itaituba_tapajos/itaituba-roads.shp", "a zone is a Polygon or MultiPolygon"),
    ],
)
def test_real_layers_that_are_wrong_are_refused_with_the_reason(file: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_zones(SHARED / file, kind=ZoneKind.CONSERVATION, layer="x", layer_version="1", name_field=None)


def test_the_other_real_layers_are_read_whole(tmp_path: Path) -> None:
    assert {layer[0].layer: len(layer) for layer in zone_layers(SHARED, tmp_path)} == {
        "indigenous_territories": 237, "cnuc": 3, "UCs_filtradas": 16, "TerraIn_filtrado": 2, "provinces": 99,
    }  # fmt: skip
