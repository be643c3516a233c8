"""
The template that researchers fill in, empty or with rows: everything in it comes from the contract.

Owns the sheets Instructions and Batches of a workbook that we make; the sheet Help is
`importer.workbook.help_sheet`'s. Nothing is protected: protection stops people from inserting
and sorting rows, and stops nobody from pasting over a drop-down list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from openpyxl.styles import Alignment
from openpyxl.workbook import Workbook
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from importer.contract import (
    BATCHES,
    COMMENT_MARK,
    HELP_SHEET,
    INSTRUCTIONS,
    SETUP_SHEETS,
    SHEETS,
    Column,
    InstructionType,
    Kind,
    Level,
    SheetContract,
)
from importer.texts import column_letter
from importer.workbook import looks
from importer.workbook.help_sheet import more_rows, rating_rows, write_help
from importer.workbook.hints import show_batches, show_instructions, show_new_rows

Row = Mapping[str, str]

#: Rows that get the text format cell by cell; below them the column's own format holds, which
#: Excel and LibreOffice honour.
FORMATTED_ROWS: Final = 200
#: Rows that drop-downs and conditional formats reach. Not the whole sheet: Google Sheets would
#: then make a sheet of a million rows.
RULED_ROWS: Final = 5_000

#: The request body that Prolific documents, as rows; its ids are left out, because Prolific
#: refuses ids that it has not given.
#: Source: "Update Batch Instructions", SDK code examples.
DOCUMENTED_EXAMPLE: Final[tuple[Row, ...]] = (
    {
        "ref": "Q1",
        "type": InstructionType.MULTIPLE_CHOICE,
        "description": "Choose the LLM response which is more accurate.",
        "answer_limit": "1",
        "option_label": "Response 1",
        "option_value": "response1",
    },
    {"ref": "Q1", "option_label": "Response 2", "option_value": "response2"},
    {
        "ref": "Q2",
        "type": InstructionType.FREE_TEXT,
        "description": "Please share the reasons for your choice.",
    },
    *rating_rows("Rate each aspect and explain your reasoning.", "-1"),
)
#: One of each further type, left out of what is sent by their refs. Not every batch takes them.
_MORE_EXAMPLES: Final[tuple[Row, ...]] = tuple(
    {**row, "ref": f"{COMMENT_MARK}{row['ref']}"} for row in more_rows()
)
_EXAMPLE_BATCHES: Final[tuple[Row, ...]] = (
    {"batch": "example", "notes": "Put the id of your batch into batch_id."},
)
_NEW_BATCHES: Final[tuple[Row, ...]] = (
    {
        "batch": "example",
        "name": "Accuracy, wave 1",
        "task_name": "Compare two responses",
        "task_introduction": "<p>Thank you for taking part.</p>",
        "task_steps": "<ol><li>Read both.</li><li>Choose.</li></ol>",
        "dataset": "pairs",
        "notes": "Put the id of your workspace into workspace_id.",
    },
)
_EXAMPLE_DATASETS: Final[tuple[Row, ...]] = (
    {
        "dataset": "pairs",
        "file": "pairs.csv",
        "name": "Pairs, wave 1",
        "notes": "Put the file beside this workbook.",
    },
)
_EXAMPLE_STUDIES: Final[tuple[Row, ...]] = (
    {
        "study": "example",
        "batch": "example",
        "name": "Compare two responses",
        "internal_name": "Accuracy, wave 1",
        "description": "<p>You will compare pairs of answers.</p>",
        "reward": "200",
        "estimated_completion_time": "5",
        "annotators_per_task": "3",
        "device_compatibility": "desktop, tablet",
        "notes": "Put the id of your project into project.",
    },
)

_TITLE: Final = "Instructions for Prolific"
_TAB_COLOURS: Final = {
    INSTRUCTIONS.name: looks.DEEP,
    **dict.fromkeys((BATCHES.name, *(contract.name for contract in SETUP_SHEETS)), looks.CALM),
    HELP_SHEET: looks.FADED,
}
_HEADER_LOOKS: Final = {
    Level.IMPORTER: (looks.MIST, looks.GREY),
    Level.RESEARCHER: (looks.SAND, "6B5B33"),
}
_HEADER_HEIGHT: Final = 27
_LINE_HEIGHT: Final = 15
_MAX_HEIGHT: Final = 409  # Excel's own limit
# A height marked as the user's own would stay when the text grows.
_OWN_HEIGHT: Final = b' customHeight="1"'
# Excel flags every "1" in a text column with a green corner, and its menu offers to turn the
# text into a number; that would change 007, 1.0 and 1e5.
_BEFORE: Final = b"<legacyDrawing "
_NO_GREEN_CORNERS: Final = (
    '<ignoredErrors><ignoredError numberStoredAsText="1" sqref="A2:{last}"></ignoredError></ignoredErrors>'
)


def write_template(target: Path | BinaryIO, *, example: bool = False, full: bool = False) -> None:
    """
    Write the template; the same bytes each time.

    Args:
        target: A path, or a stream open for writing.
        example: Fill in the example that Prolific documents, without ids; and rows of every further
            type, left out by a # before their ref.
        full: With the sheets that only `importer setup` needs.
    """
    rows = (*DOCUMENTED_EXAMPLE, *_MORE_EXAMPLES)
    if example and full:
        write_filled(target, rows, _NEW_BATCHES, (_EXAMPLE_DATASETS, _EXAMPLE_STUDIES))
    elif example:
        write_filled(target, rows, _EXAMPLE_BATCHES)
    else:
        write_filled(target, (), (), ((), ()) if full else ())


def write_filled(
    target: Path | BinaryIO,
    instruction_rows: Sequence[Row],
    batch_rows: Sequence[Row],
    setup_rows: Sequence[Sequence[Row]] = (),
) -> None:
    """
    Write the template with rows in it, each cell a text.

    Args:
        target: A path, or a stream open for writing.
        instruction_rows: Rows of the sheet Instructions, by column name; absent or "" = blank.
        batch_rows: Rows of the sheet Batches, likewise.
        setup_rows: Rows of the sheets Datasets and Studies, likewise; none: without these sheets.

    Raises:
        KeyError: A row names a column that the sheet does not have; our bug.
        WriteRefused: A text is longer than a cell can hold.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    book.properties.creator = "importer"
    book.properties.title = _TITLE
    book.properties.created = datetime(2026, 1, 1)
    contracts = (*SHEETS, *(SETUP_SHEETS if setup_rows else ()))
    for contract, rows in zip(contracts, (instruction_rows, batch_rows, *setup_rows), strict=True):
        sheet = book.create_sheet(contract.name)
        _write_sheet(sheet, contract, rows)
    write_help(book.create_sheet(HELP_SHEET), contracts)
    for sheet in book.worksheets:
        sheet.sheet_properties.tabColor = _TAB_COLOURS[sheet.title]
        looks.set_up_print(sheet, title_row=None if sheet.title == HELP_SHEET else 1)
    content = looks.fixed_bytes(book, lambda name, part: _patch(book, name, part))
    if isinstance(target, Path):
        target.write_bytes(content)
    else:
        target.write(content)


