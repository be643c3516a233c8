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

Measured: 0.8 µs per cell, a fifth of it for the pattern, where expat with handlers takes 6; blank
rows at the speed of `memchr`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import accumulate, chain, compress, count, pairwise
from operator import itemgetter
from typing import Final, TypeVar

from importer.errors import WorkbookRefused
from importer.limits import MAX_COLUMNS, MAX_ROWS
from importer.workbook.cells import Content, Row
from importer.workbook.effort import Effort
from importer.workbook.exact import SheetParser, column_number
from importer.workbook.markup import MAX_TOKEN_BYTES, decode_entities, decode_escapes, hides_tags, is_true
from importer.workbook.values import Values, text_content

_CONTROL: Final = rb"\x00-\x08\x0b\x0c\x0e-\x1f"
#: Not \s, which takes a vertical tab and a form feed for spaces, as XML does not.
_ATTRIBUTE: Final = rb'[ \t\r\n]+((?:([A-Za-z_][\w.-]*):)?[A-Za-z_][\w.-]*)="([^"<&' + _CONTROL + rb']*)"'
_EACH_ATTRIBUTE: Final = re.compile(_ATTRIBUTE)
_ATTRIBUTES: Final = re.compile(rb"(?:" + _ATTRIBUTE + rb")*[ \t\r\n]*")
_ATTRIBUTES_OF_CELL: Final = rb"[^<>&/]*"
_SAVED: Final = rb"[0-9]{1,7}"
#: A `<` never stands before `c` or `/c`: a search for the end that ran through other cells would
#: begin again at each of them.
_INSIDE: Final = rb"(?:<[^/c][^<]*|</[^c][^<]*)*"
#: A cell in two groups, its name and the rest: it has digits only, or is blank, or has anything else.
_CELL: Final = re.compile(
    rb'(<c r="[A-Z]{1,3}+[1-9][0-9]{0,6}+")('
    rb"%b+(?:><v>%b+</v></c>|/>|>%b</c>))" % (_ATTRIBUTES_OF_CELL, _SAVED, _INSIDE)
)
#: What a split by `_CELL` gives for each cell: its name, the rest and what stands behind it.
_STRIDE: Final = 3
#: The names of a row's cells without its number.
_COLUMN: Final = re.compile(rb'<c r="([A-Z]{1,3})"')
#: The rest of a cell: attributes, saved digits, anything else.
_REST: Final = re.compile(rb"(%b)(?:/>|><v>(%b)</v></c>|>(%b)</c>)" % (_ATTRIBUTES_OF_CELL, _SAVED, _INSIDE))
_ENTITY: Final = rb"&(?:amp|lt|gt|quot|apos|#9|#10|#13);"
_PLAIN: Final = rb"[^<&" + _CONTROL + rb"]*(?:" + _ENTITY + rb"[^<&" + _CONTROL + rb"]*)*"
_SPACE: Final = rb'(?: xml:space="preserve")?'
_BODY: Final = re.compile(
    rb"(?:<f([^<>&]*?)(?:/>|>" + _PLAIN + rb"</f>))?"
    rb"(?:<v" + _SPACE + rb">(" + _PLAIN + rb")</v>|(<v ?/>))?"
    rb"(?:<is><t" + _SPACE + rb">(" + _PLAIN + rb")</t></is>)?"
)
_EMPTY_ROWS: Final = rb"[ \t\r\n]*+(?:<row[^<>/]*+(?:/>|>[ \t\r\n]*+</row>)[ \t\r\n]*+)*+"
#: openpyxl writes the height before the number.
_ROW: Final = rb'<row([^<>&]*?) r="([1-9][0-9]{0,6}+)"([^<>&]*+)>[ \t\r\n]*+'
_FIRST_ROW: Final = re.compile(_EMPTY_ROWS + _ROW)
#: What stands behind the last cell of a row: its end, and the next row that has cells.
_NEXT_ROW: Final = re.compile(rb"[ \t\r\n]*</row>" + _EMPTY_ROWS + rb"(?:" + _ROW + rb")?")
_NO_ROW: Final = re.compile(_EMPTY_ROWS)
_ROW_END: Final = b"</row>"
_DATA: Final = re.compile(rb"<sheetData[ \t\r\n]*>")
_DATA_END: Final = b"</sheetData"
#: As many bytes of attributes, and of cells, are remembered; real sheets have a few thousand of them.
_REMEMBERED: Final = 250_000
#: Rows are made of so much XML at a time: the more of them live at once, the longer Python's
#: garbage collector looks at them (measured: a quarter more CPU at 256 KiB).
_BLOCK_BYTES: Final = 16_384
_SPACES: Final = b" \t\r\n"
#: Longest style number that is one.
_SHORT: Final = 7
#: What a cell costs, here and wherever its row goes, in tags for expat.
_STEPS_OF_CELL: Final = 2
#: Longest text of attributes that is searched for them.
_MAX_ATTRIBUTES_BYTES: Final = 1_000
#: A message that names a place is the exact scanner's.
_NOWHERE: Final = (0, 0)
_text, _is_formula = map(itemgetter, map(Content._fields.index, ("text", "is_formula")))
_make_row: Final = partial(tuple.__new__, Row)

