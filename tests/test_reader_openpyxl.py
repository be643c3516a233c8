"""Our reader beside openpyxl: the same cells, or a difference that has a name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.cell.cell import MergedCell
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from importer.errors import WorkbookRefused
from importer.problems import problem
from importer.workbook.cells import Cell, CellKind
from importer.workbook.markup import decode_escapes
from importer.workbook.reader import open_workbook
from tests.corpus import Found, corpus_files
from tests.raw import raw_book, sheet_xml, styles_of

Said = tuple[str, object, bool]
NOTHING: Said = ("blank", "", False)

#: Differences that we mean: what openpyxl does, and why we do not. Each has a test that it occurs.
INTENDED: Mapping[str, str] = {
    "escape": "openpyxl leaves _x000D_ as it stands, so _x000D_ and _x005F_x000D_ collide",
    "merged": "openpyxl empties all cells of a merged range but the first; they are in the file",
    "date-beyond": "openpyxl makes #VALUE! of a number that no date can show; we give the number",
    "leap-day": "openpyxl gives 29 February 1900, which Excel shows, as 28 February or 1 March",
    "eastern-date": "openpyxl does not know the built-in dates of East Asia and Thailand",
    "day-zero": "openpyxl gives the first day of the 1904 system as midnight",
}


def said_by_us(cell: Cell | None) -> Said:
    if cell is None:
        return NOTHING
    value: object = float(cell.text) if cell.kind is CellKind.NUMBER else cell.text
    return cell.kind.value, value, cell.is_formula


def said_by_openpyxl(cell: Any, formula: Any) -> Said:
    """Put openpyxl's cell (read with its values) and its twin (read with its formulas) into our words."""
    is_formula = formula is not None and formula.data_type == "f"
    value = None if cell is None else cell.value
    if value is None or value == "":
        return "blank", "", is_formula
    if cell.data_type == "e":
        return "error", value, is_formula
    if isinstance(value, bool):
        return "boolean", str(value).upper(), is_formula
    if isinstance(value, int | float):
        return "number", float(value), is_formula
    if isinstance(value, date | time | timedelta):
        return "date", _iso(value), is_formula
    return "text", str(value), is_formula


def _iso(value: date | time | timedelta) -> str:
    """Write a date as our reader does: to the nearest second, without midnight."""
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(value, datetime):
        value = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return value.isoformat()


