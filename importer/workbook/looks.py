"""
How the workbooks that we make look and are saved: colours, texts in cells, notes, fixed bytes.

Owns what the template, its Help sheet and the marked copy have in common. A researcher's own
workbook is never written with it (`importer.workbook.writer` does that).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from io import BytesIO
from typing import Final, cast
from xml.etree.ElementTree import canonicalize
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.workbook import Workbook
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from importer.errors import WriteRefused
from importer.limits import MAX_CELL_CHARACTERS
from importer.texts import cell_name

FONT: Final = "Calibri"
INK: Final = "1F2933"
DEEP: Final = "1F4E5F"  # headers of required columns
CALM: Final = "4F7F90"  # headers of the other columns
SAND: Final = "EFE6D2"  # headers of the researcher's own columns
MIST: Final = "E4E7EB"  # headers of the importer's columns
PALE: Final = "F1F3F5"  # cells that are not the researcher's
FADED: Final = "A8B0B8"  # a repeated ref
GREY: Final = "6B7680"
LINE: Final = "B8C4CC"
TODO: Final = "FFF4CC"  # cells that still need something

WHITE: Final = "FFFFFF"
TEXT_FORMAT: Final = "@"
TOP: Final = Alignment(vertical="top")
TOP_WRAPPED: Final = Alignment(vertical="top", wrap_text=True)
MIDDLE: Final = Alignment(vertical="center")
BOTTOM: Final = Alignment(vertical="bottom")

#: What XML cannot carry, and `\r`, which every XML parser reads as `\n`.
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_MOMENT: Final = b"2026-01-01T00:00:00Z"
_ZIP_MOMENT: Final = (2026, 1, 1, 0, 0, 0)

_NOTE_WIDTH_PX: Final = 300
_NOTE_CHARACTERS: Final = 44
_NOTE_LINE_PX: Final = 17


def fill(colour: str) -> PatternFill:
    """Return a plain background."""
    return PatternFill("solid", start_color=colour, end_color=colour)


def font(colour: str = INK, *, size: float = 11, bold: bool = False, italic: bool = False) -> Font:
    """Return the workbook's font in one colour."""
    return Font(name=FONT, size=size, bold=bold, italic=italic, color=colour)


def line_above(colour: str = LINE) -> Border:
    """Return a thin line at the top of a cell."""
    return Border(top=Side(style="thin", color=colour))


def put_text(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    """
    Put a text into a cell so that it is read back as this text and nothing else.

    `=1+1`, `007` and `#REF!` stay text; carriage returns, control characters and texts that look
    like an escape are escaped as Excel does it (`_x000D_`).

    Raises:
        WriteRefused: The text is longer than a cell can hold; openpyxl would cut it silently.
    """
    # Excel counts UTF-16 units: most emoji are two of them.
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units > MAX_CELL_CHARACTERS:
        raise WriteRefused(
            f"The text for {sheet.title}!{cell_name(row, column)} has {units:,} characters as Excel counts them, "
            f"and a cell holds at most {MAX_CELL_CHARACTERS:,}."
        )
    cell = cast("Cell", sheet.cell(row, column))
    if text:
        # Past openpyxl's own setter, which would cut what is too long only with its escapes.
        cell._value = escape(text)  # type: ignore[attr-defined]
        cell.data_type = "s"
    return cell


def escape(text: str) -> str:
    r"""
    Return a text as Excel keeps it in XML.

    >>> escape("a\r\nb"), escape("_x0041_")
    ('a_x000D_\nb', '_x005F_x0041_')

    Source: ECMA-376 part 1, 22.9.2.19 ST_Xstring.
    """
    return _NOT_IN_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", _LOOKS_ESCAPED.sub("_x005F_", text))


def copy_style(source: object, target: object) -> None:
    """
    Give a cell the style of another cell or of a column.

    Copied as a whole: part by part costs 0.1 ms a cell (measured), which 10,000 rows feel.
    """
    target._style = copy(source._style)  # type: ignore[attr-defined] # the only way openpyxl has


def rule(formula: str, priority: int, *, stop: bool = False, **style: object) -> Rule:
    """Return a conditional format; *style* is `font`, `fill` and `border`, priority 1 the first."""
    look = DifferentialStyle(**style)  # type: ignore[arg-type] # its parts are typed where they are made
    return Rule(type="expression", formula=[formula], priority=priority, stopIfTrue=stop, dxf=look)


def set_up_print(sheet: Worksheet, *, title_row: int | None) -> None:
    """Print landscape on A4, as wide as the page, with *title_row* on top of every page."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins = PageMargins(left=0.4, right=0.4, top=0.7, bottom=0.7, footer=0.35)
    sheet.oddFooter.left.text = "&F › &A"  # type: ignore[union-attr] # openpyxl makes every part
    sheet.oddFooter.right.text = "&P / &N"  # type: ignore[union-attr]
    if title_row is not None:
        sheet.print_title_rows = f"{title_row}:{title_row}"


def without_control_characters(text: str) -> str:
    """Return a text with `�` for each character that XML cannot carry; notes know no escapes."""
    return _NOT_IN_XML.sub("\ufffd", text)


def lines_of(text: str, width: float) -> int:
    """Return how many lines a text takes when it is wrapped in a column of so many characters."""
    # A column's width counts digits; in Calibri running text takes about 0.85 digits a character.
    characters = int(width * 1.18)
    return sum(1 + max(0, len(line) - 1) // characters for line in text.split("\n"))


def note(text: str) -> Comment:
    """Return a cell note that is large enough for its text."""
    height = _NOTE_LINE_PX * (lines_of(text, _NOTE_CHARACTERS) + 1)
    return Comment(text, "importer", height=height, width=_NOTE_WIDTH_PX)


def fixed_bytes(book: Workbook, patch: Callable[[str, bytes], bytes]) -> bytes:
    """
    Save a workbook so that equal content gives equal bytes.

    openpyxl writes the present time into the document properties and into every zip entry, and
    its XML depends on whether lxml is installed; canonical XML does not.

    Args:
        book: The workbook.
        patch: Given a part's name and bytes, the bytes to write instead.
    """
    saved, packed = BytesIO(), BytesIO()
    book.save(saved)
    with ZipFile(saved) as source, ZipFile(packed, "w") as target:
        for name in source.namelist():
            content = canonicalize(source.read(name).decode()).encode()
            if name == "docProps/core.xml":
                content = _MODIFIED.sub(rb"\g<1>" + _MOMENT, content)
            entry = ZipInfo(name, _ZIP_MOMENT)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            target.writestr(entry, patch(name, content))
    return packed.getvalue()
