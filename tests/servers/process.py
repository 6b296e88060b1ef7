"""What running a server takes: a folder and a user of its own, ports, a start that is waited for, and an end that is certain.

Every server is our direct child, so that we reap it: a killed server that stays a zombie looks alive to the next one that
wants its folder. The kernel kills it when the thread that started it ends, so start servers from the main thread; nothing is
left behind by tests that are killed.
"""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CACHE = Path(__file__).parents[2] / "build" / "servers"
"""Where fetched servers lie; removed by `make clean`."""
USER = "nobody"
"""Whom servers run as when we are root: PostgreSQL refuses root, and root would not notice a missing right."""
LOG_LINES = 20
PORTS = range(20_000, 32_000)
"""Below the range from which the kernel takes ports of outgoing connections, so that none of them is in the way."""


class ServerMissing(Exception):
    """A server cannot be had on this machine; says what to install."""


class ServerFailed(Exception):
    """A server was there and did not do what it should; with the end of its log."""


def free_port() -> int:
    """A port of the loopback address that nobody has now."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailed(f"no free port between {PORTS.start} and {PORTS.stop}")


def own_folder(name: str) -> Path:
    """A new folder under the machine's temporary one that belongs to the servers' user. Whoever makes it removes it."""
    folder = Path(tempfile.mkdtemp(prefix=f"jagawana-{name}-"))
    give(folder)
    return folder


def give(path: Path) -> None:
    """Let the servers' user have a file or folder."""
    if os.geteuid() == 0:
        owner = pwd.getpwnam(USER)
        os.chown(path, owner.pw_uid, owner.pw_gid)


def remove(folder: Path) -> None:
    """Remove a folder and what a server left in it."""
    shutil.rmtree(folder, ignore_errors=True)


def unprivileged(command: Sequence[str]) -> list[str]:
    """A command that runs as nobody if we are root, and dies with us in any case. Keeps its process id: nothing forks."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerMissing("setpriv is missing; on Debian: apt-get install util-linux")
    if os.geteuid() != 0:
        return [setpriv, "--pdeathsig", "KILL", *command]
    group = str(pwd.getpwnam(USER).pw_gid)
    return [setpriv, "--reuid", USER, "--regid", group, "--clear-groups", "--pdeathsig", "KILL", *command]


class Server:
    """One server process.

    Args:
        name: in messages.
        command: what to run.
        folder: its working folder; its log is `<name>.log` there.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.environment = dict(os.environ) | dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it printed in all its lives."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """Its process id."""
        if self.process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self.process.pid

    def start(self) -> None:
        """Begin; whether it serves is another question: `wait_until`."""
        if self.process is not None:
            raise ServerFailed(f"{self.name} is running already")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                unprivileged(self.command),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until(self, serves: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until it serves.

        Raises:
            ServerFailed: it ended, or took longer than `seconds`.
        """
        end = time.monotonic() + seconds
        while not serves():
            if self.process is None or self.process.poll() is not None:
                raise ServerFailed(f"{self.name} ended while starting: {self.last_words()}")
            if time.monotonic() > end:
                raise ServerFailed(f"{self.name} did not serve within {seconds:g} s: {self.last_words()}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int | None:
        """Ask it to end, kill it after `seconds`; its exit code, None if it did not run."""
        if self.process is None:
            return None
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        code, self.process = self.process.returncode, None
        return code

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP, and wait until every thread stands: connections stay open, nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)
        while not all(_stands(thread) for thread in Path(f"/proc/{self.pid}/task").iterdir()):
            time.sleep(0.005)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_LINES:]) or "it printed nothing"


def _stands(thread: Path) -> bool:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] in "TZ"
    except FileNotFoundError:  # it ended meanwhile
        return True


def run_tool(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a server's own tool as its user, in its folder; what it printed.

    Raises:
        ServerFailed: it exited with another code than 0.
    """
    given = dict(os.environ) | dict(environment or {})
    done = subprocess.run(unprivileged(command), check=False, cwd=folder, env=given, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise ServerFailed(f"{Path(command[0]).name} exited with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def port_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as s:
        s.settimeout(1.0)
        return s.connect_ex(("127.0.0.1", port)) == 0
