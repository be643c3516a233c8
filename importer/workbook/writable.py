"""
Whether a workbook can be written to now, and who has it open if it cannot.

Owns the lock files that Excel and LibreOffice put beside an open workbook. They are only a courtesy:
the writer checks the workbook's bytes as well. A signed workbook is refused too: its digital signature
covers the sheets, so the first written cell would make it invalid.

Source: Excel's owner file (MS-OFFFFLCK in practice: 1 byte length, 54 bytes name in the system's code
page, then length and name again in UTF-16); LibreOffice's `svt::LockFileCommon` (name, login, host, date);
ECMA-376 part 2, digital signatures (Office and others keep them in `_xmlsignatures`).
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from importer.errors import WriteRefused
from importer.workbook.zipdirectory import CannotSplice, Directory, read_directory

_WIDE_NAME_AT: Final = 55
_MAX_LOCK_BYTES: Final = 4096
_SIGNATURES: Final = "_xmlsignatures/"
_COMMA: Final = re.compile(r"(?<!\\),")

NOTHING_WRITTEN: Final = "Nothing was written."


def check_writable(path: Path) -> None:
    """
    Refuse a workbook that cannot be replaced now.

    A symbolic link is followed: the file that it points to is the workbook, but a program may have
    put its lock file beside either.

    Raises:
        WriteRefused: Missing, open elsewhere, read-only, digitally signed, or in a folder where no
            file can be made.
    """
    target = path.resolve()
    check_free(path, target)
    # What is no zip is not signed either; why it cannot be written to is the writer's to say.
    with suppress(OSError, CannotSplice), target.open("rb", buffering=0) as file:
        check_unsigned(path, read_directory(file))


def check_free(path: Path, target: Path) -> None:
    """Do what `check_writable` does, but for the digital signature; *target* is *path* with links followed."""
    if not os.path.isfile(target):  # noqa: PTH113 (Path.is_file raises for a forbidden folder)
        raise WriteRefused(f"There is no workbook {path}. Check its name. {NOTHING_WRITTEN}")
    for place in dict.fromkeys((path, target)):
        _check_open_elsewhere(place)
    if not os.access(target, os.W_OK):
        raise WriteRefused(
            f"{path.name} is read-only. Allow writing to the file, then run again. {NOTHING_WRITTEN}"
        )
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise WriteRefused(
            f"{path.name} cannot be replaced, because no file can be made in its folder {target.parent}. "
            f"Allow writing to the folder, or move the workbook to another one. {NOTHING_WRITTEN}"
        )


def check_unsigned(path: Path, directory: Directory) -> None:
    """Refuse a workbook that is digitally signed; raises WriteRefused."""
    if any(member.name.lower().startswith(_SIGNATURES) for member in directory.members):
        raise WriteRefused(
            f"{path.name} is digitally signed, and writing to it would make the signature invalid. Save it under a "
            f"new name in Excel, which removes the signature, and use that file. {NOTHING_WRITTEN}"
        )


def digest(path: Path) -> str:
    """Return the hex digest of a file's bytes; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_unchanged(path: Path, sha256: str) -> None:
    """
    Refuse a workbook that somebody has saved since it was read.

    Raises:
        WriteRefused: Its bytes have another digest, or it cannot be read.
    """
    try:
        is_unchanged = digest(path) == sha256
    except OSError as error:
        raise WriteRefused(
            f"{path.name} cannot be read any more ({error.strerror}). {NOTHING_WRITTEN}"
        ) from error
    if not is_unchanged:
        raise WriteRefused(f"{path.name} was saved while it was being checked. Run again. {NOTHING_WRITTEN}")


def _check_open_elsewhere(path: Path) -> None:
    name, short = path.name, path.name[2:]
    for lock, program, reader in (
        (f"~${name}", "Excel", _excel_user),
        (f"~${short}", "Excel", _excel_user),  # Office may put `~$` in place of the first two letters
        (f".~lock.{name}#", "LibreOffice", _libreoffice_user),
    ):
        if not os.path.isfile(f"{path.parent}{os.sep}{lock}"):  # noqa: PTH113 (a Path takes longer to make than to look for)
            continue
        is_of_sibling = lock == f"~${short}" and path.with_name(short).exists()
        if not is_of_sibling:
            user = reader(_content(path.with_name(lock)))
            raise WriteRefused(
                f"{path.name} is open in {program}{f' by {user}' if user else ''}. Close it there, then run again "
                f'(if nobody has it open, delete the left-over file "{lock}" beside it). {NOTHING_WRITTEN}'
            )


def _content(lock: Path) -> bytes:
    try:
        with lock.open("rb") as file:
            return file.read(_MAX_LOCK_BYTES)
    except OSError:  # Excel on Windows lets nobody read it
        return b""


def _excel_user(lock: bytes) -> str:
    length = int.from_bytes(lock[_WIDE_NAME_AT : _WIDE_NAME_AT + 2], "little")
    wide = lock[_WIDE_NAME_AT + 2 :][: 2 * length].decode("utf-16-le", "ignore")
    narrow = lock[1:][: lock[0]].decode("cp1252", "ignore") if lock else ""
    return _printable(wide) or _printable(narrow)


def _libreoffice_user(lock: bytes) -> str:
    fields = [field.replace("\\,", ",") for field in _COMMA.split(lock.decode("utf-8", "replace"))]
    name, login, host = (_printable(field) for field in (*fields, "", "", "")[:3])
    user = name or login
    return f"{user} on {host}" if user and host else user


def _printable(text: str) -> str:
    """A name fit for a sentence: one line of printable characters."""
    return "".join(character for character in text if character.isprintable()).strip()
