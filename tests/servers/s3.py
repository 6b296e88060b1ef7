"""An S3 server over a folder: versitygw, built from its Go module."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from servers.certificates import Authority
from servers.process import CACHE, Server, ServerMissing, free_port, give, own_folder, port_open, remove, run_tool

MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
PROGRAM = CACHE / "s3" / "versitygw"


def fetch() -> Path:
    """The server's program; built when it is not there (about a minute on two cores, seconds where Go has built it before).

    Raises:
        ServerMissing: no Go, too old a Go, or no module proxy.
    """
    if not PROGRAM.exists():
        go = shutil.which("go")
        if go is None:
            raise ServerMissing("the S3 server (versitygw) is built by Go 1.25 or newer, which is missing; Debian 12's is too old")
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"GOBIN": str(PROGRAM.parent), "CGO_ENABLED": "0"}
        done = subprocess.run([go, "install", MODULE], check=False, env=environment, capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise ServerMissing(f"Go could not build the S3 server: {done.stderr[-1000:]}")
    return PROGRAM


class S3:
    """A server, started by `with`; a bucket is a folder of its folder.

    Args:
        port: a free one when left out.
        key, secret: of its administrator, who may do anything; drawn when left out.
        secure: TLS, with a certificate of `authority`.
    """

    def __init__(self, *, port: int | None = None, key: str | None = None, secret: str | None = None, secure: bool = False) -> None:
        self.port = port or free_port()
        self.key, self.secret = key or secrets.token_hex(8), secret or secrets.token_hex(16)
        self.secure = secure
        self._made = 0

    def __enter__(self) -> Self:
        program = fetch()
        self.folder = own_folder("s3")
        self.buckets = self.folder / "buckets"
        self.buckets.mkdir()
        users = self.folder / "users"
        users.mkdir()
        for folder in (self.buckets, users):
            give(folder)
        shutil.copy(program, self.folder / "versitygw")  # the servers' user may not be able to read the checkout
        options = ["--port", f"127.0.0.1:{self.port}", "--quiet", "--iam-dir", str(users)]
        if self.secure:
            self.authority = Authority(self.folder)
            certificate = self.authority.issue("s3")
            give(certificate)
            options += ["--cert", str(certificate), "--key", str(certificate)]
        administrator = {"ROOT_ACCESS_KEY": self.key, "ROOT_SECRET_KEY": self.secret}
        command = [str(self.folder / "versitygw"), *options, "posix", str(self.buckets)]
        self.server = Server("s3", command, self.folder, administrator)
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.kill()  # nobody reads its folder again
        remove(self.folder)

    def start(self) -> None:
        """Start and wait until it serves."""
        self.server.start()
        self.server.wait_until(lambda: port_open(self.port))

    def stop(self) -> None:
        """SIGTERM."""
        self.server.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self.server.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nobody answers."""
        self.server.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.server.resume()

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http{'s' * self.secure}://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables with which any S3 client finds it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }

    def new_bucket(self, name: str | None = None) -> str:
        """The name of an empty bucket that nobody else has."""
        self._made += 1
        name = name or f"test-{os.getpid()}-{self._made}"
        (self.buckets / name).mkdir()
        give(self.buckets / name)
        return name

    def new_user(self, key: str) -> dict[str, str]:
        """The variables of a user who may do nothing until `allow`."""
        secret = secrets.token_hex(16)
        login = ["--access", self.key, "--secret", self.secret, "--endpoint-url", self.endpoint]
        user = ["--access", key, "--secret", secret, "--role", "user"]
        run_tool([str(self.folder / "versitygw"), "admin", *login, "create-user", *user], self.folder)
        return self.environment | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def allow(self, bucket: str, policy: Mapping[str, Any]) -> None:
        """Give a bucket its policy, where the server keeps it."""
        os.setxattr(self.buckets / bucket, "user.policy", json.dumps(policy).encode())

    def file(self, bucket: str, key: str) -> Path:
        """Where an object lies on the disk, to damage it or look at it."""
        return self.buckets / bucket / key
