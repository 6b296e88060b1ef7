"""Three steps at once: while one tile is thought about, the next is read and the last one is written."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
AHEAD = 1
"""Tiles read ahead, and tiles waiting to be written: more would only cost memory."""


def in_stages(items: Iterable[A], read: Callable[[A], B], think: Callable[[B], C], write: Callable[[C], D]) -> Iterator[D]:
    """`write(think(read(item)))` of every item, in order. `read` and `write` have a thread of their own each; `think` has the caller's.

    What any of them raises, is raised here; what had been begun is finished first, and nothing else is begun.
    """
    todo = iter(items)
    with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
        try:
            coming: deque[Future[B]] = deque(reading.submit(read, item) for item in islice(todo, AHEAD + 1))
            going: deque[Future[D]] = deque()
            while coming:
                found = coming.popleft().result()
                coming.extend(reading.submit(read, item) for item in islice(todo, 1))
                going.append(writing.submit(write, think(found)))
                if len(going) > AHEAD:
                    yield going.popleft().result()
            while going:
                yield going.popleft().result()
        finally:
            reading.shutdown(wait=False, cancel_futures=True)
            writing.shutdown(wait=False, cancel_futures=True)
