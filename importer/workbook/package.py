"""
The package: the zip that a workbook is, opened only after every safety check.

Owns opening a path (whatever stands there), the limits on sizes, and the names of parts. What a
part says is left to `importer.workbook.reader`.

Source: ECMA-376 part 2 (part names are equal without case; `[Content_Types].xml`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Self, TypeVar
from urllib.parse import unquote

from importer.errors import WorkbookRefused
from importer.limits import MAX_FILE_BYTES, MAX_OTHER_PART_BYTES
from importer.workbook.archive import READ_BYTES, Member, inflate, read_directory
from importer.workbook.effort import Effort
from importer.workbook.refusals import damaged, too_large
from importer.workbook.sniff import kind_of_zip, refuse_other_file

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

#: Parts whose meaning a process remembers, of each kind.
REMEMBERED_PARTS: Final = 8

_LOCK_FILES: Final = (re.compile(r"~\$(.+)"), re.compile(r"\.~lock\.(.+)#"))
_CONTENT_TYPES: Final = "[Content_Types].xml"
_ROOT_RELATIONS: Final = "_rels/.rels"
#: A file up to this size is read once and held: to ask the system for each of its parts takes longer.
_HELD_BYTES: Final = 1_000_000

_CANNOT_OPEN: Final = {
    errno.ENOENT: ("there is no such file", "Check the name and the folder."),
    errno.ENOTDIR: ("there is no such file", "Check the name and the folder."),
    errno.ENAMETOOLONG: ("its name is too long", "Check the name and the folder."),
    errno.ELOOP: ("its links go round in a circle", "Name the workbook itself."),
    errno.EACCES: ("you are not allowed to read it", "Ask its owner, or save a copy in a folder of yours."),
    errno.EPERM: ("you are not allowed to read it", "Ask its owner, or save a copy in a folder of yours."),
}

T = TypeVar("T")
_File = BufferedReader | BytesIO


class Package:
    """
    A zip that passed all safety checks, held open.

    Attributes:
        path: The file, as it was named.
        sha256: Hex digest of the whole file's bytes.
        effort: What reading it has taken so far.
    """

    def __init__(self, path: Path, file: _File, sha256: str, members: tuple[Member, ...]) -> None:
        self.path = path
        self.sha256 = sha256
        self.effort = Effort()
        self._file = file
        self._members: dict[str, Member] = {}
        for member in members:
            if self._members.setdefault(_key(member.name), member) is not member:
                raise damaged(f"it holds the part {member.name} twice")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; no part can be read any more."""
        self._file.close()

    def keys(self) -> Collection[str]:
        """The names of all parts, in the form in which they are compared."""
        return self._members.keys()

    def find(self, name: str) -> str | None:
        r"""
        Return how the zip spells a part's name; None if there is no such part.

        Names are equal without case, leading slash, `\` for `/` and `%20` escapes.
        """
        member = self._members.get(_key(name)) or self._members.get(_key(unquote(name)))
        return None if member is None else member.name

    def pieces(self, name: str, max_bytes: int) -> Iterator[bytes]:
        """
        Give a part's bytes in pieces of at most 256 KiB; size and CRC are checked at the end.

        Raises:
            WorkbookRefused: `too-large` before anything is inflated, or `damaged`.
        """
        member = self._members.get(_key(name))
        if member is None:
            raise damaged(f"the part {name} is missing")
        if member.size > max_bytes:
            raise too_large(f"The part {member.name} has", member.size, max_bytes, "bytes")
        return self.effort.inflating(inflate(self._file, member))

    def parsed_pieces(self, name: str, max_bytes: int) -> Iterator[bytes]:
        """Give a part's bytes on their way to expat, as `pieces`."""
        return self.effort.parsing(self.pieces(name, max_bytes))

    def parsed(self, name: str, parse: _lru_cache_wrapper[T], *more: str) -> T:
        """
        Return what a function makes of a part's name, its pieces and *more*; raises as `pieces`.

        Workbooks made from one template share parts to the byte, and to parse those that are not
        sheets takes a fifth of the time of reading one of ours: so it is remembered of small ones.
        """
        pieces = tuple(self.parsed_pieces(name, MAX_OTHER_PART_BYTES))
        return (parse if len(pieces) == 1 else parse.__wrapped__)(name, pieces, *more)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return a part's bytes; raises as `pieces`."""
        return b"".join(self.pieces(name, max_bytes))


