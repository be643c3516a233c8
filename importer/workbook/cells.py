"""What the reader gives: cells, rows and the places where the writer may write."""

from __future__ import annotations

from collections.abc import Sequence
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


class Content(NamedTuple):
    """
    What a cell holds; cells that hold the same may share it.

    Attributes:
        kind: What it is.
        text: Text: exactly as it stands, `_x000D_` escapes decoded. Number: the literal digits of
            the file. Boolean: TRUE or FALSE. Date: ISO 8601 (`2026-03-01`, `2026-03-01 12:30:00`,
            `12:30:00`). Error: `#REF!` and the like. Blank, and only blank: "".
        is_formula: Whether a formula made it.
        has_result: False for a formula without a saved result.
        is_formatted: Whether a number format makes Excel show the number differently (50%, $5, 007).
        style: The `s` attribute, None if absent.
        plain: The text that any column takes from it without a look at anything else: a text that
            holds nothing strange, a whole number, "" if blank; None for all others.
    """

    kind: CellKind
    text: str
    is_formula: bool
    has_result: bool
    is_formatted: bool
    style: int | None
    plain: str | None


class Cell(NamedTuple):
    """
    One cell.

    Attributes:
        row: Excel row, from 1.
        column: Column number, from 1 (A).
        kind, text, is_formula, has_result, is_formatted, style: As of `Content`.
        start: Byte offset of `<c` in the inflated sheet XML.
        end: Byte offset behind the cell's last byte.
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

    Its cells lie in parallel sequences, in column order, blank ones included: as objects of their
    own they cost more than all the rest of reading them (`cells` makes them, for who wants a few).

    Attributes:
        number: Excel row, from 1.
        columns: Column number of each cell, from 1.
        contents: What each cell holds.
        starts: Byte offset of each cell's `<c` in the inflated sheet XML.
        ends: Byte offset behind each cell's last byte.
        is_hidden: Hidden by hand or by a filter.
        end: Byte offset of `</row>` in the inflated sheet XML: where a cell may be added.
    """

    number: int
    columns: tuple[int, ...]
    contents: Sequence[Content]
    starts: Sequence[int]
    ends: Sequence[int]
    is_hidden: bool
    end: int

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells as objects, made anew each time."""
        return tuple(map(self.cell, range(len(self.columns))))

    def cell(self, at: int) -> Cell:
        """Return one cell as an object, by its place among the row's."""
        kind, text, is_formula, has_result, is_formatted, style, _ = self.contents[at]
        return Cell(
            self.number,
            self.columns[at],
            kind,
            text,
            is_formula,
            has_result,
            is_formatted,
            self.starts[at],
            self.ends[at],
            style,
        )


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
