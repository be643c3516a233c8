"""
How texts of cells are taken and compared, and how cells are named.

What participants see is sent as it stands; everything here is for comparing, trimming and naming.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import Final

#: Zero-width and other characters that nobody sees, but that make two texts differ.
INVISIBLE: Final = "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_ZERO_WIDTH: Final = "\u200b\u2060\ufeff"
# A tab at the edge of a cell cannot be typed in Excel and is not a slip: it keeps "=1+1" from
# becoming a formula, and tells two values apart.
_EDGE: Final = f"(?:[^\\S\t]|[{_ZERO_WIDTH}])"
_EDGES: Final = re.compile(f"^{_EDGE}+|{_EDGE}+$")
_BLANK: Final = re.compile(f"[\\s{_ZERO_WIDTH}]*")
#: Normalising sorts the marks on a letter, in time that grows with the square of their number
#: (measured: 0.6 s for a cell full of them); no language stacks more than a few.
_MAX_MARKS: Final = 100
_MANY_MARKS: Final = re.compile(f"[^\\w\x00-\x7f]{{{_MAX_MARKS},}}")
_BETWEEN_WORDS: Final = re.compile(r"[\s,;]+")
# What XML forbids, however it was smuggled in (`_x0000_`).
CONTROL: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff"
_NEEDS_A_LOOK: Final = re.compile(rf"\A[\s{INVISIBLE}]|\s\Z|[{CONTROL}{INVISIBLE}\u00a0\t\r\n]|\A\Z")
_HEADER_NOISE: Final = re.compile(r"[\s_\-\u00a0\u200b\u2060\ufeff]+|\*+$")


def trim(text: str) -> str:
    """Remove spaces at both ends, non-breaking and zero-width ones included."""
    return _EDGES.sub("", text)


def is_blank(text: str) -> bool:
    """Whether nobody sees anything in a text."""
    return _BLANK.fullmatch(text) is not None


def is_plain(text: str) -> bool:
    """Whether a text is taken as it stands in any kind of column: not blank, and nothing strange in it."""
    # Nearly all texts are printable, which is told in a tenth of the time; of all that is, only this
    # joiner is invisible, and only " " is a space.
    if text.isprintable() and "\u034f" not in text:
        return text.strip(" ") == text != ""
    return _NEEDS_A_LOOK.search(text) is None


def is_canonical(text: str) -> bool:
    """Whether a text, and each piece of it, is seen at once to be in canonical form."""
    return text.isascii() and "\r" not in text


def canonical(text: str) -> str:
    """Return the form in which two texts are compared: NFC, and CRLF as LF."""
    if text.isascii() and "\r" not in text:  # as `is_canonical`, which to call takes as long again
        return text
    text = text.replace("\r\n", "\n")
    if _MANY_MARKS.search(text) and _longest_run_of_marks(text) > _MAX_MARKS:
        return text
    return unicodedata.normalize("NFC", text)


def _longest_run_of_marks(text: str) -> int:
    runs = groupby(text, lambda character: unicodedata.combining(character) > 0)
    return max((len(tuple(run)) for is_mark, run in runs if is_mark), default=0)


def words_of(text: str) -> tuple[str, ...]:
    """
    Split a list of words at commas, semicolons and spaces.

    >>> words_of(".pdf, .jpg;.png")
    ('.pdf', '.jpg', '.png')
    """
    return tuple(word for word in _BETWEEN_WORDS.split(text) if word)


@lru_cache(maxsize=256)
def header_key(header: str) -> str:
    """Return the form in which headers are compared: no case, spaces, `_`, `-`, trailing `*`."""
    return _HEADER_NOISE.sub("", trim(header)).casefold()


@lru_cache(maxsize=256)
def is_own_column(header: str) -> bool:
    """Whether a column is the researcher's own: `note…` or `_…`."""
    return trim(header).startswith("_") or header_key(header).startswith("note")


def column_letter(number: int) -> str:
    """
    Return the letters of a column.

    >>> column_letter(1), column_letter(28), column_letter(16384)
    ('A', 'AB', 'XFD')
    """
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_name(row: int, column: int) -> str:
    """
    Return a cell's name as Excel writes it.

    >>> cell_name(7, 3)
    'C7'
    """
    return f"{column_letter(column)}{row}"
