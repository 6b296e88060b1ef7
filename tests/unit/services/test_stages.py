import threading
import time

import pytest

from jagawana.services.detect.stages import in_stages


def test_order_is_kept_and_stages_overlap() -> None:
    names = set()

    def read(n: int) -> int:
        names.add(threading.current_thread().name)
        time.sleep(0.001 * (n % 3))
        return n + 1

    assert list(in_stages(range(20), read, lambda n: n * 10, lambda n: n + 5)) == [10 * (n + 1) + 5 for n in range(20)]
    assert all(name.startswith("read") for name in names)


def test_only_a_tile_or_two_are_read_ahead() -> None:
    begun: list[int] = []
    stages = in_stages(range(100), lambda n: begun.append(n) or n, lambda n: n, lambda n: n)
    next(stages)
    time.sleep(0.05)
    assert len(begun) <= 6
    stages.close()


@pytest.mark.parametrize("where", ["read", "think", "write"])
def test_an_error_comes_out_and_nothing_else_is_begun(where: str) -> None:
    begun: list[int] = []

    def step(name: str) -> object:
        def run(n: int) -> int:
            if name == "read":
                begun.append(n)
            if name == where and n == 3:
                raise ValueError("no")
            return n

        return run

    with pytest.raises(ValueError, match="no"):
        list(in_stages(range(100), step("read"), step("think"), step("write")))  # type: ignore[arg-type]
    assert len(begun) < 10
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "write"))]
