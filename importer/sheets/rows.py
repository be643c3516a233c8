"""
The rows of a sheet: which are blank, the researcher's own (#), hidden, or carried on from above.

Takes rows as the reader streams them and keeps texts, not cells. What is taken from one cell is
`importer.sheets.celltext`; where the importer may write is `importer.sheets.spots`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from importer.contract import COMMENT_MARK, Kind, SheetContract
from importer.limits import MAX_LISTED
from importer.problems import CATALOGUE, Problem, Severity, quote
from importer.sheets.celltext import is_plain, take
from importer.sheets.headers import Headers, Place
from importer.sheets.spots import SpotFinder
from importer.texts import cell_name, is_blank
from importer.workbook.cells import Cell, CellKind, Row

#: The ref above, when that cell could not be read: carried on without a word.
_UNREADABLE: Final = ""


class _Doubt(NamedTuple):
    """A cell that something is to be said of: its place in the contract, and the problem if there is one."""

    cell: Cell
    at: int
    code: str | None


class GatheredRows:
    """
    The rows of one sheet that count, gathered one by one.

    Attributes:
        numbers: Their Excel rows.
        names: Columns of the contract, in its order, without the rare ones that the sheet lacks.
        texts: Their texts, in the order of *names*.
        problems: What is wrong with their cells.
        guilty: (Excel row, column) of cells that could not be read.
        unnamed: Columns without a header that hold something.
    """

    def __init__(self, contract: SheetContract, headers: Headers, place: Place, spots: SpotFinder) -> None:
        self.numbers: list[int] = []
        self.texts: list[list[str]] = []
        self.problems: list[Problem] = []
        self.guilty: set[tuple[int, str]] = set()
        self.unnamed: set[int] = set()
        columns = [c for c in contract.columns if not c.is_rare or c.name in headers.columns]
        self.names = tuple(column.name for column in columns)
        self._headers = headers
        self._place = place
        self._spots = spots
        kinds = [column.kind for column in columns]
        indexes = {name: index for index, name in enumerate(self.names)}
        self._columns = {
            number: (indexes[name], kinds[indexes[name]]) for name, number in headers.columns.items()
        }
        self._content = [index for index, kind in enumerate(kinds) if kind is not Kind.FREE]
        self._carries = "ref" in indexes
        self._mark = indexes[contract.key]
        self._above: str | None = None  # the ref of the row directly above; None if that one is blank
        self._number = 0  # of the row before
        self._ignored = 0
        self._hidden = 0
        self._formulas: dict[str, Cell] = {}
        self._told: Counter[tuple[str, str]] = Counter()

    def add(self, row: Row) -> None:
        """Add a row, unless it is blank or the researcher's own."""
        if row.number != self._number + 1:
            self._above = None  # a blank row without a cell is not in the file
        self._number = row.number
        texts, doubts = self._take(row)
        if not doubts and not any(texts[index] for index in self._content):
            self._above = None
            return
        if self._is_comment(texts[self._mark], doubts):
            self._ignored += 1
            self._above = None
            return
        if self._carries:
            texts[self._mark] = self._ref(row, texts[self._mark], doubts)
        self.numbers.append(row.number)
        self.texts.append(texts)
        self._hidden += row.is_hidden
        self._spots.add(row)
        for doubt in doubts:
            self._settle(doubt, texts)

    def remarks(self) -> Iterable[Problem]:
        """Say what concerns columns and the sheet as a whole, once all rows are there."""
        if self._hidden:
            yield self._place.problem("hidden-rows", count=self._hidden)
        if self._ignored:
            yield self._place.problem("rows-ignored", count=self._ignored)
        for name, cell in self._formulas.items():
            yield self._place.problem("formula-used", cell_name(cell.row, cell.column), column=name)
        for (code, column), count in self._told.items():
            if count > MAX_LISTED:
                yield self._place.more_of(code, column, count)
        if self._headers.row is not None:
            for number in sorted(self.unnamed - self._headers.named):
                yield self._place.problem("column-unnamed", cell_name(self._headers.row.number, number))

    def _take(self, row: Row) -> tuple[list[str], list[_Doubt]]:
        texts = [""] * len(self.names)
        doubts: list[_Doubt] = []
        for cell in row.cells:
            found = self._columns.get(cell.column)
            if found is None:
                if cell.kind is not CellKind.BLANK and not is_blank(cell.text):
                    self.unnamed.add(cell.column)
            elif cell.kind is CellKind.TEXT and not cell.is_formula and is_plain(cell.text):
                texts[found[0]] = cell.text
            elif cell.kind is not CellKind.BLANK or cell.is_formula:
                index, kind = found
                texts[index], code = take(cell, kind)
                if code or (cell.is_formula and kind is not Kind.FREE and texts[index]):
                    doubts.append(_Doubt(cell, index, code))
        return texts, doubts

    def _is_comment(self, mark: str, doubts: Iterable[_Doubt]) -> bool:
        # An error cell (#REF!) begins with the mark too, and is none.
        is_error = any(d.at == self._mark and d.cell.kind is CellKind.ERROR for d in doubts)
        return mark.startswith(COMMENT_MARK) and not is_error

    def _ref(self, row: Row, ref: str, doubts: Iterable[_Doubt]) -> str:
        """Return the row's ref: its own, or that of the row directly above."""
        if ref or any(doubt.at == self._mark for doubt in doubts):
            self._above = ref or _UNREADABLE
        elif self._above is None:
            self._say("ref-missing", row, "")
        elif self._above != _UNREADABLE:
            self._say("ref-carried", row, self._above)
        return ref or self._above or ""

    def _say(self, code: str, row: Row, ref: str) -> None:
        self._tell(code, "ref", (row.number, self._headers.columns["ref"]), ref=ref)

    def _tell(
        self,
        code: str,
        column: str,
        place: tuple[int, int],
        *,
        ref: str,
        cell: Cell | None = None,
        taken: str = "",
    ) -> None:
        """Report a problem, with what stands in *cell* and what is taken of it; beyond some equal ones, count it."""
        self._told[code, column] += 1
        if self._told[code, column] > MAX_LISTED:
            return
        values = {}
        if cell is not None:
            shown = taken if cell.kind is CellKind.NUMBER else cell.text
            values = {"shown": quote(shown), "taken": quote(taken)}
        self.problems.append(self._place.problem(code, cell_name(*place), ref=ref, column=column, **values))

    def _settle(self, doubt: _Doubt, texts: list[str]) -> None:
        """Report a cell, or note that a formula made it."""
        cell, index, code = doubt
        name, text = self.names[index], texts[index]
        if code is not None and CATALOGUE[code].severity is Severity.ERROR:
            self.guilty.add((cell.row, name))
        elif cell.is_formula:
            self._formulas.setdefault(name, cell)
        if code is None:
            return
        self._tell(code, name, (cell.row, cell.column), ref=texts[self._mark], cell=cell, taken=text)
