"""A process that works batches off, and says after every scene what it holds: `python -m soak.worker DATA ARCHIVE`."""

import json
import os
import sys
import threading
import time
from pathlib import Path

from soak.many_scenes import queued, started

from jagawana.services.wiring import Service


def holding(service: Service) -> dict[str, float]:
    """Now: seconds by both clocks, descriptors, sockets, threads, processes, and bytes of observations kept for the next fold."""
    handles = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {
        "at": time.monotonic(),
        "cpu": time.process_time(),
        "descriptors": len(handles),
        "sockets": sum(handle.startswith("socket") for handle in handles),
        "threads": threading.active_count(),
        "processes": len(children),
        "kept": service.assess.histories._kept.currsize,
    }


def main(data: Path, archive: Path) -> None:
    """Work until nothing is left of any batch."""
    service = started(data)
    with service.working():
        for batch in sorted(archive.iterdir()):
            queued(service, batch)
            service.drain(lambda room: print(json.dumps(holding(service)), flush=True) if room == "detect" else None)
    service.engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
