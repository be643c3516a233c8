r"""
The fast scanner: a sheet's rows by tiling the bytes inside sheetData with one strict pattern.

It yields a row only if it has proved that expat would see the same; at the first byte that does not
tile it gives up (`NotTiled`), and `importer.workbook.exact` starts over. What it proves:

- before and behind the rows: expat reads both, and sheetData has no prefix and is UTF-8;
- in a block of rows: no comment, CDATA, processing instruction, forbidden character or `]]>`, so
  that `<` begins a tag wherever it stands;
- in a row that holds something: its tag and all its cells tile it without a gap, attributes are
  well formed and known;
- a block or row without anything in it is skipped. That it holds nothing is proved (there is no
  end tag but `</row>`, or no `v`, `f` or `is` in it); that it is well formed otherwise is not.

Measured: 0.9 µs per cell, where expat with handlers takes 6; blank rows at the speed of `memchr`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from importer.errors import WorkbookRefused
from importer.limits import MAX_COLUMNS, MAX_ROWS
from importer.workbook.cells import Cell, CellKind, Row
from importer.workbook.effort import Effort
from importer.workbook.exact import SheetParser, column_number
from importer.workbook.markup import MAX_TOKEN_BYTES, decode_entities, decode_escapes, hides_tags, is_true
from importer.workbook.styles import Look
from importer.workbook.values import Values, has_result

_CONTROL: Final = rb"\x00-\x08\x0b\x0c\x0e-\x1f"
#: Not \s, which takes a vertical tab and a form feed for spaces, as XML does not.
_ATTRIBUTE: Final = rb'[ \t\r\n]+((?:([A-Za-z_][\w.-]*):)?[A-Za-z_][\w.-]*)="([^"<&' + _CONTROL + rb']*)"'
_EACH_ATTRIBUTE: Final = re.compile(_ATTRIBUTE)
_ATTRIBUTES: Final = re.compile(rb"(?:" + _ATTRIBUTE + rb")*[ \t\r\n]*")
#: A cell: blank, with digits only (saved), or with anything else (body, a `<` never before `c` or
#: `/c`: a search for the end that ran through other cells would begin again at each of them).
_CELL: Final = re.compile(
    rb'(<c r="([A-Z]{1,3})([1-9][0-9]{0,6})"([^<>&/]*)'
    rb"(?:><v>([0-9]{1,7})</v></c>|/>|>((?:<[^/c][^<]*|</[^c][^<]*)*)</c>))"
)
#: What a split by `_CELL` gives for each cell: its six groups and what stands behind it.
_STRIDE: Final = 7
_WHOLE, _LETTERS, _DIGITS, _TEXT_OF_ATTRIBUTES, _SAVED, _BODY_OF_CELL = range(1, _STRIDE)
_ENTITY: Final = rb"&(?:amp|lt|gt|quot|apos|#9|#10|#13);"
_PLAIN: Final = rb"[^<&" + _CONTROL + rb"]*(?:" + _ENTITY + rb"[^<&" + _CONTROL + rb"]*)*"
_SPACE: Final = rb'(?: xml:space="preserve")?'
_BODY: Final = re.compile(
    rb"(?:<f([^<>&]*?)(?:/>|>" + _PLAIN + rb"</f>))?"
    rb"(?:<v" + _SPACE + rb">(" + _PLAIN + rb")</v>|(<v ?/>))?"
    rb"(?:<is><t" + _SPACE + rb">(" + _PLAIN + rb")</t></is>)?"
)
_EMPTY_ROWS: Final = rb"[ \t\r\n]*(?:<row[^<>/]*(?:/>|>[ \t\r\n]*</row>)[ \t\r\n]*)*"
#: openpyxl writes the height before the number.
_ROW: Final = rb'<row([^<>&]*?) r="([1-9][0-9]{0,6})"([^<>&]*)>[ \t\r\n]*'
_FIRST_ROW: Final = re.compile(_EMPTY_ROWS + _ROW)
#: What stands behind the last cell of a row: its end, and the next row that has cells.
_NEXT_ROW: Final = re.compile(rb"[ \t\r\n]*</row>" + _EMPTY_ROWS + rb"(?:" + _ROW + rb")?")
_NO_ROW: Final = re.compile(_EMPTY_ROWS)
_ROW_END: Final = b"</row>"
_DATA: Final = re.compile(rb"<sheetData[ \t\r\n]*>")
_DATA_END: Final = b"</sheetData"
#: As many different attribute texts are remembered; real sheets have a few hundred.
_REMEMBERED: Final = 10_000
#: Rows are made of so much XML at a time: the more of them live at once, the longer Python's
#: garbage collector looks at them (measured: a quarter more CPU at 256 KiB).
_BLOCK_BYTES: Final = 16_384
_SPACES: Final = b" \t\r\n"
#: Longest style number that is one.
_SHORT: Final = 7
#: What a cell costs, here and wherever its row goes, in tags for expat.
_STEPS_OF_CELL: Final = 2
#: Longest text of attributes that is remembered, and searched for them.
_MAX_ATTRIBUTES_BYTES: Final = 1_000


class _Shape(Enum):
    """What a cell's attributes say that its saved digits are."""

    SHARED = 1
    PLAIN_NUMBER = 2
    FORMATTED_NUMBER = 3
    OTHER = 4


