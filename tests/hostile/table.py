"""What a hostile input is: a number, a name, what must come of it, and how to make it from a good scene."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from hostile.traps import Traps
from scenes import Scene, describe, edit_item

from jagawana.schemas.errors import ErrorCode


class Accepted(Enum):
    """What may come of an input that is not refused."""

    AS_CLEAN = "the result of the clean scene"
    AS_IT_IS = "a result of its own, which the note explains"


@dataclass(frozen=True)
class Target:
    """A good scene that is about to be spoiled."""

    item: Path
    image: Path
    scl: Path
    traps: Traps


Spoil = Callable[[Target], None]


@dataclass(frozen=True, eq=False)
class Case:
    """One row. Several cases may be forms of one number."""

    id: str
    name: str
    expected: ErrorCode | Accepted
    spoil: Spoil
    note: str = ""
    scene: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the Scene that is spoiled."""

    def __str__(self) -> str:
        return f"{self.id} {self.name}"

    def made(self, day: int) -> Scene:
        """The scene that will be spoiled; it shows mining where the good scenes show none."""
        return Scene(**({"day": day, "mining": [(60, 60, 20, 20)]} | dict(self.scene)))


def numbers() -> set[str]:
    """The numbers of all hostile inputs in this folder, of whatever table."""
    texts = (path.read_text() for path in Path(__file__).parent.glob("*.py"))
    return {number for text in texts for number in re.findall(r'"([A-F]\d\d)"', text)}


def item(edit: Callable[[dict[str, Any]], object]) -> Spoil:
    """Change the item."""
    return lambda t: (edit_item(t.item, edit), None)[1]


def image(write: Callable[[Target], object]) -> Spoil:
    """Write another image, and say its true size and checksum, so that only what it is can be refused."""

    def spoil(t: Target) -> None:
        write(t)
        edit_item(t.item, lambda d: d["assets"]["image"].update(describe(t.image)))

    return spoil


def content(make: Callable[[Target], bytes]) -> Spoil:
    """Like `image`, from bytes."""
    return image(lambda t: t.image.write_bytes(make(t)))
