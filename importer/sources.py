"""
What to work on: files, folders and patterns on the command line become a list of workbooks.

Owns what counts as a workbook when folders are searched, what is left out, and that whatever is
left out is said (`importer.render.skipped`). Nothing is opened here. The names of backups, marked
copies and unfinished files are the writers'; `tests/test_sources.py` has them written and skipped.
"""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

from importer.errors import UsageError

SUFFIXES: Final = (".xlsx", ".xlsm")

_NUMBER: Final = re.compile("([0-9]+)")


class Reason(StrEnum):
    """Why something that a search met is left out; each says what it is."""

    LOCK = "lock file"
    HIDDEN_FILE = "hidden file"
    HIDDEN_FOLDER = "hidden folder"
    MARKED_COPY = "marked copy"
    BACKUP = "backup"
    UNFINISHED = "unfinished file"
    CIRCLE = "link that leads in a circle"
    NO_FILE = "link that leads nowhere"
    UNREADABLE = "folder that cannot be read"


def _names(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


#: Files that are left out by their names; the first that fits.
_LEFT_OUT: Final = {
    Reason.LOCK: _names(r"~\$.*\.xls[xm]|\.~lock\..*\.xls[xm]#"),
    Reason.UNFINISHED: _names(r"\.importer-.*\.tmp"),
    Reason.HIDDEN_FILE: _names(r"\..*\.xls[xm]"),
    Reason.MARKED_COPY: _names(r".*\.checked\.xlsx"),
    Reason.BACKUP: _names(r".+\.\d{8}T\d{6}Z(-\d+)?\.xls[xm]"),
}

#: A folder, whatever leads to it: device and number.
_Identity = tuple[int, int]


class Skipped(NamedTuple):
    """
    Something that a search met and left out.

    Attributes:
        path: Where it is.
        reason: Why.
        detail: What the system said; "" if it said nothing.
    """

    path: Path
    reason: Reason
    detail: str = ""


class Sources(NamedTuple):
    """
    What a run works on.

    Attributes:
        workbooks: Each file once, as it was named or found: in the order of what was named, within
            a folder by name (`study-2` before `study-10`), files before folders.
        skipped: What was left out.
    """

    workbooks: tuple[Path, ...]
    skipped: tuple[Skipped, ...] = ()


_Found = Iterator[tuple[Path, str] | Skipped]


def find_workbooks(named: Sequence[Path]) -> Sources:
    """
    Find the workbooks that files, folders and patterns stand for.

    A file is taken as it was named, even one that a search would leave out, so that its own refusal
    is seen. Folders are searched with all that is in them, links included. A pattern (`*`, `?`,
    `[…]`, and `**` for any folders) is for shells that leave it to the program, as on Windows.

    Args:
        named: As typed.

    Raises:
        UsageError: There is no workbook in a folder or for a pattern.
    """
    workbooks: dict[str, Path] = {}
    skipped: dict[Path, Skipped] = {}
    for path in named:
        is_searched = os.path.isdir(path) or _is_pattern(path)  # noqa: PTH112 - Path.is_dir raises in a circle
        found, left_out = 0, []
        for one in _search(path) if is_searched else [(path, os.path.realpath(path))]:
            if isinstance(one, Skipped):
                left_out.append(one)
            else:
                found += 1
                workbooks.setdefault(one[1], one[0])
        if not found:
            raise _nothing_found(path, left_out)
        skipped |= {one.path: one for one in left_out}
    return Sources(tuple(workbooks.values()), tuple(skipped.values()))


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not os.path.lexists(path)


def _nothing_found(path: Path, skipped: Sequence[Skipped]) -> UsageError:
    if skipped and skipped[0].path == path:
        return UsageError(
            f"The folder {path} cannot be read ({skipped[0].detail}). Ask its owner to let you read it."
        )
    where = f"matches {path}" if _is_pattern(path) else f"is in the folder {path}"
    left_out = ""
    if skipped:
        first = skipped[0]
        left_out = f" ({len(skipped):,} left out, such as {first.path.name}, a {first.reason})"
    return UsageError(
        f"No workbook ({', '.join(SUFFIXES)}) {where}{left_out}. "
        "Name the workbooks, or the folder that holds them."
    )


# ---------------------------------------------------------------- patterns
def _search(path: Path) -> _Found:
    """Search a folder, or what a pattern matches."""
    if not _is_pattern(path):
        yield from _walk(path)
        return
    parts = path.parts
    if "**" not in parts:
        for match in _in_order(path):
            yield from _walk(match) if match.is_dir() else _judged(match)
        return
    # Not glob's own `**`: it follows links in circles, and does not say what it leaves out.
    at = parts.index("**")
    start, rest = Path(*parts[:at]), parts[at:]
    for folder in _in_order(start):
        for one in _walk(folder) if folder.is_dir() else ():
            within = (one.path if isinstance(one, Skipped) else one[0]).relative_to(folder).parts
            # What lies in a folder that matches is found too, as if the folder had been named.
            if any(_matches(within[: n + 1], rest) for n in range(len(within))):
                yield one


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """
    Whether a pattern matches all parts of a path; `**` stands for any number of folders.

    >>> _matches(["a", "b", "c.xlsx"], ["**", "*.xlsx"]), _matches(["a", "c.xlsx"], ["*.xlsx"])
    (True, False)
    """
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _matches(parts, pattern[1:]) or (bool(parts) and _matches(parts[1:], pattern))
    return bool(parts) and fnmatch(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _judged(path: Path) -> _Found:
    if reason := _reason(path.name):
        yield Skipped(path, reason)
    elif _is_workbook(path.name):
        yield path, os.path.realpath(path)


# ---------------------------------------------------------------- folders
def _walk(top: Path) -> _Found:
    """Yield the workbooks below a folder with their real paths, and what is left out."""
    seen: set[_Identity] = set()
    stack: list[tuple[Path, tuple[_Identity, ...]]] = [(top, ())]
    while stack:
        folder, above = stack.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116 - as os.scandir next
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                yield Skipped(folder, Reason.CIRCLE)
            if identity in seen:
                continue
            seen.add(identity)
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError as error:
            yield Skipped(folder, Reason.UNREADABLE, error.strerror or "")
            continue
        files, folders, left_out = _sorted_out(found)
        yield from (Skipped(folder / name, reason) for name, reason in left_out)
        # Of many files, only those that are links are looked up one by one.
        real = os.path.realpath(folder)
        for entry in files:
            path = folder / entry.name
            yield path, os.path.realpath(path) if entry.is_symlink() else os.path.join(real, entry.name)  # noqa: PTH118
        stack += [(folder / entry.name, (*above, identity)) for entry in reversed(folders)]


_Entry = os.DirEntry[str]


def _sorted_out(
    entries: Iterable[_Entry],
) -> tuple[list[_Entry], list[_Entry], list[tuple[str, Reason]]]:
    """Return the workbooks and the folders of a folder, in order, and what is left out."""
    files, folders, left_out = [], [], []
    for entry in entries:
        name = entry.name
        reason = _reason(name)
        try:
            if entry.is_dir():
                reason = Reason.HIDDEN_FOLDER if name.startswith(".") else None
                folders += [entry] * (reason is None)
            elif reason is None and _is_workbook(name):
                reason = None if entry.is_file() else Reason.NO_FILE
                files += [entry] * (reason is None)
        except OSError as error:
            reason = Reason.CIRCLE if error.errno == errno.ELOOP else Reason.NO_FILE
        if reason is not None:
            left_out.append((name, reason))
    files.sort(key=lambda entry: _natural(entry.name))
    # The real place of a workbook is the better name for it.
    folders.sort(key=lambda entry: (entry.is_symlink(), _natural(entry.name)))
    return files, folders, left_out


def _is_workbook(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _reason(name: str) -> Reason | None:
    """Say why a file of this name is left out; None if it is not, or was never looked for."""
    return next((reason for reason, names in _LEFT_OUT.items() if names.fullmatch(name)), None)


def _natural(name: str) -> tuple[list[str | int], str]:
    """
    Return what a name is sorted by: its numbers count as numbers, and capitals for nothing.

    >>> sorted(["study-10", "Study-2", "study-1"], key=_natural)
    ['study-1', 'Study-2', 'study-10']
    """
    parts: list[str | int] = list(_NUMBER.split(name.casefold()))
    parts[1::2] = map(int, parts[1::2])
    return parts, name


def _in_order(pattern: Path) -> list[Path]:
    """Return what a pattern without `**` matches."""
    # Path.glob takes no absolute pattern.
    matches = map(Path, glob.iglob(str(pattern)))  # noqa: PTH207
    return sorted(matches, key=lambda path: _natural(str(path)))
