"""The package: whatever stands at a path is opened safely, or refused in words."""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import WorkbookRefused
from importer.limits import MAX_FILE_BYTES, MAX_MEMBERS, MAX_OTHER_PART_BYTES
from importer.problems import problem
from importer.workbook.package import open_package
from importer.workbook.reader import open_workbook
from importer.workbook.sniff import kind_of_zip
from tests.ordinary import run_as_ordinary
from tests.raw import DECLARATION, MAIN, raw_book, raw_parts, relationships, write_parts

SHEET = "xl/worksheets/sheet1.xml"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
ROW = '<row r="1"><c r="A1"><v>1</v></c></row>'


def refusal(path: Path) -> tuple[str, str]:
    """Code and wording of the refusal that opening and reading *path* ends with."""
    with pytest.raises(WorkbookRefused) as caught:
        read_all(path)
    return caught.value.code, problem(caught.value.code, "x", **caught.value.values).text


def read_all(path: Path) -> None:
    with open_workbook(path) as workbook:
        for sheet in workbook.sheets:
            list(workbook.rows(sheet))


def wrote(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return raw_book(tmp_path / "good.xlsx", {"A": ROW})


def patched(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes of the zip itself."""
    content = path.read_bytes()
    assert old in content
    return wrote(path, content.replace(old, new))


def test_parts_are_listed_and_read(good: Path):
    """A good package gives its digest, its names and its parts."""
    with open_package(good) as package:
        assert package.sha256 == hashlib.sha256(good.read_bytes()).hexdigest()
        assert package.find(SHEET) == SHEET
        with zipfile.ZipFile(good) as archive:
            assert package.read(SHEET, 10_000) == archive.read(SHEET)


def test_link_to_a_workbook_is_followed(good: Path, tmp_path: Path):
    """A symbolic link is as good as the file."""
    link = tmp_path / "link.xlsx"
    link.symlink_to(good)

    with open_package(link) as package:
        assert package.find(SHEET) == SHEET


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda p: p, "not-readable", "there is no such file"),
        (lambda p: p / "\0", "not-readable", "there is no such file"),
        (lambda p: Path("x" * 5_000), "not-readable", "its name is too long"),
        (lambda p: p.mkdir() or p, "not-readable", "it is a folder"),
        (lambda p: os.mkfifo(p) or p, "not-readable", "it is a pipe or a device"),
        (lambda p: Path("/dev/zero"), "not-readable", "it is a pipe or a device"),
        (lambda p: p.symlink_to(p) or p, "not-readable", "its links go round in a circle"),
        (lambda p: wrote(p, b""), "damaged", "it is empty (0 bytes)"),
    ],
    ids=["missing", "nul", "long", "folder", "pipe", "device", "circle", "empty"],
)
def test_no_file_to_read(tmp_path: Path, make: Callable[[Path], Path], code: str, words: str):
    """What is no readable file is refused at once, also a pipe that nobody writes to."""
    found = refusal(make(tmp_path / "study.xlsx"))

    assert found[0] == code
    assert words in found[1]


READ = "import sys, pathlib, tests.test_package as t; print(t.refusal(pathlib.Path(sys.argv[1]))[1])"


def test_file_without_permission(good: Path):
    """A file that may not be read says so."""
    good.chmod(0)

    read = run_as_ordinary("-c", READ, good)

    assert (0, "") == (read.returncode, read.stderr)
    assert "not allowed" in read.stdout


@pytest.mark.parametrize(
    ("name", "workbook"), [("~$study.xlsx", "study.xlsx"), (".~lock.study.xlsx#", "study.xlsx")]
)
def test_lock_file_names_its_workbook(tmp_path: Path, name: str, workbook: str):
    """The lock files of Excel and LibreOffice are no workbooks."""
    with pytest.raises(WorkbookRefused) as caught:
        open_package(wrote(tmp_path / name, b"\x04Mia"))

    assert (caught.value.code, caught.value.values) == ("lock-file", {"workbook_name": workbook})


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (OLE + bytes(600), "Excel 97–2003 workbook (.xls)"),
        (OLE + bytes(600) + "WordDocument".encode("utf-16-le"), "Word 97–2003 document"),
        (OLE + bytes(600) + "PowerPoint Document".encode("utf-16-le"), "PowerPoint 97–2003"),
        (b"\x09\x04\x06\x00\x00\x00\x10\x00", "Excel 97–2003 workbook (.xls)"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"ID;PWXL;N;E", "SYLK"),
        (b"\xef\xbb\xbf<html><table>", "HTML"),
        (
            b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>",
            "Excel 2003",
        ),
        (b"<?xml version='1.0'?><feed/>", "an XML document"),
        ("ref;type\nQ1;Größe".encode("latin-1"), "a text file, such as CSV"),
        ("ref\ttype".encode("utf-16"), "a text file, such as CSV"),
        (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
        (b"\x00\x01\x02\x03", "a file of an unknown kind"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, kind: str):
    """A file that is no workbook is called what it is, whatever its name says."""
    code, text = refusal(wrote(tmp_path / "study.xlsx", content))

    assert code == "not-a-workbook"
    assert kind in text


@pytest.mark.parametrize("at", [600, (1 << 20) - 5], ids=["in one piece", "across two"])
def test_encrypted_workbook(tmp_path: Path, at: int):
    """A workbook with a password is told by the stream in its container, wherever that stands."""
    content = OLE + bytes(at) + "EncryptedPackage".encode("utf-16-le") + bytes(100)

    assert refusal(wrote(tmp_path / "study.xlsx", content))[0] == "encrypted"


def test_encrypted_xls(tmp_path: Path):
    """An old workbook with a password has FILEPASS behind its first record."""
    stream = bytes.fromhex("0908100000060500") + bytes(12) + bytes.fromhex("2f00")

    assert refusal(wrote(tmp_path / "study.xls", OLE + bytes(504) + stream))[0] == "encrypted"


@pytest.mark.parametrize(
    ("parts", "code", "words"),
    [
        (
            {"word/document.xml": b"", "[Content_Types].xml": b"", "_rels/.rels": b""},
            "not-a-workbook",
            "a Word document",
        ),
        ({"xl/workbook.bin": b"", "[Content_Types].xml": b"", "_rels/.rels": b""}, "not-a-workbook", ".xlsb"),
        ({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}, "not-a-workbook", ".ods"),
        ({"photo.jpg": b"x"}, "not-a-workbook", "a zip archive"),
        (
            {"encrypted-package": b"x", "mimetype": b"application/vnd.oasis.opendocument.spreadsheet"},
            "encrypted",
            "",
        ),
        ({"META-INF/manifest.xml": b"<m:encryption-data/>", "content.xml": b""}, "encrypted", ""),
        ({"xl/workbook.xml": b""}, "damaged", "[Content_Types].xml is missing"),
        ({"xl/workbook.xml": b"", "[Content_Types].xml": b""}, "damaged", "_rels/.rels is missing"),
        (
            {"a.txt": b"", "[Content_Types].xml": b"", "_rels/.rels": relationships("")},
            "damaged",
            "nothing in it says",
        ),
    ],
    ids=[
        "docx",
        "xlsb",
        "ods",
        "zip",
        "ods-2024-encrypted",
        "ods-encrypted",
        "no-types",
        "no-rels",
        "no-main",
    ],
)
def test_other_zips_are_named(tmp_path: Path, parts: dict[str, bytes], code: str, words: str):
    """A zip that is no .xlsx workbook is called what it is."""
    found = refusal(write_parts(tmp_path / "study.xlsx", parts))

    assert found[0] == code
    assert words in found[1]


def test_kind_of_zip_reads_whole_names():
    """A folder is a beginning, a part is a whole name."""
    assert kind_of_zip({"xl/workbook.bin.txt"}, "") == "a zip archive"
    assert kind_of_zip({"ppt/slides/slide1.xml"}, "") == "a PowerPoint presentation"


def test_cut_off_workbook(good: Path):
    """Half a download is damage."""
    content = good.read_bytes()

    assert refusal(wrote(good, content[: len(content) // 2]))[0] == "damaged"


def test_cut_off_document_is_no_workbook(tmp_path: Path):
    """Half a presentation is a presentation, not a damaged workbook."""
    path = write_parts(
        tmp_path / "study.xlsx", {"[Content_Types].xml": b"", "ppt/presentation.xml": b"x" * 100}
    )
    code, text = refusal(wrote(path, path.read_bytes()[:-30]))

    assert code == "not-a-workbook"
    assert "PowerPoint" in text


def test_wrong_checksum(good: Path):
    """A part whose bytes are not those of its checksum is damage."""
    with zipfile.ZipFile(good) as archive:
        crc = struct.pack("<L", archive.getinfo(SHEET).CRC)

    assert refusal(patched(good, crc, b"\1\2\3\4"))[1].endswith("does not match its checksum.")


def test_wrong_size(good: Path):
    """A part that inflates to more than it declares is not inflated further."""
    with zipfile.ZipFile(good) as archive:
        size = struct.pack("<L", archive.getinfo(SHEET).file_size)

    assert refusal(patched(good, size, struct.pack("<L", 10)))[1].endswith("is larger than it says.")


def test_broken_compression(good: Path):
    """Bytes that cannot be inflated are damage."""
    with zipfile.ZipFile(good) as archive:
        info = archive.getinfo(SHEET)
    content = bytearray(good.read_bytes())
    start = info.header_offset + 30 + len(SHEET)
    content[start : start + 4] = b"\xff\xff\xff\xff"

    assert "cannot be unpacked" in refusal(wrote(good, bytes(content)))[1]


def with_entries(path: Path, change: Callable[[bytearray, int], None]) -> Path:
    """Change the directory entry of the sheet; *change* gets all bytes and the entry's offset."""
    content = bytearray(path.read_bytes())
    name = content.rindex(SHEET.encode())
    change(content, name - 46)
    return wrote(path, bytes(content))


def test_encrypted_member(good: Path):
    """A zip password counts as a password."""

    def encrypt(content: bytearray, at: int) -> None:
        content[at + 8] |= 1

    assert refusal(with_entries(good, encrypt))[0] == "encrypted"


def test_unknown_compression(good: Path):
    """A compression that Excel does not know is damage."""

    def compress(content: bytearray, at: int) -> None:
        content[at + 10] = 14

    assert "method 14" in refusal(with_entries(good, compress))[1]


def test_members_that_share_bytes(good: Path):
    """Two members in the same bytes are the core of a zip bomb."""
    with zipfile.ZipFile(good) as archive:
        before = archive.infolist()[archive.namelist().index(SHEET) - 1]

    def overlap(content: bytearray, at: int) -> None:
        directory = content.index(b"PK\x01\x02")
        other = content.index(before.filename.encode(), directory) - 46
        content[other + 20 : other + 24] = struct.pack("<L", before.compress_size + 40)

    assert "shares bytes" in refusal(with_entries(good, overlap))[1]


def test_member_with_two_names(good: Path):
    """The name in front of a member must be the one in the directory."""

    def rename(content: bytearray, at: int) -> None:
        content[at + 46 : at + 48] = b"xm"

    assert "another name" in refusal(with_entries(good, rename))[1]


def test_part_twice(tmp_path: Path):
    """Readers disagree on which of two equal names counts, so neither does."""
    path = raw_book(tmp_path / "study.xlsx", {"A": ROW}, extra={SHEET.upper(): b"<worksheet/>"})

    assert "twice" in refusal(path)[1]


def test_too_many_members(tmp_path: Path):
    """The directory is not read further than the limit."""
    path = write_parts(tmp_path / "study.xlsx", {f"{n}.xml": b"" for n in range(MAX_MEMBERS + 1)})

    assert refusal(path)[0] == "too-large"


def test_too_large_file(tmp_path: Path):
    """A file beyond the limit is refused by its size alone."""
    path = wrote(tmp_path / "study.xlsx", b"PK\x03\x04")
    os.truncate(path, MAX_FILE_BYTES + 1)

    assert refusal(path) == ("too-large", "The file has 100 MB, more than the limit of 100 MB.")


def test_too_large_part_is_not_inflated(tmp_path: Path):
    """A part is refused by the size that it declares."""
    styles = b"<styleSheet>" + b" " * MAX_OTHER_PART_BYTES
    path = raw_book(tmp_path / "study.xlsx", {"A": ROW}, extra={"xl/styles.xml": styles})

    assert refusal(path)[0] == "too-large"


def test_zip64_fields_are_read(good: Path):
    """Some writers give sizes and offsets in zip64 fields however small they are."""
    with zipfile.ZipFile(good) as archive:
        infos = archive.infolist()
    content = good.read_bytes()
    start = content.index(b"PK\x01\x02")
    directory = b""
    for info in infos:
        extra = struct.pack("<2H3Q", 1, 24, info.file_size, info.compress_size, info.header_offset)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 8, 0, 33, info.CRC, 2**32 - 1, 2**32 - 1,
            len(info.filename), len(extra), 0, 0, 0, 0, 2**32 - 1,
        ) + info.filename.encode() + extra  # fmt: skip
    end64 = start + len(directory)
    tail = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, len(infos), len(infos), len(directory), start
    )
    tail += struct.pack("<4sLQL", b"PK\x06\x07", 0, end64, 1)
    tail += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    wrote(good, content[:start] + directory + tail)

    with open_workbook(good) as workbook:
        assert [1] == [row.number for row in workbook.rows(workbook.sheets[0])]


