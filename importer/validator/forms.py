"""The forms of a cell's text: what the kind of its column asks for, and how two texts are compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from importer.contract import (
    ANY_NUMBER,
    ANY_NUMBER_WORD,
    DEVICES,
    FILE_TYPE,
    NO_WORDS,
    YES_WORDS,
    Column,
    Kind,
)
from importer.limits import MAX_DIGITS
from importer.texts import canonical, words_of

_TAKEN_AS_THEY_STAND: Final = frozenset((Kind.TEXT, Kind.WORD, Kind.FREE, Kind.LIST))
#: No more digits than a number of options may have: int() refuses thousands of them.
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")
#: What Excel keeps of a number, and how it is read from a cell (1e-07).
_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?([eE][-+]?[0-9]{{1,2}})?")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: What Prolific gives to a workspace, a project or a study is 24 digits, as far as is known.
_SHORT_ID: Final = re.compile(rf"[0-9a-f]{{24}}|{_UUID.pattern}", re.IGNORECASE)
_FORMS: Final = {Kind.COUNT: _COUNT, Kind.NUMBER: _NUMBER, Kind.UUID: _UUID, Kind.SHORT_ID: _SHORT_ID}
_FILE_TYPE: Final = re.compile(FILE_TYPE)


def comparable(kind: Kind) -> Callable[[str], str]:
    """Return what gives the form in which two cells of one kind are compared."""
    return canonical if kind in _TAKEN_AS_THEY_STAND else partial(_folded, kind=kind)


def _folded(text: str, kind: Kind) -> str:
    folded = text.casefold()
    if kind is Kind.LIMIT and folded == ANY_NUMBER_WORD:
        return str(ANY_NUMBER)
    if kind is Kind.FLAG and folded in (*YES_WORDS, *NO_WORDS):
        return YES_WORDS[0] if folded in YES_WORDS else NO_WORDS[0]
    if kind in (Kind.NUMBER, Kind.COUNT) and _NUMBER.fullmatch(text):
        return f"{float(text):.{MAX_DIGITS}g}"
    return folded if kind in (Kind.UUID, Kind.SHORT_ID, Kind.CHOICE) else canonical(text)


def is_well_formed(text: str, column: Column) -> bool:
    """Whether a text is what the kind of its column asks for."""
    if column.kind in _FORMS:
        return _FORMS[column.kind].fullmatch(text) is not None
    match column.kind:
        case Kind.LIMIT:
            limit = comparable(column.kind)(text)
            return limit == str(ANY_NUMBER) or _COUNT.fullmatch(limit) is not None
        case Kind.FLAG:
            return text.casefold() in (*YES_WORDS, *NO_WORDS)
        case Kind.CHOICE:
            return text.casefold() in column.choices
        case Kind.LIST | Kind.DEVICES:
            words = words_of(text)
            is_word = _FILE_TYPE.fullmatch if column.kind is Kind.LIST else _is_device
            return bool(words) and all(map(is_word, words))
        case _:
            return True


def _is_device(word: str) -> bool:
    return word.casefold() in DEVICES
