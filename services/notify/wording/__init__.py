"""Every sentence a ranger reads, in Indonesian and English. Pure: a record and a moment in, text out."""

from datetime import datetime
from enum import StrEnum

from jagawana.schemas.alert import AlertPublished
from jagawana.services.notify.wording.compact import compact_text
from jagawana.services.notify.wording.en import EN
from jagawana.services.notify.wording.id import ID
from jagawana.services.notify.wording.long import Message, long_message
from jagawana.services.notify.wording.phrases import Phrases

__all__ = ["Language", "Message", "compact", "long", "phrases_of"]


class Language(StrEnum):
    """A language a recipient may choose."""

    INDONESIAN = "id"
    ENGLISH = "en"


def compact(record: AlertPublished, lang: Language | str) -> str:
    """The SMS: one line of at most 160 GSM-7 septets, whatever the zone is called."""
    return compact_text(record, phrases_of(lang))


def long(record: AlertPublished, lang: Language | str, *, now: datetime) -> Message:
    """The e-mail. `now` (aware UTC) decides how many days old the image is said to be."""
    return long_message(record, phrases_of(lang), now=now)


def phrases_of(lang: Language | str) -> Phrases:
    """What a language says."""
    return {Language.INDONESIAN: ID, Language.ENGLISH: EN}[Language(lang)]