def test_stored_members_are_read(tmp_path: Path):
    """A part need not be compressed."""
    path = tmp_path / "study.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in raw_parts({"A": ROW}).items():
            archive.writestr(name, content)

    with open_workbook(path) as workbook:
        assert [1] == [row.number for row in workbook.rows(workbook.sheets[0])]


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", SHEET, "_rels/.rels"]
)
def test_entities_are_refused(tmp_path: Path, part: str):
    """No part may declare entities: a kilobyte of them makes gigabytes."""
    lol = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'

    assert refusal(raw_book(tmp_path / "study.xlsx", {"A": ROW}, extra={part: lol}))[0] == "unsafe-xml"


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", SHEET, "_rels/.rels"]
)
def test_broken_xml_is_damage(tmp_path: Path, part: str):
    """A part that is not XML is damage, not a traceback."""
    path = raw_book(tmp_path / "study.xlsx", {"A": ROW}, extra={part: b"<a><b></a>"})

    assert refusal(path)[0] == "damaged"


@pytest.mark.parametrize(
    "piece",
    [b"<!--" + b"x" * 9_000_000 + b"-->", b'<a b="' + b"x" * 9_000_000 + b'"/>', b"<a>" * 300],
    ids=["comment", "attribute", "depth"],
)
def test_xml_without_end(tmp_path: Path, piece: bytes):
    """A tag or comment of megabytes, or elements without end, are not kept in memory."""
    path = raw_book(tmp_path / "study.xlsx", {"A": ROW}, extra={"xl/styles.xml": b"<styleSheet>" + piece})

    assert refusal(path)[0] in ("too-large", "damaged")