def differences(path: Path) -> list[tuple[str, str, Said, Said]]:
    """Compare every cell of a workbook; list name of the difference, cell, openpyxl's word and ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values, formulas = openpyxl.load_workbook(path, data_only=True), openpyxl.load_workbook(path)
    found = []
    with open_workbook(path) as workbook:
        for sheet in workbook.sheets:
            ours = {(cell.row, cell.column): cell for row in workbook.rows(sheet) for cell in row.cells}
            theirs, made = values[sheet.name]._cells, formulas[sheet.name]._cells
            for at in sorted(ours.keys() | theirs.keys()):
                said = said_by_openpyxl(theirs.get(at), made.get(at))
                if said != (us := said_by_us(ours.get(at))):
                    name = named(theirs.get(at), said, us)
                    found.append((name, f"{sheet.name} {at}", said, us))
    return found


def named(cell: Any, said: Said, us: Said) -> str:
    """Name a difference, "" if it is not intended."""
    kinds = said[0], us[0]
    occurs = {
        "merged": isinstance(cell, MergedCell) and said == NOTHING,
        "escape": kinds == ("text", "text") and decode_escapes(str(said[1])) == us[1],
        "date-beyond": said[1] == "#VALUE!" and kinds == ("error", "number"),
        "leap-day": us[1] == "1900-02-29",
        "eastern-date": kinds == ("number", "date"),
        "day-zero": (said[1], us[1]) == ("00:00:00", "1904-01-01"),
    }
    return next((name for name, does_occur in occurs.items() if does_occur), "")


def unintended(path: Path) -> list[tuple[str, str, Said, Said]]:
    return [difference for difference in differences(path) if difference[0] not in INTENDED]


# ------------------------------------------------------------------ workbooks that others make


def by_xlsxwriter(path: Path, **options: object) -> Path:
    """Write every kind of cell that XlsxWriter knows."""
    with xlsxwriter.Workbook(path, options) as book:
        bold, percent = book.add_format({"bold": True}), book.add_format({"num_format": "0%"})
        day, hours = (
            book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            book.add_format({"num_format": "[h]:mm"}),
        )
        sheet = book.add_worksheet("Instructions & more")
        texts = [
            "Good",
            " spaces ",
            "NA",
            "1",
            "007",
            "a & b < c > \"d\" 'e'",
            "two\nlines",
            "tab\there",
            "ÄÖ 東京 😀",
            "\u00a0",
        ]
        for row, text in enumerate(texts):
            sheet.write_string(row, 0, text)
            sheet.write_blank(row, 1, None, bold)
        for row, number in enumerate([0, 1, 1.0, -1, 1.5, 1e21, 1e-7, 12345678901234567, 0.1 + 0.2]):
            sheet.write_number(row, 2, number)
            sheet.write_number(row, 3, number, percent)
        for row, moment in enumerate(
            [datetime(2026, 3, 1), datetime(2026, 3, 1, 12, 30), datetime(1904, 1, 3), datetime(9999, 12, 31)]
        ):
            sheet.write_datetime(row, 4, moment, day)
        sheet.write_number("E9", 1.5, hours)
        sheet.write_boolean("F1", True)
        sheet.write_boolean("F2", False)
        sheet.write_formula("F3", "=1+1", None, 2)
        sheet.write_formula("F4", '=A1&"x"', None, "Goodx")
        sheet.write_formula("F5", "=1/0", None, "#DIV/0!")
        sheet.write_formula("F6", "=1=1", None, True)
        sheet.write_array_formula("F7:F8", "{=A1:A2}", None, 3)
        sheet.write_dynamic_array_formula("G1", "=UNIQUE(A1:A9)", None, "Good")
        sheet.write_rich_string("G3", "Good ", bold, "bad", " ugly ")
        sheet.merge_range("A20:C22", "merged")
        sheet.set_row(5, None, None, {"hidden": True})
        sheet.autofilter("A1:G9")
        book.add_worksheet("Empty")
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=Empty!$A$1:$A$2"})
        book.add_chartsheet("Chart").set_chart(chart)
        book.add_worksheet("Hidden").hide()
    return path


@pytest.mark.parametrize(
    "options", [{}, {"constant_memory": True}, {"date_1904": True}], ids=["shared", "inline", "1904"]
)
def test_workbook_of_xlsxwriter(tmp_path: Path, options: dict[str, object]):
    """What XlsxWriter writes is read as openpyxl reads it, shared or inline, 1900 or 1904."""
    path = by_xlsxwriter(tmp_path / "x.xlsx", **options)
    with open_workbook(path) as workbook:
        listed = [(sheet.name, sheet.is_hidden) for sheet in workbook.sheets]

    assert unintended(path) == []
    assert listed == [("Instructions & more", False), ("Empty", False), ("Hidden", True)]


def test_workbook_of_openpyxl(tmp_path: Path):
    """What openpyxl writes is read as it reads it: its formulas have no saved result."""
    book = openpyxl.Workbook()
    rows: list[list[object]] = [
        ["Good", " spaces ", "=not a formula", 1, 1.5, True, None, "#N/A"],
        ["=1+1", datetime(2026, 3, 1, 12, 30), date(2026, 3, 1), time(12, 30), timedelta(hours=36)],
        [CellRichText("Good ", TextBlock(InlineFont(b=True), "bad")), "two\nlines", "😀", ""],
    ]
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "x.xlsx")

    assert unintended(tmp_path / "x.xlsx") == []


# ------------------------------------------------------------------ intended differences

MERGED = '<mergeCells><mergeCell ref="A1:B1"/></mergeCells>'
#: Cells of row 1, format of style 1, and what stands behind the rows.
PICKS: Mapping[str, tuple[str, str | int, str]] = {
    "escape": ('<c r="A1" t="str"><v>one_x000D_ _x005F_x000D_</v></c>', 0, ""),
    "merged": ('<c r="A1"><v>1</v></c><c r="B1"><v>2</v></c>', 0, MERGED),
    "date-beyond": ('<c r="A1" s="1"><v>9999999</v></c>', "yyyy-mm-dd", ""),
    "leap-day": ('<c r="A1" s="1"><v>60</v></c>', "yyyy-mm-dd", ""),
    "eastern-date": ('<c r="A1" s="1"><v>45000</v></c>', 57, ""),
    "day-zero": ('<c r="A1" s="1"><v>0</v></c>', "yyyy-mm-dd", ""),
}


@pytest.mark.parametrize("name", INTENDED)
def test_intended_difference(tmp_path: Path, name: str):
    """Each difference that has a name occurs, and nothing else differs with it."""
    cells, code, after = PICKS[name]
    sheet = sheet_xml(f'<row r="1">{cells}</row>', after=after)
    path = raw_book(
        tmp_path / "x.xlsx", {"A": sheet}, styles_xml=styles_of(code), date1904=name == "day-zero"
    )

    assert [name] == [difference[0] for difference in differences(path)]


# ------------------------------------------------------------------ real files


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f.path, id=f.name)
        for f in corpus_files()
        if f.expected == "readable" and f.is_read_by_openpyxl
    ],
)
def test_real_workbooks_are_read_as_openpyxl_reads_them(path: Path):
    """Cell by cell: value, kind and whether a formula made it."""
    assert unintended(path) == []


@pytest.mark.parametrize("found", [pytest.param(f, id=f.name) for f in corpus_files()])
def test_real_files_are_read_or_refused(found: Found):
    """Rows or a refusal in words, never another exception; each as the index expects."""
    try:
        with open_workbook(found.path) as workbook:
            for sheet in workbook.sheets:
                list(workbook.rows(sheet))
        ended = "readable"
    except WorkbookRefused as refusal:
        problem(refusal.code, found.name, **refusal.values)
        ended = "refuse"

    assert found.expected in (ended, "either")
