"""The rooms of the house: in the embedded mode one process holds them all, in the distributed mode each is a process."""

from enum import StrEnum


class Room(StrEnum):
    """What a process of the distributed mode can be."""

    INGEST = "ingest"
    DETECT = "detect"
    ASSESS = "assess"
    RELAY = "relay"
    NOTIFY = "notify"
    WEB = "web"
