"""What the decoder's process cannot do: use a network, write a file, gain rights, see our secrets, or outstay its limits."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.traps import SECRET, Traps, traps
from scenes import Scene, write_scene

from jagawana.services.raster.nursery import Nursery, kill

CONFINED = "import socket, sys\nfrom jagawana.services.raster.confinement import confine\nconfine(1 << 30, {cpu})\n"
CAN_ISOLATE = "import ctypes, sys\nsys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"


def confined(code: str, *, cpu: int = 10) -> subprocess.CompletedProcess[str]:
    done = CONFINED.format(cpu=cpu) + code
    return subprocess.run([sys.executable, "-c", done], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def laid(tmp_path: Path) -> Iterator[Traps]:
    with traps(tmp_path) as set_up:
        yield set_up


def test_it_reaches_no_network_where_the_kernel_allows_that(laid: Traps) -> None:
    host, port = laid.urls[0].removeprefix("http://").split(":")
    connect = f"socket.create_connection(('{host}', {port}), timeout=5).recv(9)"
    subprocess.run([sys.executable, "-c", f"import socket\n{connect}"], check=True, timeout=60)
    assert len(laid.visits) == 1, "the trap works"
    done = confined(connect)
    if subprocess.run([sys.executable, "-c", CAN_ISOLATE], check=False, timeout=60).returncode == 0:
        assert done.returncode and "OSError: [Errno 101]" in done.stderr and len(laid.visits) == 1
    else:
        assert done.returncode == 0, "a kernel that does not allow it changes nothing else"


def test_it_writes_no_file_and_runs_no_longer_than_it_may(tmp_path: Path) -> None:
    done = confined(f"open('{tmp_path}/x', 'wb', buffering=0).write(b'x')")
    assert done.returncode and not (tmp_path / "x").read_bytes()
    assert confined("while True: pass", cpu=1).returncode < 0
    assert "MemoryError" in confined("bytearray(2 << 30)").stderr


def test_its_parent_knows_none_of_our_secrets_and_it_gains_no_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("GDAL_DRIVER_PATH", str(tmp_path))
    write_scene(tmp_path, scene := Scene(0))
    image = tmp_path / "assets" / f"{scene.scene_id}_image.tif"
    nursery, memory = Nursery(), os.memfd_create("test")
    try:
        connection, pid = nursery.fork({"paths": {"a": str(image)}, "extra_bytes": 1 << 29, "cpu_seconds": 9}, memory)
        with connection:
            connection.send_bytes(b'{"asset": "a", "op": "header"}')
            assert connection.poll(30) and b"32749" in connection.recv_bytes()
            around = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PATH=" in around and SECRET.encode() not in around and b"GDAL_DRIVER_PATH" not in around
            assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
            kill(pid)
    finally:
        nursery.close()
        os.close(memory)
