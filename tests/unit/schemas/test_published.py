"""The published schemas and examples are the promise to subscribers."""

import json
from pathlib import Path

import jsonschema
import pystac
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from jagawana.schemas.envelope import MESSAGES, decode
from jagawana.schemas.publish import published_files

JSON = Path(__file__).parents[3] / "schemas" / "json"
FILES = {"rule-pack", "zone-mapping"}
"""What people write for us, beside the messages we write for them."""
PUBLISHED_EXAMPLES = 7
"""Raise when a version is published; never lower."""


def test_the_committed_files_are_what_the_code_says() -> None:
    for path, content in published_files().items():
        assert (JSON / path).read_text(encoding="utf-8") == content, (
            f"{path}: publish a new version, or run python -m jagawana.schemas.publish"
        )


def test_every_example_ever_published_still_parses_and_fits_its_schema() -> None:
    examples = sorted(JSON.glob("*/*.example.json"))
    assert len(examples) == PUBLISHED_EXAMPLES
    for path in examples:
        envelope, message = decode(path.read_bytes())
        schema = json.loads((path.parent / path.name.replace(".example.", ".schema.")).read_text())
        jsonschema.validate(envelope.data, schema)
        assert path.parent.name == message.name


def test_every_message_has_a_schema_and_an_example() -> None:
    assert {p.parent.name for p in JSON.glob("*/*.example.json")} == set(MESSAGES)
    assert {p.parent.name for p in JSON.glob("*/*.schema.json")} == set(MESSAGES) | FILES


def test_the_scene_example_is_a_stac_item() -> None:
    document = json.loads((JSON / "scene-acquired" / "1.0.example.json").read_text())
    item = pystac.Item.from_dict(document["data"]["item"])
    assert item.datetime is not None and item.assets["image"].extra_fields["proj:code"] == "EPSG:32749"


@pytest.mark.parametrize("path", sorted(JSON.glob("*/*.example.json")), ids=lambda p: p.parent.name)
def test_the_library_of_cloudevents_reads_our_envelope(path: Path) -> None:
    event = JSONFormat().read(CloudEvent, path.read_bytes())
    assert event.get_type().startswith("org.jagawana.") and event.get_data() == json.loads(path.read_text())["data"]
