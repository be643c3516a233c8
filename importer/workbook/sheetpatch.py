"""
A sheet part with some cells replaced or added, and every other byte kept.

Owns the XML of a new cell, the check that a place in the part is what the reader said it is, and the
proof that nothing else changed. Zip files and files are other modules' subjects.

Source: ECMA-376 Part 1, §18.3.1.4 (c), §18.3.1.53 (is), §22.9.2.19 (ST_Xstring: `_xHHHH_`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple
from xml.parsers import expat

from importer.limits import MAX_CELL_CHARACTERS
from importer.texts import column_letter
from importer.workbook.cells import Spot
from importer.workbook.zipdirectory import CannotSplice

#: The bytes behind a place that the check of an added cell looks at, without the prefix.
_LOOK_AHEAD: Final = len(b"</row>")

# Characters that XML forbids, and the carriage return that an XML parser would turn into a line
# feed: Excel writes them as _xHHHH_, so a text that looks like that needs its underscore escaped.
_ESCAPED: Final = re.compile("[\0-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
# What needs neither escapes nor xml:space: every id, and nearly every status.
_PLAIN: Final = re.compile(r"[A-Za-z0-9.,:;()-](?:[A-Za-z0-9.,:;() -]{0,254}[A-Za-z0-9.,:;()-])?")
_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

_ENCODING: Final = re.compile(rb"""\A<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)""")
_NAME: Final = re.compile(rb"""\sr\s*=\s*["']([A-Z]+[0-9]+)["']""")
_UTF8_BOM: Final = b"\xef\xbb\xbf"

_letters: Final = cache(column_letter)
_SLASH: Final = ord("/")
_REREAD: Final = "Run the importer again, so that it reads the workbook anew."


class Cut(NamedTuple):
    """
    One edit in bytes.

    Attributes:
        start: Byte offset in the inflated part.
        end: Byte offset behind what is replaced; equal to *start* when a cell is added.
        column: Column number, from 1: the order of cells added at one place.
        head: How the cell's element begins, up to its name: `<c r="M5"`.
        xml: The new cell.
    """

    start: int
    end: int
    column: int
    head: bytes
    xml: bytes

    @property
    def name(self) -> str:
        """The cell, `M5`."""
        return self.head.decode().split('"')[1]


def cuts_of(cells: Mapping[Spot, str], prefix: str) -> tuple[Cut, ...]:
    """
    Turn the new texts of a sheet's cells into cuts, in file order.

    A text becomes an inline string, whatever it begins with: `=1+1` stays a text.

    Raises:
        CannotSplice: Two of them concern one cell or overlap, or a text is longer than a cell may be.
    """
    cuts = []
    begin, end = f' t="inlineStr"><{prefix}is><{prefix}t', f"</{prefix}t></{prefix}is></{prefix}c>"
    for (row, column, start, stop, number), text in cells.items():
        style = "" if number is None else f' s="{number}"'
        head = f'<{prefix}c r="{_letters(column)}{row}"'
        if not text:
            xml = f"{head}{style}/>"
        elif _PLAIN.fullmatch(text):
            xml = f"{head}{style}{begin}>{text}{end}"
        else:
            xml = f"{head}{style}{begin}{_content(text)}{end}"
        cuts.append(Cut(start, stop, column, head.encode(), xml.encode()))
    cuts.sort()
    for cut, following in pairwise(cuts):
        if cut.end > following.start or cut.head == following.head:
            raise CannotSplice(f"the cells {cut.name} and {following.name} overlap", _REREAD)
    _check_well_formed(cuts, prefix)
    return tuple(cuts)


def _content(text: str) -> str:
    """What stands between `<t` and `</t>` for a text that is not plain."""
    if len(text) > MAX_CELL_CHARACTERS:
        raise CannotSplice("a text for it is longer than a cell may be", "Report this; it is our mistake.")
    space = "" if text == text.strip() and "\n" not in text else ' xml:space="preserve"'
    escaped = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text).translate(_MARKUP)
    return f"{space}>{escaped}"


def _check_well_formed(cuts: Iterable[Cut], prefix: str) -> None:
    """Parse the new cells. The part as a whole is not parsed: that costs as much as deflating it."""
    parser = expat.ParserCreate()
    try:
        parser.Parse(b"<row>" + b"".join(cut.xml for cut in cuts) + b"</row>", True)
    except expat.ExpatError as error:
        raise CannotSplice(
            f'a new cell (prefix "{prefix}") is not XML', "Report this; it is our mistake."
        ) from error


