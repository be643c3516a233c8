"""
Shared strings: the texts that cells refer to by number.

A text is decoded when a cell first asks for it, block by block, so that a sheet of sixty rows does
not pay for the texts of its neighbours, and 50 MB of texts stay bytes.

Source: ECMA-376 part 1, 18.4 (shared string table); 18.4.6 (phonetic runs are not part of the text).
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Final

from importer.limits import (
    MAX_CELL_CHARACTERS,
    MAX_OTHER_PART_BYTES,
    MAX_SHARED_STRINGS,
    MAX_SHARED_STRINGS_BYTES,
)
from importer.workbook.effort import Effort
from importer.workbook.markup import (
    MAX_TOKEN_BYTES,
    PartParser,
    decode_entities,
    decode_escapes,
    has_control_character,
    hides_tags,
    parse,
)
from importer.workbook.package import Package
from importer.workbook.refusals import damaged, too_large

#: Texts are decoded a whole block at a time up to this much XML; behind it, one by one.
_KEEP_BYTES: Final = 8_000_000

#: What decoding a single rich text costs, in tags: a parser of its own.
_STEPS_OF_PARSER: Final = 20
_END: Final = b"</si>"
_PLAIN_ITEM: Final = re.compile(r'<si><t(?: xml:space="preserve")?>([^<]*)</t></si>')
_ITEM: Final = re.compile(r'<si>(?:<t(?: xml:space="preserve")?>([^<]*)</t>|(.*?))</si>', re.DOTALL)


class TextCollector:
    """Collects the texts of `t` elements, and leaves phonetic runs (`rPh`) out."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._chunks: list[str] | None = None
        self._phonetic = 0

    def start(self, name: str) -> None:
        """Enter an element."""
        self._phonetic += name == "rPh"
        if name == "t" and not self._phonetic:
            self._chunks = []

    def end(self, name: str) -> None:
        """Leave an element."""
        self._phonetic -= name == "rPh"
        if name == "t" and self._chunks is not None:
            self._texts.append(decode_escapes("".join(self._chunks)))
            self._chunks = None

    def text(self, text: str) -> None:
        """Take characters, in chunks of any size."""
        if self._chunks is not None:
            self._chunks.append(text)

    def take(self) -> str:
        """Return the text so far, and begin anew."""
        text = "".join(self._texts)
        self._texts.clear()
        return text


class SharedStrings:
    """
    The texts of a workbook, by number.

    Attributes:
        texts: The text if it is decoded already, else None; then `load` gives it.
    """

    def __init__(self, part: str, effort: Effort | None = None) -> None:
        self.texts: list[str | None] = []
        self._part = part
        self._effort = effort or Effort()
        self._head = b""
        self._blocks: list[bytes] = []
        self._firsts: list[int] = []  # number of each block's first text
        self._ends: dict[int, array[int]] = {}  # where the texts of a block end, behind _KEEP_BYTES
        self._kept_bytes = 0

    def add_block(self, head: bytes, block: bytes, count: int) -> None:
        """Add a block of *count* whole items; *head* is what the part holds before its first item."""
        self._head = head
        self._firsts.append(len(self.texts))
        self._blocks.append(block)
        self.texts.extend([None] * count)
        self._check_count()

    def add_text(self, text: str) -> None:
        """Add one text that is decoded already."""
        self.texts.append(text if len(text) <= MAX_CELL_CHARACTERS else None)
        self._check_count()

    def _check_count(self) -> None:
        if len(self.texts) > MAX_SHARED_STRINGS:
            raise too_large("The workbook has", len(self.texts), MAX_SHARED_STRINGS, "different texts")

    def load(self, number: int) -> str:
        """
        Decode the text with this number, and its neighbours.

        Raises:
            IndexError: There is no such text.
            WorkbookRefused: `too-large` for a text longer than a cell, or `damaged`.
        """
        text = self.texts[number]
        if text is None and self._blocks:
            text = self._decode(number)
        if text is None or len(text) > MAX_CELL_CHARACTERS:
            raise too_large("A text has", len(text or ""), MAX_CELL_CHARACTERS, "characters")
        return text

    def _decode(self, number: int) -> str:
        at = bisect_right(self._firsts, number) - 1
        block, first = self._blocks[at], self._firsts[at]
        if self._kept_bytes + len(block) > _KEEP_BYTES:
            text = self._texts_of(self._item(at, number - first))[0]
            if len(text) <= MAX_CELL_CHARACTERS:
                self.texts[number] = text
            return text
        self._kept_bytes += len(block)
        texts = self._texts_of(block)
        self.texts[first : first + len(texts)] = texts
        if max(map(len, texts)) > MAX_CELL_CHARACTERS:
            for n, text in enumerate(texts, first):
                self.texts[n] = text if len(text) <= MAX_CELL_CHARACTERS else None
        return texts[number - first]

    def _item(self, at: int, index: int) -> bytes:
        block = self._blocks[at]
        ends = self._ends.get(at)
        if ends is None:
            lengths = (len(item) + len(_END) for item in block.split(_END)[:-1])
            ends = self._ends[at] = array("I", accumulate(lengths))
        return block[ends[index - 1] if index else 0 : ends[index]]

    def _texts_of(self, block: bytes) -> list[str]:
        text = block.decode()
        gaps_and_texts = _PLAIN_ITEM.split(text)
        if any(gaps_and_texts[::2]):
            return self._mixed(text)
        texts: list[str] = gaps_and_texts[1::2]
        if b"&" in block or b"_x" in block or b"\r" in block:
            texts = [self._plain(raw) if "&" in raw or "_x" in raw or "\r" in raw else raw for raw in texts]
        return texts

    def _mixed(self, block: str) -> list[str]:
        """Decode a block that holds rich text, or space between its items."""
        parts = _ITEM.split(block)
        plain, rich = parts[1::3], parts[2::3]
        if len(plain) != block.count(_END.decode()):
            raise damaged(f"the texts of the part {self._part} are not in order")
        return [
            self._rich(inner) if raw is None else self._plain(raw)
            for raw, inner in zip(plain, rich, strict=True)
        ]

    def _plain(self, raw: str) -> str:
        try:
            return decode_escapes(decode_entities(raw))
        except ValueError:
            return self._rich(f"<t>{raw}</t>")

    def _rich(self, inner: str) -> str:
        self._effort.step(_STEPS_OF_PARSER + inner.count("<"))
        collector = TextCollector()
        item = (self._head, b"<si>", inner.encode(), b"</si></sst>")
        parse(self._part, item, lambda name, _: collector.start(name), collector.end, collector.text)
        return collector.take()


