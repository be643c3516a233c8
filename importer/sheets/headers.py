"""
Where things stand in a workbook: which sheet is which, and which column means what.

Reads no cell beneath the headers (`importer.sheets.frames` does) and judges no text. Sheets are found by
name, else by their headers; columns by header, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import Final

from importer.contract import HELP_SHEET, Kind, Level, SheetContract
from importer.limits import MAX_LISTED
from importer.problems import Problem, did_you_mean, problem, quote
from importer.texts import cell_name, header_key, is_blank, is_own_column, trim
from importer.workbook.cells import Cell, Row
from importer.workbook.reader import SheetInfo, Workbook

#: Rows among which the headers are looked for, to say where they stand if not in row 1.
HEADER_SEARCH_ROWS: Final = 10
#: Sheets that a message lists.
NAMED_SHEETS: Final = 20
#: How alike a header must be to a missing one to be read as it: `option_lable` is 0.91.
NEAR_MISS: Final = 0.85


@dataclass(frozen=True, slots=True)
class Place:
    """A sheet as problems name it."""

    workbook: str
    sheet: str | None

    def problem(self, code: str, *cells: str, ref: str = "", column: str = "", **values: object) -> Problem:
        """Build a problem of this sheet."""
        return problem(code, self.workbook, sheet=self.sheet, cells=cells, ref=ref, column=column, **values)

    def more_of(self, code: str, column: str, count: int) -> Problem:
        """Say how many cells have a problem beyond those that are listed, of *count* in all."""
        return self.problem(
            "more-of-these", column=column, count=count - MAX_LISTED, listed=code, limit=MAX_LISTED
        )


@dataclass(frozen=True, slots=True)
class Headers:
    """
    Which column is where.

    Attributes:
        row: The row of the headers; None if the sheet is empty.
        columns: Contract column name → column number, only those present.
        named: Numbers of all columns that have a header, the researcher's own included.
    """

    row: Row | None
    columns: Mapping[str, int]
    named: frozenset[int]

    def has_required(self, contract: SheetContract) -> bool:
        """Whether every column is there that the sheet must have."""
        return not _missing_required(contract, self.columns)


# ------------------------------------------------------------------ sheets
def find_sheet(
    book: Workbook, contract: SheetContract, workbook: str, taken: Sequence[SheetInfo] = ()
) -> tuple[SheetInfo | None, tuple[Problem, ...]]:
    """
    Find one sheet: by name, ignoring case and spaces, else by its headers if only one fits.

    Args:
        book: The open workbook.
        contract: The sheet that is wanted.
        workbook: The file, as the researcher named it.
        taken: Sheets that are something else already.

    Returns:
        The sheet, None if there is none, and what is to be said about it; nothing is said of a
        sheet that is not found (`missing_sheet`).
    """
    free = [sheet for sheet in book.sheets if sheet not in taken]
    named = [sheet for sheet in free if _sheet_key(sheet.name) == _sheet_key(contract.name)]
    if named:
        exact = [sheet for sheet in named if sheet.name == contract.name]
        found = (exact or named)[0]
        return found, tuple(_hidden(found, workbook))
    fitting = [sheet for sheet in free if _sheet_key(sheet.name) != _sheet_key(HELP_SHEET)]
    fitting = [sheet for sheet in fitting if _looks_like(book, sheet, contract)]
    if len(fitting) != 1:
        return None, ()
    found = fitting[0]
    renamed = Place(workbook, found.name).problem("sheet-renamed", wanted=contract.name)
    return found, (renamed, *_hidden(found, workbook))


def find_setup_sheet(
    book: Workbook, contract: SheetContract, workbook: str
) -> tuple[SheetInfo | None, tuple[Problem, ...]]:
    """
    Find a sheet that most workbooks do without: by name, and only if it has the columns.

    A sheet Studies may well be the researcher's own, so one that lacks a column is named, not judged.
    """
    found = next(
        (sheet for sheet in book.sheets if _sheet_key(sheet.name) == _sheet_key(contract.name)), None
    )
    if found is None:
        return None, ()
    place = Place(workbook, found.name)
    headers, _ = match_headers(first_rows(book.rows(found)), contract, place)
    if missing := _missing_required(contract, headers.columns):
        return None, (place.problem("sheet-not-read", missing=", ".join(missing)),)
    return found, tuple(_hidden(found, workbook))


def missing_sheet(book: Workbook, contract: SheetContract, workbook: str) -> Problem:
    """Say that a sheet is missing, which ones there are, and which of them may be meant."""
    names = [sheet.name for sheet in book.sheets]
    return problem(
        "sheet-missing",
        workbook,
        wanted=contract.name,
        found=_some(names) or "none",
        hint=did_you_mean(contract.name, names),
    )


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED_SHEETS
    return ", ".join(map(quote, names[:NAMED_SHEETS])) + (f" and {rest:,} more" if rest > 0 else "")


def _hidden(sheet: SheetInfo, workbook: str) -> Iterator[Problem]:
    if sheet.is_hidden:
        yield Place(workbook, sheet.name).problem("sheet-hidden")


def _sheet_key(name: str) -> str:
    return "".join(name.split()).casefold()


def _looks_like(book: Workbook, sheet: SheetInfo, contract: SheetContract) -> bool:
    row = header_row(first_rows(book.rows(sheet)), contract)
    if row is None:
        return False
    keys = {header_key(content.text) for content in row.contents}
    return all(key in keys for key, column in contract.by_key.items() if column.is_required)


# ------------------------------------------------------------------ headers
def first_rows(rows: Iterable[Row]) -> list[Row]:
    """Take the rows among which the headers are looked for, and the one behind them."""
    taken: list[Row] = []
    for row in rows:
        taken.append(row)
        if row.number >= HEADER_SEARCH_ROWS:
            break
    return taken


def header_row(rows: Sequence[Row], contract: SheetContract) -> Row | None:
    """Return row 1, or a later one if it has more of the sheet's headers; None if there is neither."""
    required = {key for key, column in contract.by_key.items() if column.is_required}
    best, most = None, -1
    for row in takewhile(lambda row: row.number <= HEADER_SEARCH_ROWS, rows):
        texts = {content.text for content in row.contents if content.text}
        if len(texts) <= most:  # Most rows are no header, and to compare headers takes long.
            continue
        keys = contract.by_key.keys() & set(map(header_key, texts))
        # One word is no header row: a cell of row 5 may well say "type".
        if len(keys) > most and (row.number == 1 or len(keys) > 1 or required <= keys):
            best, most = row, len(keys)
    return best


