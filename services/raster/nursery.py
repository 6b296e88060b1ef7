"""A small process that has the decoder loaded, and no threads, and forks one child per scene: 17 ms to its first answer.

The standard library's fork server would do, but on Python 3.11 every child of it first imports the parent's main module
(cpython issue 126631), which costs half a second a scene and runs code the decoder has no use for.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.failpoints import reached

REQUEST_BYTES = 1 << 16
ANSWER_SECONDS = 120.0
"""It answers in a moment, once it has loaded the decoder."""
KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "PROJ_DATA", "PROJ_LIB", "GDAL_DATA")
"""Of the environment; the rest holds secrets, and options that would open drivers and networks to the decoder."""


class Nursery:
    """The parent's side: asks for children. One per process; see `nursery()`."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reached("nursery.starting")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "jagawana.services.raster.nursery", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, close_fds=True,
                env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
            )  # fmt: skip
        reached("nursery.started")
        self._control.settimeout(ANSWER_SECONDS)
        atexit.register(self.close)

    @property
    def is_alive(self) -> bool:
        """Whether it can still fork."""
        return self._process.poll() is None

    def fork(self, work: dict[str, object], memory: int) -> tuple[Connection, int]:
        """A new child that serves `work` and sees the memory of a descriptor; its connection and process id.

        Raises:
            TransientError: DECODER_FAILED when the nursery has died.
        """
        ours, theirs = socket.socketpair()
        try:
            reached("decoder.forking")
            with theirs:
                socket.send_fds(self._control, [json.dumps(work).encode()], [theirs.fileno(), memory])
            reached("decoder.sent_for")
            pid = int(self._control.recv(32) or b"0")
            reached("decoder.forked")
        except OSError as e:
            ours.close()
            self._process.kill()  # a late answer would be taken for the next one's
            raise TransientError(ErrorCode.DECODER_FAILED, f"the decoder's parent has died ({e})") from e
        if not pid:
            ours.close()
            raise TransientError(ErrorCode.DECODER_FAILED, "the decoder's parent has died")
        return Connection(ours.detach()), pid

    def close(self) -> None:
        """Hang up: it ends by itself."""
        atexit.unregister(self.close)
        self._control.close()
        self._process.wait()


_the_nursery: list[Nursery] = []


def nursery() -> Nursery:
    """The process's nursery, started when first needed and again when it has died."""
    if _the_nursery and not _the_nursery[0].is_alive:
        _the_nursery.pop().close()
    if not _the_nursery:
        _the_nursery.append(Nursery())
    return _the_nursery[0]


def kill(pid: int) -> None:
    """End a child that may have ended already, and whatever it has started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # one that has not begun yet leads no group
        os.kill(pid, signal.SIGKILL)


def _serve(control: socket.socket) -> None:
    """Fork until the parent hangs up, however it ended; no child, and nothing that a child has started, goes on after that."""
    from jagawana.services.raster.decoder import serve

    signal.signal(signal.SIGCHLD, _bury_children)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    while True:
        request, handles, _, _ = socket.recv_fds(control, REQUEST_BYTES, 2)
        if not request:
            for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                kill(int(child))
            return
        pid = os.fork()
        if pid:
            for handle in handles:
                os.close(handle)
            control.send(str(pid).encode())
            continue
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with Connection(handles[0]) as connection:
            serve(connection, handles[1], **json.loads(request))
        os._exit(0)


def _bury_children(*_: object) -> None:
    """End what a dead child had started, while its process id is still its own; then let it go."""
    with suppress(ChildProcessError):
        while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            kill(dead.si_pid)
            os.waitpid(dead.si_pid, 0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
