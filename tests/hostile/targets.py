"""
Fuzz targets: what must hold of any file and any texts. Each raises AssertionError, or what it must not raise.

An input is bytes: of a whole file, or of one part of a workbook (`book_of`), or the texts of a sheet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from importer.checking import check
from importer.contract import INSTRUCTIONS, Level
from importer.errors import WorkbookRefused, WriteRefused
from importer.places import Study
from importer.problems import CATALOGUE
from importer.sheets.frames import read_frames
from importer.transformer import to_rows
from importer.wire.instructions import request_body
from importer.workbook.cells import CellKind, Row
from importer.workbook.exact import SheetParser, exact_rows
from importer.workbook.markup import parse
from importer.workbook.package import open_package
from importer.workbook.reader import Workbook, open_workbook
from importer.workbook.relations import SheetInfo, read_parts
from importer.workbook.strings import read_strings
from importer.workbook.styles import read_looks
from importer.workbook.template import write_filled
from importer.workbook.values import Values
from importer.workbook.writer import SheetEdits, write_back
from tests.hostile.inputs import BATCHES_PART, INSTRUCTIONS_PART, parts, row, rows
from tests.hostile.zips import entries_of, write_zip

NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
#: Parts that an input may replace; the first byte of the input says which.
PARTS = (
    INSTRUCTIONS_PART,
    BATCHES_PART,
    "xl/sharedStrings.xml",
    "xl/styles.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
)
_CELLS = '<c r="D2"><v>1</v></c><c r="E2" t="s"><v>0</v></c><c r="F2" s="1" t="s"><v>1</v></c>'
SOUND = {
    **parts(
        rows(row(2, ["Q1", "multiple_choice", "Why?"], _CELLS), row(3, ["Q2", "free_text", "How?"])),
        strings=["Good", " good"],
    )
}

Values_ = dict[tuple[int, int], tuple[CellKind, str, bool]]


def book_of(content: bytes) -> bytes | dict[str, bytes]:
    """Return the whole file, or the parts of a workbook, that an input stands for."""
    which, rest = content[:1], content[1:]
    if not which or which[0] >= len(PARTS):
        return rest
    return {**SOUND, PARTS[which[0]]: rest}


def write_input(content: bytes, folder: Path) -> Path:
    """Write the file that an input stands for."""
    path, made = folder / "study.xlsx", book_of(content)
    if isinstance(made, bytes):
        path.write_bytes(made)
        return path
    return write_zip(path, entries_of(made))


# ------------------------------------------------------------------ reader
def reader(content: bytes, folder: Path) -> None:
    """Any file gives rows or a refusal of the catalogue, and both scanners give the same."""
    path = write_input(content, folder)
    try:
        with open_workbook(path) as book:
            for sheet in book.sheets:
                _agree(path, book, sheet)
    except WorkbookRefused as refused:
        CATALOGUE[refused.code].text.format(**refused.values)
    read_frames(path, path.name)


def _agree(path: Path, book: Workbook, sheet: SheetInfo) -> None:
    usual, refusal = _taken(book.rows(sheet))
    with open_package(path) as package:
        found = read_parts(package)
        values = Values(
            read_strings(package, found.strings), read_looks(package, found.styles), is_1904=found.is_1904
        )
        xml = package.read(sheet.part, 1 << 30)
        exact, exact_refusal = _taken(
            exact_rows(package.pieces(sheet.part, 1 << 30), SheetParser(sheet.part, values))
        )
    if refusal is None and exact_refusal is None:
        assert exact == usual
    elif refusal is None:
        # The fast scanner skips blank rows unparsed (`importer.workbook.scan`), so damage in them is
        # not seen; but there is none in a row that it gives.
        assert exact_refusal == "damaged"
        assert exact == usual[: len(exact)]
        for given in usual[len(exact) :]:
            _parse_alone(xml, given)
    else:
        assert exact_refusal == refusal


def _parse_alone(xml: bytes, given: Row) -> None:
    """Parse a row as the only one of its sheet; fails if it is damaged."""
    begin = xml.rfind(b"<row", 0, given.cells[0].start)
    head = xml[: xml.index(b"<sheetData")]
    whole = head + b"<sheetData>" + xml[begin : given.end] + b"</row></sheetData></worksheet>"
    try:
        parse("sheet", [whole], lambda _name, _attributes: None)
    except WorkbookRefused as refused:
        raise AssertionError(f"row {given.number} was given: {refused.values}") from None


def _taken(rows_of_sheet: Iterator[Row]) -> tuple[list[Row], str | None]:
    taken: list[Row] = []
    try:
        taken.extend(rows_of_sheet)
    except WorkbookRefused as refused:
        return taken, refused.code
    return taken, None


# ------------------------------------------------------------------ read → write back → read
def writeback(content: bytes, folder: Path, text: str = "=1+1 <&>\r_x0041_") -> None:
    """After writing back, a workbook reads as before but for the named cells; or it is as it was."""
    path = write_input(content, folder)
    frames, _ = read_frames(path, path.name)
    if frames is None or not frames.instructions.spots:
        return
    sheet, before = frames.instructions, _values(path)
    edits = dict.fromkeys(sheet.spots.values(), text)
    bytes_before = path.read_bytes()
    try:
        digest = write_back(
            path, [SheetEdits(sheet.part, sheet.prefix, edits)], sha256=frames.sha256, backups=None, now=NOW
        )
    except WriteRefused:
        assert bytes_before == path.read_bytes()
        return
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    for spot in edits:
        before[sheet.part][spot.row, spot.column] = (CellKind.TEXT, text, False)
    assert before == _values(path)


def _values(path: Path) -> dict[str, Values_]:
    """What every cell of every sheet holds that holds anything; a sheet that cannot be read holds nothing."""
    values: dict[str, Values_] = {}
    with open_workbook(path) as book:
        for sheet in book.sheets:
            taken, _ = _taken(book.rows(sheet))
            values[sheet.part] = {
                (cell.row, cell.column): (cell.kind, cell.text, cell.is_formula)
                for one in taken
                for cell in one.cells
                if cell.kind is not CellKind.BLANK or cell.is_formula
            }
    return values


# ------------------------------------------------------------------ sheet text → payload → sheet text
def payload(texts: Sequence[Mapping[str, str]], folder: Path) -> bool:
    """
    Rows that are taken give a payload, which written as a sheet gives the same payload.

    Args:
        texts: Rows of the sheet Instructions, by column name.
        folder: For the workbooks.

    Returns:
        Whether the rows were taken.
    """
    names = [column.name for column in INSTRUCTIONS.columns if column.level is not Level.RESEARCHER]
    lines = [row(n, [line.get(name, "") for name in names]) for n, line in enumerate(texts, 2)]
    made = write_zip(folder / "study.xlsx", entries_of(parts(rows(*lines, headers=names))))
    first = _study(made)
    if first is None:
        return False
    again = folder / "again.xlsx"
    write_filled(again, *to_rows(first.batches))
    second = _study(again)
    assert second is not None
    assert [batch.batch_id for batch in first.batches] == [batch.batch_id for batch in second.batches]
    for one, other in zip(first.batches, second.batches, strict=True):
        assert one.instructions == other.instructions
        assert request_body(one.instructions) == request_body(other.instructions)
    return True


def _study(path: Path) -> Study | None:
    return next(iter(check([path]).studies), None)