_SHARED, _FORMATTED, _OTHER = _Shape.SHARED, _Shape.FORMATTED_NUMBER, _Shape.OTHER
_BLANK, _TEXT, _NUMBER = CellKind.BLANK, CellKind.TEXT, CellKind.NUMBER
_SHAPES: Final = {Look.PLAIN: _Shape.PLAIN_NUMBER, Look.FORMATTED: _FORMATTED}

_make_cell: Final = partial(tuple.__new__, Cell)
_CellFields = tuple[int, int, CellKind, str, bool, bool, bool, int, int, int | None]
_Attributes = tuple[int | None, _Shape, str]


class _Raw(NamedTuple):
    """What a cell that is not one of the usual ones holds, as it stands in the XML."""

    type_: str
    style: int | None
    saved: bytes | None
    body: bytes | None


class NotTiled(Exception):
    """The sheet is not in the form that the fast scanner proves."""


def _parsed(text: bytes, prefixes: frozenset[bytes]) -> dict[bytes, bytes]:
    """Parse the attributes but for `r`, which must be well formed, single and bound."""
    if len(text) > _MAX_ATTRIBUTES_BYTES or not _ATTRIBUTES.fullmatch(text):
        raise NotTiled
    # Each space at the end would be looked at as often as there are spaces before it.
    found = _EACH_ATTRIBUTE.findall(text.rstrip(_SPACES))
    attributes = {name: value for name, _, value in found}
    # Two prefixes may stand for one namespace, so local names are compared.
    local_names = {name.rpartition(b":")[2] for name in attributes}
    if len(local_names) != len(found) or local_names & {b"r", b"xmlns"}:
        raise NotTiled
    if any(prefix and prefix not in prefixes for _, prefix, _ in found):
        raise NotTiled
    return attributes


class _RowAttributes(dict[bytes, bool]):
    """Whether a row is hidden, by the text of its attributes but for `r`."""

    def __init__(self, prefixes: frozenset[bytes]) -> None:
        super().__init__()
        self._prefixes = prefixes

    def __missing__(self, text: bytes) -> bool:
        is_hidden = is_true(_parsed(text, self._prefixes).get(b"hidden", b"").decode())
        if len(self) < _REMEMBERED:
            self[text] = is_hidden
        return is_hidden


