"""What people read on the pictures of a place, in Indonesian and English."""

from dataclasses import dataclass

from jagawana.services.notify.wording import Language


@dataclass(frozen=True)
class TimelineWords:
    """One language."""

    title: str
    stream: str
    mining: str
    mining_known: str
    mining_new: str
    dated_back: str
    roads: str
    huts: str
    known: str
    new: str
    clear: str
    gap: str
    test: str


EN = TimelineWords(
    title="Possible mining: {name}",
    stream="{model}, {pixel} m, {looks} looks, {seen} with a value",
    mining="mining, ha",
    mining_known="already there at the first clear look",
    mining_new="new, as known at each look",
    dated_back="all, dated by the look that first showed it",
    roads="roads, m",
    huts="huts",
    known="already there",
    new="new",
    clear="seen",
    gap="under {share} % seen: no value",
    test="Tests: these scenes are not news from the field.",
)
ID = TimelineWords(
    title="Kemungkinan tambang: {name}",
    stream="{model}, {pixel} m, {looks} citra, {seen} dengan nilai",
    mining="bukaan tambang, ha",
    mining_known="sudah ada pada citra bersih pertama",
    mining_new="baru, menurut pengetahuan saat citra itu",
    dated_back="semua, menurut citra yang pertama memperlihatkannya",
    roads="jalan, m",
    huts="gubuk",
    known="sudah ada",
    new="baru",
    clear="terlihat",
    gap="terlihat di bawah {share} %: tanpa nilai",
    test="Uji coba: citra ini bukan kabar dari lapangan.",
)


def words_of(language: Language) -> TimelineWords:
    """The words of a language."""
    return ID if language is Language.INDONESIAN else EN
