"""
A workbook with everything that a researcher's workbook may hold and that must survive write-back.

XlsxWriter makes what it can; the parts it cannot make (threaded comments, a slicer, customXml,
printer settings) are added by hand. The sheet Instructions stands third, so that its part is not the first.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

PART = "xl/worksheets/sheet3.xml"
ID_COLUMN, STATUS_COLUMN = 8, 9

#: ref, type, description, answer_limit, option_heading, option_label, option_value, instruction_id, status
ROWS = (
    ("Q1", "multiple_choice", "How was it?", 1, "", "Good & <better>", "good", "", ""),
    ("Q1", "", "", "", "", "  Bad  ", "bad", "", ""),
    (
        "Q2",
        "free_text",
        "Why?\nBe brief.",
        "",
        "",
        "",
        "",
        "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a77",
        "unchanged",
    ),
    ("Q3", "multiple_choice", "_x0041_ é 😀", 1, "", "NA", "1", "", None),
    ("Q3", "", "", "", "", "None", "2", None, None),
)

_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ADDED = {
    "xl/threadedComments/threadedComment1.xml": (
        '<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments">'
        '<threadedComment ref="C2" dT="2026-01-01T00:00:00.00" personId="{00000000-0000-0000-0000-000000000001}" '
        'id="{00000000-0000-0000-0000-000000000002}"><text>Is this clear?</text></threadedComment></ThreadedComments>'
    ),
    "xl/persons/person.xml": (
        '<personList xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments">'
        '<person displayName="Ann" id="{00000000-0000-0000-0000-000000000001}" userId="ann" providerId="None"/></personList>'
    ),
    "xl/slicers/slicer1.xml": (
        '<slicers xmlns="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main">'
        '<slicer name="Kind" cache="Slicer_Kind" caption="Kind" rowHeight="241300"/></slicers>'
    ),
    "xl/slicerCaches/slicerCache1.xml": (
        '<slicerCacheDefinition xmlns="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" '
        'name="Slicer_Kind" sourceName="Kind"/>'
    ),
    "xl/printerSettings/printerSettings1.bin": "\x00printer\x01\x02",
    "customXml/item1.xml": '<study xmlns="urn:example"><wave>1</wave></study>',
}
_SHEET_LINKS = (
    ("threadedComment", "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment",
     "../threadedComments/threadedComment1.xml"),
    ("slicer", "http://schemas.microsoft.com/office/2007/relationships/slicer", "../slicers/slicer1.xml"),
    ("printer", f"{_REL}/printerSettings", "../printerSettings/printerSettings1.bin"),
)  # fmt: skip
_BOOK_LINKS = (
    ("person", "http://schemas.microsoft.com/office/2017/10/relationships/person", "persons/person.xml"),
    ("cache", "http://schemas.microsoft.com/office/2007/relationships/slicerCache", "slicerCaches/slicerCache1.xml"),
    ("xml", f"{_REL}/customXml", "../customXml/item1.xml"),
)  # fmt: skip
_SLICER_EXTENSION = (
    '<ext uri="{A8765BA9-456A-4dab-B4F3-ACF838C121DE}" '
    'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main">'
    '<x14:slicerList><x14:slicer r:id="slicer"/></x14:slicerList></ext>'
)


def write_rich_book(path: Path) -> Path:
    """Write the workbook (an .xlsm, because it has macros)."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        _add_data(book)
        hidden = book.add_worksheet("Hidden")
        hidden.write_string(0, 0, "for the researcher's eyes")
        hidden.hide()
        _add_instructions(book)
        book.define_name("Answers", "=Data!$B$2:$B$6")
        book.set_custom_property("Study", "wave 1")
        book.add_vba_project(
            io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 4), is_stream=True
        )
    _add_parts(buffer, path)
    return path


def _add_data(book: Workbook) -> None:
    """A sheet with a table, charts, pictures, formulas with saved results and sparklines."""
    sheet = book.add_worksheet("Data")
    sheet.add_table(0, 0, 5, 2, {"columns": [{"header": "Kind"}, {"header": "Count"}, {"header": "Double"}]})
    for row in range(1, 6):
        sheet.write_row(row, 0, ["abcde"[row - 1], row])
        sheet.write_formula(row, 2, f"=B{row + 1}*2", None, row * 2)
    sheet.write_dynamic_array_formula("E2:E6", "=SORT(B2:B6)", None, 1)
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Data!$B$2:$B$6", "name": "Counts", "data_labels": {"value": True}})
    sheet.insert_chart("G2", chart)
    sheet.insert_image("G20", "dot.png", {"image_data": _png(), "description": "a dot"})
    sheet.embed_image(7, 0, "dot.png", {"image_data": _png()})
    sheet.insert_textbox("K2", "Read me first", {"fill": {"color": "#FFFFCC"}})
    sheet.set_header("&L&G&RStudy", {"image_left": "dot.png", "image_data_left": _png()})
    sheet.set_background(_png())
    sheet.add_sparkline("D2", {"range": "Data!B2:B6", "type": "column"})


