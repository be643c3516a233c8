"""
What the sheets of a workbook say, row by row, for the checks: blocks, first cells, the batch of each row.

Rows are numbered from 0, in the order of the sheet; a fact about some rows is the list of their
numbers, in that order. Each fact is computed once, when a rule asks for it first. Nothing is judged
here, and no frame is needed: pandas and pandera take longer to import than a workbook to check.

Source: docs/performance.md for what a check costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress, repeat
from typing import Final

from importer.contract import (
    BATCHES,
    CHOICE_TYPES,
    INSTRUCTIONS,
    ITEM_TYPES,
    OPTION_TYPES,
    YES_WORDS,
    InstructionType,
    Level,
    SheetContract,
)
from importer.sheets.frames import Frames, SheetFrame
from importer.texts import canonical, cell_name, is_canonical
from importer.validator.forms import comparable, is_well_formed

#: No row, or no block.
NONE: Final = -1

OPTION_COLUMNS: Final = tuple(c.name for c in INSTRUCTIONS.columns if c.level is Level.OPTION)
ENTRY_COLUMNS: Final = tuple(c.name for c in INSTRUCTIONS.columns if c.level is Level.ENTRY)
_ITEM_TYPES: Final = frozenset(ITEM_TYPES)


def earlier(rows: Sequence[int], *columns: Sequence[Hashable] | Mapping[int, Hashable]) -> dict[int, int]:
    """Return, for those of some rows that are like an earlier one in some columns, the first of these."""
    keys = [*zip(*(map(column.__getitem__, rows) for column in columns), strict=True)]
    firsts = dict(zip(reversed(keys), reversed(rows), strict=True))
    if len(firsts) == len(rows):
        return {}
    return {row: firsts[key] for row, key in zip(rows, keys, strict=True) if firsts[key] != row}


class SheetFacts:
    """
    One kind of sheet, of one workbook.

    Attributes:
        contract: Its contract.
        frames: The workbook.
        sheet: Its sheet of this kind; None if it has none.
        excel_rows: Excel row of each row; 0 for a batch that stands in no sheet.
        rows: The number of each row.
    """

    def __init__(self, contract: SheetContract, frames: Frames, sheet: SheetFrame | None) -> None:
        self.contract = contract
        self.frames = frames
        self.sheet = sheet
        self.excel_rows: Sequence[int] = () if sheet is None else sheet.numbers
        # A list, so that all facts share its numbers.
        self.rows: Sequence[int] = list(range(len(self.excel_rows)))
        self._columns: dict[str, Sequence[str]] = {}
        if sheet is not None and sheet.texts:
            self._columns.update(zip(sheet.names, zip(*sheet.texts, strict=True), strict=True))
        self._normal: dict[str, Sequence[str]] = {}
        self._filled: dict[str, Sequence[int]] = {}
        self._malformed: dict[str, Collection[int]] = {}

    @cached_property
    def types(self) -> frozenset[str]:
        """The types that stand anywhere, unknown ones too."""
        return frozenset(self.column("type")) if "type" in self.contract.by_name else frozenset()

    @property
    def is_several(self) -> bool:
        """Whether there is more than one row."""
        return len(self.rows) > 1

    @cached_property
    def filled_columns(self) -> frozenset[str]:
        """The columns that hold something, be it unreadable."""
        unreadable = (column for _, column in self.sheet.guilty) if self.sheet else ()
        return frozenset(name for name, texts in self._columns.items() if any(texts)).union(unreadable)

    def column(self, name: str) -> Sequence[str]:
        """Return the texts of a column; all "" if the sheet leaves it out."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = [""] * len(self.rows)
        return found

    def is_guilty(self, row: int, column: str) -> bool:
        """Whether the cell could not be read, and that was reported."""
        return self.sheet is not None and (self.excel_rows[row], column) in self.sheet.guilty

    def text(self, row: int, column: str) -> str:
        """Return the text of one cell."""
        return self.column(column)[row]

    def ref(self, row: int) -> str:
        """Return the researcher's short name of the row's instruction or batch."""
        return self.text(row, self.contract.key)

    def place(self, row: int, column: str) -> str:
        """Return `Batches!B2`, or "" for a batch that stands in no sheet."""
        return f"{self.sheet.name}!{self.cell(row, column)}" if self.sheet and self.excel_rows[row] else ""

    def cell(self, row: int, column: str) -> str:
        """Return the name of a cell, such as B2; the sheet must have the column."""
        return cell_name(self.excel_rows[row], self.sheet.columns[column]) if self.sheet is not None else ""

    def has_column(self, column: str) -> bool:
        """Whether the sheet has the column."""
        return self.sheet is not None and column in self.sheet.columns

    def filled(self, column: str) -> Sequence[int]:
        """Return the rows whose cell holds something, be it unreadable."""
        found = self._filled.get(column)
        if found is None:
            found = self.filled_texts(column) if column in self.filled_columns else ()
            if self.sheet is not None and any(name == column for _, name in self.sheet.guilty):
                found = [row for row in self.rows if self.is_filled(row, column)]
            self._filled[column] = found
        return found

    def is_filled(self, row: int, column: str) -> bool:
        """Whether the row is one of `filled`."""
        return self.column(column)[row] != "" or self.is_guilty(row, column)

    def blank(self, column: str) -> list[int]:
        """Return the rows that are not `filled`."""
        filled = {*self.filled(column)}
        return [row for row in self.rows if row not in filled]

    @cached_property
    def twin(self) -> dict[int, int]:
        """Of rows with the short name of an earlier one, that one's row."""
        return earlier(self.filled_texts(self.contract.key), self.normal(self.contract.key))

    def filled_texts(self, column: str) -> list[int]:
        """Return the rows whose cell holds a text that could be read."""
        return [*compress(self.rows, self.column(column))]

    def normal(self, column: str) -> Sequence[str]:
        """Return the texts of a column in the form in which they are compared."""
        found = self._normal.get(column)
        if found is None:
            found, form = self.column(column), comparable(self.contract.by_name[column].kind)
            if form is not canonical or not is_canonical("".join(found)):
                forms = {text: form(text) if text else "" for text in {*found}}
                found = [*map(forms.__getitem__, found)]
            self._normal[column] = found
        return found

    def malformed(self, column: str) -> Collection[int]:
        """Return the rows whose cell holds something that is not what its kind asks for."""
        found = self._malformed.get(column)
        if found is None:
            like = self.contract.by_name[column]
            texts = self.column(column)
            wrong = {text for text in {*texts} if text and not is_well_formed(text, like)}
            rows = (row for row in self.rows if texts[row] in wrong) if wrong else ()
            found = self._malformed[column] = dict.fromkeys(rows).keys()
        return found


