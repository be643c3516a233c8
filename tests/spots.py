"""Where the cells of a sheet stand, found by expat: a second opinion on the reader's spots."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from importer.texts import cell_name
from importer.workbook.cells import Spot

_REFERENCE = re.compile(r"([A-Z]+)([0-9]+)")


class Place(NamedTuple):
    """One cell: where it stands, and whether a formula makes its value."""

    spot: Spot
    has_formula: bool


class SheetPlaces(NamedTuple):
    """All cells of a part by (row, column), where each row ends, and the prefix of its element names."""

    cells: dict[tuple[int, int], Place]
    row_ends: dict[int, int]
    prefix: str


class _Finder:
    def __init__(self, xml: bytes) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.xml = xml
        self.row = self.column = 0
        self.found = SheetPlaces({}, {}, "")
        self.open: tuple[int, int | None] = (0, None)
        self.has_formula = self.is_data = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "sheetData":
            self.is_data = True
            self.found = self.found._replace(prefix=tag.removesuffix("sheetData"))
        elif not self.is_data:
            return  # a drawing's anchor has rows too
        elif name == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0
        elif name == "c":
            self.column = column_number(attributes["r"]) if "r" in attributes else self.column + 1
            style = attributes.get("s")
            self.open = (self.parser.CurrentByteIndex, None if style is None else int(style))
            self.has_formula = False
        elif name == "f":
            self.has_formula = True

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "sheetData":
            self.is_data = False
        elif name == "c" and self.is_data:
            start, style = self.open
            end = self.parser.CurrentByteIndex  # of an empty element: behind it
            if self._closes(tag):
                end = self.xml.index(b">", end) + 1
            spot = Spot(self.row, self.column, start, end, style)
            self.found.cells[self.row, self.column] = Place(spot, self.has_formula)
        elif name == "row" and self.is_data and self._closes(tag):
            self.found.row_ends[self.row] = self.parser.CurrentByteIndex

    def _closes(self, tag: str) -> bool:
        """Whether an end tag stands here, so that the element is not an empty one."""
        return self.xml.startswith(f"</{tag}".encode(), self.parser.CurrentByteIndex)


def column_number(reference: str) -> int:
    """M5 → 13."""
    letters = _REFERENCE.fullmatch(reference)[1]  # type: ignore[index]
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def find_places(xml: bytes) -> SheetPlaces:
    """Find every cell of a sheet part."""
    finder = _Finder(xml)
    finder.parser.Parse(xml, True)
    return finder.found


def spot_at(places: SheetPlaces, row: int, column: int) -> Spot:
    """The spot of a cell: its own, before the next cell of its row, or at the row's end."""
    if (row, column) in places.cells:
        return places.cells[row, column].spot
    later = [place.spot.start for (r, c), place in places.cells.items() if r == row and c > column]
    start = min(later, default=places.row_ends[row])
    return Spot(row, column, start, start, None)


def cell_xml(spot: Spot, text: str, prefix: str = "") -> bytes:
    """The new cell as the writer must write it, for a text that needs no escaping."""
    style = "" if spot.style is None else f' s="{spot.style}"'
    name = cell_name(spot.row, spot.column)
    return (
        f'<{prefix}c r="{name}"{style} t="inlineStr"><{prefix}is>'
        f"<{prefix}t>{text}</{prefix}t></{prefix}is></{prefix}c>"
    ).encode()


def applied(xml: bytes, texts: dict[Spot, str], prefix: str = "") -> bytes:
    """The part as it must be afterwards, made the plain way: from the last cell to the first."""
    behind = []
    for spot in sorted(texts, key=lambda spot: (spot.start, spot.end, spot.column), reverse=True):
        behind += [xml[spot.end :], cell_xml(spot, texts[spot], prefix)]
        xml = xml[: spot.start]
    return b"".join([xml, *reversed(behind)])


def part_bytes(path: Path, part: str) -> bytes:
    """A zip member, inflated."""
    with zipfile.ZipFile(path) as package:
        return package.read(part)
