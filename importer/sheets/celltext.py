"""
From a cell to the text that is taken: what Excel makes of what people type, undone or reported.

Nothing is guessed. A cell whose text cannot be trusted gives the code of its problem; what a
column means, and whether the text fits, is for others to judge.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from importer.contract import Kind
from importer.limits import MAX_DIGITS
from importer.texts import CONTROL, INVISIBLE, is_blank, is_plain, trim
from importer.workbook.cells import Cell, CellKind

_HOLDS_CONTROL: Final = re.compile(f"[{CONTROL}]")
_HOLDS_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")
# In a text a non-breaking space is typography; in a ref or a value it makes two words differ.
_WORD_HOLDS_INVISIBLE: Final = re.compile(f"[{INVISIBLE}\u00a0\t\r\n]")

_NOT_TEXT: Final = {
    CellKind.BOOLEAN: "boolean-cell",
    CellKind.DATE: "date-cell",
    CellKind.ERROR: "error-cell",
}


class Taken(NamedTuple):
    """
    What is taken from a cell.

    Attributes:
        text: The text; "" if blank.
        code: The catalogue code of what is to be said of it; None if nothing is.
    """

    text: str
    code: str | None = None


def take(cell: Cell, kind: Kind) -> Taken:
    """Take the text of a cell that stands in a column of one kind."""
    if kind is Kind.FREE:
        return Taken(cell.text)
    if cell.is_formula and not cell.has_result:
        return Taken("", "formula-without-result")
    if cell.kind is CellKind.TEXT:
        return take_text(cell.text, kind)
    if cell.kind is CellKind.NUMBER:
        return _take_number(cell)
    if cell.kind is CellKind.BOOLEAN and kind is Kind.FLAG:
        return Taken(cell.text)
    return Taken(cell.text, _NOT_TEXT.get(cell.kind))


def take_text(text: str, kind: Kind) -> Taken:
    """Take the text of a text cell; of what is never sent, anything (`take`)."""
    if is_plain(text):
        return Taken(text)
    if _HOLDS_CONTROL.search(text):
        return Taken(text, "control-character")
    if is_blank(text):
        return Taken("")
    if kind is Kind.TEXT:
        return Taken(text, _seen_by_nobody(text))
    word = trim(text)
    if word != text:
        return Taken(word, "value-trimmed")
    return Taken(word, "invisible-character" if _WORD_HOLDS_INVISIBLE.search(word) else None)


def _seen_by_nobody(text: str) -> str | None:
    if text != text.strip():
        return "spaces-at-end"
    return "invisible-character" if _HOLDS_INVISIBLE.search(text) else None


def _take_number(cell: Cell) -> Taken:
    number = float(cell.text)
    if abs(number) >= 10**MAX_DIGITS:
        return Taken(f"{number:.0f}", "number-too-long")
    text = str(int(number)) if number.is_integer() else f"{number:.{MAX_DIGITS}g}"
    return Taken(text, "number-formatted" if cell.is_formatted else None)