# ------------------------------------------------------------------ from the package to the sheets


def sheets_of(path: Path) -> list[tuple[str, str, bool]]:
    with open_workbook(path) as workbook:
        return [(sheet.name, sheet.part, sheet.is_hidden) for sheet in workbook.sheets]


def workbook_xml(sheets: str, *, main: str = MAIN, relations: str = "") -> bytes:
    relations = relations or "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return f'{DECLARATION}<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{sheets}</sheets></workbook>'.encode()


def relation(number: int, target: str, kind: str = "worksheet", *, base: str = "") -> str:
    base = base or "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return f'<Relationship Id="rId{number}" Type="{base}/{kind}" Target="{target}"/>'


def book(path: Path, sheets: str, relations: str, **parts: bytes) -> Path:
    """Build a workbook whose list of sheets and relationships are given."""
    extra = {"xl/workbook.xml": workbook_xml(sheets), "xl/_rels/workbook.xml.rels": relationships(relations)}
    return raw_book(path, {"A": ROW, "B": ROW}, extra={**extra, **parts})


@pytest.mark.parametrize(
    "target",
    ["worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml", "../xl/worksheets/./sheet1.xml", "WORKSHEETS/Sheet1.XML",
     r"worksheets\sheet1.xml", "/xl/worksheets/sheet1%2Exml"],
)  # fmt: skip
def test_targets_of_relationships(tmp_path: Path, target: str):
    """A target may be relative or absolute, in any case, with backslashes or escapes."""
    path = book(tmp_path / "x.xlsx", '<sheet name="A" sheetId="1" r:id="rId1"/>', relation(1, target))

    assert sheets_of(path) == [("A", SHEET, False)]


