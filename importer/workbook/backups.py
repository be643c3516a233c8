"""
Copies of workbooks as they were before they were written to.

Owns the folder of backups: their names, who may read them, and how many are kept. A backup gets its
name when it is whole, so that a process killed in the middle of copying leaves none that is not.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from importer.hands import aside
from importer.workbook.temporary import open_temporary, rename_to_new

#: Backups kept for each workbook name; older ones are deleted.
KEPT_BACKUPS: Final = 20

#: The workbook's stem, when, which one of that second, and the suffix.
_BACKUP: Final = re.compile(r"(.*)\.(\d{8}T\d{6}Z)(?:-(\d+))?((?:\.[^.]*)?)", re.DOTALL)


def keep_backup(source: BinaryIO, name: str, folder: Path, now: datetime) -> Path:
    """
    Copy a workbook's bytes into the folder of backups, where each workbook name has a folder of its own.

    Args:
        source: The workbook, open for reading.
        name: Its file name: `study.xlsx` becomes `study.xlsx/study.20261122T103100Z.xlsx`.
        folder: Made if missing, for the owner only.
        now: When, with its time zone.

    Raises:
        OSError: The copy could not be made; no part of it is left.
    """
    kept = folder / name
    is_first = _make(kept)
    # Unfinished where all backups are, so that what a killed process left is found by the next push of any workbook.
    with open_temporary(folder) as (temporary, copy):
        source.seek(0)
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        with aside():
            os.fsync(copy.fileno())
        copy.close()
        backup = _place(temporary, kept, name, now)
    if is_first:
        return backup
    with suppress(OSError):  # too many backups are no reason to fail
        for old in _backups_of(kept, name)[KEPT_BACKUPS:]:
            # After the clock went backwards the newest backup bears the oldest time.
            if old != backup:
                old.unlink()
    return backup


def _make(kept: Path) -> bool:
    """Make the folder of a workbook name; False if it is there."""
    try:
        kept.mkdir(mode=0o700)
    except FileExistsError:
        return False
    except FileNotFoundError:  # the first backup of all
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _make(kept)
    return True


def _place(finished: Path, folder: Path, name: str, now: datetime) -> Path:
    """Give a finished copy a name that no backup has yet."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 (a name, not a path)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for number in count(1):
        backup = folder / f"{stem}.{stamp}{f'-{number}' if number > 1 else ''}{suffix}"
        with suppress(FileExistsError):
            rename_to_new(finished, backup)
            return backup
    raise AssertionError  # count() never ends


def _backups_of(folder: Path, name: str) -> list[Path]:
    """The backups of this workbook name, newest first."""
    found = [(_BACKUP.fullmatch(path.name), path) for path in folder.iterdir()]
    dated = [(m[2], int(m[3] or 1), path) for m, path in found if m and m[1] + m[4] == name]
    return [path for _, _, path in sorted(dated, reverse=True)]