class BatchFacts(SheetFacts):
    """
    The sheet Batches.

    A workbook without it, or without a row in it, has one row here that stands in no sheet: the
    batch that `--batch` names, or that nothing names.
    """

    def __init__(self, frames: Frames, batch_id: str | None) -> None:
        super().__init__(BATCHES, frames, frames.batches)
        self._batch_id = (batch_id or "").lower()
        self.is_placed = bool(self.rows)
        if not self.is_placed:
            self.excel_rows, self.rows = [0], [0]
            names = self.named - {""}
            self._columns = {name: [""] for name in BATCHES.names}
            self._columns["batch"] = ["".join(names) if len(names) == 1 else ""]

    @cached_property
    def named(self) -> frozenset[str]:
        """The batches that the workbook's instructions name, "" if some name none."""
        return frozenset(map(canonical, set(self.frames.instructions.column("batch"))))

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The row of each batch by short name; of two alike, the first."""
        names = self.normal("batch")
        return {name: row for row, name in zip(reversed(self.rows), reversed(names), strict=True)}

    @cached_property
    def batch_id(self) -> Sequence[str]:
        """The id of each row in lower case; `--batch` for the only batch of a workbook that gives none."""
        given = self.normal("batch_id")
        return given if self.is_several else [given[0] or self._batch_id]

    @cached_property
    def without_id(self) -> Sequence[int]:
        """Rows of the sheet for which nothing names a batch of Prolific's."""
        if not self.is_placed:
            return ()
        return [row for row in self.blank("batch_id") if not self.batch_id[row]]

    @cached_property
    def new(self) -> Sequence[int]:
        """Rows that `importer setup` is to make."""
        return [row for row in self.without_id if self.is_filled(row, "workspace_id")]

    @property
    def asks_for_more(self) -> bool:
        """Whether any row needs what `importer setup` makes."""
        return bool(self.filled_texts("workspace_id") or self.filled_texts("dataset"))

    @cached_property
    def datasets(self) -> Mapping[str, str]:
        """The short names of the workbook's datasets, by their canonical form."""
        sheet = self.frames.datasets
        return {canonical(name): name for name in (sheet.column("dataset") if sheet else ()) if name}


