"""
The marked copy: a researcher's workbook with its problems shown where they stand.

Owns `NAME.checked.xlsx`: guilty cells coloured and noted; the first sheet, which lists every
problem, is `importer.workbook.problem_list`'s. The copy is made with openpyxl, which loses what it does not know
(pictures, macros, slicers), so it says that it is only for reading; the workbook itself is
neither marked nor touched.
"""

from __future__ import annotations

import os
import re
import shutil
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.formatting.formatting import ConditionalFormattingList
from openpyxl.workbook import Workbook
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.worksheet import Worksheet

from importer.errors import WriteRefused
from importer.problems import Problem, Report, Severity
from importer.texts import column_letter
from importer.workbook import looks
from importer.workbook.problem_list import BY_WEIGHT, CELL_OR_RANGE, COLOURS, WORDS, write_list
from importer.workbook.temporary import temporary_file

SUFFIX: Final = ".checked.xlsx"

#: Problems of the file itself: what is behind them is not opened.
UNREADABLE: Final = frozenset(
    {"not-a-workbook", "encrypted", "damaged", "lock-file", "not-readable", "too-large", "unsafe-xml"}
)
#: openpyxl takes 0.4 s and 11 MB of memory for each MB of XML (measured); beyond this, only the list.
MAX_XML_BYTES: Final = 12_000_000
#: openpyxl makes a cell for every cell of a merged or linked range: a merged column takes a minute.
#: The range itself costs as much as some more of them.
MAX_SPREAD_CELLS: Final = 100_000
_CELLS_OF_RANGE: Final = 50
#: Each note is also a drawing; thousands of them make Excel slow. Colour has no such limit.
MAX_NOTES: Final = 2_000
_NOTE_CHARACTERS: Final = 1_000

_SPREAD_OUT: Final = re.compile(
    rb"<(?:\w+:)?(?:mergeCell|hyperlink)\b[^<>]*?\bref=[\"']([A-Z]+\d+:[A-Z]+\d+)"
)
#: openpyxl searches a number format for dates in a time that grows with the square of its length.
_LONG_FORMAT: Final = re.compile(rb"formatCode=[\"'][^\"'<]{1000}")


def mark_all(report: Report) -> tuple[dict[str, Path], tuple[WriteRefused, ...]]:
    """
    Write a marked copy of every workbook with problems.

    A file that is not there has nothing to mark, and a marked copy is not marked again.

    Returns:
        The copies, by workbook; and why one could not be written.
    """
    copied: dict[str, Path] = {}
    refused: list[WriteRefused] = []
    copies = {p.workbook for p in report.problems if p.code == "marked-copy"}
    for name in report.workbooks:
        # Path.is_file raises for a forbidden folder.
        if report.of(name) and name not in copies and os.path.isfile(name):  # noqa: PTH113
            target = marked_path(Path(name))
            try:
                write_marked(Path(name), target, report.of(name))
                copied[name] = target
            except WriteRefused as refusal:
                refused.append(refusal)
    return copied, tuple(refused)


def marked_path(source: Path) -> Path:
    """Return where the marked copy of a workbook goes: beside it, `study.checked.xlsx`."""
    return source.with_name(f"{source.stem}{SUFFIX}")


def write_marked(source: Path, target: Path, problems: Sequence[Problem]) -> None:
    """
    Write the marked copy of a workbook.

    A workbook that cannot be opened, or that openpyxl cannot carry, gives a copy that holds only
    the list of problems, and says so.

    Args:
        source: The researcher's workbook; only read.
        target: Where the copy goes; replaced if it is there.
        problems: The problems of this workbook, in the order in which they are to be listed.

    Raises:
        ValueError: *target* is *source*; our bug.
        WriteRefused: *target* cannot be written.
    """
    if _is_same_file(target, source):
        raise ValueError("a workbook is never marked itself")
    content = _marked_bytes(source, problems)
    try:
        with temporary_file(target.parent) as temporary:
            temporary.write_bytes(content)
            # Whoever may not read the workbook may not read its copy.
            shutil.copymode(source, temporary)
            temporary.replace(target)
    except OSError as error:
        raise WriteRefused(
            f"{target.name} cannot be written ({error.strerror}). "
            "Close it if it is open in Excel, and check that you may write into its folder."
        ) from error


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them is not there, leads in a circle, or cannot be
        return False


def _marked_bytes(source: Path, problems: Sequence[Problem]) -> bytes:
    """Return the copy, or the mere list where the workbook defeats openpyxl."""
    if not any(problem.code in UNREADABLE for problem in problems) and _is_easy(source):
        # openpyxl raises whatever an odd part provokes; the list alone is always possible.
        with suppress(Exception):
            return _marked_copy(source, problems)
    book = Workbook()
    book.remove(book.worksheets[0])
    write_list(book, source.name, problems, is_copy=False)
    return _saved(book)


