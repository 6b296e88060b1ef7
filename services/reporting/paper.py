"""The report as PDF, by fpdf2, which is Python alone; its font comes with matplotlib."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.reporting.contents import Contents, Rows

if TYPE_CHECKING:
    from fpdf import FPDF

FOREST, INK, SOFT, WASH = (31, 77, 58), (27, 33, 30), (85, 96, 90), (244, 246, 243)
MARGIN_MM = 15.0
FONT = "DejaVu"


def printing_is_possible() -> None:
    """Refuse at the start.

    Raises:
        DataError: SETTINGS_INVALID without fpdf2.
    """
    try:
        import fpdf  # noqa: F401
    except ImportError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, "a PDF needs fpdf2: pip install 'jagawana[pictures]', or give --no-pdf") from e


def to_pdf(contents: Contents) -> bytes:
    """The pages, A4."""
    pdf = _sheet(contents)
    _head(pdf, contents)
    _numbers(pdf, contents.numbers)
    _charts(pdf, contents)
    _heading(pdf, contents.areas_title)
    _table(pdf, contents.areas, first_wide=2.6)
    for note in contents.notes:
        _small(pdf, note)
    _heading(pdf, contents.places_title)
    _table(pdf, contents.places, first_wide=1.0)
    _small(pdf, contents.places_note)
    _pictures(pdf, contents)
    _heading(pdf, contents.how_title)
    for sentence in contents.how:
        _small(pdf, sentence)
    return bytes(pdf.output())


def _sheet(contents: Contents) -> "FPDF":
    import matplotlib
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.set_margin(MARGIN_MM)
    pdf.set_auto_page_break(True, MARGIN_MM)
    pdf.set_title(contents.title)
    pdf.set_lang(contents.language.value)
    pdf.set_creation_date(contents.made_at)
    pdf.add_page()
    return pdf


def _head(pdf: "FPDF", contents: Contents) -> None:
    pdf.set_fill_color(*FOREST)
    pdf.rect(0, 0, pdf.w, 32, "F")
    pdf.set_xy(MARGIN_MM, 8)
    _text(pdf, contents.title, 17, style="B", colour=(255, 255, 255), height=9)
    _text(pdf, contents.subtitle, 9, colour=(207, 224, 214), height=5)
    pdf.set_y(37)
    if contents.banner:
        pdf.set_fill_color(255, 243, 214)
        _text(pdf, contents.banner, 9, style="B", colour=(91, 60, 0), height=7, fill=True)
        pdf.ln(2)


def _numbers(pdf: "FPDF", numbers: Rows) -> None:
    width, top = pdf.epw / len(numbers), pdf.get_y()
    for n, (value, label) in enumerate(numbers):
        pdf.set_fill_color(*WASH)
        pdf.rect(MARGIN_MM + n * width, top, width - 3, 18, "F")
        for text, size, style, colour, below in ((value, 15, "B", INK, 2.0), (label, 7, "", SOFT, 10.0)):
            pdf.set_xy(MARGIN_MM + n * width + 3, top + below)
            pdf.set_font(FONT, style, size)
            pdf.set_text_color(*colour)
            pdf.multi_cell(width - 8, 7 if size > 9 else 3.2, text, align="L")
    pdf.set_xy(MARGIN_MM, top + 22)


def _charts(pdf: "FPDF", contents: Contents) -> None:
    """Two beside each other, the others below."""
    half, top = (pdf.epw - 4) / 2, pdf.get_y()
    height = half * 3.3 / 5.4
    for n, chart in enumerate(contents.charts):
        row, column = divmod(n, 2)
        pdf.image(io.BytesIO(chart), MARGIN_MM + column * (half + 4), top + row * (height + 3), half)
    pdf.set_y(top + -(-len(contents.charts) // 2) * (height + 3))


def _table(pdf: "FPDF", rows: Rows, *, first_wide: float) -> None:
    pdf.set_font(FONT, "", 7)
    pdf.set_text_color(*INK)
    pdf.set_draw_color(217, 223, 218)
    widths = (first_wide, *(1.0 for _ in rows[0][1:]))
    with pdf.table(col_widths=widths, line_height=4.2, borders_layout="HORIZONTAL_LINES", text_align="LEFT", padding=0.6) as table:
        for row in rows:
            table.row(row)
    pdf.ln(2)


def _pictures(pdf: "FPDF", contents: Contents) -> None:
    side = 62.0
    for place in contents.pictures:
        if pdf.will_page_break(side + 10):
            pdf.add_page()
        _text(pdf, place.caption, 8.5, style="B", height=6)
        top = pdf.get_y()
        for n, picture in enumerate((place.before, place.after)):
            pdf.image(io.BytesIO(picture), MARGIN_MM + n * (side + 4), top, side)
        pdf.set_y(top + side + 3)


def _heading(pdf: "FPDF", text: str) -> None:
    if pdf.will_page_break(30):
        pdf.add_page()
    pdf.ln(3)
    _text(pdf, text, 12, style="B", colour=FOREST, height=7)


def _small(pdf: "FPDF", text: str) -> None:
    if text:
        _text(pdf, text, 8, colour=SOFT, height=4.4)


def _text(
    pdf: "FPDF", text: str, size: float, *, style: str = "", colour: tuple[int, int, int] = INK, height: float, fill: bool = False
) -> None:
    pdf.set_font(FONT, style, size)
    pdf.set_text_color(*colour)
    pdf.multi_cell(pdf.epw, height, text, align="L", fill=fill, new_x="LMARGIN", new_y="NEXT")
