"""
Where the importer may write: the cells of its own columns, and where they go if there are none.

A column that is missing is placed to the right of the last header, in the first column that
holds nothing in any row.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from importer.contract import SheetContract
from importer.limits import MAX_COLUMNS
from importer.sheets.headers import Headers
from importer.workbook.cells import Row, Spot

#: Column, start and end of a cell, and its style, as four numbers.
_STRIDE: Final = 4
_NO_STYLE: Final = -1


class SpotFinder:
    """The spots of one sheet, gathered while its rows are read."""

    def __init__(self, contract: SheetContract, headers: Headers) -> None:
        names = [column.name for column in contract.columns if column.is_written]
        self._present = {name: headers.columns[name] for name in names if name in headers.columns}
        self._missing = [name for name in names if name not in headers.columns]
        self._header = headers.row
        self._last_header = max(headers.named, default=0)
        self._spots: dict[tuple[int, str], Spot] = {}
        # What is needed of each row to place a missing column once all rows are known: number,
        # the cells beyond the last header, and the offset of the row's end. Those cells are rare,
        # but may be millions, which as objects take ten times the memory.
        self._ends: list[tuple[int, Sequence[int], int]] = []

    def add(self, row: Row) -> None:
        """Note where a row takes the importer's cells."""
        for name, column in self._present.items():
            self._spots[row.number, name] = _spot(row, column)
        if self._missing:
            self._ends.append((row.number, self._beyond(row), row.end))

    def all(self, taken: Collection[int], styles: Mapping[int, int]) -> dict[tuple[int, str], Spot]:
        """
        Return every spot, by Excel row and the importer's column; none of a column without room.

        Args:
            taken: Columns without a header that hold something.
            styles: Column number → style of cells that do not exist yet.
        """
        right = range(self._last_header + 1, MAX_COLUMNS + 1)
        free = (column for column in right if column not in taken)
        for name, column in zip(self._missing, islice(free, len(self._missing)), strict=False):
            for number, cells, end in self._ends:
                self._spots[number, name] = _spot_beyond(number, column, cells, end)
            if self._header is not None:
                row = self._header
                spot = _spot_beyond(row.number, column, self._beyond(row), row.end)
                self._spots[row.number, name] = spot._replace(style=self._header_style())
        return {key: _styled(spot, styles) for key, spot in self._spots.items()} if styles else self._spots

    def without_room(self, spots: Mapping[tuple[int, str], Spot]) -> list[str]:
        """Return the missing columns that no column is left for."""
        row = self._header.number if self._header else 0
        return [name for name in self._missing if (row, name) not in spots]

    def _beyond(self, row: Row) -> Sequence[int]:
        if row.columns[-1] <= self._last_header:
            return ()
        at = bisect_right(row.columns, self._last_header)
        styles = (_NO_STYLE if content.style is None else content.style for content in row.contents[at:])
        cells = zip(row.columns[at:], row.starts[at:], row.ends[at:], styles, strict=True)
        return array("q", chain.from_iterable(cells))

    def _header_style(self) -> int | None:
        if self._header is None or self._last_header not in self._header.columns:
            return None
        return self._header.contents[self._header.columns.index(self._last_header)].style


def _spot(row: Row, column: int) -> Spot:
    """Replace the cell if there is one, else add it before the next one, else at the row's end."""
    at = bisect_left(row.columns, column)
    if at == len(row.columns):
        return Spot(row.number, column, row.end, row.end, None)
    start = row.starts[at]
    if row.columns[at] > column:
        return Spot(row.number, column, start, start, None)
    return Spot(row.number, column, start, row.ends[at], row.contents[at].style)


def _spot_beyond(number: int, column: int, cells: Sequence[int], end: int) -> Spot:
    """As `_spot`, of cells as four numbers each."""
    at = bisect_left(range(0, len(cells), _STRIDE), column, key=cells.__getitem__) * _STRIDE
    if at == len(cells):
        return Spot(number, column, end, end, None)
    found, start, end_of_cell, style = cells[at : at + _STRIDE]
    if found > column:
        return Spot(number, column, start, start, None)
    return Spot(number, column, start, end_of_cell, None if style == _NO_STYLE else style)


def _styled(spot: Spot, styles: Mapping[int, int]) -> Spot:
    is_new = spot.start == spot.end and spot.style is None
    return spot._replace(style=styles.get(spot.column)) if is_new else spot
