"""XML of workbooks, read by expat: elements with their places in the bytes, and the cells of a sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat


@dataclass
class Element:
    """
    One element.

    Attributes:
        tag: Its name as the bytes spell it, prefix included.
        attributes: As the bytes spell their names.
        start: Where it begins, in bytes.
        end: Behind it.
        inner_end: Where its end tag begins; *end* if it has none.
        text: Of its own, without its children's.
        children: In order.
    """

    tag: str
    attributes: Mapping[str, str]
    start: int
    end: int = 0
    inner_end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Without the prefix."""
        return self.tag.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        """`x:`, usually empty."""
        return self.tag.removesuffix(self.name)

    def find(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def every(self, name: str) -> list[Element]:
        """Every element of this name inside it, at any depth."""
        found = [self] if self.name == name else []
        return found + [one for child in self.children for one in child.every(name)]


def parse(xml: bytes) -> Element:
    """Return the root."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    whole = Element("", {}, 0)
    stack = [whole]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, parser.CurrentByteIndex)
        stack[-1].children.append(element)
        stack.append(element)

    def end(tag: str) -> None:
        element = stack.pop()
        at = parser.CurrentByteIndex  # of an empty element: behind it
        closes = re.compile(rb"</%s\s*>" % re.escape(tag.encode())).match(xml, at)
        element.inner_end, element.end = at, closes.end() if closes else at

    def text(characters: str) -> None:
        stack[-1].text += characters

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.Parse(xml, True)
    return whole.children[0]


@dataclass(frozen=True)
class CellAt:
    """
    A cell of a sheet.

    Attributes:
        start: Where its element begins, in bytes.
        end: Behind it.
        style: Its style, as it stands there; None if it names none.
        kind: Its type, as it stands there: `inlineStr`; None for a number.
        text: What it holds: inline text, number, or index of a shared string.
        has_formula: Whether a formula makes its value.
    """

    start: int
    end: int
    style: str | None
    kind: str | None
    text: str
    has_formula: bool


def cells_of(xml: bytes) -> dict[str, CellAt]:
    """Return the cells of a sheet by name; those without a name are counted."""
    found: dict[str, CellAt] = {}
    data = parse(xml).find("sheetData")
    number = 0
    for row in [] if data is None else data.children:
        number, column = int(row.attributes.get("r", number + 1)), 0
        for cell in row.children:
            column = place_of(cell.attributes["r"])[1] if "r" in cell.attributes else column + 1
            found[f"{letters(column)}{number}"] = _cell(cell)
    return found


def _cell(cell: Element) -> CellAt:
    texts = [one.text for name in ("t", "v") for one in cell.every(name)]
    style, kind = cell.attributes.get("s"), cell.attributes.get("t")
    return CellAt(cell.start, cell.end, style, kind, "".join(texts), cell.find("f") is not None)


def place_of(name: str) -> tuple[int, int]:
    """Return row and column of a cell; both count from 1."""
    column = name.rstrip("0123456789")
    number = 0
    for letter in column:
        number = number * 26 + ord(letter) - 64
    return int(name.removeprefix(column)), number


def letters(column: int) -> str:
    """Return the letters of a column; columns count from 1."""
    quotient, rest = divmod(column - 1, 26)
    return (letters(quotient) if quotient else "") + chr(65 + rest)