class _Scanner:
    """Makes rows of blocks of bytes."""

    def __init__(self, values: Values, prefixes: frozenset[bytes], effort: Effort) -> None:
        self._values = values
        self._prefixes = prefixes
        self._effort = effort
        self._columns: dict[bytes, int] = {}
        self._attributes: dict[bytes, _Attributes] = {}
        self._hidden = _RowAttributes(prefixes)
        self._last_filled = 0

    def rows(self, rows: bytes, start: int) -> Iterator[Row]:
        """Give the filled ones of whole rows that begin at offset *start*."""
        if _is_vacant(rows):
            return
        at = 0
        while at < len(rows):
            cut = rows.find(b"<row", at + _BLOCK_BYTES)
            block = rows[at:] if cut < 0 else rows[at:cut]
            yield from self._block(block, start + at)
            at += len(block)

    def _block(self, block: bytes, start: int) -> list[Row]:
        if _is_vacant(block):
            return []
        if hides_tags(block):
            raise NotTiled
        parts = _CELL.split(block)
        self._effort.step(_STEPS_OF_CELL * (len(parts) // _STRIDE))
        if len(parts) == 1:
            if not _NO_ROW.fullmatch(block):
                raise NotTiled
            return []
        last_filled = self._last_filled
        try:
            try:
                return self._rows_of(parts, start)
            except KeyError:
                self._learn(parts)
                self._last_filled = last_filled
                return self._rows_of(parts, start)
        except (WorkbookRefused, LookupError, ValueError):
            # The exact scanner gives the same reason, after every row before it.
            raise NotTiled from None

    def _rows_of(self, parts: list[bytes], start: int) -> list[Row]:
        # The usual cells (shared text, blank, whole number) are made here, in one loop over columns
        # of the split: at 120,000 cells, one call for each costs as much as the pattern.
        rows: list[Row] = []
        cells: list[_CellFields] = []
        tag, last = _FIRST_ROW.fullmatch(parts[0]), 0
        digits, row = _number_of(tag)
        start += len(parts[0])
        texts = self._values.strings.texts
        for length, column, own, (style, shape, type_), saved, body, gap in zip(
            map(len, parts[_WHOLE::_STRIDE]),
            map(self._columns.__getitem__, parts[_LETTERS::_STRIDE]),
            parts[_DIGITS::_STRIDE],
            map(self._attributes.__getitem__, parts[_TEXT_OF_ATTRIBUTES::_STRIDE]),
            parts[_SAVED::_STRIDE],
            parts[_BODY_OF_CELL::_STRIDE],
            parts[_STRIDE::_STRIDE],
            strict=True,
        ):
            end = start + length
            if own != digits or column <= last:
                raise NotTiled
            if saved and shape is _SHARED:
                text = texts[int(saved)]
                if text is None:
                    text = self._values.strings.load(int(saved))
                kind = _TEXT if text else _BLANK
                cells.append((row, column, kind, text, False, True, False, start, end, style))
            elif not saved and not body:
                cells.append((row, column, _BLANK, "", False, True, False, start, end, style))
            elif saved and shape is not _OTHER:
                formatted = shape is _FORMATTED
                cells.append(
                    (row, column, _NUMBER, saved.decode(), False, True, formatted, start, end, style)
                )
            else:
                cells.append(self._other(row, column, start, end, _Raw(type_, style, saved, body)))
            last, start = column, end + len(gap)
            if gap and gap.strip(_SPACES):
                if finished := self._finished(row, cells, tag, end + gap.index(b"<")):
                    rows.append(finished)
                tag, last, cells = _NEXT_ROW.fullmatch(gap), 0, []
                digits, row = _number_of(tag)
        if cells:
            raise NotTiled
        return rows

    def _finished(
        self, number: int, cells: list[_CellFields], tag: re.Match[bytes] | None, end: int
    ) -> Row | None:
        """Return the row if a cell of it holds something or is a formula."""
        if tag is None or cells[-1][1] > MAX_COLUMNS:
            raise NotTiled
        is_hidden = self._hidden[tag[1] + tag[3]]
        for cell in cells:
            if cell[2] is not _BLANK or cell[4]:
                break
        else:
            return None
        if not self._last_filled < number <= MAX_ROWS:
            raise NotTiled
        self._last_filled = number
        return Row(number, tuple(map(_make_cell, cells)), is_hidden, end)

    def _learn(self, parts: list[bytes]) -> None:
        """Remember the columns and attributes of a block."""
        for letters in set(parts[_LETTERS::_STRIDE]):
            self._columns[letters] = column_number(letters.decode())
        for text in set(parts[_TEXT_OF_ATTRIBUTES::_STRIDE]):
            if len(self._attributes) > _REMEMBERED:
                self._attributes.clear()
            self._attributes[text] = self._attributes_of(text)

    def _attributes_of(self, text: bytes) -> _Attributes:
        attributes = _parsed(text, self._prefixes)
        style = attributes.get(b"s")
        if style is not None and not (style.isdigit() and len(style) <= _SHORT):
            raise NotTiled
        number = None if style is None else int(style)
        type_ = attributes.get(b"t", b"n").decode()
        shape = _SHARED if type_ == "s" else _OTHER
        if type_ == "n":
            shape = _SHAPES.get(self._values.look(number), _OTHER)
        return number, shape, type_

    def _other(self, row: int, column: int, start: int, end: int, raw: _Raw) -> Cell:
        saved, formula, inline = raw.saved, None, None
        if raw.body:
            match = _BODY.fullmatch(raw.body)
            if not match:
                raise NotTiled
            formula, saved, empty, inline = match.groups()
            if formula:
                _parsed(formula, self._prefixes)
            saved = b"" if empty else saved
        text = None if saved is None else decode_entities(saved.decode())
        shown = None if inline is None else decode_escapes(decode_entities(inline.decode()))
        kind, value, is_formatted = self._values.interpret((row, column), raw.type_, raw.style, text, shown)
        result = formula is None or has_result(raw.type_, text, shown)
        return Cell(
            row, column, kind, value, formula is not None, result, is_formatted, start, end, raw.style
        )


def _number_of(tag: re.Match[bytes] | None) -> tuple[bytes | None, int]:
    """Return the digits and number of a row's tag; behind the last row there is none."""
    if tag is None:
        raise NotTiled
    return tag[2], int(tag[2] or 0)


def _is_vacant(block: bytes) -> bool:
    """Whether it is proved, at the speed of memchr, that no cell in the block holds anything."""
    if b"!" in block or b"?" in block or not block.isascii():
        return False
    # The elements of a cell are v, f and is, whatever their prefix; so a block without these
    # letters has none. Row attributes may have them (customHeight): then no end tag but </row>.
    if b"v" not in block and b"f" not in block and (b"i" not in block or b"is" not in block):
        return True
    return b"</v>" not in block and block.count(b"</") == block.count(_ROW_END)


def fast_rows(pieces: Iterator[bytes], parser: SheetParser, values: Values, effort: Effort) -> Iterator[Row]:
    """
    Give the rows that hold something, in file order.

    Args:
        pieces: The sheet XML.
        parser: A fresh one; it gets what stands before and behind the rows.
        values: The meaning of cells.
        effort: What reading the workbook has taken so far.

    Raises:
        NotTiled: After the rows that were proved; start over with `exact_rows`.
        WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
    """
    rest, start = _read_head(pieces, parser, effort)
    scanner = _Scanner(values, parser.prefixes, effort)
    for piece in chain((b"",), pieces):
        rest += piece
        stop = rest.find(_DATA_END)
        # No row contains a row, so all but the last one are whole.
        cut = stop if stop >= 0 else max(rest.rfind(b"<row"), 0)
        yield from scanner.rows(rest[:cut], start)
        start, rest = start + cut, rest[cut:]
        if stop >= 0:
            break
        if len(rest) > MAX_TOKEN_BYTES:
            raise NotTiled
    for piece in effort.parsing(chain((rest,), pieces)):
        parser.feed(piece)
    parser.close()


def _read_head(pieces: Iterator[bytes], parser: SheetParser, effort: Effort) -> tuple[bytes, int]:
    """Feed the parser up to the first row; return what was read behind that, and its offset."""
    read = b""
    for piece in pieces:
        read += piece
        if match := _DATA.search(read):
            for head in effort.parsing(iter((read[: match.end()],))):
                parser.feed(head)
            if not parser.is_in_data or parser.prefix or parser.encoding != "utf-8":
                raise NotTiled
            return read[match.end() :], match.end()
        if len(read) > MAX_TOKEN_BYTES:
            break
    raise NotTiled
