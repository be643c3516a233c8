"""
Write-back: put a few cells into a researcher's workbook and change nothing else.

Owns the order of effects on the file: check, copy with the cells patched, verify by reading the copy
again, back up, replace. A process killed at any moment leaves the old workbook or the new one, whole.
What a cell's XML is stands in `importer.workbook.sheetpatch`, zip files in `importer.workbook.zipsplice`.

Source: openpyxl's load-and-save loses cached formula results, rich text, pictures, threaded comments,
slicers, x14 formats and more on 292 of 356 real files, so it never touches a researcher's workbook.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from io import BufferedRandom, BytesIO, FileIO
from pathlib import Path
from typing import Final, NamedTuple

from importer.errors import WriteRefused
from importer.hands import aside
from importer.workbook.backups import keep_backup
from importer.workbook.cells import Spot
from importer.workbook.sheetpatch import cuts_of, differs_only_at, patched
from importer.workbook.temporary import open_temporary
from importer.workbook.writable import NOTHING_WRITTEN, check_free, check_unsigned, check_writable
from importer.workbook.zipdirectory import CannotSplice, Directory, File, Member, read_directory
from importer.workbook.zipsplice import inflated, same_others, splice

__all__ = ["SheetEdits", "check_writable", "write_back"]

#: A workbook up to this size is read once and copied in memory; each of many threads may hold one while it waits.
_HELD_BYTES: Final = 1 << 20
#: A part up to this size stays in memory between the copy and its proof.
_KEPT_BYTES: Final = 4 << 20

_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SheetEdits(NamedTuple):
    """
    The new cells of one sheet.

    Attributes:
        part: The zip member that holds the sheet.
        prefix: Of its element names, `x:`, usually empty.
        cells: Where to write → the text; an empty text clears the cell and keeps its style.
    """

    part: str
    prefix: str
    cells: Mapping[Spot, str]


class _Part:
    """
    The cuts in one part, and the part's bytes as they were if they are few.

    Keeping them saves the proof a second inflating, a tenth of all the work at 1,000 rows.
    """

    def __init__(self, edits: SheetEdits) -> None:
        self.cuts = cuts_of(edits.cells, edits.prefix)
        self._prefix = edits.prefix
        self._kept: list[bytes] = []
        self._is_kept = True

    def patch(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give the part with the cuts made."""
        return patched(self._keep(pieces), self.cuts, self._prefix)

    def _keep(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            size += len(piece)
            self._is_kept = size <= _KEPT_BYTES
            self._kept = [*self._kept, piece] if self._is_kept else []
            yield piece

    def is_proved(self, source: File, before: Member, out: File, after: Member) -> bool:
        """Whether the copy holds this part with exactly the cuts made."""
        old = self._kept if self._is_kept else inflated(source, before)
        return differs_only_at(self.cuts, old, inflated(out, after))


def write_back(
    path: Path,
    edits: Sequence[SheetEdits],
    *,
    sha256: str,
    backups: Path | None,
    now: datetime,
    checkpoint: Callable[[str], None] = lambda _: None,
) -> str:
    """
    Write cells into a workbook, keeping every other byte.

    Args:
        path: The workbook; if it is a symbolic link, the file that it points to is replaced.
        edits: At most one for each sheet.
        sha256: Hex digest of the bytes that the spots were read from.
        backups: Folder that gets a copy of the workbook as it was; None for no copy.
        now: When, with its time zone: the backup's time stamp.
        checkpoint: Called between the steps with "temp-written", "verified", "backed-up" and
            "replaced", so that a test can stop the process there.

    Returns:
        Hex digest of the workbook's bytes as they are now; *sha256* if there was nothing to write.

    Raises:
        WriteRefused: Anything at all stood in the way; the workbook is as it was.

    Source: rename(2) replaces in one step; fsync before it, or a power cut may leave an empty file.
    """
    wanted = [edit for edit in edits if edit.cells]
    if not wanted:
        return sha256
    target = path.resolve() if path.is_symlink() else path
    check_free(path, target)
    try:
        parts = _parts_by_name(wanted)
        return _replace(path, target, parts, sha256, backups=backups, now=now, checkpoint=checkpoint)
    except CannotSplice as refusal:
        raise WriteRefused(
            f"{path.name} cannot be written to, because {refusal}. {refusal.remedy} {NOTHING_WRITTEN}"
        ) from refusal
    except OSError as error:
        raise WriteRefused(_sentence(path, error)) from error


def _parts_by_name(edits: Sequence[SheetEdits]) -> dict[str, _Part]:
    parts = {edit.part: _Part(edit) for edit in edits}
    if len(parts) < len(edits):
        raise CannotSplice("two sets of edits name one sheet", "Report this; it is our mistake.")
    return parts


def _sentence(path: Path, error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    if error.errno in _DISK_FULL:
        return f"{path.name} cannot be written to, because the disk is full. Free some space, then run again. {NOTHING_WRITTEN}"
    return f"{path.name} cannot be written to ({reason}). Check the file and its folder, then run again. {NOTHING_WRITTEN}"


def _replace(
    path: Path,
    target: Path,
    parts: Mapping[str, _Part],
    sha256: str,
    *,
    backups: Path | None,
    now: datetime,
    checkpoint: Callable[[str], None],
) -> str:
    with open_temporary(target.parent) as (temporary, out):
        with target.open("rb", buffering=0) as file, out:
            identity = _identity(os.fstat(file.fileno()))
            source = _held(file)
            if _digest(source) != sha256:
                raise _changed(path)
            directory = read_directory(source)
            check_unsigned(path, directory)
            _copy(source, out, directory, parts)
            checkpoint("temp-written")
            digest = _verify(source, directory, _held(out), parts)
            _keep_permissions(target, temporary)
            with aside():
                os.fsync(out.fileno())
            checkpoint("verified")
            if backups is not None:
                keep_backup(source, path.name, backups, now)
                checkpoint("backed-up")
        # Windows replaces no file that is open, so both are closed here.
        if _identity(target.stat()) != identity:
            raise _changed(path)
        temporary.replace(target)
    checkpoint("replaced")
    _sync_folder(target.parent)
    return digest


def _held(file: FileIO | BufferedRandom) -> BytesIO | FileIO | BufferedRandom:
    """A file's bytes in memory if they are few; going about in a file takes a call of the system for each step."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return BytesIO(file.read()) if size <= _HELD_BYTES else file


def _digest(file: BytesIO | FileIO | BufferedRandom) -> str:
    file.seek(0)
    if isinstance(file, BytesIO):  # file_digest would clear a quarter of a megabyte first
        return hashlib.sha256(file.getbuffer()).hexdigest()
    return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: File, out: BufferedRandom, directory: Directory, parts: Mapping[str, _Part]) -> None:
    """Write the workbook with the cells patched, whole; in one go if it is small."""
    made = BytesIO() if isinstance(source, BytesIO) else out
    splice(source, made, directory, {name: part.patch for name, part in parts.items()})
    if isinstance(made, BytesIO):
        out.write(made.getbuffer())
    out.flush()


def _changed(path: Path) -> WriteRefused:
    return WriteRefused(
        f"{path.name} changed while the importer was working on it. Close it in other programs, then run again. "
        f"{NOTHING_WRITTEN}"
    )


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file is edited or replaced; cheaper than its digest."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _verify(
    source: File, before: Directory, out: BytesIO | FileIO | BufferedRandom, parts: Mapping[str, _Part]
) -> str:
    """Prove, from its bytes in the file, that the copy is the workbook with these cells; gives its digest."""
    after = read_directory(out)
    is_proved = same_others(source, before, out, after, parts) and all(
        part.is_proved(source, before.find(name), out, after.find(name)) for name, part in parts.items()
    )
    if not is_proved:
        raise CannotSplice("the new copy did not come out right", "Report this; it is our mistake.")
    return _digest(out)


def _keep_permissions(target: Path, temporary: Path) -> None:
    """Give the copy the workbook's mode, attributes and, where allowed, owner; its time stamp is now."""
    status = target.stat()
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(temporary, status.st_uid, status.st_gid)
    shutil.copystat(target, temporary)
    os.utime(temporary)


def _sync_folder(folder: Path) -> None:
    """Make the rename durable. Not every system can; the workbook is whole either way."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with aside():
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
