"""Real pairs of the Amazon, real territories, hand labels the model never saw."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from chain import records
from real.amazon import Pair, read_pairs, zone_layers
from real.replays import replay_amazon
from real.scoring import Score, findings_of, mining_findings, read_truth, score

from jagawana.schemas.alert import AlertContent, AlertPublished, Category, ZoneKind
from jagawana.schemas.errors import DataError
from jagawana.services.assess.zone_files import read_zones
from jagawana.services.detect.models import read_model_card

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED / "s2_amazon_pairs").is_dir(), reason="needs the real data beside the project (../shared/data)"),
]
EVERY = 3
"""Of the labelled pairs in blocks the model never saw; all pairs: python -m real.replays amazon."""


@dataclass(frozen=True)
class Replayed:
    pairs: list[Pair]
    findings: list[tuple[AlertContent, bool]]
    records: list[AlertPublished]
    dead: dict[str, int]
    score: Score


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    unseen, truth = set(read_model_card("s2").split.test_blocks), read_truth(SHARED)
    pairs = [p for p in read_pairs(SHARED) if p.block in unseen and p.sample_id in truth][::EVERY]
    done = replay_amazon(pairs, SHARED, tmp_path_factory.mktemp("amazon"))
    findings = [f for chain, _ in done for f in mining_findings(chain)]
    scored = score({p.sample_id: truth[p.sample_id] for p in pairs}, findings_of(pairs, findings))
    dead = {code: n for _, summary in done for code, n in summary.dead.items()}
    return Replayed(pairs, findings, [r for chain, _ in done for r in records(chain)], dead, scored)


def test_real_new_mining_is_found_and_quiet_places_stay_quiet(replayed: Replayed) -> None:
    assert replayed.dead == {}
    assert replayed.score.events >= 20 and replayed.score.events_found >= 0.5 * replayed.score.events, replayed.score
    assert replayed.score.quiet >= 10 and replayed.score.quiet_alarmed <= 0.1 * replayed.score.quiet, replayed.score


def test_people_are_told_inside_protected_zones_only(replayed: Replayed) -> None:
    told = [content for content, is_told in replayed.findings if is_told]
    recorded = [content for content, is_told in replayed.findings if not is_told]
    assert told and all(c.verdict.category is Category.LOW and c.verdict.rule_id == "id.cat3.conservation" for c in told)
    assert recorded and all(c.verdict.category is Category.UNDETERMINED for c in recorded), "no concession layer, no verdict outside"


def test_each_message_names_the_zone_it_cites_and_the_province(replayed: Replayed) -> None:
    for record in replayed.records:
        cited = [z for z in record.content.verdict.zones if z.zone_id == record.content.verdict.decisive_zone]
        assert [z.kind for z in cited] == [ZoneKind.CONSERVATION] and cited[0].overlap_ha > 0
        assert record.content.province


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