def read_strings(package: Package, part: str | None) -> SharedStrings:
    """
    Read the shared strings of a workbook; without the part there are none.

    Raises:
        WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
    """
    if part is None:
        return SharedStrings("")
    pieces = package.pieces(part, MAX_SHARED_STRINGS_BYTES)
    return _read_blocks(SharedStrings(part, package.effort), part, pieces) or _read_exactly(package, part)


def _read_blocks(strings: SharedStrings, part: str, pieces: Iterator[bytes]) -> SharedStrings | None:
    """Cut the part into blocks of whole items; None if it is not the plain form that this proves."""
    parser = PartParser(part)
    head, rest = _cut_head(pieces)
    parser.feed(head)
    if parser.root != "sst" or parser.prefix or parser.encoding != "utf-8" or b"<!" in head:
        return None
    for piece in chain((b"",), pieces):
        rest += piece
        cut = rest.rfind(_END) + len(_END)
        if cut >= len(_END):
            block, rest = rest[:cut], rest[cut:]
            if (count := _count(block)) is None:
                return None
            strings.add_block(head, block, count)
        elif len(rest) > MAX_TOKEN_BYTES:
            return None
    if b"<si" in rest:
        return None
    parser.feed(rest)
    parser.close()
    return strings


def _cut_head(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Read up to the first item; return what stands before it, and the rest that was read."""
    read = b""
    for piece in pieces:
        read += piece
        if (at := read.find(b"<si")) >= 0:
            return read[:at], read[at:]
        if len(read) > MAX_TOKEN_BYTES:
            break
    return read, b""


def _count(block: bytes) -> int | None:
    """Count the items of a block; None if their numbers are not proved (`<si/>` has no end tag)."""
    count = block.count(_END)
    is_regular = count == block.count(b"<si")
    return None if not is_regular or hides_tags(block) or has_control_character(block) else count


def _read_exactly(package: Package, part: str) -> SharedStrings:
    """Read any form by expat: another prefix, comments, empty items; the texts stay in memory."""
    strings = SharedStrings(part)
    collector = TextCollector()

    def end(name: str) -> None:
        collector.end(name)
        if name == "si":
            strings.add_text(collector.take())

    pieces = package.parsed_pieces(part, MAX_OTHER_PART_BYTES)
    parse(part, pieces, lambda name, _: collector.start(name), end, collector.text)
    return strings