def match_headers(
    rows: Sequence[Row], contract: SheetContract, place: Place
) -> tuple[Headers, tuple[Problem, ...]]:
    """
    Match the headers of a sheet.

    A near miss of a missing column is a problem, but its cells are read as that column's: what is
    wrong beneath it is reported in the same run.

    Args:
        rows: The first rows of the sheet (`first_rows`).
        contract: The sheet's contract.
        place: How problems name the sheet.

    Returns:
        The headers, and what is wrong with them.
    """
    row = header_row(rows, contract)
    cells = [cell for cell in row.cells if not is_blank(cell.text)] if row else []
    columns: dict[str, int] = {}
    problems: list[Problem] = []
    unknown = list(_match_exactly(cells, contract, columns, problems, place))
    problems += [_match_nearly(cell, contract, columns, place) for cell in unknown[:MAX_LISTED]]
    if len(unknown) > MAX_LISTED:
        problems.append(place.more_of("column-unknown", "", len(unknown)))
    if row is not None and row.number > 1 and columns:
        problems.append(place.problem("header-row", row=row.number, count=row.number - 1))
    missing = _missing_required(contract, columns)
    problems += [place.problem("column-missing", column=name, wanted=name) for name in missing]
    return Headers(row, columns, frozenset(cell.column for cell in cells)), tuple(problems)


def _match_exactly(
    cells: Iterable[Cell],
    contract: SheetContract,
    columns: dict[str, int],
    problems: list[Problem],
    place: Place,
) -> Iterator[Cell]:
    """Fill *columns* and *problems*; yield the headers that are nobody's."""
    headers: dict[str, Cell] = {}
    for cell in cells:
        column = contract.by_key.get(header_key(cell.text))
        if is_own_column(cell.text):
            if column is not None and column.level is Level.RESEARCHER:
                columns.setdefault(column.name, cell.column)
        elif column is None:
            yield cell
        elif column.name in columns:
            first, second = _described(headers[column.name]), _described(cell)
            problems.append(
                place.problem(
                    "column-twice",
                    _name(cell),
                    column=column.name,
                    first=first,
                    second=second,
                    wanted=column.name,
                )
            )
        else:
            columns[column.name] = cell.column
            headers[column.name] = cell


def _match_nearly(cell: Cell, contract: SheetContract, columns: dict[str, int], place: Place) -> Problem:
    """Take a header as the missing column that it nearly names, and say so; else say it is not read."""
    missing = {
        key: column.name
        for key, column in contract.by_key.items()
        if column.name not in columns and column.kind is not Kind.FREE
    }
    header = trim(cell.text)
    near = get_close_matches(header_key(header), missing, n=1, cutoff=NEAR_MISS)
    if not near:
        hint = did_you_mean(header, missing.values())
        return place.problem("column-unknown", _name(cell), column=header, header=quote(header), hint=hint)
    name = missing[near[0]]
    columns[name] = cell.column
    return place.problem("column-near-miss", _name(cell), column=name, header=quote(header), wanted=name)


def _missing_required(contract: SheetContract, columns: Mapping[str, int]) -> list[str]:
    return [column.name for column in contract.columns if column.is_required and column.name not in columns]


def _name(cell: Cell) -> str:
    return cell_name(cell.row, cell.column)


def _described(cell: Cell) -> str:
    return f"{quote(trim(cell.text))} ({_name(cell)})"
