"""
Unfinished files: made beside what they will become, and gone if they never do.

Owns their names and the removal of what killed processes left. A file that is renamed into place
when it is finished is whole or not there, whenever the process dies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from typing import Final

# The dot hides it, the ending keeps it out of `*.xlsx`.
_PREFIX: Final = ".importer-"
_SUFFIX: Final = ".tmp"
#: An unfinished file older than this belongs to a process that was killed: writing takes seconds.
_LEFT_OVER_S: Final = 3600
#: Folders in which left-overs were looked for; once is enough, for a folder may hold ten thousand workbooks.
_SEARCHED: Final[set[Path]] = set()


@contextmanager
def temporary_file(folder: Path, *, mode: int = 0o600) -> Iterator[Path]:
    """
    Have an empty file in a folder; it is gone afterwards unless it was renamed.

    Args:
        folder: Where it is made.
        mode: Its permissions, less what the umask takes away; for the owner only unless told.

    Raises:
        OSError: No file can be made there.
    """
    with open_temporary(folder, mode=mode) as (temporary, file):
        file.close()
        yield temporary


@contextmanager
def open_temporary(folder: Path, *, mode: int = 0o600) -> Iterator[tuple[Path, BufferedRandom]]:
    """Have a file as `temporary_file` does, open for writing and reading; close it before it is renamed."""
    temporary = folder / f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            _remove_left_overs(temporary)
            yield temporary, file
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def rename_to_new(path: Path, new: Path) -> None:
    """Rename a file; FileExistsError instead of replacing another one."""
    try:
        new.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if new.exists():
            raise FileExistsError(new) from None
        path.rename(new)


def _remove_left_overs(temporary: Path) -> None:
    """Remove what killed processes left beside a new file, whose time is that of the folder's own clock."""
    if temporary.parent in _SEARCHED:
        return
    _SEARCHED.add(temporary.parent)
    with suppress(OSError):
        now_s = temporary.stat().st_mtime
        with os.scandir(temporary.parent) as entries:
            for entry in entries:
                is_ours = entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)
                # Another thread's file beside this one may be gone by now.
                with suppress(FileNotFoundError):
                    if is_ours and entry.stat().st_mtime < now_s - _LEFT_OVER_S:
                        Path(entry).unlink()
