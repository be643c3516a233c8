"""
What a file is that is no .xlsx workbook, in words a researcher knows.

Looks at bytes, never at the name: half of the wrong files are called .xlsx.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import BinaryIO, Final

from importer.errors import WorkbookRefused
from importer.limits import MAX_FILE_BYTES

_HEAD_BYTES: Final = 4096
_SEARCH_BYTES: Final = 1 << 20
_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_OLD_EXCEL: Final = "an Excel 97–2003 workbook (.xls)"
#: BOF of a BIFF8 workbook stream, then FILEPASS: encrypted.
#: Source: [MS-XLS] 2.4.21 and 2.4.117.
_ENCRYPTED_XLS: Final = re.compile(
    rb"\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL
)
#: BOF of BIFF2, 3 and 4, which have no container around them.
_BARE_XLS: Final = re.compile(rb"\x09[\x00\x02\x04][\x04\x06\x08]\x00|\x09\x08\x08\x00\x00\x05", re.DOTALL)

_MAGIC: Final = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"{\\rtf", "a Rich Text document (.rtf)"),
    (b"ID;P", "a SYLK sheet (.slk)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive (7z)"),
    (b"Rar!", "a compressed archive (RAR)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet data file"),
    (b"bplist", "an Apple property list"),
)
_HTML: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta|style|div)\b",
    re.IGNORECASE | re.DOTALL,
)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")

#: Part name (or beginning, if it ends with /) → what a zip that holds it is.
_ZIP_KINDS: Final = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("visio/", "a Visio drawing"),
    ("index/document.iwa", "an Apple Numbers or Pages document"),
    ("index.zip", "an Apple Numbers or Pages document"),
    ("meta-inf/container.xml", "an e-book (EPUB)"),
)
_OPEN_DOCUMENTS: Final = (
    ("spreadsheet", "an OpenDocument spreadsheet (.ods)"),
    ("text", "an OpenDocument text (.odt)"),
    ("presentation", "an OpenDocument presentation (.odp)"),
)


def refuse_other_file(file: BinaryIO) -> None:
    """
    Refuse a file that does not begin like a zip, and say what it is.

    Raises:
        WorkbookRefused: `encrypted` or `not-a-workbook`.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head.startswith(b"PK\x03\x04"):
        return
    if head.startswith(_OLE):
        raise _refuse_ole(file)
    raise WorkbookRefused("not-a-workbook", what=_kind_of(head))


def _kind_of(head: bytes) -> str:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if _BARE_XLS.match(head):
        return _OLD_EXCEL
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "a web page (HTML)"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<?xml"):
        is_excel = b"urn:schemas-microsoft-com:office:spreadsheet" in head
        return "an Excel 2003 workbook (XML)" if is_excel else "an XML document"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or not _BINARY.search(head):
        return "a text file, such as CSV"
    return "a file of an unknown kind"


def _refuse_ole(file: BinaryIO) -> WorkbookRefused:
    """Tell apart what Office kept in its old container, by the names in its directory."""
    found = _find(file, ("EncryptedPackage", "EncryptionInfo", "WordDocument", "PowerPoint Document"))
    if "EncryptedPackage" in found or "EncryptionInfo" in found or "xls" in found:
        return WorkbookRefused("encrypted")
    if "WordDocument" in found:
        return WorkbookRefused("not-a-workbook", what="a Word 97–2003 document (.doc)")
    if "PowerPoint Document" in found:
        return WorkbookRefused("not-a-workbook", what="a PowerPoint 97–2003 presentation (.ppt)")
    return WorkbookRefused("not-a-workbook", what=_OLD_EXCEL)


def _find(file: BinaryIO, names: Collection[str]) -> set[str]:
    """Search the file, as far as a workbook may reach, for UTF-16 names and an encrypted .xls stream (`xls`)."""
    found: set[str] = set()
    overlap = b""
    file.seek(0)
    while file.tell() < MAX_FILE_BYTES and (piece := file.read(_SEARCH_BYTES)):
        window = overlap + piece
        found.update(name for name in names if name.encode("utf-16-le") in window)
        if _ENCRYPTED_XLS.search(window):
            found.add("xls")
        overlap = window[-64:]
    return found


def kind_of_zip(names: Collection[str], mimetype: str) -> str:
    """
    Say what a zip is that holds no .xlsx workbook.

    Args:
        names: Its part names in lower case.
        mimetype: What its part `mimetype` says, "" if it has none (OpenDocument, EPUB).
    """
    if "opendocument" in mimetype:
        return next((kind for word, kind in _OPEN_DOCUMENTS if word in mimetype), "an OpenDocument file")
    for part, kind in _ZIP_KINDS:
        if any(name.startswith(part) if part.endswith("/") else name == part for name in names):
            return kind
    return "a zip archive"
