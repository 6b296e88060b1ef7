"""The nursery as it is, but for one thing: its decoders do what the last bytes of a file tell them to. For tests of real deaths."""

import ctypes
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jagawana.services.raster import decoder, nursery

MARK = b"\0hostile:"
CONNECTIONS: list[Connection] = []
_answer, _serve = decoder._answer, decoder.serve


def marked(content: bytes, deed: str) -> bytes:
    """A file that makes its decoder do a deed."""
    return content + MARK + deed.encode()


def _segfault() -> None:
    ctypes.string_at(0)


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _loop() -> None:
    while True:
        pass


def _allocate() -> None:
    kept = []
    while True:
        kept.append(bytearray(b"x") * (16 << 20))


def _fork() -> None:
    for _ in range(5):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)


def _kill_nursery() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def _stall() -> None:
    """Begins a long answer and does not go on."""
    os.write(CONNECTIONS[0].fileno(), struct.pack("!i", 1000) + b"{")
    time.sleep(600)


DEEDS: dict[str, Callable[[], None]] = {
    "segfault": _segfault,
    "killed": _killed,
    "loop": _loop,
    "allocate": _allocate,
    "fork": _fork,
    "kill-nursery": _kill_nursery,
    "stall": _stall,
}


def _hostile_answer(
    files: dict[str, Any], paths: dict[str, str], request: dict[str, Any], memory: int, *rest: Any
) -> tuple[Any, bytes | None]:
    _, mark, deed = Path(paths[request["asset"]]).read_bytes().rpartition(MARK)
    if mark and deed != b"babble":
        DEEDS[deed.decode()]()
    return ("nonsense", None) if mark else _answer(files, paths, request, memory, *rest)  # type: ignore[arg-type]


def _hostile_serve(connection: Connection, *rest: Any, **work: Any) -> None:
    CONNECTIONS.append(connection)
    _serve(connection, *rest, **work)


if __name__ == "__main__":
    decoder.serve = _hostile_serve
    decoder._answer = _hostile_answer  # type: ignore[assignment]
    nursery._serve(socket.socket(fileno=int(sys.argv[1])))
