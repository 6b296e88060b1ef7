"""Access lists as code: deny by default, each agency apart."""

from pathlib import Path

import pytest

from jagawana.schemas.catalogue import Role, Tier
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.access import Agency, Grant, grants, load_agencies, user_of

FOREST = Agency(name="forest-police", tiers=frozenset({Tier.RESTRICTED}), group_prefix="forest-police-")
PRESS = Agency(name="observers", group_prefix="observers-")


def may(user: str, operation: str) -> set[str]:
    return {g.name for g in grants([FOREST, PRESS]) if g.user == user and g.operation == operation and g.resource == "TOPIC"}


def test_an_agency_reads_its_tiers_and_writes_nothing() -> None:
    assert may("forest-police", "READ") == {Topic.ALERTS, Topic.ALERT_STATE, Topic.COVERAGE, Topic.HEARTBEAT}
    assert may("observers", "READ") == {Topic.COVERAGE, Topic.HEARTBEAT}
    assert may("forest-police", "WRITE") == may("observers", "WRITE") == set()


def test_rooms_have_what_they_need_and_no_more() -> None:
    assert may(user_of(Role.DETECT), "READ") == {Topic.SCENES} and may(user_of(Role.DETECT), "WRITE") == set()
    assert may(user_of(Role.ASSESS), "READ") == {Topic.OBSERVATIONS}
    assert may(user_of(Role.INGEST), "WRITE") == {Topic.SCENES} and may(user_of(Role.INGEST), "READ") == set()
    assert may(user_of(Role.RELAY), "WRITE") == set(Topic) and may(user_of(Role.RELAY), "READ") == set()
    assert may(user_of(Role.NOTIFY), "READ") == set()
    assert Grant(user_of(Role.DETECT), "READ", "GROUP", "jagawana-detect") in grants([])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[agency]]\nname = 'a1'\ngroup_prefix = 'jagawana-x'", "overlap"),
        ("[[agency]]\nname = 'a1'\ngroup_prefix = 'a-'\n[[agency]]\nname = 'a2'\ngroup_prefix = 'a-b-'", "overlap"),
        ("[[agency]]\nname = 'a1'\ngroup_prefix = 'a-'\n[[agency]]\nname = 'a1'\ngroup_prefix = 'b-'", "taken"),
        ("[[agency]]\nname = 'jagawana-relay'\ngroup_prefix = 'b-'", "ours"),
        ("[[agency]]\nname = 'a1'\ntiers = ['secret']\ngroup_prefix = 'b-'", "agency.0.tiers"),
        ("[[agency]]\nname = '*'\ngroup_prefix = 'b-'", "agency.0.name"),
        ("[[agencies]]\nname = 'a1'", "agencies"),
        ("[[agency", "agencies.toml"),
    ],
)
def test_a_file_that_would_open_a_door_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "agencies.toml"
    file.write_text(text)
    with pytest.raises(DataError, match=why) as refused:
        load_agencies(file)
    assert refused.value.code is ErrorCode.SETTINGS_INVALID and "docs/agencies.md" in str(refused.value)


def test_the_example_in_the_guide_is_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "agencies.md").read_text()
    file = tmp_path / "agencies.toml"
    file.write_text(guide.split("```toml\n")[1].split("```")[0])
    assert [a.name for a in load_agencies(file)] == ["forest-police", "observers"] and load_agencies(None) == ()
