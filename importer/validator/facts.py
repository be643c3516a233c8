"""
What the sheets of one run say, row by row, for the checks: blocks, first cells, the batch of each row.

All workbooks stand in one frame per kind of sheet, numbered from 0, so that each fact is computed
once and vectorised. Every fact is a Series with that index. Nothing is judged here.

Source: pandera costs 25 ms per call and 11 µs per row, a loop over groups 67 µs per row; one
concatenated frame for 500 workbooks was 41 times cheaper than a call for each.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Final

import pandas as pd

from importer.contract import (
    ANY_NUMBER,
    ANY_NUMBER_WORD,
    BATCHES,
    CHOICE_TYPES,
    DEVICES,
    FILE_TYPE,
    INSTRUCTIONS,
    ITEM_TYPES,
    NO_WORDS,
    OPTION_TYPES,
    YES_WORDS,
    Column,
    InstructionType,
    Kind,
    Level,
    SheetContract,
)
from importer.limits import MAX_DIGITS
from importer.sheets.frames import Frames, SheetFrame
from importer.texts import canonical, cell_name, words_of

#: No row: what stands for "none" in a Series of row numbers.
NONE: Final = -1

OPTION_COLUMNS: Final = tuple(c.name for c in INSTRUCTIONS.columns if c.level is Level.OPTION)
ENTRY_COLUMNS: Final = tuple(c.name for c in INSTRUCTIONS.columns if c.level is Level.ENTRY)
_TAKEN_AS_THEY_STAND: Final = frozenset((Kind.TEXT, Kind.WORD, Kind.FREE, Kind.LIST))
#: No more digits than a number of options may have: int() refuses thousands of them.
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")
#: What Excel keeps of a number, and how it is read from a cell (1e-07).
_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?([eE][-+]?[0-9]{{1,2}})?")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: What Prolific gives to a workspace, a project or a study is 24 digits, as far as is known.
_SHORT_ID: Final = re.compile(rf"[0-9a-f]{{24}}|{_UUID.pattern}", re.IGNORECASE)
_FORMS: Final = {Kind.COUNT: _COUNT, Kind.NUMBER: _NUMBER, Kind.UUID: _UUID, Kind.SHORT_ID: _SHORT_ID}
_FILE_TYPE: Final = re.compile(FILE_TYPE)


def normal(text: str, kind: Kind) -> str:
    """Return the form in which two cells of one kind are compared."""
    if kind in _TAKEN_AS_THEY_STAND:
        return canonical(text)
    folded = text.casefold()
    if kind is Kind.LIMIT and folded == ANY_NUMBER_WORD:
        return str(ANY_NUMBER)
    if kind is Kind.FLAG and folded in (*YES_WORDS, *NO_WORDS):
        return YES_WORDS[0] if folded in YES_WORDS else NO_WORDS[0]
    if kind in (Kind.NUMBER, Kind.COUNT) and _NUMBER.fullmatch(text):
        return f"{float(text):.{MAX_DIGITS}g}"
    return folded if kind in (Kind.UUID, Kind.SHORT_ID, Kind.CHOICE) else canonical(text)


def is_well_formed(text: str, column: Column) -> bool:
    """Whether a text is what the kind of its column asks for."""
    if column.kind in _FORMS:
        return _FORMS[column.kind].fullmatch(text) is not None
    match column.kind:
        case Kind.LIMIT:
            limit = normal(text, column.kind)
            return limit == str(ANY_NUMBER) or _COUNT.fullmatch(limit) is not None
        case Kind.FLAG:
            return text.casefold() in (*YES_WORDS, *NO_WORDS)
        case Kind.CHOICE:
            return text.casefold() in column.choices
        case Kind.LIST | Kind.DEVICES:
            words = words_of(text)
            is_word = _FILE_TYPE.fullmatch if column.kind is Kind.LIST else _is_device
            return bool(words) and all(map(is_word, words))
        case _:
            return True


def _is_device(word: str) -> bool:
    return word.casefold() in DEVICES


def earlier(among: pd.Series[bool], *keys: pd.Series) -> pd.Series[int]:
    """Return for each row the first row *among* those with the same *keys*; NONE if it is that one."""
    codes = _codes(*(key[among] for key in keys))
    firsts = codes.drop_duplicates()
    partner = codes.map(pd.Series(firsts.index, index=firsts.to_numpy()))
    return partner[partner != partner.index].reindex(among.index, fill_value=NONE)


def _codes(*keys: pd.Series) -> pd.Series[int]:
    """Number the combinations of *keys* in order of appearance."""
    numbers: dict[Hashable, int] = {}
    rows = zip(*(key.tolist() for key in keys), strict=True)
    return pd.Series([numbers.setdefault(row, len(numbers)) for row in rows], keys[0].index, dtype="int64")


def _columns_in_use(contract: SheetContract, sheets: Sequence[SheetFrame]) -> tuple[str, ...]:
    usual = tuple(column.name for column in contract.columns if not column.is_rare)
    needing = {kind for column in contract.columns for kind in column.needed_by}
    is_plain = all(
        len(sheet.names) == len(usual) and (not needing or needing.isdisjoint(sheet.column("type")))
        for sheet in sheets
    )
    return usual if is_plain else contract.names


def _texts(sheet: SheetFrame, names: tuple[str, ...]) -> Sequence[list[str]]:
    """Return the texts of each row in the order of *names*; "" for a column that the sheet leaves out."""
    if sheet.names == names:
        return sheet.texts
    at = {name: index for index, name in enumerate(sheet.names)}
    places = [at.get(name) for name in names]
    return [["" if place is None else row[place] for place in places] for row in sheet.texts]


class SheetFacts:
    """
    One kind of sheet, of all workbooks of the run.

    Attributes:
        contract: Its contract.
        frames: The workbooks.
        sheets: The sheet of each workbook; None if it has none.
        data: The texts, all workbooks one below the other; index 0 … n-1. Rare columns are there, all
            of them, if any workbook uses one or has a type that needs one.
        book: Number of the workbook of each row.
        row: Excel row of each row; 0 for a batch that stands in no sheet.
    """

    def __init__(
        self, contract: SheetContract, frames: Sequence[Frames], sheets: Sequence[SheetFrame | None]
    ) -> None:
        self.contract = contract
        self.frames = frames
        self.sheets = sheets
        there = [(number, sheet) for number, sheet in enumerate(sheets) if sheet is not None]
        names = _columns_in_use(contract, [sheet for _, sheet in there])
        # One frame of all at once: a frame of each workbook, put together, costs three times as much.
        texts = [row for _, sheet in there for row in _texts(sheet, names)]
        self.data = pd.DataFrame(texts, columns=pd.Index(names, dtype=object), dtype=object)
        self.book = pd.Series([n for n, sheet in there for _ in sheet.numbers], dtype="int64")
        self.row = pd.Series([row for _, sheet in there for row in sheet.numbers], dtype="int64")

    @cached_property
    def types(self) -> frozenset[str]:
        """The types that stand anywhere, unknown ones too."""
        return frozenset(self.data["type"]) if "type" in self.data else frozenset()

    def is_guilty(self, index: int, column: str) -> bool:
        """Whether the cell could not be read, and that was reported."""
        sheet = self.sheets[self.book[index]]
        return sheet is not None and (self.row[index], column) in sheet.guilty

    def text(self, index: int, column: str) -> str:
        """Return the text of one cell."""
        return str(self.data.at[index, column])

    def ref(self, index: int) -> str:
        """Return the researcher's short name of the row's instruction or batch."""
        return self.text(index, self.contract.key)

    def place(self, index: int, column: str) -> str:
        """Return `Batches!B2`, or "" for a batch that stands in no sheet."""
        sheet = self.sheets[self.book[index]]
        return f"{sheet.name}!{self.cell(index, column)}" if sheet is not None and self.row[index] else ""

    def cell(self, index: int, column: str) -> str:
        """Return the name of a cell, such as B2; the sheet must have the column."""
        sheet = self.sheets[self.book[index]]
        return cell_name(int(self.row[index]), sheet.columns[column]) if sheet is not None else ""

    def has_column(self, column: str) -> pd.Series[bool]:
        """Whether the row's sheet has the column."""
        having = [n for n, sheet in enumerate(self.sheets) if sheet is not None and column in sheet.columns]
        return self.book.isin(having)

    def filled(self, column: str) -> pd.Series[bool]:
        """Whether the cell holds something, be it unreadable."""
        holds = self.data[column] != ""
        unreadable = {
            (number, row)
            for number, sheet in enumerate(self.sheets)
            for row, name in (sheet.guilty if sheet is not None else ())
            if name == column
        }
        if unreadable:
            places = zip(self.book.tolist(), self.row.tolist(), strict=True)
            holds |= pd.Series([place in unreadable for place in places], holds.index)
        return holds

    @cached_property
    def twin(self) -> pd.Series[int]:
        """The row of the same workbook with the same short name that comes first."""
        key = self.contract.key
        return earlier(self.data[key] != "", self.book, self.normal(key))

    @cached_property
    def is_one_of_several(self) -> pd.Series[bool]:
        """Whether the workbook's sheet has other rows too."""
        return self.book.duplicated(keep=False)

    def normal(self, column: str) -> pd.Series[str]:
        """Return the texts of a column in the form in which they are compared."""
        kind = self.contract.by_name[column].kind
        return self.data[column].map(lambda text: normal(text, kind))

    def malformed(self, column: str) -> pd.Series[bool]:
        """Whether the cell holds something that is not what its kind asks for."""
        like = self.contract.by_name[column]
        return self.data[column].map(lambda text: text != "" and not is_well_formed(text, like)).astype(bool)


