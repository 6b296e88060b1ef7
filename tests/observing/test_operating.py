"""What operators are given: the dashboard, the alert rules and the docs name only what is served."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml

from jagawana.services.observing import table
from jagawana.services.observing.table import Kind

ROOT = Path(__file__).parents[2]
FILES = ROOT / "helm/jagawana/files"
SERVED = {m.name: m for m in table.METRICS if m.kind is not Kind.HISTOGRAM} | {
    f"{m.name}{part}": m for m in table.METRICS if m.kind is Kind.HISTOGRAM for part in ("_bucket", "_count", "_sum")
}
GRAFANA = json.loads((FILES / "dashboard.json").read_text())
RULES = yaml.safe_load((FILES / "rules.yaml").read_text())["groups"][0]["rules"]
EXPRESSIONS = [t["expr"] for panel in GRAFANA["panels"] for t in panel["targets"]] + [r["expr"] for r in RULES]
PERSONAL = {"tile", "cell", "scene", "recipient", "instance", "alert_id", "lon", "lat", "zone"}


def unknown(expression: str) -> set[str]:
    """Metrics and labels of an expression that nobody serves."""
    selectors: list[promql_parser.VectorSelector] = []
    promql_parser.walk(
        promql_parser.parse(expression), lambda e: selectors.append(e) if isinstance(e, promql_parser.VectorSelector) else None
    )
    assert selectors
    missing = {s.name for s in selectors if s.name not in SERVED}
    for s in selectors:
        if s.name in SERVED:
            missing |= {m.name for m in s.matchers.matchers} - set(SERVED[s.name].labels)
    return missing


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_only_what_is_served(expression: str) -> None:
    assert not unknown(expression)


@pytest.mark.parametrize(
    "wrong", ["rate(jagawana_event_total[5m])", "jagawana_alerts{tile='x'}", "sum(jagawana_alerts) / jagawana_handling_seconds"]
)
def test_a_name_or_label_that_is_not_served_is_noticed(wrong: str) -> None:
    assert unknown(wrong)


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    named = " ".join(EXPRESSIONS)
    assert not [m.name for m in table.METRICS if m.name not in named]


def test_no_label_is_a_place_a_person_or_a_worker() -> None:
    assert not PERSONAL & {label for m in table.METRICS for label in m.labels}
    assert len({m.name for m in table.METRICS}) == len(table.METRICS)


def test_the_docs_have_the_same_table_and_say_what_to_do_for_every_alert() -> None:
    docs = (ROOT / "docs/observing.md").read_text()
    assert table.as_markdown() in docs
    assert set(re.findall(r"^\| `(Jagawana\w+)`", docs, re.MULTILINE)) == {r["alert"] for r in RULES}
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"]