_Key = TypeVar("_Key", bound=Sequence[object])
_Meaning = TypeVar("_Meaning")


class NotTiled(Exception):
    """The sheet is not in the form that the fast scanner proves."""


@lru_cache(maxsize=256)
def _parsed(text: bytes, prefixes: frozenset[bytes]) -> Mapping[bytes, bytes]:
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


class _Remembered(dict[_Key, _Meaning]):
    """What was made of a piece of XML, for as long as it may come again."""

    def __init__(self, make: Callable[[_Key], _Meaning]) -> None:
        super().__init__()
        self._make = make
        self._size = 0

    def __missing__(self, key: _Key) -> _Meaning:
        self._size += len(key)
        if self._size > _REMEMBERED:
            self.clear()
            self._size = len(key)
        made = self[key] = self._make(key)
        return made


class _Contents(dict[bytes, Content]):
    """What cells hold, by all that stands behind their names, for as long as it may come again."""

    def __init__(self, values: Values, prefixes: frozenset[bytes]) -> None:
        super().__init__()
        self._values = values
        self._prefixes = prefixes
        self._attributes = _Remembered(partial(_type_and_style, prefixes))
        self._size = 0

    def of(self, rests: Sequence[bytes]) -> list[Content]:
        """Return the contents of some cells."""
        new = {*rests}.difference(self)
        self._size += sum(map(len, new))
        if self._size > _REMEMBERED:
            self.clear()
            new = {*rests}
            self._size = sum(map(len, new))
        strings, attributes_of = self._values.strings, self._attributes
        for rest, (attributes, saved, body) in zip(new, _REST.findall(b"".join(new)), strict=True):
            type_, style = attributes_of[attributes]
            if saved and type_ == "s":
                number = int(saved)
                text = strings.texts[number]
                self[rest] = text_content(strings.load(number) if text is None else text, style)
            else:
                self[rest] = self._content(type_, style, saved or None, body)
        return [*map(self.__getitem__, rests)]

    def _content(self, type_: str, style: int | None, saved: bytes | None, body: bytes) -> Content:
        formula = inline = None
        if body:
            inside = _BODY.fullmatch(body)
            if inside is None:
                raise NotTiled
            formula, saved, empty, inline = inside.groups()
            if formula:
                _parsed(formula, self._prefixes)
            saved = b"" if empty else saved
        digits = None if saved is None else decode_entities(saved.decode())
        shown = None if inline is None else decode_escapes(decode_entities(inline.decode()))
        is_formula = formula is not None
        return self._values.content(_NOWHERE, type_, style, digits, shown, is_formula=is_formula)