class BatchFacts(SheetFacts):
    """
    The sheet Batches.

    A workbook without it, or without a row in it, has one row here that stands in no sheet: the
    batch that `--batch` names, or that nothing names.
    """

    def __init__(self, frames: Sequence[Frames], batch_id: str | None) -> None:
        super().__init__(BATCHES, frames, [f.batches for f in frames])
        bare = [n for n, f in enumerate(frames) if f.batches is None or not f.batches.numbers]
        names = [self.named_in(number) - {""} for number in bare]
        unplaced = pd.DataFrame("", index=range(len(bare)), columns=self.data.columns, dtype=object)
        unplaced["batch"] = pd.Series([next(iter(n)) if len(n) == 1 else "" for n in names], dtype=object)
        self.data = pd.concat([self.data, unplaced], ignore_index=True)
        self.book = pd.concat([self.book, pd.Series(bare, dtype="int64")], ignore_index=True)
        self.row = self.row.reindex(self.data.index, fill_value=0)
        self._batch_id = batch_id or ""

    def named_in(self, book: int) -> set[str]:
        """Return the batches that a workbook's instructions name, "" if some name none."""
        return {canonical(name) for name in set(self.frames[book].instructions.column("batch"))}

    @cached_property
    def numbers(self) -> Mapping[tuple[int, str], int]:
        """The row of each batch, by workbook and short name; of two alike, the first."""
        keys = zip(self.book.tolist(), self.normal("batch").tolist(), strict=True)
        return {key: number for number, key in reversed(list(enumerate(keys)))}

    @cached_property
    def is_placed(self) -> pd.Series[bool]:
        """Whether the batch stands in the sheet."""
        return self.row > 0

    @cached_property
    def batch_id(self) -> pd.Series[str]:
        """The id in lower case; `--batch` for the only batch of a workbook that gives none."""
        given = self.normal("batch_id")
        return given.mask((given == "") & ~self.is_one_of_several, self._batch_id.lower())

    @cached_property
    def is_new(self) -> pd.Series[bool]:
        """Whether `importer setup` is to make the batch."""
        return self.is_placed & (self.batch_id == "") & ~self.filled("batch_id") & self.filled("workspace_id")

    @property
    def asks_for_more(self) -> bool:
        """Whether any row needs what `importer setup` makes."""
        return bool((self.data[["workspace_id", "dataset"]] != "").any(axis=None))

    @cached_property
    def names_dataset(self) -> pd.Series[bool]:
        """Whether the short name of a dataset is one of the workbook's sheet Datasets; also if there is none."""
        names = zip(self.book.tolist(), self.normal("dataset").tolist(), strict=True)
        return pd.Series(
            [not name or name in self.datasets_in(book) for book, name in names], self.data.index
        )

    def datasets_in(self, book: int) -> dict[str, str]:
        """Return the short names of a workbook's datasets, by their canonical form."""
        sheet = self.frames[book].datasets
        return {canonical(name): name for name in (sheet.column("dataset") if sheet else ()) if name}


