"""Writes what the chart needs of the catalogue into files/kafka.json: topics, users, what readers read, what agencies may. `make chart`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jagawana.schemas.catalogue import CATALOGUE, Role, Tier
from jagawana.services.agencies.access import GROUPS_OF, Agency, Grant, grants

FILE = Path(__file__).parent / "jagawana" / "files" / "kafka.json"
COPIES = 3
OPERATIONS = {("READ", "TOPIC"): ["Read", "Describe"], ("WRITE", "TOPIC"): ["Write", "Describe"], ("READ", "GROUP"): ["Read", "Describe"]}


def content() -> str:
    """The file's text."""
    granted = sorted(grants(()))
    users = sorted({grant.user for grant in granted})
    made = {
        "topics": [{"name": t, "partitions": p.partitions, "config": p.config(COPIES)} for t, p in sorted(CATALOGUE.items())],
        "users": [{"name": user, "acls": [_acl(grant) for grant in granted if grant.user == user]} for user in users],
        "readers": {role: {"group": group, "topic": _topic_of(role)} for role, group in sorted(GROUPS_OF.items())},
        "agencies": {tier: _topics_for(tier) for tier in Tier},
    }
    return json.dumps(made, indent=1) + "\n"


def _topic_of(role: Role) -> str:
    (topic,) = (promise.topic for promise in CATALOGUE.values() if role in promise.readers)
    return topic


def _topics_for(tier: Tier) -> list[str]:
    anybody = Agency(name="anybody", tiers=frozenset({tier}), group_prefix="anybody-")
    return sorted(grant.name for grant in grants([anybody]) if grant.user == anybody.name and grant.resource == "TOPIC")


def _acl(grant: Grant) -> Mapping[str, Any]:
    resource = {"type": grant.resource.lower(), "name": str(grant.name), "patternType": "prefix" if grant.prefixed else "literal"}
    return {"resource": resource, "operations": OPERATIONS[grant.operation, grant.resource]}


if __name__ == "__main__":
    sys.stdout.write(content())