def _type_and_style(prefixes: frozenset[bytes], text: bytes) -> tuple[str, int | None]:
    """Return a cell's type and style by its attributes but for `r`."""
    attributes = _parsed(text, prefixes)
    style = attributes.get(b"s")
    if style is not None and not (style.isdigit() and len(style) <= _SHORT):
        raise NotTiled
    return attributes.get(b"t", b"n").decode(), None if style is None else int(style)


def _is_hidden(prefixes: frozenset[bytes], text: bytes) -> bool:
    """Tell whether a row is hidden, by its attributes but for `r`."""
    return is_true(_parsed(text, prefixes).get(b"hidden", b"").decode())


def _columns(names: bytes) -> tuple[int, ...]:
    """Return the columns of a row, which must rise, by the names of its cells without its number."""
    letters = _COLUMN.findall(names)
    columns = tuple(column_number(one.decode()) for one in letters)
    if _COLUMN.sub(b"", names) or columns[-1] > MAX_COLUMNS:
        raise NotTiled
    if any(left >= right for left, right in pairwise(columns)):
        raise NotTiled
    return columns


class _Scanner:
    """Makes rows of blocks of bytes."""

    def __init__(self, values: Values, prefixes: frozenset[bytes], effort: Effort) -> None:
        self._effort = effort
        self._columns = _Remembered(_columns)
        # None of these holds the scanner: what held itself would wait for a search for garbage.
        self._contents = _Contents(values, prefixes)
        self._hidden = _Remembered(partial(_is_hidden, prefixes))
        self._last_filled = 0

    def blocks(self, rows: bytes, start: int) -> Iterator[list[Row]]:
        """Give the filled ones of whole rows that begin at offset *start*, some at a time."""
        if _is_vacant(rows):
            return
        at = 0
        while at < len(rows):
            cut = rows.find(b"<row", at + _BLOCK_BYTES)
            block = rows[at:] if cut < 0 else rows[at:cut]
            yield self._block(block, start + at)
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
        try:
            return self._rows_of(parts, start)
        except (WorkbookRefused, LookupError, ValueError):
            # The exact scanner gives the same reason, after every row before it.
            raise NotTiled from None

    def _rows_of(self, parts: list[bytes], start: int) -> list[Row]:
        # Columns of the split, where its parts begin, and what equal cells hold only once: at
        # 120,000 cells, one call for each costs as much as the pattern.
        names, rests, gaps = (parts[n::_STRIDE] for n in range(1, _STRIDE + 1))
        contents = self._contents.of(rests)
        offsets = [*accumulate(map(len, parts), initial=start)]
        starts, ends = offsets[1::_STRIDE], offsets[_STRIDE::_STRIDE]
        rows: list[Row] = []
        tag, first = _FIRST_ROW.fullmatch(parts[0]), 0
        for behind in compress(count(1), gaps):
            gap = gaps[behind - 1]
            if not gap.strip(_SPACES):
                continue
            if tag is None or tag[2] is None:
                raise NotTiled
            before, digits, after = tag.groups()
            row = slice(first, behind)
            columns = self._columns[b"".join(names[row]).replace(digits + b'"', b'"')]
            held, is_hidden = contents[row], self._hidden[before + after]
            if any(map(_text, held)) or any(map(_is_formula, held)):
                number, end = int(digits), ends[behind - 1] + gap.index(b"<")
                if not self._last_filled < number <= MAX_ROWS:
                    raise NotTiled
                self._last_filled = number
                rows.append(_make_row((number, columns, held, starts[row], ends[row], is_hidden, end)))
            tag, first = _NEXT_ROW.fullmatch(gap), behind
        if tag is None or tag[2] or first < len(names):
            raise NotTiled
        return rows


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
        yield from chain.from_iterable(scanner.blocks(rest[:cut], start))
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
