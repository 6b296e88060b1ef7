"""Takes out of a line of log what is no operator's business: places finer than a cell, addresses, passwords."""

import re
from collections.abc import Collection

HIDDEN = "[hidden]"
PLACE = "[place]"
_FINE = re.compile(r"(?<![\w.])(?<!:\d\d:)-?\d{1,7}\.\d{3,}")
"""A number with three or more decimals: a hundred metres in degrees, a millimetre in UTM. Not the seconds of a time of day."""
_METRES = re.compile(r"(?<![\w.])\d{6,7}(?:\.\d+)?[ ,;]+\d{7,8}(?:\.\d+)?(?![\w])")
"""Easting and northing."""
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@]+@")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+\d{8,15}(?!\w)")
_SHORTEST_SECRET = 4


class Redacting:
    """Replaces given secrets wherever they stand, and whatever looks like a place, an address or a login."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        longest_first = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        text = _USER_IN_URL.sub(f"{HIDDEN}@", text)
        text = _PHONE.sub(HIDDEN, _MAIL.sub(HIDDEN, text))
        return _FINE.sub(PLACE, _METRES.sub(PLACE, text))
