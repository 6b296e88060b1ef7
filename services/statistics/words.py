"""What people read on the pictures and in the report of a province, in Indonesian and English. Outward text says possible mining."""

from collections.abc import Mapping
from dataclasses import dataclass

from jagawana.rules.grounds import Concession
from jagawana.schemas.alert import AlertState, Category
from jagawana.services.notify.wording import Language


@dataclass(frozen=True)
class PictureWords:
    """One language."""

    everywhere: str
    no_province: str
    category: Mapping[Category, str]
    categories: str
    concession: Mapping[Concession, str]
    unrestricted: str
    grounds: str
    grounds_note: str
    months: str
    provinces: str
    ha: str
    nothing: str
    known: str
    new: str
    ended: str
    test: str
    title: str
    period: str
    made: str
    believed: str
    findings: str
    told: str
    people: str
    people_from: str
    people_unknown: str
    columns: Mapping[str, str]
    state: Mapping[AlertState | None, str]
    table: str
    places: str
    places_note: str
    near: str
    before: str
    after: str
    how: str
    how_text: tuple[str, ...]


EN = PictureWords(
    everywhere="All provinces",
    no_province="no province on record",
    category={
        Category.HIGH: "1: inside a concession",
        Category.CONDITIONAL: "2: inside one, under conditions",
        Category.LOW: "3: restricted, or outside any",
        Category.UNDETERMINED: "undetermined",
    },
    categories="Possible mining by category, ha",
    concession={Concession.INSIDE: "inside a concession", Concession.OUTSIDE: "outside any on record", Concession.UNKNOWN: "no layer"},
    unrestricted="no restricted zone",
    grounds="On what ground",
    grounds_note="Inner ring: concessions. Outer ring: the strictest restricted zone.",
    months="New possible mining by the month first seen, ha",
    provinces="Possible mining by province and category, ha",
    ha="ha",
    nothing="nothing recorded",
    known="already there at the first clear look",
    new="new since",
    ended="ended",
    test="Test: made from test scenes only, not news from the field.",
    title="Possible mining: {name}",
    period="{first} to {last}",
    made="Made",
    believed="ha of possible mining",
    findings="places with something new",
    told="of them told to people",
    people="people within {km} km",
    people_from="Counted from {source}; who lives near two sites is counted once.",
    people_unknown="People near were not counted: no population was given.",
    columns={
        "code": "Code", "cell": "1 km cell", "category": "Category", "state": "State", "ha": "ha", "first_seen": "First seen",
        "settlement": "Nearest village", "road": "Road, km", "river": "River, km", "place": "Place",
    },
    state={
        AlertState.PROVISIONAL: "provisional", AlertState.CONFIRMED: "confirmed", AlertState.ENDED: "ended",
        AlertState.RETRACTED: "withdrawn", None: "already there",
    },
    table="Areas",
    places="The largest places",
    places_note="Places are named by 1 km cell; exact coordinates are left out on purpose.",
    near="{name}, {km} km",
    before="before",
    after="after",
    how="How to read this",
    how_text=(
        "Satellite images show ground that looks like mining. Whether there is mining, and whether it is allowed, is for an authority "
        "to find out.",
        "Where cloud hid the ground nothing is counted, so the areas are lower bounds. Mining from before the first clear image is "
        "told apart as already there.",
        "Categories follow the map layers that were loaded. A permit that is missing there puts its ground outside.",
    ),
)  # fmt: skip
ID = PictureWords(
    everywhere="Semua provinsi",
    no_province="provinsi tidak tercatat",
    category={
        Category.HIGH: "1: di dalam izin",
        Category.CONDITIONAL: "2: di dalam izin, bersyarat",
        Category.LOW: "3: kawasan terbatas, atau di luar izin",
        Category.UNDETERMINED: "belum dapat ditentukan",
    },
    categories="Kemungkinan tambang menurut kategori, ha",
    concession={Concession.INSIDE: "di dalam izin", Concession.OUTSIDE: "di luar izin tercatat", Concession.UNKNOWN: "tanpa lapisan izin"},
    unrestricted="tanpa kawasan terbatas",
    grounds="Di lahan apa",
    grounds_note="Cincin dalam: izin. Cincin luar: kawasan terbatas yang paling ketat.",
    months="Kemungkinan tambang baru menurut bulan pertama terlihat, ha",
    provinces="Kemungkinan tambang menurut provinsi dan kategori, ha",
    ha="ha",
    nothing="tidak ada yang tercatat",
    known="sudah ada pada citra bersih pertama",
    new="baru sejak itu",
    ended="berakhir",
    test="Uji coba: hanya dari citra uji, bukan kabar dari lapangan.",
    title="Kemungkinan tambang: {name}",
    period="{first} sampai {last}",
    made="Dibuat",
    believed="ha kemungkinan tambang",
    findings="tempat dengan hal baru",
    told="di antaranya diberitahukan",
    people="orang dalam jarak {km} km",
    people_from="Dihitung dari {source}; yang tinggal dekat dua lokasi dihitung sekali.",
    people_unknown="Penduduk sekitar tidak dihitung: data penduduk tidak diberikan.",
    columns={
        "code": "Kode", "cell": "Petak 1 km", "category": "Kategori", "state": "Status", "ha": "ha", "first_seen": "Pertama terlihat",
        "settlement": "Desa terdekat", "road": "Jalan, km", "river": "Sungai, km", "place": "Lokasi",
    },
    state={
        AlertState.PROVISIONAL: "sementara", AlertState.CONFIRMED: "terkonfirmasi", AlertState.ENDED: "berakhir",
        AlertState.RETRACTED: "ditarik", None: "sudah ada",
    },
    table="Luas",
    places="Tempat terluas",
    places_note="Tempat disebut menurut petak 1 km; koordinat tepat sengaja tidak dicantumkan.",
    near="{name}, {km} km",
    before="sebelum",
    after="sesudah",
    how="Cara membaca",
    how_text=(
        "Citra satelit memperlihatkan lahan yang tampak seperti tambang. Apakah benar tambang, dan apakah diizinkan, diperiksa oleh "
        "yang berwenang.",
        "Lahan yang tertutup awan tidak dihitung, jadi luas di sini adalah batas bawah. Bukaan dari sebelum citra bersih pertama "
        "disebut sudah ada.",
        "Kategori mengikuti lapisan peta yang dimuat. Izin yang tidak ada di sana membuat lahannya tercatat di luar izin.",
    ),
)  # fmt: skip


def words_of(language: Language) -> PictureWords:
    """The words of a language."""
    return ID if language is Language.INDONESIAN else EN
