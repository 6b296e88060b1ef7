"""Who must be told of a record: recipients from one typed file, and the rule that picks among them. Pure but for `load_recipients`."""

import tomllib
from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, model_validator

from jagawana.schemas.alert import AlertPublished, AlertState, AlertType, Category
from jagawana.schemas.base import Model, TileId
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault
from jagawana.schemas.geometry import Latitude, Longitude
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.wording import Language

LOGBOOK_SCHEMA = "file"
"""The schema of the file channel, which reaches nobody and is told everything."""
_RANK = {AlertState.PROVISIONAL: 0, AlertState.CONFIRMED: 1, AlertState.ENDED: 1, AlertState.RETRACTED: 1}
"""An ended alert was confirmed once; a retraction is picked by who was told, not by rank."""


class Format(StrEnum):
    """How much a recipient's channel carries."""

    COMPACT = "compact"  # SMS: 160 characters, no attachment
    LONG = "long"  # e-mail: subject, body, pictures and files


class Box(Model):
    """An area of interest, degrees WGS 84."""

    west: Longitude
    south: Latitude
    east: Longitude
    north: Latitude

    @model_validator(mode="after")
    def _has_inside(self) -> Self:
        if self.west >= self.east or self.south >= self.north:
            raise ValueError("west must be less than east and south less than north; split a box that crosses the antimeridian")
        return self

    def contains(self, longitude: float, latitude: float) -> bool:
        """Whether the place lies in the box or on its edge."""
        return self.west <= longitude <= self.east and self.south <= latitude <= self.north


class Recipient(Model):
    """A person or post, one channel, and what it wants to hear. `channel` is secret: it holds numbers and passwords."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="stable: the delivery ledger remembers by it")
    name: str = Field(min_length=1, max_length=120)
    channel: SecretStr = Field(description="an apprise URL, or file: for the logbook")
    language: Language = Language.INDONESIAN
    format: Format = Format.LONG
    min_state: AlertState = Field(default=AlertState.CONFIRMED, description="provisional or confirmed; provisional is opt-in")
    categories: Annotated[tuple[Category, ...], Field(min_length=1)] = (Category.LOW, Category.CONDITIONAL, Category.UNDETERMINED)
    zones: tuple[str, ...] = Field(default=(), description="zone ids; empty: any zone, and none")
    boxes: tuple[Box, ...] = Field(default=(), description="with tiles empty: anywhere")
    tiles: tuple[TileId, ...] = ()

    @model_validator(mode="after")
    def _state_is_a_threshold(self) -> Self:
        if self.min_state not in (AlertState.PROVISIONAL, AlertState.CONFIRMED):
            raise ValueError("min_state is provisional or confirmed; endings and retractions follow whoever was told")
        if ":" not in self.channel.get_secret_value():
            raise ValueError("channel must be a URL such as mailto://… or file:")
        return self

    @property
    def schema_name(self) -> str:
        """The part of the channel before the colon, lower case: safe to log."""
        return self.channel.get_secret_value().split(":", 1)[0].lower()

    @property
    def is_logbook(self) -> bool:
        """Whether this is the file channel."""
        return self.schema_name == LOGBOOK_SCHEMA


class RecipientsFile(Model):
    """The settings file: one [[recipient]] table per recipient and channel."""

    recipient: tuple[Recipient, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [r.id for r in self.recipient]
        if len(ids) != len(set(ids)):
            raise ValueError(f"a recipient id appears twice: {sorted({i for i in ids if ids.count(i) > 1})}")
        return self


def logbook(language: Language = Language.INDONESIAN) -> Recipient:
    """The recipient behind the file channel: every record, in full."""
    return Recipient(
        id=f"logbook-{language}",
        name="logbook",
        channel=SecretStr("file:"),
        language=language,
        min_state=AlertState.PROVISIONAL,
        categories=tuple(Category),
    )


def load_recipients(path: Path) -> tuple[Recipient, ...]:
    """The recipients of a TOML file.

    Raises:
        DataError: SETTINGS_INVALID, naming the field and never its value: a value may be a password.
    """
    try:
        return RecipientsFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).recipient
    except ValidationError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{path.name} {first_fault(e)}; correct it and start again") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{path.name} cannot be read as TOML: {e}; correct it and start again") from None


def audience_of(record: AlertPublished, recipients: Iterable[Recipient], *, told: Collection[str] = ()) -> list[Recipient]:
    """Who must be told of this record.

    The logbook gets every record. Anything that is not happening now reaches nobody else. A retraction goes to whoever was told, and to
    nobody who was not, whatever they ask for today. Whoever was told of an alert hears of every later record; the others, of records that
    meet their wishes.

    Args:
        record: the record to tell.
        recipients: everybody, in the order of the settings file, which is kept.
        told: ids of the recipients who were sent an earlier record of this alert.
    """
    return [r for r in recipients if r.is_logbook or (record.alert_tense is AlertTense.CURRENT and _is_concerned(r, record, told))]


def _is_concerned(recipient: Recipient, record: AlertPublished, told: Collection[str]) -> bool:
    was_told = recipient.id in told
    if record.alert_type is AlertType.RETRACTION:
        return was_told
    # Whoever heard the beginning hears the rest, even if the category has since moved out of what they asked for.
    return was_told or wants(recipient, record)


def wants(recipient: Recipient, record: AlertPublished) -> bool:
    """Whether the record meets the recipient's wishes: state, category, zone and place."""
    content = record.content
    zones = {z.zone_id for z in content.verdict.zones}
    return (
        _RANK[content.state] >= _RANK[recipient.min_state]
        and content.verdict.category in recipient.categories
        and (not recipient.zones or not zones.isdisjoint(recipient.zones))
        and _is_near(recipient, record)
    )


def _is_near(recipient: Recipient, record: AlertPublished) -> bool:
    if not recipient.boxes and not recipient.tiles:
        return True
    longitude, latitude = record.content.place.coordinates
    return record.content.tile in recipient.tiles or any(b.contains(longitude, latitude) for b in recipient.boxes)
