"""What the reader gives: cells, rows and the places where the writer may write."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class CellKind(StrEnum):
    """What a cell holds, as the workbook says it."""

    BLANK = "blank"  # formatted, or a formula whose saved result is an empty text
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"  # a number whose format makes it a date or time
    ERROR = "error"


class Cell(NamedTuple):
    """
    One cell.

    Attributes:
        row: Excel row, from 1.
        column: Column number, from 1 (A).
        kind: What it holds.
        text: Text: exactly as it stands, `_x000D_` escapes decoded. Number: the literal digits of
            the file. Boolean: TRUE or FALSE. Date: ISO 8601 (`2026-03-01`, `2026-03-01 12:30:00`,
            `12:30:00`). Error: `#REF!` and the like. Blank: "".
        is_formula: Whether a formula made it.
        has_result: False for a formula without a saved result.
        is_formatted: Whether a number format makes Excel show the number differently (50%, $5, 007).
        start: Byte offset of `<c` in the inflated sheet XML.
        end: Byte offset behind the cell's last byte.
        style: The `s` attribute, None if absent.
    """

    row: int
    column: int
    kind: CellKind
    text: str
    is_formula: bool
    has_result: bool
    is_formatted: bool
    start: int
    end: int
    style: int | None


class Row(NamedTuple):
    """
    One row that holds a value or a formula; rows of formatted blanks are left out.

    Attributes:
        number: Excel row, from 1.
        cells: Its cells in column order, blank ones included.
        is_hidden: Hidden by hand or by a filter.
        end: Byte offset of `</row>` in the inflated sheet XML: where a cell may be added.
    """

    number: int
    cells: tuple[Cell, ...]
    is_hidden: bool
    end: int


class Spot(NamedTuple):
    """
    Where the writer may put one cell.

    Attributes:
        row: Excel row, from 1.
        column: Column number, from 1.
        start: Byte offset in the inflated sheet XML where the new cell begins.
        end: Byte offset behind the cell that it replaces; equal to *start* when it is added.
        style: Style index to give it, None for none.
    """

    row: int
    column: int
    start: int
    end: int
    style: int | None


class MergedRange(NamedTuple):
    """A merged range, all four bounds included, from 1."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int
