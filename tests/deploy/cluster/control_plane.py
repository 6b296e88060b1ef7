"""A control plane of Kubernetes on the loopback address: etcd, API server, controllers, scheduler, and kwok, which pretends to be nodes.

Everything but the containers themselves is real: what is asked of the API server is checked and stored, controllers make pods, the
scheduler places them. kwok then says that they run, and that jobs have succeeded; no container is ever started.
"""

import json
import secrets
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from servers.process import Server, free_port, give, own_folder, remove

ADMIN, DEPLOYER = "admin", "deployer"
CAPACITY = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "110"}
SLOW_TO_DOUBT = {"node-monitor-period": "60s", "node-monitor-grace-period": "1h"}
"""kwok's nodes send no leases here; they are not to be thought dead."""
GPU_LABEL = "nvidia.com/gpu.present"


class ControlPlane:
    """Started by `with`.

    Args:
        program: of `tests/deploy/cluster/go`.
        kwok, kubectl: programs.
    """

    def __init__(self, program: Path, kwok: Path, kubectl: Path) -> None:
        self.program, self.kwok, self._kubectl = program, kwok, kubectl
        self.port = free_port()
        self.namespace = "forest"
        self.tokens = {ADMIN: secrets.token_hex(16), DEPLOYER: secrets.token_hex(16)}

    def __enter__(self) -> Self:
        self.folder = own_folder("kubernetes")
        self.running = ExitStack()
        self.running.callback(remove, self.folder)
        try:
            self._start()
        except BaseException:
            self.running.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.running.close()

    def config(self, user: str = ADMIN) -> Path:
        """A kubeconfig of one of the users: `admin` may do everything, `deployer` what is granted to it."""
        file = self.folder / f"{user}.json"
        cluster = {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}
        contents = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": user}}],
            "current-context": "here",
        }
        file.write_text(json.dumps(contents))
        return file

    def kubectl(self, *arguments: str, stdin: str = "", user: str = ADMIN) -> str:
        """What kubectl prints.

        Raises:
            subprocess.CalledProcessError: with what the API server said in `stderr`.
        """
        command = [self._kubectl, f"--kubeconfig={self.config(user)}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, input=stdin).stdout

    def inside(self, *arguments: str, user: str = ADMIN) -> str:
        """What kubectl prints of the namespace."""
        return self.kubectl(f"--namespace={self.namespace}", *arguments, user=user)

    def get(self, kinds: str, **labels: str) -> list[dict[str, Any]]:
        """Resources of the namespace, e.g. get("pods", component="detect")."""
        chosen = ",".join(f"app.kubernetes.io/{k}={v}" for k, v in labels.items())
        selector = [f"--selector={chosen}"] if chosen else []
        return list(json.loads(self.inside("get", kinds, *selector, "--output=json"))["items"])

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Make or change resources in the namespace, checked by the server; a field it does not know is an error."""
        placed = [m | {"metadata": {"namespace": self.namespace} | m["metadata"]} for m in manifests]
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": placed})
        self.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-", stdin=listed)

    def _start(self) -> None:
        for program in (self.program, self.kwok):
            shutil.copy(program, self.folder / program.name)  # the servers' user may not be able to read the checkout
        self._keys()
        (self.folder / "tokens.csv").write_text(f'{self.tokens[ADMIN]},{ADMIN},1,"system:masters"\n{self.tokens[DEPLOYER]},{DEPLOYER},2\n')
        give(self.folder / "tokens.csv")
        etcd = self._etcd()
        self._serve("kube-apiserver", self._api_server(etcd)).wait_until(self._is_ready, 120)
        client = {"kubeconfig": self.config(), "leader-elect": "false", "secure-port": 0}
        self._serve("kube-controller-manager", client | {"service-account-private-key-file": self.folder / "sa.key"} | SLOW_TO_DOUBT)
        self._serve("kube-scheduler", client)
        self._pretend()

    def _etcd(self) -> str:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        urls = {"listen-client-urls": client, "advertise-client-urls": client, "listen-peer-urls": peer}
        peers = {"initial-advertise-peer-urls": peer, "initial-cluster": f"default={peer}"}
        self._serve("etcd", {"data-dir": self.folder / "etcd", "unsafe-no-fsync": "true"} | urls | peers)
        return client

    def _api_server(self, etcd: str) -> dict[str, object]:
        return {
            "etcd-servers": etcd,
            "bind-address": "127.0.0.1",
            "secure-port": self.port,
            "cert-dir": self.folder / "certificates",
            "token-auth-file": self.folder / "tokens.csv",
            "authorization-mode": "RBAC",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self.folder / "sa.pub",
            "service-account-signing-key-file": self.folder / "sa.key",
            "service-cluster-ip-range": "10.96.0.0/16",
            "endpoint-reconciler-type": "none",
        }

    def _serve(self, name: str, flags: Mapping[str, object]) -> Server:
        return self._run(name, [str(self.folder / self.program.name), name], flags)

    def _run(self, name: str, command: list[str], flags: Mapping[str, object]) -> Server:
        server = Server(name, [*command, *(f"--{flag}={value}" for flag, value in flags.items())], self.folder)
        server.start()
        self.running.callback(server.kill)  # nobody reads its folder again
        return server

    def _pretend(self) -> None:
        for name, gpus in (("node-1", 0), ("node-2", 0), ("node-gpu", 2)):
            capacity = CAPACITY | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "disk": "ssd"} | ({GPU_LABEL: "true"} if gpus else {})
            taints = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}] if gpus else []
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}}
            self.kubectl("apply", "--filename=-", stdin=json.dumps(node))
            status = json.dumps({"status": {"capacity": capacity, "allocatable": capacity}})
            self.kubectl("patch", "node", name, "--subresource=status", "--type=merge", f"--patch={status}")
        flags = {"kubeconfig": self.config(), "manage-all-nodes": "true", "node-lease-duration-seconds": 0, "node-port": free_port()}
        self._run("kwok", [str(self.folder / "kwok")], flags)

    def _keys(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        pem, no = serialization.Encoding.PEM, serialization.NoEncryption()
        (self.folder / "sa.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, no))
        (self.folder / "sa.pub").write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
        for name in ("sa.key", "sa.pub"):
            give(self.folder / name)

    def _is_ready(self) -> bool:
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}/readyz", headers={"Authorization": f"Bearer {self.tokens[ADMIN]}"})
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen(request, timeout=2, context=trusting) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
