"""Small words that several texts share."""

from __future__ import annotations

from collections.abc import Sequence


def count_of(number: int, noun: str) -> str:
    """
    Count with a noun.

    >>> count_of(1, "workbook"), count_of(2, "workbook")
    ('1 workbook', '2 workbooks')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some_of(words: Sequence[str], limit: int) -> str:
    """
    List words, at most *limit* of them.

    >>> some_of(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    rest = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {rest} more" if rest > 0 else "")