def header_of(column: Column) -> str:
    """Return the header as the template shows it: a required column carries a `*`."""
    return f"{column.name} *" if column.is_required else column.name


def header_note(column: Column) -> str:
    """Return the text of the note on a header."""
    lines = [column.meaning]
    if column.is_required:
        lines.append("* The sheet must have this column.")
    if column.example:
        lines.append(f"Example: {column.example}")
    return "\n\n".join(lines)


def _write_sheet(sheet: Worksheet, contract: SheetContract, rows: Sequence[Row]) -> None:
    formatted = max(FORMATTED_ROWS, len(rows)) + 1
    ruled = max(RULED_ROWS, len(rows) + FORMATTED_ROWS)
    read = [row for row in rows if not row.get("ref", "").startswith(COMMENT_MARK)]
    is_folded = not any(row.get(column.name) for row in read for column in contract.columns if column.is_rare)
    for number, column in enumerate(contract.columns, 1):
        _write_header(sheet, number, column)
        _format_column(sheet, number, column, _formatted_rows(column, rows))
        _add_list(sheet, number, column, ruled)
        if column.is_rare:
            _fold(sheet, number, is_folded=is_folded)
    _write_rows(sheet, contract, rows)
    show = {INSTRUCTIONS.name: show_instructions, BATCHES.name: show_batches}
    if contract.name in show:
        show[contract.name](sheet, ruled)
    else:
        show_new_rows(sheet, contract, ruled)
    last = column_letter(len(contract.columns))
    sheet.auto_filter.ref = f"A1:{last}{formatted}"
    sheet.freeze_panes = f"{column_letter(contract.names.index(contract.key) + 2)}2"
    sheet.row_dimensions[1].height = _HEADER_HEIGHT


