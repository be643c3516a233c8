"""
Number formats: which styles make a number a date, and which make Excel show it differently.

Source: ECMA-376 part 1, 18.8.30 (numFmt, built-in ids) and 18.17.4 (date systems).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final

from importer.workbook.markup import Attributes, parse
from importer.workbook.package import REMEMBERED_PARTS, Package


class Look(Enum):
    """How a number format makes a number look."""

    PLAIN = "plain"  # its digits: General, 0, @, plain decimals
    FORMATTED = "formatted"  # 50%, $5, 007
    DATE = "date"
    ELAPSED = "elapsed"  # [h]:mm


_ELAPSED_ID: Final = 46
#: Built-in formats without a code in the file: 27–36, 50–58 and 71–81 are East Asian and Thai dates.
_DATE_IDS: Final = frozenset((*range(14, 23), *range(27, 37), 45, 47, *range(50, 59), *range(71, 82)))
_PLAIN_IDS: Final = frozenset((0, 1, 2, 49))
_MAX_CODE_CHARACTERS: Final = 255

#: What is not a placeholder: "quoted", \escaped, _width, *fill, [colour or condition].
_LITERAL: Final = re.compile(r'"[^"]*"?|[\\_*].|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE | re.DOTALL)
#: Colour, condition or locale, which show nothing; [$€-407] shows a currency.
_INVISIBLE: Final = re.compile(r"\[(?!\$[^-\]])[^\]]*\]")
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_DATE_LETTER: Final = re.compile(r"[dmyhs]", re.IGNORECASE)
_PLAIN: Final = re.compile(r"general|@|#*0?(?:\.[0#?]*)?", re.IGNORECASE)

_SECONDS_A_DAY: Final = 86_400
#: Excel's 1900 system has a 29 February 1900, so days behind it are one less than they seem.
_FALSE_LEAP_DAY: Final = 60
_EPOCH_1900: Final = date(1899, 12, 31)
_EPOCH_1904: Final = date(1904, 1, 1)
#: 31 December 9999, the last day that Excel shows.
_LAST_DAY_1900: Final = 2_958_465
_LAST_DAY_1904: Final = _LAST_DAY_1900 - 1_462


def look_of(code: str) -> Look:
    """
    Tell how a format code makes a positive number look.

    >>> look_of("[$-409]d mmm yyyy"), look_of('0.0" days"'), look_of("[Red]0.00"), look_of("[h]:mm")
    (<Look.DATE: 'date'>, <Look.FORMATTED: 'formatted'>, <Look.PLAIN: 'plain'>, <Look.ELAPSED: 'elapsed'>)
    """
    # Excel's own limit; an opening bracket looks for its end as far as the code reaches.
    code = code[:_MAX_CODE_CHARACTERS]
    # `;` inside a literal separates nothing.
    positive = _LITERAL.sub("", code).partition(";")[0]
    if _ELAPSED.search(positive):
        return Look.ELAPSED
    if _DATE_LETTER.search(positive):
        return Look.DATE
    return Look.PLAIN if _PLAIN.fullmatch(_INVISIBLE.sub("", code)) else Look.FORMATTED


def _look_of_id(number: int, codes: dict[int, str]) -> Look:
    if number in codes:
        return look_of(codes[number])
    if number == _ELAPSED_ID:
        return Look.ELAPSED
    if number in _DATE_IDS:
        return Look.DATE
    return Look.PLAIN if number in _PLAIN_IDS else Look.FORMATTED


class _Styles:
    """Collects the custom codes, and the format id of each cell style, in order."""

    def __init__(self) -> None:
        self.codes: dict[int, str] = {}
        self.format_ids: list[int] = []
        self._inside = ""

    def start(self, name: str, attributes: Attributes) -> None:
        # Differential formats (dxfs) number their codes anew, so only these two lists count.
        if name in ("numFmts", "cellXfs"):
            self._inside = name
        elif name == "numFmt" and self._inside == "numFmts":
            self.codes[_number(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif name == "xf" and self._inside == "cellXfs":
            self.format_ids.append(_number(attributes.get("numFmtId")))

    def end(self, name: str) -> None:
        if name == self._inside:
            self._inside = ""


def read_looks(package: Package, part: str | None) -> tuple[Look, ...]:
    """
    Read the look of each cell style, by style index; () if the workbook has no styles.

    Raises:
        WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
    """
    if part is None:
        return ()
    return package.parsed(part, _looks_of)


@lru_cache(maxsize=REMEMBERED_PARTS)
def _looks_of(part: str, pieces: tuple[bytes, ...]) -> tuple[Look, ...]:
    styles = _Styles()
    parse(part, pieces, styles.start, styles.end)
    looks = {number: _look_of_id(number, styles.codes) for number in set(styles.format_ids)}
    return tuple(looks[number] for number in styles.format_ids)


def _number(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() else 0


def date_text(serial: float, look: Look, *, is_1904: bool) -> str | None:
    """
    Write a date cell's number as ISO 8601, to the nearest second.

    Args:
        serial: Days since the epoch, the time of day as the fraction.
        look: `DATE`; or `ELAPSED`, which gives hours beyond 24 (`36:00:00`).
        is_1904: Whether the workbook counts from 1904.

    Returns:
        `2026-03-01`, `2026-03-01 12:30:00`, or `12:30:00` below one day; None for a number that
        no date or time can show (Excel fills such a cell with #).
    """
    last = _LAST_DAY_1904 if is_1904 else _LAST_DAY_1900
    if not 0 <= serial < last + 1:
        return None
    days, seconds = divmod(round(serial * _SECONDS_A_DAY), _SECONDS_A_DAY)
    if days > last:
        return None
    if look is Look.ELAPSED:
        return _clock(days * _SECONDS_A_DAY + seconds)
    if days == 0 and (seconds or not is_1904):
        return _clock(seconds)
    day = _day_text(days, is_1904=is_1904)
    return f"{day} {_clock(seconds)}" if seconds else day


def _day_text(days: int, *, is_1904: bool) -> str:
    if is_1904:
        return (_EPOCH_1904 + timedelta(days=days)).isoformat()
    if days == _FALSE_LEAP_DAY:
        return "1900-02-29"
    return (_EPOCH_1900 + timedelta(days=days - (days > _FALSE_LEAP_DAY))).isoformat()


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
