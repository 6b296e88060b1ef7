"""The Dockerfile by its linter, and what it must keep to. Building it: tests/deploy/images."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path

from deploy.chart.rendering import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
TARGETS = ("slim", "cuda")


def _stages() -> dict[str, list[str]]:
    """Lines of each stage, with those of the stage it is made from."""
    stages: dict[str, list[str]] = {}
    for part in re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:]:
        first, *lines = part.splitlines()
        parent, name = first.split(" AS ")
        stages[name] = [*stages.get(parent, [f"FROM {parent}"]), *lines]
    return stages


def test_the_linter_says_nothing(hadolint: Path, tmp_path: Path) -> None:
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\n")
    assert subprocess.run([hadolint, tmp_path / "Dockerfile"], capture_output=True, check=False, timeout=60).returncode


def test_images_run_as_our_user_from_a_named_base() -> None:
    for target in TARGETS:
        lines = _stages()[target]
        assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-bookworm", lines[0])
        assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
        assert 'ENTRYPOINT ["jagawana"]' in lines
    assert list(_stages())[-1] == "slim", "what is built when no target is named"


def test_only_the_cuda_image_has_torch() -> None:
    copied = {target: [line for line in _stages()[target] if line.startswith("COPY")] for target in TARGETS}
    assert all(copied[target] == [f"COPY --from=build-{target} /opt/jagawana /opt/jagawana"] for target in TARGETS)
    spec = importlib.util.spec_from_file_location("requirements", ROOT / "docker" / "requirements.py")
    assert spec is not None and spec.loader is not None
    chosen = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chosen)
    names = ("jagawana", "torch", "triton", "nvidia-cublas", "cuda-bindings", "numpy", "openvino")
    report = json.dumps({"install": [{"metadata": {"name": name, "version": "1.0"}} for name in names]})
    assert chosen.pins(report, torch=False) == ["numpy==1.0", "openvino==1.0"]
    assert chosen.pins(report, torch=True) == [f"{name}==1.0" for name in names[1:]]
    assert any("requirements.py report.json --without-torch" in line for line in _stages()["build-slim"])
    assert not any("--without-torch" in line for line in _stages()["build-cuda"])


def test_a_change_of_our_code_installs_no_dependency_again() -> None:
    for target in TARGETS:
        lines = _stages()[f"build-{target}"]
        ours = min(n for n, line in enumerate(lines) if line == "COPY services services")
        assert [n for n, line in enumerate(lines) if "--requirement" in line][-1] < ours
        assert lines[-1 if lines[-1] else -2] == "RUN pip install --no-cache-dir --no-deps ."


def test_what_is_copied_is_there_and_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in TEXT.splitlines() if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]}
    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert path.split("/")[0] in let_in