class InstructionFacts(SheetFacts):
    """The sheet Instructions; a *block* is the rows of one instruction."""

    def __init__(self, frames: Sequence[Frames], batches: BatchFacts) -> None:
        super().__init__(INSTRUCTIONS, frames, [f.instructions for f in frames])
        self.batches = batches
        self._first: dict[str, pd.Series[int]] = {}

    @cached_property
    def keyed(self) -> pd.Series[bool]:
        """Whether the row has a ref."""
        return self.data["ref"] != ""

    @cached_property
    def block(self) -> pd.Series[int]:
        """Number of the row's block; NONE without a ref."""
        codes = _codes(self.book, self.normal("batch"), self.normal("ref"))
        return codes.where(self.keyed, NONE)

    @cached_property
    def head(self) -> pd.Series[bool]:
        """Whether the row is the first of its block."""
        return self.keyed & ~self.block.duplicated()

    def first(self, column: str) -> pd.Series[int]:
        """Return the row of the block's first filled cell of a column; NONE if all are blank."""
        if column not in self._first:
            firsts = self.block[self.filled(column) & self.keyed].drop_duplicates()
            rows = pd.Series(firsts.index, index=firsts.to_numpy())
            self._first[column] = self.block.map(rows).fillna(NONE).astype("int64")
        return self._first[column]

    def leads(self, column: str) -> pd.Series[bool]:
        """Whether the row holds its instruction's cell of a column: the first filled one."""
        return self.first(column) == self.data.index

    def lacks(self, column: str) -> pd.Series[bool]:
        """Whether the row is the first of a block in which no cell of a column is filled."""
        return self.head & (self.first(column) == NONE)

    @cached_property
    def type(self) -> pd.Series[str]:
        """The type of the row's instruction, on each of its rows; "" if missing or unknown."""
        texts = self.data["type"].reindex(self.first("type")).set_axis(self.data.index)
        return texts.where(texts.isin(ITEM_TYPES), "")

    def has_type(self, *types: str) -> pd.Series[bool]:
        """Whether the row's item is of one of these types."""
        return self.type.isin(types)

    @cached_property
    def is_choice(self) -> pd.Series[bool]:
        """Whether participants choose."""
        return self.has_type(*CHOICE_TYPES)

    @cached_property
    def takes_options(self) -> pd.Series[bool]:
        """Whether there are options: to choose from, or units."""
        return self.has_type(*OPTION_TYPES)

    @cached_property
    def is_option(self) -> pd.Series[bool]:
        """Whether the row holds any cell of an option."""
        cells = [self.filled(column) for column in OPTION_COLUMNS if column in self.data]
        if InstructionType.FREE_TEXT_WITH_UNIT in self.types:
            is_unit = self.has_type(InstructionType.FREE_TEXT_WITH_UNIT)
            cells += [self.filled(column) & is_unit for column in ENTRY_COLUMNS]
        return pd.concat(cells, axis=1).any(axis=1)

    @cached_property
    def option_count(self) -> pd.Series[int]:
        """Number of options of the row's instruction."""
        return self.is_option.astype("int64").groupby(self.block).transform("sum")

    @cached_property
    def is_exclusive(self) -> pd.Series[bool]:
        """Whether the row is an option that is chosen alone."""
        return self.is_choice & (self.normal("option_exclusive") == YES_WORDS[0])

    def own(self, column: str) -> pd.Series[str]:
        """Return the instruction's own cell of a column, in comparable form, on each of its rows."""
        return self.normal(column).reindex(self.first(column)).fillna("").set_axis(self.data.index)

    def number(self, column: str) -> pd.Series[float]:
        """Return the numbers that stand in a column; NaN where there is none."""
        texts = self.data[column]
        return texts.where((texts != "") & ~self.malformed(column)).astype("float64")

    @cached_property
    def home(self) -> pd.Series[int]:
        """Number of the row's batch in *batches*; NONE if it names none that is there."""
        keys = zip(self.book.tolist(), self.normal("batch").tolist(), strict=True)
        homes = [self.batches.numbers.get(key, NONE) for key in keys]
        return pd.Series(homes, self.data.index, dtype="int64")

    @cached_property
    def batch_id(self) -> pd.Series[str]:
        """The id of the row's batch; "" if unknown."""
        return self.batches.batch_id.reindex(self.home).fillna("").set_axis(self.data.index)

    @cached_property
    def in_several(self) -> pd.Series[bool]:
        """Whether the row's workbook holds several batches."""
        return self.book.isin(self.batches.book[self.batches.is_one_of_several])

    @cached_property
    def in_sheet(self) -> pd.Series[bool]:
        """Whether the row's workbook has batches on its sheet Batches."""
        return self.book.isin(self.batches.book[self.batches.is_placed])
