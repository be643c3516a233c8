"""
The exact scanner: a sheet's rows by expat, whatever its XML looks like.

Serves every sheet that the fast scanner (`importer.workbook.scan`) cannot prove; and the fast
scanner itself for what stands before and behind the rows.

Source: ECMA-376 part 1, 18.3.1.99 (worksheet) and the elements named below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from importer.limits import MAX_COLUMNS, MAX_MERGED_RANGES, MAX_ROWS
from importer.workbook.cells import Content, MergedRange, Row
from importer.workbook.markup import Attributes, PartParser, check_token, is_true, is_utf16
from importer.workbook.refusals import damaged, too_large
from importer.workbook.strings import TextCollector
from importer.workbook.values import Values

_CELL_END: Final = re.compile(rb"</(?:[^\s>:]+:)?c\s*>")
_CELL: Final = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
_RANGE: Final = re.compile(
    r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?", re.IGNORECASE
)
#: Encodings in which the writer's bytes mean what they should.
_ENCODINGS: Final = ("utf-8", "utf8", "us-ascii", "ascii")
#: Digits of the longest number that a row, column or style may have.
_SHORT: Final = 7
_SECTION_DEPTH: Final = 1
_ROW_DEPTH: Final = 2
_CELL_DEPTH: Final = 3


class _RawCell(NamedTuple):
    attributes: Attributes
    start: int
    end: int
    is_formula: bool
    saved: str | None
    inline: str | None


def column_number(letters: str) -> int:
    """
    Return the number of a column.

    >>> column_number("A"), column_number("xfd")
    (1, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


class SheetParser:
    """
    Expat over a sheet, fed in pieces.

    Attributes:
        rows: Finished rows that nobody has taken yet.
        prefix: Prefix of the element sheetData, colon included, or "".
        is_in_data: Whether sheetData is open.
        merged: Merged ranges so far.
        has_filter: Whether an autoFilter came.
        default_styles: Column number → style index for cells that have no `c` yet.
    """

    def __init__(self, part: str, values: Values) -> None:
        self.rows: list[Row] = []
        self.prefix = ""
        self.is_in_data = False
        self.merged: list[MergedRange] = []
        self.has_filter = False
        self.default_styles: dict[int, int] = {}
        self._styled_to = 0
        self._values = values
        self._parser = PartParser(part, self._start, self._end, self._text)
        self._section = ""  # the child of worksheet that is open
        self._window, self._window_start, self._fed = b"", 0, 0
        self._number = self._last_filled = 0
        self._row: Attributes | None = None
        self._row_start = 0
        self._cells: list[_RawCell] = []
        self._has_content = False
        self._cell: Attributes | None = None
        self._cell_start = 0
        self._is_formula = self._is_saving = False
        self._saved: list[str] | None = None
        self._inline: TextCollector | None = None

    @property
    def encoding(self) -> str:
        """What the declaration says, in lower case."""
        return self._parser.encoding

    @property
    def prefixes(self) -> frozenset[bytes]:
        """Prefixes that attributes of rows and cells may have."""
        return frozenset(prefix.encode() for prefix in (*self._parser.prefixes, "xml"))

    def feed(self, piece: bytes) -> None:
        """
        Take a piece.

        Raises:
            WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
        """
        if not self._fed and is_utf16(piece):
            raise damaged(f"the part {self._parser.part} is written in UTF-16, which Excel never does")
        self._window += piece
        self._fed += len(piece)
        self._parser.feed(piece)
        unfinished = self._parser.unfinished
        self._window = self._window[unfinished - self._window_start :]
        self._window_start = unfinished
        if self._row is not None:
            check_token(self._parser.part, self._fed - self._row_start)

    def close(self) -> None:
        """End the part; raises as `feed`."""
        self._parser.close()
        if self._parser.root != "worksheet":
            raise damaged(f"the part {self._parser.part} is not a worksheet")

    def take_rows(self) -> list[Row]:
        """Return the finished rows, and forget them."""
        rows, self.rows = self.rows, []
        return rows

    def _start(self, name: str, attributes: Attributes) -> None:
        depth = self._parser.depth - 1
        if depth == _SECTION_DEPTH:
            self._start_section(name)
        elif self._section == "sheetData" and depth >= _ROW_DEPTH:
            self._start_in_data(depth, name, attributes)
        elif depth == _ROW_DEPTH and name == "col" and self._section == "cols":
            self._add_column(attributes)
        elif depth == _ROW_DEPTH and name == "mergeCell" and self._section == "mergeCells":
            self._add_merged(attributes.get("ref", ""))

    def _start_section(self, name: str) -> None:
        self._section = name
        if name == "autoFilter":
            self.has_filter = True
        elif name == "sheetData":
            self.prefix = self._parser.prefix
            self.is_in_data = True
            if self.encoding not in _ENCODINGS:
                raise damaged(f"the part {self._parser.part} is not written in UTF-8")

    def _start_in_data(self, depth: int, name: str, attributes: Attributes) -> None:
        if depth == _ROW_DEPTH:
            self._row = attributes if name == "row" else None
            self._row_start = self._parser.at
            self._cells = []
            self._has_content = False
        elif depth == _CELL_DEPTH:
            self._begin_cell(attributes if name == "c" else None)
        elif self._cell is not None and depth == _CELL_DEPTH + 1:
            self._has_content = True
            self._is_formula |= name == "f"
            self._saved = [] if name == "v" else self._saved
            self._is_saving = name == "v"
            self._inline = TextCollector() if name == "is" else self._inline
        elif self._inline is not None:
            self._inline.start(name)

    def _begin_cell(self, attributes: Attributes | None) -> None:
        self._cell = attributes if self._row is not None else None
        self._cell_start = self._parser.at
        self._is_formula = self._is_saving = False
        self._saved = self._inline = None

    def _text(self, text: str) -> None:
        if self._is_saving and self._saved is not None:
            self._saved.append(text)
        elif self._inline is not None:
            self._inline.text(text)

    def _end(self, name: str) -> None:
        depth = self._parser.depth
        if depth == _SECTION_DEPTH:
            self.is_in_data = False
            self._section = ""
        elif self._section == "sheetData":
            if depth == _ROW_DEPTH:
                self._end_row()
            elif depth == _CELL_DEPTH:
                self._end_cell()
            elif depth == _CELL_DEPTH + 1:
                self._is_saving = False
            elif self._inline is not None:
                self._inline.end(name)

    def _end_cell(self) -> None:
        # One cell beyond the last column is kept: enough to refuse the row, if it is not blank.
        if self._cell is not None and len(self._cells) <= MAX_COLUMNS:
            saved = None if self._saved is None else "".join(self._saved)
            inline = None if self._inline is None else self._inline.take()
            self._cells.append(
                _RawCell(self._cell, self._cell_start, self._end_of_tag(), self._is_formula, saved, inline)
            )
        self._cell = self._inline = None

    def _end_of_tag(self) -> int:
        """Return the offset behind the end tag whose handler runs; an empty element has none."""
        at = self._parser.at - self._window_start
        tag = _CELL_END.match(self._window, at)
        return self._parser.at + (len(tag[0]) if tag else 0)

    def _end_row(self) -> None:
        row, self._row = self._row, None
        if row is None:
            return
        number = row.get("r")
        is_number = number is not None and number.isascii() and number.isdigit() and len(number) <= _SHORT
        if number is not None and not is_number and self._has_content:
            raise damaged(f"a row behind row {self._number} has no proper number")
        self._number = int(number) if number is not None and is_number else self._number + 1
        # A blank row is left out, so its cells are not looked at either; nor can they be by a
        # scanner that skips a million of them.
        if self._has_content:
            columns, contents = self._looked_at()
            if any(content.text or content.is_formula for content in contents):
                self._check_row()
                starts, ends = [raw.start for raw in self._cells], [raw.end for raw in self._cells]
                is_hidden = is_true(row.get("hidden"))
                self.rows.append(
                    Row(self._number, columns, contents, starts, ends, is_hidden, self._parser.at)
                )

    def _check_row(self) -> None:
        if not self._last_filled < self._number <= MAX_ROWS:
            raise damaged(f"row {self._number} stands behind row {self._last_filled}")
        self._last_filled = self._number

    def _looked_at(self) -> tuple[tuple[int, ...], list[Content]]:
        """Return the column and the content of each cell of the row."""
        columns: list[int] = []
        contents: list[Content] = []
        for raw in self._cells:
            columns.append(self._column_of(raw, columns[-1] if columns else 0))
            style = raw.attributes.get("s", "")
            number = int(style) if style.isascii() and style.isdigit() and len(style) <= _SHORT else None
            place, type_ = (self._number, columns[-1]), raw.attributes.get("t", "n")
            contents.append(
                self._values.content(place, type_, number, raw.saved, raw.inline, is_formula=raw.is_formula)
            )
        return tuple(columns), contents

    def _column_of(self, raw: _RawCell, last: int) -> int:
        reference = raw.attributes.get("r")
        if reference is None:
            column = last + 1
        else:
            match = _CELL.fullmatch(reference)
            if not match or int(match[2]) != self._number:
                raise damaged(f"a cell of row {self._number} calls itself {reference[:20]}")
            column = column_number(match[1])
        if not last < column <= MAX_COLUMNS:
            raise damaged(f"the cells of row {self._number} are out of order")
        return column

    def _add_column(self, attributes: Attributes) -> None:
        if "style" not in attributes:
            return
        bounds = [attributes.get(name, "") for name in ("min", "max", "style")]
        if all(value.isascii() and value.isdigit() and len(value) <= _SHORT for value in bounds):
            first, last, style = map(int, bounds)
            # Ranges ascend, so each column is looked at once however many ranges there are.
            for column in range(max(first, self._styled_to + 1), min(last, MAX_COLUMNS) + 1):
                self.default_styles[column] = style
                self._styled_to = column

    def _add_merged(self, reference: str) -> None:
        match = _RANGE.fullmatch(reference)
        if not match:
            raise damaged(f"the merged cells {reference[:40]} are nowhere")
        first, last = (
            (column_number(match[1]), int(match[2])),
            (column_number(match[3] or match[1]), int(match[4] or match[2])),
        )
        self.merged.append(MergedRange(first[1], first[0], last[1], last[0]))
        if len(self.merged) > MAX_MERGED_RANGES:
            raise too_large("A sheet has", len(self.merged), MAX_MERGED_RANGES, "merged ranges")


def exact_rows(pieces: Iterator[bytes], parser: SheetParser) -> Iterator[Row]:
    """
    Give the rows that hold something, in file order.

    Raises:
        WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
    """
    for piece in pieces:
        parser.feed(piece)
        yield from parser.take_rows()
    parser.close()
    yield from parser.take_rows()
