"""What `--servers` does with tests on real servers, seen from outside."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_SERVERS = "tests/unit/services/test_stages.py"
BOTH = "tests/unit/services/test_bucket.py"


def run(*given: str) -> tuple[int, str]:
    """Exit code and output of pytest."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *given]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


def test_required_and_none_ran_is_an_error() -> None:
    """Also of tests in a folder called services, whose name is not the marker."""
    code, said = run("--servers=required", WITHOUT_SERVERS)
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED and "on real servers: 0 tests ran" in said


def test_none_skips_them_and_says_how_to_run_them() -> None:
    code, said = run("--servers=none", BOTH)
    assert code == 0 and "tests on real servers: make test-services" in said and "7 passed" in said
    assert "on real servers: " not in said.replace("tests on real servers", "")


@pytest.mark.parametrize(("option", "outcome"), [("required", "error"), ("if-there", "skipped")])
def test_a_server_that_cannot_be_had_is_named(option: str, outcome: str, tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n{IT}")
    code, said = run(f"--servers={option}", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-p", "conftest", str(test))
    assert "PostgreSQL is missing; on Debian: apt-get install" in said and f"1 {outcome}" in said
    assert code == (1 if option == "required" else 0)


IT = """
from servers import postgres
from servers.fixtures import running
import pytest

@pytest.fixture
def server(request, monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", "")
    yield from running(request, postgres.Postgres())

@pytest.mark.services
def test_on_it(server):
    raise AssertionError("there is none")
"""
