"""Write the JSON Schema of rule packs: schemas/json/rule-pack/1.0.schema.json.

python -m jagawana.rules.publish FOLDER
"""

import json
import sys
from pathlib import Path

from jagawana.rules.facts import FACTS
from jagawana.rules.pack import RulePack

VERSION = "1.0"


def published_files() -> dict[str, str]:
    """Content of the schema, by its path inside schemas/json. What a condition may name is told in its description."""
    schema = RulePack.model_json_schema(mode="validation")
    condition = schema["$defs"]["LegalGround"]["properties"]["when"]
    known = "; ".join(f"{name}: {fact.meaning}" + (f" ({', '.join(fact.values)})" if fact.values else "") for name, fact in FACTS.items())
    condition["description"] += f". Facts: {known}"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:jagawana:schema:rule-pack:{VERSION}"}
    return {f"rule-pack/{VERSION}.schema.json": json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"}


def main(folder: Path) -> None:
    """Write the file."""
    for path, content in published_files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