def _is_easy(source: Path) -> bool:
    """Whether openpyxl opens a workbook safely and in seconds, as far as declarations, sizes and ranges tell."""
    try:
        with ZipFile(source) as package:
            parts = package.infolist()
            if sum(part.file_size for part in parts) > MAX_XML_BYTES:
                return False
            contents = {part.filename: package.read(part) for part in parts}
        sheets = [xml for name, xml in contents.items() if name.startswith("xl/worksheets/")]
        styles = [xml for name, xml in contents.items() if name.endswith("styles.xml")]
        found = [match[1].decode() for xml in sheets for match in _SPREAD_OUT.finditer(xml)]
        spread = _CELLS_OF_RANGE * len(found)
        for area in map(CellRange, found[:MAX_SPREAD_CELLS]):
            spread += area.size["rows"] * area.size["columns"]
    except (OSError, BadZipFile, zlib.error, ValueError):  # ValueError: a range that is none
        return False
    return not (
        spread > MAX_SPREAD_CELLS
        or any(map(_LONG_FORMAT.search, styles))
        or any(map(_declares_entities, contents.values()))
    )


def _declares_entities(content: bytes) -> bool:
    """Whether a part could make openpyxl expand entities, which it does when lxml is not installed."""
    return b"<!DOCTYPE" in content.replace(b"\0", b"")  # without the zeros, UTF-16 reads like ASCII


def _marked_copy(source: Path, problems: Sequence[Problem]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl names what it drops; the copy says so itself
        book = load_workbook(source, rich_text=True)
        _check_texts(book)
        book.template = False
        for sheet in book.worksheets:
            # openpyxl saves some pivot tables without their records, and Excel calls that damaged.
            sheet._pivots = []  # type: ignore[attr-defined]
            _mark_sheet(sheet, [problem for problem in problems if problem.sheet == sheet.title])
        write_list(book, source.name, problems, is_copy=True)
        return _saved(book)


def _check_texts(book: Workbook) -> None:
    """
    Refuse a workbook whose few shared texts would become many large ones.

    Raises:
        OverflowError: openpyxl, which writes a text as often as it is shown, would write too much.
    """
    characters = 0
    for sheet in book.worksheets:
        # Not iter_rows: it makes every cell up to the last one, which may be XFD1048576.
        for cell in sheet._cells.values():
            characters += len(str(cell.value))
            if characters > MAX_XML_BYTES:
                raise OverflowError(f"more than {MAX_XML_BYTES:,} characters")


def _saved(book: Workbook) -> bytes:
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _mark_sheet(sheet: Worksheet, problems: Sequence[Problem]) -> None:
    """Colour the guilty cells of a sheet, note their problems, and show what was hidden."""
    size = (sheet.max_row, sheet.max_column)  # openpyxl looks at every cell to tell
    by_cell: dict[str, list[Problem]] = {}
    for problem in problems:
        for row, column in _places(problem, size):
            by_cell.setdefault(_shown_cell(sheet, row, column).coordinate, []).append(problem)
    for count, (name, found) in enumerate(by_cell.items()):
        cell = sheet[name]
        cell.fill = looks.fill(COLOURS[_heaviest(found)])
        if count < MAX_NOTES:
            cell.comment = looks.note(_note_text(cell, found))
        sheet.row_dimensions[cell.row].hidden = False
        sheet.column_dimensions[column_letter(cell.column)].hidden = False
    if problems:
        sheet.sheet_state = "visible"
    _override_rules(sheet, by_cell)


def _places(problem: Problem, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Give row and column of each cell of a problem; of a range no more than the used *size*."""
    for name in problem.cells:
        if CELL_OR_RANGE.fullmatch(name):
            area = CellRange(name)
            rows = range(area.min_row, min(area.max_row, max(area.min_row, size[0])) + 1)
            columns = range(area.min_col, min(area.max_col, max(area.min_col, size[1])) + 1)
            yield from product(rows, columns)


def _shown_cell(sheet: Worksheet, row: int, column: int) -> Cell:
    """Return the cell that is seen at a place: of a merged range its first."""
    cell = sheet.cell(row, column)
    if isinstance(cell, MergedCell):
        merged = next(area for area in sheet.merged_cells.ranges if cell.coordinate in area)
        cell = sheet.cell(merged.min_row, merged.min_col)
    assert isinstance(cell, Cell)  # noqa: S101 - the first cell of a merged range is a real one
    return cell


def _heaviest(problems: Sequence[Problem]) -> Severity:
    return min((problem.severity for problem in problems), key=BY_WEIGHT.index)


def _note_text(cell: Cell, problems: Sequence[Problem]) -> str:
    """Return every problem of a cell with its remedy, below the note that was there."""
    texts = [f"{WORDS[problem.severity]}: {problem.text} {problem.remedy}".rstrip() for problem in problems]
    if cell.comment is not None:
        texts.insert(0, cell.comment.text)
    whole = "\n\n".join(dict.fromkeys(texts))
    return looks.without_control_characters(whole[:_NOTE_CHARACTERS])


def _override_rules(sheet: Worksheet, by_cell: dict[str, list[Problem]]) -> None:
    """Keep the colours visible: a conditional format (the template's own too) hides a cell's colour."""
    old = sheet.conditional_formatting
    if not old:
        return
    # Excel goes by priority, LibreOffice by the order in the file.
    sheet.conditional_formatting = ConditionalFormattingList()
    for priority, severity in enumerate(BY_WEIGHT, 1):
        names = [name for name, found in by_cell.items() if _heaviest(found) is severity]
        if names:
            rule = looks.rule("TRUE", priority, fill=looks.fill(COLOURS[severity]))
            sheet.conditional_formatting.add(" ".join(names), rule)
    for area in old:
        for rule in area.rules:
            rule.priority += len(BY_WEIGHT)
            sheet.conditional_formatting.add(str(area.sqref), rule)
