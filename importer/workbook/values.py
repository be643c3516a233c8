"""
What a cell's XML means: kind and text, from its type, its style and what is saved in it.

Both scanners ask here, so they cannot disagree. What neither Excel nor the standard allows is
decided so that nothing is lost: a number or boolean that is none arrives as the text that it is; a
cell whose text cannot be known (a shared string that does not exist, an unknown type) is damage.

Source: ECMA-376 part 1, 18.3.1.4 (c), 18.18.11 (ST_CellType).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from importer.limits import MAX_CELL_CHARACTERS, MAX_DIGITS
from importer.texts import cell_name, is_plain
from importer.workbook.cells import CellKind, Content
from importer.workbook.markup import decode_escapes
from importer.workbook.refusals import damaged, too_large
from importer.workbook.strings import SharedStrings
from importer.workbook.styles import Look, date_text

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ISO_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?T?([0-9]{2}:[0-9]{2}:[0-9]{2})?(?:\.[0-9]+)?Z?")
#: As `importer.sheets.celltext` would write it.
_WHOLE: Final = re.compile(rf"0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}}")
_BOOLEANS: Final = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}
_XML_SPACES: Final = " \t\r\n"
_make: Final = partial(tuple.__new__, Content)
# A member of an enumeration takes as long to look up as the rest of making a content.
_BLANK, _TEXT, _NUMBER_KIND = CellKind.BLANK, CellKind.TEXT, CellKind.NUMBER

Place = tuple[int, int]
Value = tuple[CellKind, str, bool]


class Values:
    """
    The meaning of cells in one workbook.

    Attributes:
        strings: Its shared strings.
    """

    def __init__(self, strings: SharedStrings, looks: tuple[Look, ...], *, is_1904: bool) -> None:
        self.strings = strings
        self._looks = looks
        self._is_1904 = is_1904

    def look(self, style: int | None) -> Look:
        """Return how a style makes a number look; a cell without style has the first one."""
        style = style or 0
        return self._looks[style] if style < len(self._looks) else Look.PLAIN

    def content(
        self,
        place: Place,
        type_: str,
        style: int | None,
        saved: str | None,
        inline: str | None,
        *,
        is_formula: bool,
    ) -> Content:
        """
        Return what a cell holds.

        Args:
            place: Row and column number, for messages.
            type_: The `t` attribute, "n" if absent.
            style: The `s` attribute, None if absent.
            saved: Text of `v`, entities decoded and Excel's escapes not; None without `v`.
            inline: Text of `is`, all escapes decoded; None without `is`.
            is_formula: Whether there is an `f`.

        Raises:
            WorkbookRefused: `damaged` or `too-large`.
        """
        kind, text, is_formatted = self._interpret(place, type_, style, saved, inline)
        if is_formula:
            result = _has_result(type_, saved, inline)
            return Content(kind, text, True, result, is_formatted, style, None)
        if kind is _TEXT or kind is _BLANK:
            return text_content(text, style)
        if kind is _NUMBER_KIND:
            return number_content(text, style, is_formatted=is_formatted)
        return _make((kind, text, False, True, is_formatted, style, None))

    def _interpret(
        self, place: Place, type_: str, style: int | None, saved: str | None, inline: str | None
    ) -> Value:
        if inline is not None and (saved is None or type_ == "inlineStr"):
            value = _text(inline)
        elif not saved:
            value = _text("")
        elif type_ == "s":
            value = _text(self._shared(place, saved))
        elif type_ in ("str", "inlineStr"):
            value = _text(decode_escapes(saved))
        elif type_ == "n":
            value = self._number(style, saved)
        else:
            value = _other(place, type_, saved)
        if len(value[1]) > MAX_CELL_CHARACTERS:
            raise too_large(
                f"The cell {cell_name(*place)} has", len(value[1]), MAX_CELL_CHARACTERS, "characters"
            )
        return value

    def _shared(self, place: Place, saved: str) -> str:
        number = saved.strip(_XML_SPACES)
        try:
            if number.isascii() and number.isdigit():
                return self.strings.load(int(number))
        except (IndexError, ValueError):  # ValueError: thousands of digits
            pass
        raise damaged(f"the text of the cell {cell_name(*place)} is missing")

    def _number(self, style: int | None, saved: str) -> Value:
        digits = saved.strip(_XML_SPACES)
        if not _NUMBER.fullmatch(digits):
            return _text(saved)
        look = self.look(style)
        if look in (Look.DATE, Look.ELAPSED):
            date = date_text(float(digits), look, is_1904=self._is_1904)
            return (CellKind.NUMBER, digits, True) if date is None else (CellKind.DATE, date, False)
        return CellKind.NUMBER, digits, look is Look.FORMATTED


def _text(text: str) -> Value:
    return CellKind.TEXT if text else CellKind.BLANK, text, False


def _other(place: Place, type_: str, saved: str) -> Value:
    if type_ == "e":
        return CellKind.ERROR, saved, False
    if type_ == "b":
        boolean = _BOOLEANS.get(saved.strip(_XML_SPACES).lower())
        return _text(saved) if boolean is None else (CellKind.BOOLEAN, boolean, False)
    if type_ == "d":
        return _iso_date(saved.strip(_XML_SPACES))
    raise damaged(f"the cell {cell_name(*place)} is of the unknown type {type_[:20]}")


def _iso_date(saved: str) -> Value:
    match = _ISO_DATE.fullmatch(saved)
    if not match or not any(match.groups()):
        return _text(saved)
    day, clock = match.groups()
    if day and clock == "00:00:00":
        clock = None
    return CellKind.DATE, " ".join(filter(None, (day, clock))), False


def text_content(text: str, style: int | None = None) -> Content:
    """Return the content of a cell that holds a text, or none ("")."""
    kind, plain = (_TEXT, text if is_plain(text) else None) if text else (_BLANK, "")
    return _make((kind, text, False, True, False, style, plain))


def number_content(digits: str, style: int | None = None, *, is_formatted: bool = False) -> Content:
    """Return the content of a cell that holds a number."""
    plain = None if is_formatted or not _WHOLE.fullmatch(digits) else digits
    return _make((_NUMBER_KIND, digits, False, True, is_formatted, style, plain))


def _has_result(type_: str, saved: str | None, inline: str | None) -> bool:
    """Whether a formula's result is saved: an empty one counts if its type says text."""
    return bool(saved) or inline is not None or (saved is not None and type_ == "str")
