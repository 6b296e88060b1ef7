"""Failpoints: each exists once, every effect of the chain lies between two, and what a setting asks for happens."""

import ast
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services import failpoints
from jagawana.services.failpoints import reached
from jagawana.services.settings import load_settings

Function = ast.FunctionDef | ast.AsyncFunctionDef
SERVICES = Path(__file__).parents[3] / "services"
CHAIN = ("store", "bus", "assess", "notify", "raster", "detect", "wiring.py")
EFFECTS = {
    "os.replace", "os.fsync", "os.chmod", "os.rename", "os.remove", "os.truncate", "os.kill", "shutil.rmtree", "shutil.copyfile",
    "tempfile.mkstemp", "subprocess.Popen", "socket.send_fds", "*.write", "*.write_bytes", "*.write_text", "*.unlink", "*.mkdir",
    "*.send_bytes", "*.commit", "*.rollback", "*.send", "*.connection", "route.handler", "self.assess.assess",
    "sync_folder", "_sync_folder", "obstore.put",
}  # fmt: skip
"""Calls that change the world, or ask another process: `module.name`, `*.method`, or a function of ours that holds one."""
ELSEWHERE = {
    "nursery.py:_serve": "the nursery's own process, which is not killed by failpoints",
    "nursery.py:kill": "wrapped by decoder.ending and decoder.ended",
    "decoder.py:serve": "the child's own process",
    "blobs.py:sync_folder": "wrapped by blob.renamed and blob.durable",
    "channels.py:_sync_folder": "wrapped by its callers",
    "database.py:open_sqlite": "before the chain begins",
    "lock.py:sole_process": "before the chain begins",
    "single_image.py": "a tool beside the chain",
    "observation_files.py:encode": "a file in memory",
}
"""Effects that need no failpoint of their own, and why."""


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(SERVICES.rglob("*.py")):
        yield file, ast.parse(file.read_text())


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return ast.unparse(node.func) if isinstance(node.func, ast.Attribute) else ""


def _is_effect(name: str) -> bool:
    return name in EFFECTS or (f"*.{name.rpartition('.')[2]}" in EFFECTS and "." in name)


def _is_excused(file: Path, function: str) -> bool:
    return file.name in ELSEWHERE or f"{file.name}:{function}" in ELSEWHERE


def _steps(function: Function) -> list[tuple[int, str]]:
    """Failpoints and effects of a function in the order of the text: (line, "." or the effect)."""
    calls = [(n.lineno, n.col_offset, _called(n)) for n in ast.walk(function) if isinstance(n, ast.Call)]
    return [(line, "." if name == "reached" else name) for line, _, name in sorted(calls) if name == "reached" or _is_effect(name)]


def _chain_functions() -> Iterator[tuple[Path, Function]]:
    for file, tree in _sources():
        if file.relative_to(SERVICES).parts[0] in CHAIN:
            yield from ((file, node) for node in ast.walk(tree) if isinstance(node, Function))


def test_every_effect_of_the_chain_lies_between_two_failpoints() -> None:
    checked = 0
    for file, function in _chain_functions():
        steps = [] if _is_excused(file, function.name) else _steps(function)
        for n, (line, effect) in enumerate(steps):
            if effect != ".":
                before, after = steps[n - 1] if n else (0, ""), steps[n + 1] if n + 1 < len(steps) else (0, "")
                assert before[1] == after[1] == ".", f"{file.name}:{line}: {effect} needs a failpoint before and after it"
                checked += 1
    assert checked >= 20, "the list of effects no longer finds them"


def test_every_excuse_is_needed() -> None:
    needed = {(f.name, fn.name) for f, fn in _chain_functions() if any(e != "." for _, e in _steps(fn))}
    names = {f"{file}:{function}" for file, function in needed} | {file for file, _ in needed}
    assert set(ELSEWHERE) <= names, set(ELSEWHERE) - names


def test_every_failpoint_occurs_exactly_once() -> None:
    calls = [n for _, tree in _sources() for n in ast.walk(tree) if isinstance(n, ast.Call) and _called(n) == "reached"]
    found = Counter(ast.literal_eval(c.args[0]) for c in calls)
    assert found == Counter(failpoints.names())


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    yield
    failpoints.switch_on([])


def test_nothing_happens_unless_asked_for() -> None:
    for name in failpoints.names():
        reached(name)


def test_a_failure_falls_on_its_hit_only_or_on_all_from_then_on() -> None:
    failpoints.switch_on(failpoints.parse("blob.written:2=enospc, blob.synced:2+=eio,store.committing:1=raise"))
    reached("blob.written")
    with pytest.raises(OSError, match="No space left"):
        reached("blob.written")
    reached("blob.written")
    reached("blob.synced")
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            reached("blob.synced")
    with pytest.raises(TransientError) as caught:
        reached("store.committing")
    assert caught.value.code is ErrorCode.STORE_BUSY


def test_sleeping_takes_time() -> None:
    failpoints.switch_on(failpoints.parse("delivery.sending:1=sleep:0.05"))
    began = time.monotonic()
    reached("delivery.sending")
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(("action", "code"), [("kill", -9), ("segv", -11)])
def test_dying_is_real(action: str, code: int) -> None:
    program = (
        f"from jagawana.services.failpoints import *; switch_on(parse('event.done:1={action}')); reached('event.done'); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == code and "alive" not in done.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("blob.nowhere:1=kill", "there is no failpoint 'blob.nowhere'; there are store.beginning"),
        ("blob.renamed:1=explode", "there is no action 'explode'; there are kill"),
        ("blob.renamed=kill", "write name:hit=action"),
        ("blob.renamed:0=kill", "write name:hit=action"),
        ("blob.renamed:1=sleep", "there is no action 'sleep'"),
        ("blob.renamed:1=kill:3", "there is no action 'kill:3'"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_at_the_start(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAGAWANA_FAILPOINTS", text)
    with pytest.raises(DataError) as caught:
        load_settings()
    assert caught.value.code is ErrorCode.SETTINGS_INVALID and says in caught.value.detail
