"""The alphabet of one SMS (3GPP TS 23.038): 160 septets, if every character is in the basic table or its extension."""

import re
import unicodedata

SMS_SEPTETS = 160
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€\f")
"""Each of these costs two septets: an escape and itself."""
_PLAIN = re.compile(r"[^A-Za-z0-9 .,'()/&:;+-]+")
_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "–": "-", "—": "-", "…": "..", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "đ": "d", "ł": "l"}
)


def is_gsm7(text: str) -> bool:
    """Whether every character can be sent in an SMS without turning it into a 70-character one."""
    return all(c in BASIC or c in EXTENSION for c in text)


def septets(text: str) -> int:
    """What `text` costs of the 160."""
    return sum(2 if c in EXTENSION else 1 for c in text)


def plain(text: str) -> str:
    """The closest text of unaccented Latin letters, digits and simple marks; what has none is left out."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LOOKALIKES))
    return " ".join(_PLAIN.sub("", decomposed).split())


def shortened(text: str, room: int) -> str:
    """`text` within `room` characters, cut between words where that keeps half of it, and then ending in two dots."""
    if len(text) <= room:
        return text
    if room < 4:
        return ""
    head = text[: room - 2]
    between_words = head.rsplit(" ", 1)[0]
    return (between_words if len(between_words) * 2 >= room else head).rstrip(" .,-(/&") + ".."