def test_sheets_in_workbook_order(tmp_path: Path):
    """The workbook says the order, whatever the numbers of ids, parts and relationships."""
    sheets = '<sheet name="Z" sheetId="9" r:id="rId2"/><sheet name="A" sheetId="1" r:id="rId1"/>'
    path = book(
        tmp_path / "x.xlsx",
        sheets,
        relation(1, "worksheets/sheet1.xml") + relation(2, "worksheets/sheet2.xml"),
    )

    assert sheets_of(path) == [("Z", "xl/worksheets/sheet2.xml", False), ("A", SHEET, False)]


@pytest.mark.parametrize(("state", "is_hidden"), [("hidden", True), ("veryHidden", True), ("visible", False)])
def test_hidden_sheets_are_listed(tmp_path: Path, state: str, is_hidden: bool):
    """Hidden sheets are read like others, and say that they are hidden."""
    path = book(
        tmp_path / "x.xlsx",
        f'<sheet name="A" sheetId="1" state="{state}" r:id="rId1"/>',
        relation(1, "worksheets/sheet1.xml"),
    )

    assert sheets_of(path) == [("A", SHEET, is_hidden)]


def test_only_worksheets_are_listed(tmp_path: Path):
    """Charts, dialogs, macros, and modules without a part have no rows."""
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="{rid}"/>'
        for n, (name, rid) in enumerate(
            {"C": "rId2", "D": "rId3", "M": "rId4", "Module": "", "A": "rId1"}.items(), 1
        )
    )
    relations = relation(1, "worksheets/sheet1.xml") + "".join(
        relation(n, f"x/{kind}.xml", kind)
        for n, kind in enumerate(("chartsheet", "dialogsheet", "xlMacrosheet"), 2)
    )

    assert sheets_of(book(tmp_path / "x.xlsx", sheets, relations)) == [("A", SHEET, False)]


