"""What people read on the picture and in the summary, in Indonesian and English."""

from collections.abc import Mapping
from dataclasses import dataclass

from jagawana.detectors.turbidity.looks import Gap
from jagawana.detectors.turbidity.series import Quantity
from jagawana.services.notify.wording import Language


@dataclass(frozen=True)
class RiverWords:
    """One language."""

    title: str
    mined: str
    quantity: Mapping[Quantity, str]
    below: str
    above: str
    along: str
    site: str
    no_value: str
    gaps: Mapping[Gap, str]
    calibrated: str
    not_calibrated: str
    no_cause: str
    divides: str
    ends: str
    no_mined: str
    too_few: str
    intervals: str


EN = RiverWords(
    title="River below {name}",
    mined="possible mining, ha",
    quantity={Quantity.TURBIDITY: "turbidity, FNU", Quantity.NDTI: "turbidity index (NDTI)"},
    below="below the site",
    above="above the site",
    along="km along the river",
    site="site",
    no_value="no value (cloud, glint, too little open water)",
    gaps={
        Gap.OUTSIDE: "outside the scene",
        Gap.CLOUD: "cloud or shadow",
        Gap.GLINT: "glint or haze",
        Gap.DRY: "no water at the line",
        Gap.NARROW: "too narrow",
    },
    calibrated="Calibration {name}: of {n} samples from {dates} dates, 95 % of estimates lie within a factor of {factor}. "
    "Another river has another factor.",
    not_calibrated="Index only: no turbidity without Sentinel-2 SWIR.",
    no_cause="Going together is not causing: rain, season and other works upstream move both.",
    divides="The lines divide at {km} km from the site; the longest was followed.",
    ends="The river's line ends at {km} km from the site.",
    no_mined="No mined area to compare with.",
    too_few="{n} looks to compare; {fewest} are needed for a correlation.",
    intervals="{clear} of {all} intervals leave zero out; by chance alone about {chance} would. "
    "Level rises with anything that rises; read change, and below against above.",
)

ID = RiverWords(
    title="Sungai di hilir {name}",
    mined="kemungkinan bukaan tambang, ha",
    quantity={Quantity.TURBIDITY: "kekeruhan, FNU", Quantity.NDTI: "indeks kekeruhan (NDTI)"},
    below="hilir lokasi",
    above="hulu lokasi",
    along="km sepanjang sungai",
    site="lokasi",
    no_value="tanpa nilai (awan, pantulan, air terbuka kurang)",
    gaps={
        Gap.OUTSIDE: "di luar citra",
        Gap.CLOUD: "awan atau bayangan",
        Gap.GLINT: "pantulan atau kabut tipis",
        Gap.DRY: "tidak ada air di garis sungai",
        Gap.NARROW: "terlalu sempit",
    },
    calibrated="Kalibrasi {name}: dari {n} sampel pada {dates} tanggal, 95 % dugaan berada dalam faktor {factor}. "
    "Sungai lain, faktor lain.",
    not_calibrated="Hanya indeks: kekeruhan tidak dapat dihitung tanpa SWIR Sentinel-2.",
    no_cause="Bersamaan bukan berarti sebab: hujan, musim, dan pekerjaan lain di hulu memengaruhi keduanya.",
    divides="Garis sungai bercabang pada {km} km dari lokasi; cabang terpanjang yang diikuti.",
    ends="Garis sungai berakhir pada {km} km dari lokasi.",
    no_mined="Tidak ada luas bukaan tambang untuk dibandingkan.",
    too_few="{n} citra untuk dibandingkan; korelasi memerlukan {fewest}.",
    intervals="{clear} dari {all} selang tidak mencakup nol; secara kebetulan saja kira-kira {chance}. "
    "Nilai naik bersama apa pun yang naik; baca perubahannya, dan hilir dibanding hulu.",
)


def words_of(language: Language) -> RiverWords:
    """The words of a language."""
    return ID if language is Language.INDONESIAN else EN
