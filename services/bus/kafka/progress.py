"""Liveness as time since the last progress: a client may look well, and never read again."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import NoReturn

logger = logging.getLogger(__name__)
GIVE_UP_CODE = 75
"""Exit code of a process that another should replace (EX_TEMPFAIL of sysexits.h)."""
DEFECT_CODE = 70
"""Exit code after an error nobody expected (EX_SOFTWARE)."""


class Progress:
    """When something was last done: a record handled, the brokers polled, a batch sent."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._last = seconds()

    def made(self) -> None:
        """Something was done."""
        self._last = self._seconds()

    def age(self) -> float:
        """Seconds since then."""
        return self._seconds() - self._last


def exit_at_once(code: int, why: str) -> NoReturn:
    """End the process without cleaning up: what is not committed happens again elsewhere, and no thread is waited for."""
    logger.critical("exit %d: %s", code, why)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)


def exit_after(seconds: float, why: str) -> None:
    """End the process after a grace time, unless it has ended by itself: a producer with something to send would wait for its broker."""
    timer = threading.Timer(seconds, exit_at_once, (GIVE_UP_CODE, why))
    timer.daemon = True
    timer.start()
