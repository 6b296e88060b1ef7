"""The words of the report page in both languages; what a ranger reads comes from notify/wording."""

from collections.abc import Mapping
from dataclasses import dataclass

from jagawana.schemas.alert import AlertState, AlertType, ChangeClass, Stage
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.phrases import Phrases


@dataclass(frozen=True)
class PageWords:
    """One language of the page."""

    months: tuple[str, ...]
    banner: Mapping[AlertTense, str]
    simulated: str
    made: str
    period: str
    scenes: str
    refused: str
    tiles: str
    looks_total: str
    clear: str
    alerts: str
    by_category: str
    by_state: str
    no_alerts: str
    map_title: str
    legend_cell: str
    legend_tile: str
    list_title: str
    columns: tuple[str, ...]
    rank: str
    series_title: str
    series_note: str
    lanes: Mapping[str, str]
    looks: str
    before: str
    after: str
    missing_picture: str
    why: str
    trace_columns: tuple[str, ...]
    fired: str
    not_fired: str
    zones: str
    zone_columns: tuple[str, ...]
    records: str
    evidence: str
    messages: str
    to: str
    coverage: str
    coverage_note: str
    coverage_columns: tuple[str, ...]
    how_to_read: str
    how_to_read_text: tuple[str, ...]
    state: Mapping[AlertState, str]
    stage: Mapping[Stage, str]
    alert_type: Mapping[AlertType, str]
    change_class: Mapping[ChangeClass, str]
    undetermined: str
    category: str


EN = PageWords(
    months=phrases_of(Language.ENGLISH).short_months,
    banner={
        AlertTense.CURRENT: "",
        AlertTense.TEST: "Test run: nothing on this page is happening in the field.",
        AlertTense.ARCHIVAL: "From the archive: old images replayed. Things may be different now.",
        AlertTense.INJECTION: "Exercise: the events on this page are invented.",
    },
    simulated="Simulated world: land, clouds and mines on this page are invented.",
    made="Made",
    period="Images from",
    scenes="scenes",
    refused="refused",
    tiles="tiles watched",
    looks_total="looks at tiles",
    clear="seen clearly",
    alerts="alerts",
    by_category="by category",
    by_state="by state",
    no_alerts="No alert. Read the coverage below before taking silence for safety.",
    map_title="Map",
    legend_cell="1 km cell with an alert",
    legend_tile="watched ground, by 10 km tile",
    list_title="Alerts",
    columns=("Code", "Rank, severity", "Category", "State", "Seen", "Zone", "First seen", "Place"),
    rank="{n} of {m}, {total}",
    series_title="Over time, cell",
    series_note="Filled marks: clear looks. Empty marks: cloud hid the cell, and the line is dashed because nothing is known. "
    "Upright line: first alert.",
    lanes={"mining": "mining, ha", "road": "road, m", "hut": "huts"},
    looks="looks",
    before="Before",
    after="After",
    missing_picture="no picture stored",
    why="Why this category",
    trace_columns=("Rule", "Outcome", "Because"),
    fired="fired",
    not_fired="did not fire",
    zones="Zones touched",
    zone_columns=("Kind", "Name", "Overlap", "Share", "Layer"),
    records="Records",
    evidence="Evidence",
    messages="Messages as sent",
    to="to",
    coverage="What was really seen",
    coverage_note="Where a tile was mostly hidden, the absence of an alert says little.",
    coverage_columns=("Tile", "Looks", "Clear on average", "Last clear look"),
    how_to_read="How to read this page",
    how_to_read_text=(
        "Every alert is possible mining, read from satellite images and not verified in the field. "
        "Only the authorities can say what is a violation.",
        "Provisional means seen clearly once; confirmed means seen clearly more than once; withdrawn means it no longer holds.",
        "Coordinates are WGS 84. A cell is an MGRS 1 km square, as printed on topographic maps.",
    ),
    state={
        AlertState.PROVISIONAL: "provisional",
        AlertState.CONFIRMED: "confirmed by images",
        AlertState.ENDED: "ended",
        AlertState.RETRACTED: "withdrawn",
    },
    stage={Stage.PRECURSOR: "early signs", Stage.MINING: "mining"},
    alert_type={
        AlertType.INITIAL: "initial",
        AlertType.SUBSEQUENT: "subsequent",
        AlertType.UPDATE: "judged anew",
        AlertType.RETRACTION: "withdrawn",
    },
    change_class={ChangeClass.MINING: "mining", ChangeClass.ROAD: "road", ChangeClass.HUT: "huts"},
    undetermined="undetermined",
    category="Category",
)

