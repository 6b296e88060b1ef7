"""The report as one HTML file: no script, no network, readable on a phone."""

import base64
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jagawana.services.reporting.contents import Contents


def to_html(contents: Contents) -> str:
    """The page; names from outside are escaped, pictures travel inside as data."""
    env = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters["data"] = _data
    return env.from_string(_read("province.html.j2")).render(c=contents, css=Markup(_read("province.css")))


def _read(name: str) -> str:
    return (files("jagawana.services.reporting") / "templates" / name).read_text(encoding="utf-8")


def _data(picture: bytes) -> Markup:
    mime = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
    return Markup("data:{};base64,{}").format(mime, base64.b64encode(picture).decode())
