"""The rooms of the house: in the embedded mode one process holds them all, in the distributed mode each is a process."""

import asyncio
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any


class Room(StrEnum):
    """What a process of the distributed mode can be."""

    INGEST = "ingest"
    DETECT = "detect"
    ASSESS = "assess"
    RELAY = "relay"
    NOTIFY = "notify"
    WEB = "web"


Running = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A room at work, until the event is set."""
