"""Small words that several texts share."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final
from unicodedata import combining, east_asian_width

#: A file name in which no shell finds anything to do between double quotes.
_PLAIN_NAME: Final = re.compile(r"[\w .,:/\\+@=()-]+")


def count_of(number: int, noun: str, many: str = "") -> str:
    """
    Count with a noun; *many* is its plural where that is not the noun with an s.

    >>> count_of(1, "workbook"), count_of(2000, "workbook"), count_of(2, "copy", "copies")
    ('1 workbook', '2,000 workbooks', '2 copies')
    """
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def some_of(words: Sequence[str], limit: int) -> str:
    """
    List words, at most *limit* of them.

    >>> some_of(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    rest = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {rest} more" if rest > 0 else "")


def typed(name: str) -> str:
    """
    Return a file name as it is typed, whatever a shell makes of its characters.

    >>> typed("my study.xlsx"), typed("$(reboot).xlsx")
    ('"my study.xlsx"', "'$(reboot).xlsx'")
    """
    if _PLAIN_NAME.fullmatch(name):
        # The one way of quoting that every shell understands, cmd.exe too.
        return f'"{name}"' if " " in name else name
    return shlex.quote(name)


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese takes two each, an accent none."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(c) in "WF" else 0 if combining(c) else 1 for c in text)


def shortened(text: str, width: int) -> str:
    """
    Return a text in at most *width* columns of a terminal, without its middle if it must be.

    A name says most at its ends.

    >>> shortened("wave-2/study-of-colours-10.xlsx", 20)
    'wave-2/st…rs-10.xlsx'
    """
    if width_of(text) <= width:
        return text
    start, end = len(text) // 2, len(text) // 2
    while width_of(text[:start]) > (width - 1) // 2:
        start -= 1
    while width_of(text[:start]) + 1 + width_of(text[end:]) > width:
        end += 1
    return f"{text[:start]}…{text[end:]}"