class InstructionFacts(SheetFacts):
    """
    The sheet Instructions.

    A *block* is the rows of one instruction; blocks are numbered in order of appearance.

    Attributes:
        batches: The batches that the rows belong to.
        block: Number of each row's block; NONE without a ref.
        heads: The first row of each block.
    """

    def __init__(self, frames: Frames, batches: BatchFacts) -> None:
        super().__init__(INSTRUCTIONS, frames, frames.instructions)
        self.batches = batches
        keys = [*zip(self.normal("batch"), self.normal("ref"), strict=True)]
        named = [key for key in dict.fromkeys(keys) if key[1]]
        numbers = dict.fromkeys(keys, NONE) | {key: number for number, key in enumerate(named)}
        firsts = dict(zip(reversed(keys), reversed(self.rows), strict=True))
        self.block = [*map(numbers.__getitem__, keys)]
        self.heads = [firsts[key] for key in named]
        self._firsts: dict[str, list[int]] = {}
        self._leads: dict[str, Sequence[int]] = {}

    def firsts(self, column: str) -> list[int]:
        """Return the row of each block's first filled cell of a column; NONE if all are blank."""
        found = self._firsts.get(column)
        if found is None:
            rows = self.filled(column)
            firsts = dict(zip(map(self.block.__getitem__, reversed(rows)), reversed(rows), strict=True))
            found = self._firsts[column] = [*map(firsts.get, range(len(self.heads)), repeat(NONE))]
        return found

    def first(self, column: str, row: int) -> int:
        """Return the row of the first filled cell of a column in the row's block; NONE if all are blank."""
        block = self.block[row]
        return NONE if block == NONE else self.firsts(column)[block]

    def leads(self, column: str) -> Sequence[int]:
        """Return the rows that hold their instruction's cell of a column: the first filled one."""
        found = self._leads.get(column)
        if found is None:
            firsts = self.firsts(column) if self.filled(column) else ()
            found = self._leads[column] = sorted(row for row in firsts if row != NONE)
        return found

    def lacks(self, column: str) -> list[int]:
        """Return the first row of each block in which no cell of a column is filled."""
        if not self.filled(column):
            return self.heads
        return [head for head, first in zip(self.heads, self.firsts(column), strict=True) if first == NONE]

    @cached_property
    def type(self) -> Sequence[str]:
        """The type of each row's instruction, on each of its rows; "" if missing or unknown."""
        texts = self.column("type")
        known = {
            block: texts[row]
            for block, row in enumerate(self.firsts("type"))
            if row != NONE and texts[row] in _ITEM_TYPES
        }
        return [*map(known.get, self.block, repeat(""))]

    def of_type(self, rows: Iterable[int], *types: str) -> list[int]:
        """Return those of some rows whose item is of one of these types."""
        of_row, wanted = self.type, frozenset(types)
        return [row for row in rows if of_row[row] in wanted]

    @cached_property
    def options(self) -> Sequence[int]:
        """The rows that hold any cell of an option."""
        columns = [self.column(column) for column in OPTION_COLUMNS]
        found = [*map(any, zip(*columns, strict=True))]
        if self.sheet is not None and self.sheet.guilty:
            found = [
                is_option or any(self.is_guilty(row, name) for name in OPTION_COLUMNS)
                for row, is_option in enumerate(found)
            ]
        if InstructionType.FREE_TEXT_WITH_UNIT in self.types:
            for column in ENTRY_COLUMNS:
                for row in self.of_type(self.filled(column), InstructionType.FREE_TEXT_WITH_UNIT):
                    found[row] = True
        return [*compress(self.rows, found)]

    @cached_property
    def taken_options(self) -> Sequence[int]:
        """Those of `options` whose instruction takes options: to choose from, or units."""
        return self.of_type(self.options, *OPTION_TYPES)

    @cached_property
    def option_count(self) -> Counter[int]:
        """Number of options of each block."""
        return Counter(map(self.block.__getitem__, self.options))

    def has_no_option(self, row: int) -> bool:
        """Whether the row's instruction has no option."""
        return self.option_count[self.block[row]] == 0

    @cached_property
    def same_value(self) -> dict[int, int]:
        """Of options with the value of an earlier one of their instruction, that one's row."""
        among = self.of_type(self.filled("option_value"), *OPTION_TYPES)
        return earlier(among, self.block, self.normal("option_value"))

    @cached_property
    def exclusive(self) -> Sequence[int]:
        """The options that are chosen alone."""
        is_yes = self.normal("option_exclusive")
        rows = self.of_type(self.filled("option_exclusive"), *CHOICE_TYPES)
        return [row for row in rows if is_yes[row] == YES_WORDS[0]]

    def own(self, column: str, row: int) -> str:
        """Return the cell of a column of the row's instruction, in comparable form; "" if it has none."""
        first = self.first(column, row)
        return "" if first == NONE else self.normal(column)[first]

    def numbers(self, column: str) -> dict[int, float]:
        """Return the numbers that stand in a column, by row."""
        texts, malformed = self.column(column), self.malformed(column)
        return {row: float(texts[row]) for row in self.filled_texts(column) if row not in malformed}

    @cached_property
    def home(self) -> Sequence[int]:
        """The row of each row's batch in *batches*; NONE if it names none that is there."""
        return [*map(self.batches.numbers.get, self.normal("batch"), repeat(NONE))]

    @cached_property
    def batch_id(self) -> Sequence[str]:
        """The id of each row's batch; "" if unknown."""
        ids = self.batches.batch_id
        return ["" if home == NONE else ids[home] for home in self.home]
