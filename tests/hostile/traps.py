"""Traps that nobody may step into: a file with a secret, and listeners that count who connects."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECRET = "jagawana-canary-7f3a9c"
ADDRESSES = ("127.0.0.1", "127.0.0.2")


@dataclass
class Traps:
    """`urls` lead to the listeners; `visits` is who came."""

    secret: Path
    urls: list[str] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)


@contextmanager
def traps(folder: Path) -> Iterator[Traps]:
    """Set while the block runs."""
    set_up = Traps(folder / "secret.txt")
    set_up.secret.write_text(f"{SECRET}\n" * 4000)

    class Visit(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            set_up.visits.append(str(self.request.getsockname()))
            self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with ExitStack() as stack:
        for address in ADDRESSES:
            server = stack.enter_context(socketserver.ThreadingTCPServer((address, 0), Visit))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.shutdown)
            set_up.urls.append(f"http://{address}:{server.server_address[1]}")
        yield set_up