def test_strict_workbook(tmp_path: Path):
    """ISO strict documents have other namespaces throughout."""
    main, relations = (
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    )
    extra = {
        "_rels/.rels": relationships(relation(1, "xl/workbook.xml", "officeDocument", base=relations)),
        "xl/workbook.xml": workbook_xml(
            '<sheet name="A" sheetId="1" r:id="rId1"/>', main=main, relations=relations
        ),
        "xl/_rels/workbook.xml.rels": relationships(relation(1, "worksheets/sheet1.xml", base=relations)),
    }
    sheet = f'<worksheet xmlns="{main}"><sheetData>{ROW}</sheetData></worksheet>'

    with open_workbook(raw_book(tmp_path / "x.xlsx", {"A": sheet}, extra=extra)) as workbook:
        assert ["1"] == [cell.text for row in workbook.rows(workbook.sheets[0]) for cell in row.cells]


def test_utf16_workbook_part(tmp_path: Path):
    """A part that we only read may be UTF-16."""
    xml = workbook_xml('<sheet name="Größe" sheetId="1" r:id="rId1"/>').decode().replace("UTF-8", "UTF-16")

    assert [
        name
        for name, _, _ in sheets_of(
            raw_book(tmp_path / "x.xlsx", {"A": ROW}, extra={"xl/workbook.xml": xml.encode("utf-16")})
        )
    ] == ["Größe"]


@pytest.mark.parametrize(
    ("sheets", "relations", "words"),
    [
        ("", "", "lists no sheet"),
        ('<sheet name="A" sheetId="1" r:id="rId7"/>', "", "nothing says where the sheet A is"),
        ('<sheet name="A" sheetId="1" r:id="rId1"/>', relation(1, "worksheets/none.xml"), "is missing"),
        ('<sheet name="A" sheetId="1" r:id="rId1"/>', relation(1, "workbook.xml"), "is not a worksheet"),
        (
            '<sheet name="A" sheetId="1" r:id="rId1"/><sheet name="B" sheetId="2" r:id="rId1"/>',
            relation(1, "worksheets/sheet1.xml"),
            "share one part",
        ),
    ],
    ids=["none", "unrelated", "no part", "circle", "shared"],
)
def test_sheets_that_lead_nowhere(tmp_path: Path, sheets: str, relations: str, words: str):
    """Relationships that are missing, circular or shared are damage."""
    code, text = refusal(book(tmp_path / "x.xlsx", sheets, relations))

    assert code == "damaged"
    assert words in text


def test_relationships_of_the_workbook_are_missing(tmp_path: Path):
    """Without relationships nothing says where the sheets are."""
    parts = raw_parts({"A": ROW})
    del parts["xl/_rels/workbook.xml.rels"]

    assert "relationships" in refusal(write_parts(tmp_path / "x.xlsx", parts))[1]
