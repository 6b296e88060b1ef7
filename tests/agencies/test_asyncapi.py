"""The published document, read by AsyncAPI's own parser: it is valid, and names every topic with its message, key and limits."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jagawana.schemas.catalogue import CATALOGUE
from jagawana.schemas.envelope import MESSAGES

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "schemas" / "asyncapi.json"
PARSER = "@asyncapi/parser@3.6.6"
ERROR = 0
READ = """
const { Parser } = require('@asyncapi/parser');
new Parser().parse(require('fs').readFileSync(process.argv[1], 'utf8')).then(({ document, diagnostics }) => {
  const channels = document && document.channels().all().map(c => [c.address(), c.messages().all().map(m => m.name())]);
  const examples = document && document.messages().all().map(m => m.examples().all().length);
  const said = diagnostics.map(d => [d.severity, d.code, d.message, d.path.join('.')]);
  process.stdout.write(JSON.stringify({ channels, examples, said }));
});
"""


@pytest.fixture(scope="module")
def parser() -> Path:
    """A folder with the parser in it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("AsyncAPI's parser needs node and npm; on Debian: apt-get install nodejs npm")
    folder = ROOT / "build" / "tools" / "asyncapi"
    if not (folder / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", PARSER]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder)
        if done.returncode:
            pytest.skip(f"npm could not fetch {PARSER}: {done.stderr[-300:]}")
        (folder / ".complete").touch()
    return folder


def read(parser: Path, document: Path) -> dict[str, Any]:
    done = subprocess.run(["node", "-e", READ, str(document)], cwd=parser, capture_output=True, text=True, timeout=60, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_parser_reads_it_and_finds_nothing_wrong(parser: Path) -> None:
    found = read(parser, COMMITTED)
    assert [said for said in found["said"] if said[1] != "asyncapi-latest-version"] == []
    named = {address: messages for address, messages in found["channels"]}
    assert named == {topic.value: [f"org.jagawana.{p.message.name}.v1"] for topic, p in CATALOGUE.items()}
    assert found["examples"] == [1] * len(MESSAGES)


@pytest.mark.parametrize(("where", "what"), [("channels", 7), ("asyncapi", "2.9.0"), ("operations", {"x": {"action": "shout"}})])
def test_it_would_find_what_is_wrong(parser: Path, tmp_path: Path, where: str, what: object) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(json.loads(COMMITTED.read_text()) | {where: what}))
    assert any(severity == ERROR for severity, *_ in read(parser, broken)["said"])
