"""
The rows of a sheet: which are blank, the researcher's own (#), hidden, or carried on from above.

Takes rows as the reader streams them and keeps texts, not cells. What is taken from one cell is
`importer.sheets.celltext`; where the importer may write is `importer.sheets.spots`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import Final, NamedTuple, cast

from importer.contract import COMMENT_MARK, Kind, SheetContract
from importer.limits import MAX_LISTED
from importer.problems import CATALOGUE, Problem, Severity, quote
from importer.sheets.celltext import take
from importer.sheets.headers import Headers, Place
from importer.sheets.spots import SpotFinder
from importer.texts import cell_name, is_blank
from importer.workbook.cells import Cell, CellKind, Content, Row

#: The ref above, when that cell could not be read: carried on without a word.
_UNREADABLE: Final = ""
#: As many ways in which rows lay out their cells are remembered; a sheet has a few.
_LAYOUTS: Final = 100
_plain: Final = itemgetter(Content._fields.index("plain"))


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
        self._kinds = [column.kind for column in columns]
        numbers = [headers.columns.get(name, 0) for name in self.names]
        self._layout = lru_cache(_LAYOUTS)(partial(_layout_of, numbers))
        self._content = [index for index, kind in enumerate(self._kinds) if kind is not Kind.FREE]
        self._carries = "ref" in self.names
        self._mark = self.names.index(contract.key)
        self._block_of = itemgetter(self.names.index("batch"), self._mark) if self._carries else None
        self._block: object = None  # that of the row before which counts
        self._above: str | None = None  # the ref of the row directly above; None if that one is blank
        self._number = 0  # of the row before
        self._ignored = 0
        self._hidden = 0
        self._formulas: dict[str, Cell] = {}
        self._told: Counter[tuple[str, str]] = Counter()

    def add(self, row: Row) -> None:
        """Add a row, unless it is blank or the researcher's own."""
        number = row.number
        if number != self._number + 1:
            self._above = None  # a blank row without a cell is not in the file
        self._number = number
        texts, doubts = self._take(row)
        mark = texts[self._mark]
        if not (mark or doubts or any(texts[index] for index in self._content)):
            self._above = None
            return
        if mark.startswith(COMMENT_MARK) and not self._is_error(doubts):
            self._ignored += 1
            self._above = None
            return
        if mark:
            self._above = mark
        elif self._carries:
            texts[self._mark] = self._ref(row, doubts)
        # An instruction has its id in its first row, and the others need no place for one.
        block = self._block_of and self._block_of(texts)
        if block is None or block != self._block:
            self._spots.add(row)
        self._block = block
        self.numbers.append(number)
        self.texts.append(texts)
        self._hidden += row.is_hidden
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
        places, others = self._layout(row.columns)
        plain = [*map(_plain, row.contents), ""]
        texts = [*map(plain.__getitem__, places)]
        for place in others:
            if plain[place] != "" and not is_blank(row.contents[place].text):
                self.unnamed.add(row.columns[place])
        doubts = list(self._doubted(row, places, texts)) if None in texts else []
        return cast("list[str]", texts), doubts

    def _doubted(self, row: Row, places: Sequence[int], texts: list[str | None]) -> Iterator[_Doubt]:
        """Put the texts of the cells that take a look; yield those that something is to be said of."""
        # In the order of the sheet, which is that of what is said of it.
        for index in sorted((n for n, text in enumerate(texts) if text is None), key=places.__getitem__):
            cell, kind = row.cell(places[index]), self._kinds[index]
            texts[index], code = take(cell, kind)
            if code or (cell.is_formula and kind is not Kind.FREE and texts[index]):
                yield _Doubt(cell, index, code)

    def _is_error(self, doubts: Iterable[_Doubt]) -> bool:
        """Whether what names the row is an error cell: #REF! begins with the mark too."""
        return any(doubt.at == self._mark and doubt.cell.kind is CellKind.ERROR for doubt in doubts)

    def _ref(self, row: Row, doubts: Iterable[_Doubt]) -> str:
        """Return the ref of a row that has none: that of the row directly above."""
        if any(doubt.at == self._mark for doubt in doubts):
            self._above = _UNREADABLE
        elif self._above is None:
            self._say("ref-missing", row, "")
        elif self._above != _UNREADABLE:
            self._say("ref-carried", row, self._above)
        return self._above or ""

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


def _layout_of(numbers: Sequence[int], columns: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """
    Find columns among those of a row.

    Args:
        numbers: The columns, 0 for one that the sheet lacks.
        columns: Those of the row's cells.

    Returns:
        The place of each, or that behind the last cell; and the places of all other cells.
    """
    at = {number: place for place, number in enumerate(columns)}
    places = [at.pop(number, len(columns)) for number in numbers]
    return places, list(at.values())
