"""A process that works a queue off and says, line by line, how far it is and what it holds: `python -m soak.worker DATA`."""

import json
import os
import sys
import threading
import time
from pathlib import Path

from soak.many_scenes import built

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


def main(data: Path) -> None:
    """Work until nothing is left."""
    service = built(data)
    with service.working():
        service.drain(lambda room: print(json.dumps(holding(service)), flush=True) if room == "detect" else None)
    service.engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
