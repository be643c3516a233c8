"""
The sheet Problems of a marked copy: every problem in a row, with a link to its cell.

Owns how a severity looks in a workbook; the marks at the cells are `importer.workbook.marked`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from openpyxl.cell import Cell
from openpyxl.styles import Font
from openpyxl.utils import quote_sheetname
from openpyxl.workbook import Workbook
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from importer.limits import MAX_CELL_CHARACTERS
from importer.problems import LIST_COLUMNS, LIST_HEADER_ROW, LIST_SHEET, Problem, Severity
from importer.texts import column_letter
from importer.workbook import looks

COLOURS: Final = {Severity.ERROR: "F8B4B0", Severity.WARNING: "FFD98A", Severity.NOTE: "CFE3F5"}
WORDS: Final = {Severity.ERROR: "✗ error", Severity.WARNING: "! warning", Severity.NOTE: "i note"}
BY_WEIGHT: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_WIDTHS: Final = (12, 22, 12, 20, 60, 60, 24)
_LINK_COLOUR: Final = "0B5CAD"
CELL_OR_RANGE: Final = re.compile(r"[A-Z]{1,3}[0-9]+(:[A-Z]{1,3}[0-9]+)?")


def write_list(book: Workbook, name: str, problems: Sequence[Problem], *, is_copy: bool) -> None:
    """Add the list of problems as the first sheet, and open the workbook on it."""
    sheet = book.create_sheet(_free_title(book), 0)
    for other in book.worksheets:
        other.sheet_view.tabSelected = other is sheet
    book.active = 0
    _put(sheet, 1, 1, _headline(name, problems), bold=True, size=14)
    _put(sheet, 2, 1, _advice(name, is_copy=is_copy), colour=looks.GREY)
    for number, (title, width) in enumerate(zip(LIST_COLUMNS, _WIDTHS, strict=True), 1):
        header = _put(sheet, LIST_HEADER_ROW, number, title, bold=True, colour=looks.WHITE)
        header.fill = looks.fill(looks.DEEP)
        header.alignment = looks.MIDDLE
        sheet.column_dimensions[column_letter(number)].width = width
    for row, problem in enumerate(problems, LIST_HEADER_ROW + 1):
        _write_problem(sheet, row, problem, book.sheetnames if is_copy else [])
    for row, height in ((1, 26), (2, 20), (LIST_HEADER_ROW, 24)):
        sheet.row_dimensions[row].height = height
    last = f"{column_letter(len(LIST_COLUMNS))}{LIST_HEADER_ROW + len(problems)}"
    sheet.auto_filter.ref = f"A{LIST_HEADER_ROW}:{last}"
    sheet.freeze_panes = f"A{LIST_HEADER_ROW + 1}"
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = "C0392B"
    looks.set_up_print(sheet, title_row=LIST_HEADER_ROW)


def _free_title(book: Workbook) -> str:
    """Return a sheet name that the workbook does not have; Excel ignores case."""
    taken = {title.casefold() for title in book.sheetnames}
    candidates = (
        LIST_SHEET if number == 1 else f"{LIST_SHEET} ({number})" for number in range(1, len(taken) + 2)
    )
    return next(title for title in candidates if title.casefold() not in taken)


def _headline(name: str, problems: Sequence[Problem]) -> str:
    counts = [(sum(p.severity is severity for p in problems), severity.value) for severity in BY_WEIGHT]
    found = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
    return f"{name}: {found or 'no problems'}"


def _advice(name: str, *, is_copy: bool) -> str:
    if is_copy:
        return (
            f"This is a copy for reading: mend the cells in {name} itself. The links jump to the cells. "
            "Pictures, macros and pivot tables may be missing here."
        )
    return f"{name} could not be copied, so this workbook holds only the list. Mend {name} itself."


def _write_problem(sheet: Worksheet, row: int, problem: Problem, titles: Sequence[str]) -> None:
    texts = (
        WORDS[problem.severity],
        problem.place or "the file",
        problem.ref,
        problem.column,
        problem.text,
        problem.remedy,
        problem.code,
    )
    cells = [_put(sheet, row, number, text) for number, text in enumerate(texts, 1)]
    for cell in cells:
        cell.alignment = looks.TOP_WRAPPED
        cell.border = looks.line_above()
    cells[0].fill = looks.fill(COLOURS[problem.severity])
    cells[-1].font = looks.font(looks.GREY)
    if problem.sheet in titles:
        _link(cells[1], problem)
    lines = max(looks.lines_of(text, width) for text, width in zip(texts, _WIDTHS, strict=True))
    sheet.row_dimensions[row].height = min(15 * lines + 4, 409)


def _link(cell: Cell, problem: Problem) -> None:
    first = problem.cells[0] if problem.cells else "A1"
    if problem.sheet is not None and CELL_OR_RANGE.fullmatch(first):
        place = f"{quote_sheetname(problem.sheet)}!{first}"
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=place)
        cell.font = Font(name=looks.FONT, color=_LINK_COLOUR, underline="single")


def _put(
    sheet: Worksheet,
    row: int,
    column: int,
    text: str,
    *,
    colour: str = looks.INK,
    bold: bool = False,
    size: float = 11,
) -> Cell:
    cell = looks.put_text(sheet, row, column, text[: MAX_CELL_CHARACTERS // 2])  # each may count twice
    cell.font = looks.font(colour, bold=bold, size=size)
    return cell
