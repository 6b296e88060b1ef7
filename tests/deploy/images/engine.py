"""Images built from the Dockerfile, and containers of them, by podman.

Where the base image is not at hand and cannot be pulled, a stand-in takes its name: Debian's smallest system of the same release, and in
it the Python that runs the tests. It has what a slim image has, and, on purpose, nothing more.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.fetching import ROOT, TOOLS, ToolMissing, made

BASE = re.findall(r"^FROM (\S+) AS base$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0]
SYSTEM = "ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,zlib1g,libreadline8,libuuid1"
"""What a slim image of Python has beyond Debian's smallest system."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def podman(*arguments: str, seconds: float = 1800) -> str:
    """What podman prints.

    Raises:
        ToolMissing: there is none, or we are not root.
        subprocess.CalledProcessError: with its words in `stderr`.
    """
    if shutil.which("podman") is None or shutil.which("runc") is None or os.geteuid() != 0:
        raise ToolMissing("images are built by podman, as root; on Debian: apt-get install podman runc mmdebstrap")
    command = ["podman", "--runtime=runc", "--cgroup-manager=cgroupfs", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL).stdout


def has(image: str) -> bool:
    """Whether an image is at hand."""
    try:
        podman("image", "exists", image)
    except subprocess.CalledProcessError:
        return False
    return True


def base() -> str:
    """The base image, or a stand-in of its name; which one."""
    if has(BASE):
        stands_in = podman("image", "inspect", "--format", "{{.Comment}}", BASE).strip() == "stand-in"
        return "stand-in" if stands_in else "pulled"
    try:
        podman("pull", "--quiet", BASE, seconds=120)
        return "pulled"
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        podman("import", "--message", "stand-in", str(made(TOOLS / "base.tar", _make_base)), BASE)
        return "stand-in"


def build(target: str, image: str) -> None:
    """Build one target of the Dockerfile, with the network and certificates of this machine."""
    trusting = TOOLS / "pip.conf"
    trusting.write_text(f"[global]\ncert = {CERTIFICATES}\n")
    mounts = [f"--volume={CERTIFICATES}:{CERTIFICATES}:ro", f"--volume={trusting}:/etc/pip.conf:ro"]
    given = [*mounts, "--network=host", "--isolation=chroot", "--pull-never"]
    podman("build", "--quiet", *given, f"--target={target}", f"--tag={image}", str(ROOT))


@contextmanager
def container(image: str, arguments: Sequence[str], environment: Mapping[str, str], options: Sequence[str]) -> Iterator[str]:
    """A running container on the machine's own network; its id. It is gone afterwards, whatever became of it."""
    given = [option for name, value in environment.items() for option in ("--env", f"{name}={value}")]
    limits = [f"--ulimit=nofile={FILES}:{FILES}", "--ulimit=nproc=4096:4096"]
    made = podman("run", "--detach", "--pull=never", "--network=host", *limits, *options, *given, image, *arguments).strip()
    try:
        yield made
    finally:
        podman("rm", "--force", "--volumes", "--time=0", made)


def _make_base() -> None:
    if shutil.which("mmdebstrap") is None:
        raise ToolMissing(f"{BASE} cannot be pulled, and its stand-in is made by mmdebstrap; on Debian: apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        debian = ["mmdebstrap", "--variant=minbase", "--mode=root", f"--include={SYSTEM}", "bookworm", str(Path(folder) / "debian.tar")]
        subprocess.run(debian, check=True, capture_output=True, timeout=900)
        with tarfile.open(Path(folder) / "debian.tar") as archive:
            archive.extractall(root, filter="fully_trusted")
        _add_python(root / "usr" / "local")
        subprocess.run(["chroot", str(root), "ldconfig"], check=True, timeout=60)
        new = TOOLS / "base.tar.new"
        with tarfile.open(new, "w") as archive:
            archive.add(root, ".")
        new.rename(TOOLS / "base.tar")


def _add_python(prefix: Path) -> None:
    """The interpreter that runs us, without what was installed into it."""
    ours, name = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy2(ours / "bin" / name, prefix / "bin" / name)
    for link in ("python", "python3"):
        (prefix / "bin" / link).symlink_to(name)
    for library in ours.glob("lib/libpython*.so*"):
        shutil.copy2(library, prefix / "lib" / library.name, follow_symlinks=False)
    left_out = shutil.ignore_patterns("test", "tkinter", "__pycache__", "site-packages")
    shutil.copytree(ours / "lib" / name, prefix / "lib" / name, symlinks=True, ignore=left_out)
    (prefix / "lib" / name / "site-packages").mkdir()
