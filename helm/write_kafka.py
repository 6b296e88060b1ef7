"""Writes the chart's topics, users and access lists from the catalogue: `make chart`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jagawana.schemas.catalogue import CATALOGUE
from jagawana.services.agencies.access import Grant, grants

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
    }
    return json.dumps(made, indent=1) + "\n"


def _acl(grant: Grant) -> Mapping[str, Any]:
    resource = {"type": grant.resource.lower(), "name": str(grant.name), "patternType": "prefix" if grant.prefixed else "literal"}
    return {"resource": resource, "operations": OPERATIONS[grant.operation, grant.resource]}


if __name__ == "__main__":
    sys.stdout.write(content())
