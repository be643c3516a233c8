"""
The report as a workbook: the same facts, to be sorted, filtered and counted.

Owns its sheets. They are written row by row and hold everything that the page has no room for;
every text stays a text, whatever it begins with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, cast

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment
from openpyxl.worksheet.worksheet import Worksheet

from importer.limits import MAX_CELL_CHARACTERS
from importer.problems import Problem
from importer.prolific import Exchange
from importer.render.screen import harmless
from importer.report.charts import add_chart, table_of
from importer.report.data import RunInfo, WorkbookDetail
from importer.report.plots import Plot, plots_of
from importer.report.summary import COUNTS, Summary, duration, headline, look_of, nothing_sent
from importer.texts import column_letter
from importer.workbook import looks
from importer.workbook.problem_list import COLOURS, WORDS

#: A sheet holds no more rows; a run that says more says the rest in --json only.
MAX_ROWS: Final = 1_048_576


class Column(NamedTuple):
    """A column of a list; *kind* is "text", "sentence" (wrapped) or "number"."""

    name: str
    width: int
    kind: str = "text"


_WORKBOOK: Final = Column("workbook", 44)
_WORKBOOKS: Final = (
    _WORKBOOK,
    Column("state", 26),
    *(Column(name, 11, "number") for name in COUNTS),
    Column("why, and what to do", 90, "sentence"),
)
_PROBLEMS: Final = (
    _WORKBOOK,
    Column("severity", 12),
    Column("cell", 24),
    Column("ref", 12),
    Column("column", 20),
    Column("what is wrong", 60, "sentence"),
    Column("what to do", 60, "sentence"),
    Column("code", 24),
)
_CHANGES: Final = (_WORKBOOK, Column("plan", 120, "sentence"))
_RECEIPTS: Final = (
    _WORKBOOK,
    Column("batch", 14),
    Column("batch_id", 40),
    Column("state", 16),
    Column("ref", 14),
    Column("instruction_id", 40),
)
_REQUESTS: Final = (
    Column("method", 10),
    Column("status", 14),
    Column("began (s)", 14, "number"),
    Column("took (s)", 14, "number"),
    Column("held back (s)", 16, "number"),
)
_ALIGNMENTS: Final = {
    "text": Alignment(vertical="top"),
    # Away from the numbers that may stand at its left.
    "sentence": Alignment(vertical="top", horizontal="left", wrap_text=True, indent=1),
    "number": Alignment(vertical="top", horizontal="right"),
}

_TONES: Final = {"good": "D6EFDF", "quiet": looks.MIST, "warn": "FFE9B8", "bad": "F8D3CF"}
_INDENT: Final = "    "
_PLOT_FONTS: Final = {
    0: looks.font(looks.DEEP, size=13, bold=True),
    1: looks.font(looks.GREY),
    2: looks.font(bold=True),
}
_LINE_HEIGHT: Final = 15
_MAX_HEIGHT: Final = 409  # Excel allows no higher row

_NO_FILLS: Final[Mapping[int, str]] = {}

Value = str | int | float | datetime | None


def write_book(
    target: Path,
    info: RunInfo,
    summary: Summary,
    details: Iterable[WorkbookDetail],
    requests: Sequence[Exchange],
) -> None:
    """
    Write the report of a run as a workbook.

    Args:
        target: The file, which is overwritten.
        info: The run as a whole.
        summary: The run in numbers.
        details: Every workbook, in order; gone through once.
        requests: Every HTTP request of the run.

    Raises:
        OSError: The file cannot be written.
    """
    book = Workbook(write_only=True)
    _write_summary(book, info, summary)
    _write_plots(book, plots_of(summary, requests))
    workbooks = _List(book, "Workbooks", _WORKBOOKS)
    problems = _List(book, "Problems", _PROBLEMS)
    changes = _List(book, "Changes", _CHANGES)
    receipts = _List(book, "Receipts", _RECEIPTS)
    for detail in details:
        row = detail.row
        counts = [getattr(row, name) for name in COUNTS]
        fills = {1: _TONES[look_of(row.state).tone]}
        state = f"{look_of(row.state).sign} {row.state}"
        workbooks.add(row.workbook, state, *counts, "\n".join(row.sentences), fills=fills)
        for problem in detail.problems:
            _add_problem(problems, row.workbook, problem)
        for line in (line for plan in detail.plans for line in plan):
            text = "".join(span.text for span in line.spans)
            if text.strip():
                changes.add(row.workbook, _INDENT * line.depth + text)
        for receipt in detail.receipts:
            for ref, instruction_id in receipt.ids.items() or (("", ""),):
                receipts.add(
                    row.workbook, receipt.batch, receipt.batch_id, receipt.state, ref, instruction_id
                )
    _write_requests(book, requests)
    for one in (workbooks, problems, changes, receipts):
        one.finish()
    book.save(target)


def _write_summary(book: Workbook, info: RunInfo, summary: Summary) -> None:
    sheet = _sheet(book, "Summary")
    sheet.sheet_view.showGridLines = False
    for letter, width in (("A", 30), ("B", 90)):
        sheet.column_dimensions[letter].width = width
    looks.set_up_print(sheet, title_row=None)
    title = _cell(sheet, headline(info, summary))
    title.font = looks.font(looks.DEEP, size=18, bold=True)
    sheet.append([title])
    sheet.append([_cell(sheet, "Nothing was sent.")] if nothing_sent(info, summary) else [])
    facts: list[tuple[str, Value]] = [
        ("command", f"importer {info.command}"),
        ("run", info.id),
        ("began (UTC)", info.began_at.astimezone(UTC).replace(tzinfo=None)),
        ("took", duration((info.ended_at - info.began_at).total_seconds())),
        ("exit code", info.exit_code),
        ("importer", info.version),
    ]
    numbers: list[tuple[str, Value]] = [
        ("workbooks", summary.workbooks),
        *((name, summary.totals[name]) for name in COUNTS),
        ("requests", summary.requests),
        ("held back", duration(summary.waited_s)),
    ]
    states: list[tuple[str, Value]] = [
        (f"{look_of(state).sign} {state}", count) for state, count in summary.states.items()
    ]
    steps: list[tuple[str, Value]] = [(str(at), step) for at, step in enumerate(info.next_steps, 1)]
    for name, rows in (
        ("What to do next", steps),
        ("The run", facts),
        ("In numbers", numbers),
        ("Workbooks by state", states),
    ):
        if rows:
            heading = _cell(sheet, name)
            heading.font = looks.font(looks.DEEP, size=13, bold=True)
            sheet.append([heading])
            for label, value in rows:
                sheet.append(_styled([_cell(sheet, label), _cell(sheet, value)]))
            sheet.append([])


def _write_plots(book: Workbook, plots: Sequence[Plot]) -> None:
    if not plots:
        return
    sheet = _sheet(book, "Plots")
    sheet.sheet_view.showGridLines = False
    looks.set_up_print(sheet, title_row=None)
    sheet.column_dimensions["A"].width = 44
    for letter in "BCDE":
        sheet.column_dimensions[letter].width = 30
    row = 1
    for plot in plots:
        add_chart(sheet, plot, row)
        for number, values in enumerate(table_of(plot)):
            cells = [_cell(sheet, value) for value in values]
            for at, cell in enumerate(cells):
                cell.font = _PLOT_FONTS.get(number, looks.font())
                cell.alignment = _ALIGNMENTS["number" if at else "text"]
            sheet.append(cells)
            row += 1


def _styled(pair: list[Cell]) -> list[Cell]:
    label, value = pair
    label.font = looks.font(looks.GREY)
    # Numbers to the left too: they stand beside texts, and nobody adds them up.
    value.alignment = Alignment(horizontal="left", vertical="top", wrap_text=True)
    label.alignment = looks.TOP
    return pair


def _add_problem(problems: _List, workbook: str, one: Problem) -> None:
    problems.add(
        workbook,
        WORDS[one.severity],
        one.place or "the file",
        one.ref,
        one.column,
        one.text,
        one.remedy,
        one.code,
        fills={1: COLOURS[one.severity]},
    )


def _write_requests(book: Workbook, requests: Sequence[Exchange]) -> None:
    listed = _List(book, "Requests", _REQUESTS)
    for one in sorted(requests, key=lambda request: request.began_s):
        status = "no answer" if one.status is None else one.status
        # To the millisecond: what a clock says beyond is noise.
        times = [round(seconds, 3) for seconds in (one.began_s, one.took_s, one.waited_s)]
        listed.add(one.method, status, *times)
    listed.finish()


class _List:
    """A sheet with a header, which is filled row by row."""

    def __init__(self, book: Workbook, title: str, columns: Sequence[Column]) -> None:
        self._sheet = _sheet(book, title)
        self._columns = columns
        self._rows = 1
        self._unlisted = 0
        # openpyxl writes all of this with the first row.
        self._sheet.freeze_panes = "B2" if columns[0] is _WORKBOOK else "A2"
        self._sheet.row_dimensions[1].height = 24
        looks.set_up_print(self._sheet, title_row=1)
        self._styles = [_cell(self._sheet, None) for _ in columns]
        for number, (column, style) in enumerate(zip(columns, self._styles, strict=True), 1):
            self._sheet.column_dimensions[column_letter(number)].width = column.width
            style.alignment = _ALIGNMENTS[column.kind]
        self._sheet.append([self._header(column) for column in columns])

    def _header(self, column: Column) -> Cell:
        cell = _cell(self._sheet, column.name)
        cell.font = looks.font(looks.WHITE, bold=True)
        cell.fill = looks.fill(looks.DEEP)
        below = _ALIGNMENTS[column.kind]
        cell.alignment = Alignment(vertical="center", horizontal=below.horizontal, indent=below.indent)
        return cell

    def add(self, *values: Value, fills: Mapping[int, str] = _NO_FILLS) -> None:
        """Add a row; *fills* gives backgrounds by column, counted from 0."""
        if self._rows >= MAX_ROWS - 1:
            self._unlisted += 1
            return
        self._rows += 1
        cells = [_cell(self._sheet, value) for value in values]
        for cell, style in zip(cells, self._styles, strict=True):
            looks.copy_style(style, cell)
        for column, colour in fills.items():
            cells[column].fill = looks.fill(colour)
        lines = max(map(_lines, values, self._columns))
        heights = self._sheet.row_dimensions
        if lines > 1:  # LibreOffice makes no row higher by itself
            heights[self._rows].height = min(_LINE_HEIGHT * lines, _MAX_HEIGHT)
        self._sheet.append(cells)
        heights.pop(self._rows, None)  # is written, and would only take memory

    def finish(self) -> None:
        """Count what no row was left for, and set the filter over what there is."""
        if self._unlisted:
            self._sheet.append([_cell(self._sheet, f"… and {self._unlisted:,} more: in --json.")])
        self._sheet.auto_filter.ref = f"A1:{column_letter(len(self._columns))}{self._rows}"


def _lines(value: Value, column: Column) -> int:
    """Return how many lines a value takes in its column."""
    is_long = column.kind == "sentence" and isinstance(value, str)
    return looks.lines_of(str(value), column.width - 2) if is_long else 1


def _sheet(book: Workbook, title: str) -> Worksheet:
    # openpyxl gives a sheet that is only written a type of its own, with the parts of a Worksheet.
    return cast("Worksheet", book.create_sheet(title))


def _cell(sheet: Worksheet, value: Value) -> Cell:
    """Make a cell; a text stays this text, whatever a program might take it for."""
    if not isinstance(value, str):
        return WriteOnlyCell(sheet, value)
    cell = WriteOnlyCell(sheet, looks.escape(harmless(value)[:MAX_CELL_CHARACTERS]))
    if value:
        cell.data_type = "s"
    return cell