def _write_header(sheet: Worksheet, number: int, column: Column) -> None:
    cell = looks.put_text(sheet, 1, number, header_of(column))
    plain = (looks.DEEP if column.is_required else looks.CALM, looks.WHITE)
    background, ink = _HEADER_LOOKS.get(column.level, plain)
    cell.fill = looks.fill(background)
    cell.font = looks.font(ink, bold=True)
    cell.alignment = looks.MIDDLE
    cell.number_format = looks.TEXT_FORMAT
    cell.comment = looks.note(header_note(column))


def _formatted_rows(column: Column, rows: Sequence[Row]) -> Sequence[int]:
    """Return the rows in which a column's cells have its format themselves: of our own and rare ones few."""
    if column.is_rare:
        return [number for number, row in enumerate(rows, 2) if row.get(column.name)]
    # Blank cells with a background would be printed, page after page.
    count = len(rows) if column.level is Level.IMPORTER else max(FORMATTED_ROWS, len(rows))
    return range(2, count + 2)


def _format_column(sheet: Worksheet, number: int, column: Column, rows: Sequence[int]) -> None:
    """Format a column as text, and its cells in *rows*."""
    is_ours = column.level is Level.IMPORTER
    dimension = sheet.column_dimensions[column_letter(number)]
    dimension.width = column.width
    dimension.number_format = looks.TEXT_FORMAT
    dimension.alignment = _alignment(column)
    dimension.font = looks.font(looks.GREY if is_ours else looks.INK, bold=column.name == "ref")
    if is_ours:
        dimension.fill = looks.fill(looks.PALE)
    for row in rows:
        looks.copy_style(dimension, sheet.cell(row, number))


def _fold(sheet: Worksheet, number: int, *, is_folded: bool) -> None:
    """Group a column with its neighbours, under one button above the column behind them."""
    dimension = sheet.column_dimensions[column_letter(number)]
    dimension.outlineLevel = 1
    dimension.hidden = is_folded
    sheet.column_dimensions[column_letter(number + 1)].collapsed = is_folded


def _alignment(column: Column) -> Alignment:
    return looks.TOP_WRAPPED if column.kind in (Kind.TEXT, Kind.FREE) else looks.TOP


def _add_list(sheet: Worksheet, number: int, column: Column, ruled: int) -> None:
    """Offer the column's words in a drop-down; a hint, because checking is the validator's."""
    if not column.choices:
        return
    words = DataValidation(
        type="list",
        formula1=f'"{",".join(column.choices)}"',
        allow_blank=True,
        showErrorMessage=column.kind is not Kind.LIMIT,
        errorStyle="warning",
        errorTitle=column.name,
        error=f"Use one of: {', '.join(column.choices)}.",
    )
    letter = column_letter(number)
    words.add(f"{letter}2:{letter}{ruled}")
    sheet.add_data_validation(words)


def _write_rows(sheet: Worksheet, contract: SheetContract, rows: Sequence[Row]) -> None:
    numbers = {name: number for number, name in enumerate(contract.names, 1)}
    for row_number, row in enumerate(rows, 2):
        for name, text in row.items():
            looks.put_text(sheet, row_number, numbers[name], str(text))
        lines = [
            looks.lines_of(row.get(column.name, ""), column.width)
            for column in contract.columns
            if _alignment(column).wrap_text
        ]
        sheet.row_dimensions[row_number].height = min(_LINE_HEIGHT * max(lines), _MAX_HEIGHT)


def _patch(book: Workbook, name: str, content: bytes) -> bytes:
    """Add to a part what openpyxl cannot write."""
    contracts = {contract.name: contract for contract in (*SHEETS, *SETUP_SHEETS)}
    sheets = {
        f"xl/worksheets/sheet{position}.xml": contracts[title]
        for position, title in enumerate(book.sheetnames, 1)
        if title in contracts
    }
    if name not in sheets:
        return content
    contract = sheets[name]
    last = f"{column_letter(len(contract.columns))}{max(RULED_ROWS, book[contract.name].max_row)}"
    quiet = _NO_GREEN_CORNERS.format(last=last).encode()
    return content.replace(_OWN_HEIGHT, b"").replace(_BEFORE, quiet + _BEFORE, 1)