def patched(pieces: Iterable[bytes], cuts: Sequence[Cut], prefix: str) -> Iterator[bytes]:
    """
    Give a sheet part with the cuts made.

    Args:
        pieces: The inflated part; a piece may end anywhere.
        cuts: In file order.
        prefix: Of the part's element names, `x:`, usually empty.

    Raises:
        CannotSplice: The part is not UTF-8, a replaced cell holds a formula, or what stands at a
            cut is not what the reader saw.
    """
    check = _Check(prefix)
    margin = _LOOK_AHEAD + len(prefix)
    buffer, base, made = b"", 0, 0
    for piece in pieces:
        buffer = buffer + piece if buffer else piece
        if base == 0:
            _check_encoding(buffer)
        done = 0
        out: list[bytes] = []
        whole = bisect_right(cuts, base + len(buffer) - margin, made, key=attrgetter("end"))
        for cut in cuts[made:whole]:
            start, end = cut.start - base, cut.end - base
            check(cut, buffer, start, end)
            out += (buffer[done:start], cut.xml)
            done = end
        made = whole
        keep = len(buffer)
        if made < len(cuts):
            keep = min(keep, max(done, cuts[made].start - base))
        out.append(buffer[done:keep])
        buffer, base = buffer[keep:], base + keep
        yield b"".join(out)
    if made < len(cuts):
        raise CannotSplice(f"the sheet ends before cell {cuts[made].name}", _REREAD)


def _check_encoding(head: bytes) -> None:
    """Refuse a part whose bytes are not UTF-8: the new cells are."""
    declared = _ENCODING.match(head.removeprefix(_UTF8_BOM)[:200])
    if b"\0" in head[:4] or head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise CannotSplice("its sheet is stored as UTF-16")
    if declared and declared[1].upper() not in {b"UTF-8", b"UTF8"}:
        raise CannotSplice(f"its sheet is stored as {declared[1].decode('ascii', 'replace')}")


class _Check:
    """The check that a place is what the reader saw, for one element prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._neighbours = (f"<{prefix}c".encode(), f"</{prefix}row".encode())
        self._formula = f"<{prefix}f".encode()

    # Seldom needed, and to compile it takes as long as to check thousands of empty cells.
    @cached_property
    def _cell(self) -> re.Pattern[bytes]:
        """One cell and nothing behind it: the content may hold any element but a cell."""
        name = re.escape(self._prefix.encode())
        return re.compile(
            rb"<%(p)sc((?:\s[^<>]*)?)(?:/>|>([^<]*(?:<(?!/?%(p)sc[\s/>])[^<]*)*)</%(p)sc\s*>)" % {b"p": name}
        )

    def __call__(self, cut: Cut, buffer: bytes, start: int, end: int) -> None:
        """Raise CannotSplice unless `buffer[start:end]` is the cell, or a place between cells."""
        if start == end:
            if not buffer.startswith(self._neighbours, start):
                raise CannotSplice(f"there is no place for cell {cut.name} where it was read", _REREAD)
            return
        # An empty cell, the usual case, ends at its first ">": a third of the expression's time.
        if (
            buffer.find(b">", start) == end - 1
            and buffer.startswith(cut.head, start)
            and buffer[end - 2] == _SLASH
        ):
            return
        cell = self._cell.fullmatch(buffer, start, end)
        if cell is None:
            raise CannotSplice(f"cell {cut.name} is not where it was read", _REREAD)
        name = _NAME.search(cell[1])
        if name and name[1].decode() != cut.name:
            raise CannotSplice(f"cell {name[1].decode()} stands where {cut.name} was read", _REREAD)
        if cell[2] and self._formula in cell[2]:
            raise CannotSplice(
                f"cell {cut.name} holds a formula, which the importer never overwrites",
                f"Clear cell {cut.name}, save, and run again.",
            )


def differs_only_at(cuts: Iterable[Cut], before: Iterable[bytes], after: Iterable[bytes]) -> bool:
    """
    Whether *after* is *before* with exactly these cuts made.

    Compares what is there; shares nothing with `patched`, so that a mistake in one shows in the other.
    """
    old, new = _expected(cuts, before), _Feed(after)
    return all(piece == new.take(len(piece)) for piece in old) and not new.take(1)


def _expected(cuts: Iterable[Cut], before: Iterable[bytes]) -> Iterator[bytes]:
    """Give *before* with the cuts made, in other pieces."""
    waiting, base, done = deque(cuts), 0, 0
    for piece in before:
        out: list[bytes] = []
        while waiting and waiting[0].start < base + len(piece):
            cut = waiting.popleft()
            out += (piece[done - base : cut.start - base], cut.xml)
            done = cut.end
        out.append(piece[done - base :])
        base += len(piece)
        done = max(done, base)
        yield b"".join(out)
    yield b"".join([cut.xml for cut in waiting])


class _Feed:
    """Pieces of bytes, taken in other lengths."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = b""
        self._at = 0

    def take(self, length: int) -> bytes:
        """*length* bytes, or all that is left."""
        end = self._at + length
        while end > len(self._piece) and (more := next(self._pieces, None)) is not None:
            self._piece = self._piece[self._at :] + more
            self._at, end = 0, length
        part = self._piece[self._at : end]
        self._at += len(part)
        return part
