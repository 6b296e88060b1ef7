"""Names from other people's files, made harmless: no control, no direction tricks, no markup, no mention, no link, no essay."""

import re
import unicodedata

MAX_NAME = 60
"""Characters of a zone, holder or province name that a message carries."""
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories nobody can see: control, format (with every bidi override), unassigned, private, surrogates, separators."""
# What chat clients and mail programs act on, and what stands in its place. The letters stay, the effect goes.
_INERT = str.maketrans(
    {
        "@": " (at) ",
        "<": " ",
        ">": " ",
        "`": "'",
        "*": " ",
        "_": " ",
        "~": "-",
        "|": "/",
        "\\": "/",
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "#": "no. ",
        "=": "-",
        "$": " ",
        '"': "'",
    }
)
_LINKS = re.compile(r"(?<=[^\W\d])\.(?=\w)|(?<=\w)\.(?=[^\W\d])|(?<=\w)://+")
"""What makes clients turn words into links: a dot inside a word (not inside a number), and ://."""
_COMBINING_RUN = re.compile(r"([\u0300-\u036f]{2})[\u0300-\u036f]+")


def safe_name(name: str, *, max_length: int = MAX_NAME) -> str:
    """A name that is only read, never acted on: one line, visible characters, no markup, mention or link; cut with an ellipsis."""
    text = _visible(unicodedata.normalize("NFC", name)).translate(_INERT)
    text = _COMBINING_RUN.sub(r"\1", _LINKS.sub(". ", text))
    text = " ".join(text.split()).lstrip("-+ ")
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


def safe_id(identifier: str, *, max_length: int = 120) -> str:
    """An identifier for a person to copy: letters, digits and _ . : | / - only."""
    return re.sub(r"[^A-Za-z0-9_.:|/-]", "", identifier)[:max_length] or "?"


def _visible(text: str) -> str:
    return "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text)
