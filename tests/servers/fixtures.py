"""A server as a fixture: started, given, and ended whatever happens."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

import pytest
from servers.process import ServerMissing

T = TypeVar("T")


def running(request: pytest.FixtureRequest, server: AbstractContextManager[T]) -> Iterator[T]:
    """`yield from` it in a fixture: where the server cannot be had, the test is skipped, or fails under `--servers=required`."""
    try:
        started = server.__enter__()
    except ServerMissing as e:
        if request.config.getoption("--servers") == "required":
            pytest.fail(str(e), pytrace=False)
        pytest.skip(str(e))
    try:
        yield started
    finally:
        server.__exit__(None, None, None)
