"""Write the published promise: schemas/json/<message>/<major>.<minor>.schema.json and .example.json, and the schema of mapping files.

    python -m jagawana.schemas.publish FOLDER

A published version never changes: a new field is a new minor version, a removed or changed one a new major version.
"""

import json
import sys
from pathlib import Path

from jagawana.schemas.envelope import MESSAGES, encode
from jagawana.schemas.examples import ACQUIRED_AT, example_messages
from jagawana.schemas.zone_mapping import ZoneMapping

SOURCE = "/jagawana/example"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def published_files() -> dict[str, str]:
    """Content of every file of the current versions, by its path inside schemas/json."""
    files = {}
    for name, message in MESSAGES.items():
        schema = message.model_json_schema(by_alias=True, mode="serialization")
        schema = {
            "$schema": DIALECT,
            "$id": f"urn:jagawana:schema:{name}:{message.version}",
            **schema,
        }
        files[f"{name}/{message.version}.schema.json"] = _pretty(schema)
    mapping = {"$schema": DIALECT, "$id": "urn:jagawana:schema:zone-mapping:1.0", **ZoneMapping.model_json_schema(mode="validation")}
    files["zone-mapping/1.0.schema.json"] = _pretty(mapping)
    for example in example_messages():
        envelope = json.loads(encode(example, source=SOURCE, at=ACQUIRED_AT))
        files[f"{example.name}/{example.version}.example.json"] = _pretty(envelope)
    return files


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write the files."""
    for path, content in published_files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