def open_package(path: Path) -> Package:
    """
    Open a workbook's zip, or refuse whatever stands at *path*.

    Never blocks on a pipe or device, and keeps no more in memory than a small file, or a large one's directory.

    Raises:
        WorkbookRefused: With a code of the catalogue's section "the file".
    """
    for lock_file in _LOCK_FILES:
        if match := lock_file.fullmatch(path.name):
            raise WorkbookRefused("lock-file", workbook_name=match[1])
    file = _open(path)
    try:
        return _check(path, file)
    except OSError as error:
        file.close()
        _refuse_unreadable(error)
    except BaseException:
        file.close()
        raise


def _open(path: Path) -> BufferedReader:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _not_a_file(path)
        # Between stat and open the path may become a pipe, and opening one waits for a writer.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(path, flags), "rb")
    except OSError as error:
        _refuse_unreadable(error)
    except ValueError:  # a NUL in the name
        _refuse_unreadable(OSError(errno.ENOENT, ""))


def _not_a_file(path: Path) -> WorkbookRefused:
    if path.is_dir():
        return WorkbookRefused("not-readable", detail="it is a folder", todo="Name a workbook in it.")
    return WorkbookRefused(
        "not-readable", detail="it is a pipe or a device, not a file", todo="Name a workbook."
    )


def _refuse_unreadable(error: OSError) -> NoReturn:
    other = (
        (error.strerror or "the disk does not answer").lower(),
        "Copy it to another folder and try again.",
    )
    detail, todo = _CANNOT_OPEN.get(error.errno or 0, other)
    raise WorkbookRefused("not-readable", detail=detail, todo=todo) from None


def _check(path: Path, file: _File) -> Package:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_file(path)
    if not status.st_size:
        raise damaged("it is empty (0 bytes)")
    refuse_other_file(file)
    if status.st_size > MAX_FILE_BYTES:
        raise too_large("The file has", status.st_size, MAX_FILE_BYTES, "bytes")
    file.seek(0)
    if status.st_size <= _HELD_BYTES:
        with file:
            file = BytesIO(file.read(status.st_size))
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        members = read_directory(file, status.st_size)
    except WorkbookRefused as refusal:
        raise _if_document(file, refusal) from None
    package = Package(path, file, sha256, members)
    _refuse_other_zip(package)
    return package


def _if_document(file: _File, refusal: WorkbookRefused) -> WorkbookRefused:
    """Say of a broken zip that it was no workbook in the first place, if its first names tell."""
    file.seek(0)
    head = file.read(READ_BYTES)
    names = {
        name.decode("ascii").lower()
        for name in re.findall(rb"PK\x03\x04.{26}([\w./\[\]]+/)", head, re.DOTALL)
    }
    kind = kind_of_zip(names, "")
    if refusal.code == "damaged" and kind != "a zip archive" and not any(n.startswith("xl/") for n in names):
        return WorkbookRefused("not-a-workbook", what=kind)
    return refusal


def _refuse_other_zip(package: Package) -> None:
    keys = package.keys()
    if package.find(_CONTENT_TYPES) and package.find(_ROOT_RELATIONS) and "xl/workbook.bin" not in keys:
        # A Word document is a proper package too; it is told by its main part.
        if any(key.startswith("xl/") for key in keys) or kind_of_zip(keys, "") == "a zip archive":
            return
    elif package.find("xl/workbook.xml"):
        missing = _ROOT_RELATIONS if package.find(_CONTENT_TYPES) else _CONTENT_TYPES
        raise damaged(f"the part {missing} is missing")
    _refuse_encrypted_document(package, keys)
    mimetype = _text_of(package, "mimetype") if "mimetype" in keys else ""
    raise WorkbookRefused("not-a-workbook", what=kind_of_zip(keys, mimetype))


def _refuse_encrypted_document(package: Package, keys: Collection[str]) -> None:
    """OpenDocument names its encrypted parts in the manifest, or holds one encrypted package."""
    if "encrypted-package" in keys or "encryption-data" in _text_of(package, "META-INF/manifest.xml"):
        raise WorkbookRefused("encrypted")


def _text_of(package: Package, name: str) -> str:
    with suppress(WorkbookRefused):
        return package.read(name, MAX_OTHER_PART_BYTES).decode("utf-8", "replace")
    return ""


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