def _add_instructions(book: Workbook) -> None:
    sheet = book.add_worksheet("Instructions")
    text = book.add_format({"num_format": "@", "text_wrap": True})
    grey = book.add_format({"num_format": "@", "font_color": "#888888"})
    names = ("ref", "type", "description", "answer_limit", "option_heading", "option_label", "option_value")
    sheet.write_row(0, 0, [*names, "instruction_id", "status"], book.add_format({"bold": True}))
    for row, values in enumerate(ROWS, 1):
        for column, value in enumerate(values):
            if value == "":
                sheet.write_blank(row, column, None, grey if column >= ID_COLUMN - 1 else text)
            elif value is not None:
                sheet.write(row, column, value, text)
    sheet.write_rich_string(6, 2, "Read ", book.add_format({"bold": True}), "every ", text, "word")
    sheet.write_formula(6, 11, "=COUNTA(A2:A6)", None, 5)
    _add_features(book, sheet, text)


def _add_features(book: Workbook, sheet: Worksheet, text: Format) -> None:
    """What stands around the cells: validation, conditional formats, notes, buttons, sparklines."""
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, 6, 8)
    sheet.set_column(0, 8, 20, text)
    sheet.set_row(4, 30, None, {"hidden": True})
    sheet.data_validation(1, 1, 6, 1, {"validate": "list", "source": ["multiple_choice", "free_text"]})
    red = book.add_format({"bg_color": "#FFC7CE"})
    sheet.conditional_format(1, 0, 6, 0, {"type": "formula", "criteria": "=$A2=$A1", "format": red})
    sheet.conditional_format(1, 3, 6, 3, {"type": "data_bar", "data_bar_2010": True, "bar_solid": True})
    sheet.conditional_format(1, 6, 6, 6, {"type": "icon_set", "icon_style": "3_traffic_lights"})
    sheet.write_comment("C2", "Ask what they felt.", {"author": "Ann"})
    sheet.insert_button("N2", {"macro": "Check", "caption": "Check"})
    sheet.insert_checkbox(8, 13, True)
    sheet.add_sparkline("M2", {"range": "Data!B2:B6"})
    sheet.merge_range(8, 0, 8, 3, "Notes of the team")
    sheet.write_url(9, 0, "https://example.org/", string="Our study")


def _add_parts(buffer: io.BytesIO, path: Path) -> None:
    """Add what XlsxWriter cannot make, and refer to it from the parts that must."""
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for info in made.infolist():
            content = made.read(info).decode("latin-1")
            if info.filename == "[Content_Types].xml":
                content = content.replace("</Types>", _content_types() + "</Types>")
            elif info.filename == "xl/worksheets/_rels/sheet3.xml.rels":
                content = _linked(content, _SHEET_LINKS)
            elif info.filename == "xl/_rels/workbook.xml.rels":
                content = _linked(content, _BOOK_LINKS)
            elif info.filename == PART:
                content = content.replace(
                    "</extLst></worksheet>", _SLICER_EXTENSION + "</extLst></worksheet>"
                )
            book.writestr(info.filename, content.encode("latin-1"))
        for name, text in _ADDED.items():
            book.writestr(name, text)


def _linked(content: str, links: tuple[tuple[str, str, str], ...]) -> str:
    added = (f'<Relationship Id="{i}" Type="{kind}" Target="{target}"/>' for i, kind, target in links)
    return content.replace("</Relationships>", "".join(added) + "</Relationships>")


def _content_types() -> str:
    kinds = {
        "threadedComments/threadedComment1": "application/vnd.ms-excel.threadedcomments+xml",
        "persons/person": "application/vnd.ms-excel.person+xml",
        "slicers/slicer1": "application/vnd.ms-excel.slicer+xml",
        "slicerCaches/slicerCache1": "application/vnd.ms-excel.slicerCache+xml",
    }
    return "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{kind}"/>' for name, kind in kinds.items()
    )


def _png() -> io.BytesIO:
    """A picture of 2 × 2 red dots."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0\xff\0\0" * 2)
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
