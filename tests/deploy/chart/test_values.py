"""Values that cannot work are refused before anything is installed, in words that say what to do."""

from typing import Any

import pytest
from deploy.chart.rendering import Helm, Refused, containers_of, pods_of

from jagawana.services.settings import SECRETS, Settings

AGENCY = {"name": "klhk", "tiers": ["open"], "group_prefix": "klhk-"}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("plain", {"mode": "both"}, "/mode"),
    ("plain", {"moed": "embedded"}, "'moed' not allowed"),
    ("plain", {"tense": "now"}, "/tense"),
    ("plain", {"image": {"tag": "latest"}}, "/image/tag"),
    ("plain", {"image": {"cudaTag": ""}}, "/image/cudaTag"),
    ("plain", {"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    ("plain", {"inboxClaim": ""}, "/inboxClaim"),
    ("plain", {"inboxClaim": "My Claim"}, "/inboxClaim"),
    ("plain", {"graceSeconds": 1}, "/graceSeconds"),
    ("plain", {"stopped": "yes"}, "/stopped"),
    ("plain", {"settings": {"JAGAWANA_RUELS": "brazil"}}, "/settings"),
    ("plain", {"settings": {"JAGAWANA_DATABASE_URL": "postgresql+psycopg://u:p@h/d"}}, "/settings"),
    ("plain", {"settings": {"JAGAWANA_KAFKA_PASSWORD": "p"}}, "/settings"),
    ("plain", {"settings": {"JAGAWANA_FAILPOINTS": "store.committed:1=kill"}}, "/settings"),
    ("plain", {"settings": {"AWS_SECRET_ACCESS_KEY": "k"}}, "/settings"),
    ("plain", {"database": {"secret": ""}}, "/database/secret"),
    ("plain", {"database": {"url": "postgresql+psycopg://u:p@h/d"}}, "'url' not allowed"),
    ("plain", {"objects": {"url": "https://bucket"}}, "/objects/url"),
    ("plain", {"objects": {"endpoint": "http://objects:9000"}}, "/objects/endpoint"),
    ("plain", {"kafka": {"servers": []}}, "/kafka/servers"),
    ("plain", {"kafka": {"servers": ["kafka"]}}, "/kafka/servers"),
    ("plain", {"kafka": {"secret": "jagawana-kafka"}}, "/kafka/caSecret"),
    ("login", {"kafka": {"operatorSecret": ""}}, "/kafka/operatorSecret"),
    ("plain", {"kafka": {"topics": "strimzi"}}, "/strimzi/cluster"),
    ("plain", {"strimzi": {"cluster": "ranger"}}, "/strimzi/cluster"),
    ("strimzi", {"strimzi": {"copies": 2}}, "/strimzi/copies"),
    ("plain", {"rooms": {"detect": {"replicas": 13}}}, "/rooms/detect/replicas"),
    ("plain", {"rooms": {"relay": {"replicas": 0}}}, "/rooms/relay/replicas"),
    ("plain", {"rooms": {"assess": {"gpus": 1}}}, "'gpus' not allowed"),
    ("plain", {"rooms": {"ingest": {"replicas": 2}}}, "'replicas' not allowed"),
    ("plain", {"keda": {"enabled": True, "mostDetect": 13}}, "/keda/mostDetect"),
    ("plain", {"keda": {"enabled": True, "lag": "5"}}, "/keda/lag"),
    ("plain", {"keda": {"enabled": True, "mostDetect": 2}, "rooms": {"detect": {"replicas": 3}}}, "raise keda.mostDetect"),
    ("plain", {"networkPolicy": {"database": {"to": []}}}, "/networkPolicy/database/to"),
    ("plain", {"networkPolicy": {"kafka": {"port": 0}}}, "/networkPolicy/kafka/port"),
    ("plain", {"networkPolicy": {"more": [{"to": [], "ports": []}]}}, "/networkPolicy/more/0/to"),
    ("plain", {"agencies": [{**AGENCY, "tiers": ["secret"]}]}, "/agencies/0/tiers"),
    ("plain", {"agencies": [{**AGENCY, "name": "jagawana-detect"}]}, "the name jagawana-detect is taken"),
    ("plain", {"agencies": [{**AGENCY, "group_prefix": "jagawana-"}]}, "overlap"),
    ("strimzi", {"agencies": [AGENCY, {**AGENCY, "name": "other", "group_prefix": "klhk-other-"}]}, "overlap"),
    ("strimzi", {"agencies": [AGENCY, {**AGENCY, "group_prefix": "other-"}]}, "two agencies are called klhk"),
    ("embedded", {"embedded": {"storage": "much"}}, "/embedded/storage"),
]


@pytest.mark.parametrize(("profile", "values", "said"), WRONG, ids=[f"{i}-{said}" for i, (_, _, said) in enumerate(WRONG)])
def test_values_that_cannot_work_are_refused(helm: Helm, profile: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        helm.render(profile, values)
    assert said in str(refused.value)


def test_settings_are_those_of_the_code_that_the_chart_does_not_make_itself(helm: Helm) -> None:
    known = {f"JAGAWANA_{name.upper()}" for name in Settings.model_fields}
    made = {
        e["name"]
        for p in ("login", "strimzi", "embedded")
        for pod in pods_of(helm.profile(p)).values()
        for c in containers_of(pod)
        for e in c["env"]
    }
    made -= {"JAGAWANA_TRACES_URL"}  # a setting of that profile
    for name in sorted(known | {SECRETS}):
        if name in made or name in ("JAGAWANA_DATABASE_URL", "JAGAWANA_KAFKA_PASSWORD", "JAGAWANA_FAILPOINTS"):
            with pytest.raises(Refused):
                helm.render("plain", {"settings": {name: "1"}})
        else:
            assert name in helm.text("plain", {"settings": {name: "1"}})
