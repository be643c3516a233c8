"""
Names of files from titles that people gave: safe on every system, and each file its own.

Source: Windows' "Naming Files, Paths, and Namespaces" for what no name may hold; a name that
begins with a dot or a dash is hidden from folders, or taken for an option. Names that
`importer.sources` leaves out when a folder is searched are none either (tests/test_filenames.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Final

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_DEVICES: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
#: How marked copies and backups end.
_OURS: Final = re.compile(r"\.(checked|\d{8}T\d{6}Z(-\d+)?)$", re.IGNORECASE)
#: File systems take 255 bytes for a name; the rest is for an id, an ending, and who saves a copy.
_MAX_BYTES: Final = 150
_TAIL: Final = 8


def file_names(titles: Mapping[str, str], suffix: str) -> dict[str, str]:
    """
    Return a file name for each title.

    Titles that give one name on some system (`A?` and `a`) get the end of their id as well.

    Args:
        titles: By id; ids are of letters, digits and dashes.
        suffix: Such as `.xlsx`.
    """
    stems = {identity: _stem(title) or identity for identity, title in titles.items()}
    counts = Counter(map(_key, stems.values()))
    names: dict[str, str] = {}
    taken: set[str] = set()
    for identity, stem in stems.items():
        longer = [f"{stem} {identity[-_TAIL:]}", f"{stem} {identity}"]
        free = [name for name in longer if _key(name) not in taken and not counts[_key(name)]]
        name = stem if counts[_key(stem)] == 1 else (free or longer)[0]
        taken.add(_key(name))
        names[identity] = name + suffix
    return names


def _stem(title: str) -> str:
    r"""
    Return a title as the name of a file, without its ending; "" if nothing is left of it.

    >>> _stem(" Wave 1/2: colours? "), _stem("con.old"), _stem("../.ssh"), _stem("wave.checked")
    ('Wave 1 2 colours', 'batch con.old', 'ssh', 'wave-checked')
    """
    text = unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", title))
    text = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE
    )
    text = " ".join(text.split()).lstrip("-.~$ ")
    text = text.encode()[:_MAX_BYTES].decode(errors="ignore").rstrip(". ")
    text = _OURS.sub(r"-\1", text)
    return f"batch {text}" if _DEVICES.fullmatch(text) else text


def _key(name: str) -> str:
    """What two names share that are one file on some system."""
    return unicodedata.normalize("NFD", name).casefold()
