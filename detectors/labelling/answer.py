"""What an interpreter says of a chip: segments by number, corrected with polygons, roads as lines, and what is unsure.

Coordinates are (column, row) in pixels of the chip, from its north-west corner: the first pixel reaches from 0 to 1.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from jagawana.schemas.base import Model

ClassName = Literal["background", "mining", "road", "water", "bare", "hut"]
"""LandClass in small letters."""
SceneWord = Literal["mining", "not_mining", "doubtful"]
ChangeWord = Literal[
    "new_mining", "mining_growth", "mining_shrunk_or_regrown", "new_road", "new_clearing", "river_moved", "none", "unclear"
]  # fmt: skip
Point = tuple[float, float]
Ring = Annotated[tuple[Point, ...], Field(min_length=3, description="corners, column and row in pixels; closes by itself")]
Numbers = Annotated[tuple[int, ...], Field(description="segment numbers of the picture")]


class Polygon(Model):
    """A correction: what lies inside is of one class, whatever the segments say. Later ones lie over earlier ones."""

    model_config = ConfigDict(populate_by_name=True)

    land_class: ClassName = Field(alias="class")
    points: Ring


class Road(Model):
    """A road or track along its middle."""

    points: Annotated[tuple[Point, ...], Field(min_length=2)]
    width_px: float = Field(default=1.5, ge=1, le=8)


class Unsure(Model):
    """What cannot be told, cloud included: left out of training and of scores."""

    segments: Numbers = ()
    polygons: tuple[Ring, ...] = ()


class ImageAnswer(Model):
    """One image, one date. What nothing names is background."""

    scene: SceneWord | None = Field(default=None, description="null: not answered yet")
    segments: dict[ClassName, Numbers] = Field(default={})
    polygons: tuple[Polygon, ...] = ()
    roads: tuple[Road, ...] = ()
    unsure: Unsure = Unsure()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all has been said."""
        named = any(self.segments.values()) or self.unsure.segments or self.unsure.polygons
        return self.scene is None and not (named or self.polygons or self.roads)


class Answer(Model):
    """One chip, by one interpreter. `images` goes by the image's name: NAME, or NAME_t0 and NAME_t1."""

    model_config = ConfigDict(populate_by_name=True)

    json_schema: str = Field(default="answer.schema.json", alias="$schema", description="lets editors check while one types")
    chip: str
    interpreter: str = ""
    labelled_on: date | None = None
    change: tuple[ChangeWord, ...] = Field(default=(), description="of a pair: what is different at the second date")
    note: str = ""
    images: dict[str, ImageAnswer]

    @classmethod
    def empty(cls, chip: str, images: tuple[str, ...]) -> "Answer":
        """A form to fill in: every class of every image is there, with nothing in it."""
        nothing = ImageAnswer(segments={"mining": (), "water": (), "bare": (), "road": ()})
        return cls(chip=chip, images=dict.fromkeys(images, nothing))
