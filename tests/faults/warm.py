"""A warm interpreter that forks one process per life: a life costs a fork instead of a start.

Run as a program it has imported everything, lived once, and has one thread; then it reads a request per line and answers
in one line: how the process ended, and how many of its own processes outlived it. Two things differ from a cold process: the
nursery is forked too (a cold one imports the decoder anew), and a picture that was drawn before is not drawn again.
"""

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Ended:
    """How a life's process ended. `status` is its exit code, or minus the signal; `orphans` outlived it."""

    status: int
    orphans: int
    seconds: float
    error: str


class Warm:
    """The parent's side."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def life(self, data: Path, archive: Path, failpoints: str = "", *, days_later: int = 0) -> Ended:
        """A process that lives in `data` until its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"data": str(data), "archive": str(archive), "failpoints": failpoints, "days_later": days_later}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def warm() -> Iterator[Warm]:
    """A warm interpreter, gone afterwards."""
    single = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    environment = os.environ | single | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "faults.warm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield Warm(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


class _Forked:
    """Stands for the Popen of the nursery: the same program in a fork of this process."""

    def __init__(self, command: list[str], *, pass_fds: list[int], **_: Any) -> None:
        self.pid, self.returncode = os.fork(), None
        if self.pid == 0:
            os.closerange(3, pass_fds[0])
            os.closerange(pass_fds[0] + 1, 4096)
            _as_nursery(pass_fds[0])

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        return self._ended(0)

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def _as_nursery(control: int) -> None:
    import socket

    from jagawana.services.raster import nursery

    nursery._serve(socket.socket(fileno=control))
    os._exit(0)


def _live(data: str, archive: str, failpoints: str = "", days_later: int = 0) -> None:
    from faults.life import Time, built, live

    service = built(Path(data), Time(days_later), failpoints=failpoints)
    live(service, Path(archive))
    service.engine.dispose()


def _warm_up() -> None:
    import rasterio  # noqa: F401  (the decoder's)
    from faults.life import write_life

    import jagawana.services.raster.decoder  # noqa: F401  (the nursery's)
    from jagawana.services.notify import ledger
    from jagawana.services.raster import nursery

    nursery.subprocess.Popen = _Forked  # type: ignore[assignment,misc]
    drawn = ledger.before_and_after
    seen: dict[str, Any] = {}
    ledger.before_and_after = lambda content, blobs: seen.setdefault(content.model_dump_json(), drawn(content, blobs))
    with tempfile.TemporaryDirectory() as folder:
        _live(f"{folder}/data", str(write_life(Path(folder, "archive"))))
    ledger.before_and_after = lambda content, blobs: seen.get(content.model_dump_json()) or drawn(content, blobs)
    nursery._the_nursery.pop().close()


def _serve() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _warm_up()
    gc.freeze()  # a fork then copies fewer pages
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads cannot be forked safely"
    for line in sys.stdin:
        print(json.dumps(_one_life(json.loads(line))), flush=True)


def _one_life(request: dict[str, Any]) -> dict[str, object]:
    began = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        pid = os.fork()
        if pid == 0:
            os.dup2(errors.fileno(), 2)
            os.dup2(2, 1)
            code = 1
            try:
                _live(**request)
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        seconds = time.monotonic() - began
        errors.seek(0)
        said = errors.read().decode(errors="replace")[-3000:]
    return {"status": status, "orphans": _orphans(), "seconds": seconds, "error": said}


def _orphans() -> int:
    """Processes of the dead one that have come to us and do not end."""
    until = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.002)
        except ChildProcessError:
            return 0
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


if __name__ == "__main__":
    _serve()