ID = PageWords(
    months=phrases_of(Language.INDONESIAN).short_months,
    banner={
        AlertTense.CURRENT: "",
        AlertTense.TEST: "Uji coba: tidak ada kejadian pada halaman ini yang sedang berlangsung di lapangan.",
        AlertTense.ARCHIVAL: "Dari arsip: citra lama diputar ulang. Keadaan sekarang bisa berbeda.",
        AlertTense.INJECTION: "Latihan: kejadian pada halaman ini buatan.",
    },
    simulated="Dunia simulasi: lahan, awan, dan tambang pada halaman ini buatan.",
    made="Dibuat",
    period="Citra dari",
    scenes="citra",
    refused="ditolak",
    tiles="petak dipantau",
    looks_total="pengamatan petak",
    clear="terlihat jelas",
    alerts="peringatan",
    by_category="menurut kategori",
    by_state="menurut status",
    no_alerts="Tidak ada peringatan. Baca cakupan di bawah sebelum menganggapnya aman.",
    map_title="Peta",
    legend_cell="petak 1 km dengan peringatan",
    legend_tile="wilayah pantauan, per petak 10 km",
    list_title="Daftar peringatan",
    columns=("Kode", "Urutan, tingkat perhatian", "Kategori", "Status", "Terlihat", "Kawasan", "Pertama terlihat", "Tempat"),
    rank="{n} dari {m}, {total}",
    series_title="Perkembangan, petak",
    series_note="Tanda penuh: citra jelas. Tanda kosong: tertutup awan, dan garis terputus karena tidak diketahui. "
    "Garis tegak: peringatan pertama.",
    lanes={"mining": "bukaan tambang, ha", "road": "jalan, m", "hut": "gubuk"},
    looks="citra",
    before="Sebelum",
    after="Sesudah",
    missing_picture="gambar tidak tersimpan",
    why="Mengapa kategori ini",
    trace_columns=("Aturan", "Hasil", "Karena"),
    fired="berlaku",
    not_fired="tidak berlaku",
    zones="Kawasan yang tersentuh",
    zone_columns=("Jenis", "Nama", "Tumpang tindih", "Bagian", "Lapisan"),
    records="Catatan",
    evidence="Bukti",
    messages="Pesan yang dikirim",
    to="kepada",
    coverage="Yang benar-benar terlihat",
    coverage_note="Di petak yang sering tertutup awan, tidak adanya peringatan tidak berarti banyak.",
    coverage_columns=("Petak", "Citra", "Rata-rata jelas", "Citra jelas terakhir"),
    how_to_read="Cara membaca halaman ini",
    how_to_read_text=(
        "Setiap peringatan adalah kemungkinan penambangan, dibaca dari citra satelit dan belum diperiksa di lapangan. "
        "Hanya pihak berwenang yang dapat menyatakan pelanggaran.",
        "Sementara berarti sekali terlihat jelas; "
        "terkonfirmasi berarti terlihat jelas lebih dari sekali; ditarik berarti tidak berlaku lagi.",
        "Koordinat memakai WGS 84. Petak adalah kotak MGRS 1 km seperti pada peta topografi.",
    ),
    state={
        AlertState.PROVISIONAL: "sementara",
        AlertState.CONFIRMED: "terkonfirmasi citra",
        AlertState.ENDED: "berakhir",
        AlertState.RETRACTED: "ditarik",
    },
    stage={Stage.PRECURSOR: "tanda awal", Stage.MINING: "penambangan"},
    alert_type={
        AlertType.INITIAL: "pertama",
        AlertType.SUBSEQUENT: "perkembangan",
        AlertType.UPDATE: "penilaian ulang",
        AlertType.RETRACTION: "ditarik",
    },
    change_class={ChangeClass.MINING: "bukaan tambang", ChangeClass.ROAD: "jalan", ChangeClass.HUT: "gubuk"},
    undetermined="belum ditentukan",
    category="Kategori",
)


def words_of(lang: Language) -> tuple[PageWords, Phrases]:
    """The page's words and the rangers' phrases of a language."""
    return (ID if lang is Language.INDONESIAN else EN), phrases_of(lang)
