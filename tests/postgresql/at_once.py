"""Works that run at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WRITERS = 8
T = TypeVar("T")


class Done:
    """Counts those that are done."""

    def __init__(self) -> None:
        self.n, self._lock = 0, threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.n += 1


def at_once(*works: Callable[[], T]) -> list[T]:
    """Run all in threads of their own that start together; raises what any of them raises."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        ready.wait(timeout=10)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [f.result(timeout=60) for f in [pool.submit(run, work) for work in works]]
