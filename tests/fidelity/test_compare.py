"""The comparison sees every kind of change; a proof that cannot fail proves nothing."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fidelity.compare import compare_cells, compare_sheets, compare_zips, see
from tests.fidelity.zips import Zip, read_zip
from tests.raw import raw_book, styles_of

PART = "xl/worksheets/sheet1.xml"
ROW = '<row r="1"><c r="A1" s="0" t="str"><v>a</v></c><c r="B1"/></row>'
FILLED = '<row r="1"><c r="A1" s="0" t="str"><v>a</v></c><c r="B1" t="inlineStr"><is><t>id</t></is></c></row>'
NAMED = {PART: {"B1": "id"}}


@pytest.fixture
def before(tmp_path: Path) -> bytes:
    return raw_book(tmp_path / "a.xlsx", {"Data": ROW, "Other": ROW}).read_bytes()


@pytest.fixture
def after(before: bytes) -> Zip:
    package = read_zip(before)
    filled = package.by_name[PART].content.replace(ROW.encode(), FILLED.encode())
    return read_zip(package.edited({PART: filled}))


def test_named_cell_is_no_difference(before: bytes, after: Zip) -> None:
    """What was to be written is written."""
    assert [] == compare_zips(before, after.to_bytes(), NAMED)


def other_content(package: Zip) -> bytes:
    return package.edited({"xl/styles.xml": package.by_name["xl/styles.xml"].content + b" "})


def packed_anew(package: Zip) -> bytes:
    """The same content in other compressed bytes, as a load-and-save has it."""
    with zipfile.ZipFile(io.BytesIO(package.to_bytes())) as old:
        stored = io.BytesIO()
        with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            for info in old.infolist():
                new.writestr(info, old.read(info), compresslevel=0 if "styles" in info.filename else 6)
    return stored.getvalue()


def other_attributes(package: Zip) -> bytes:
    first = package.entries[0]
    record = first.record[:38] + struct.pack("<I", 0o644 << 16) + first.record[42:]
    return replace(package, entries=(replace(first, record=record), *package.entries[1:])).to_bytes()


def other_file_order(package: Zip) -> bytes:
    return replace(package, order=package.order[::-1]).to_bytes()


def other_directory_order(package: Zip) -> bytes:
    return replace(package, entries=package.entries[::-1]).to_bytes()


def one_part_more(package: Zip) -> bytes:
    return package.edited({}, {"docProps/new.xml": b"<a/>"})


def one_part_less(package: Zip) -> bytes:
    gone = package.entries[-1].name
    kept = tuple(name for name in package.order if name != gone)
    return replace(package, entries=package.entries[:-1], order=kept).to_bytes()


def comment(package: Zip) -> bytes:
    return replace(package, tail=package.tail + b"made by").to_bytes()


def head(package: Zip) -> bytes:
    return replace(package, head=b"#!").to_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_content, "xl/styles.xml: its compressed bytes"),
        (packed_anew, "xl/styles.xml: its compressed bytes"),
        (other_attributes, "[Content_Types].xml: what the directory says of it"),
        (other_file_order, "the members are not the same, or in another order"),
        (other_directory_order, "the members are not the same, or in another order"),
        (one_part_more, "the members are not the same, or in another order"),
        (one_part_less, "the members are not the same, or in another order"),
        (comment, "the bytes around the members"),
        (head, "the bytes around the members"),
    ],
)
def test_change_of_the_file_is_said(before: bytes, after: Zip, change: object, said: str) -> None:
    """Content, compression, directory, order, number of parts, comment, what stands in front."""
    assert said in compare_zips(before, change(after), NAMED)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (FILLED, []),
        (FILLED.replace(">a<", ">b<"), ["bytes outside the named cells"]),
        (FILLED.replace('<row r="1">', '<row  r="1">'), ["bytes outside the named cells"]),
        (FILLED.replace("</row>", '<c r="C1"/></row>'), ["bytes outside the named cells"]),
        (FILLED.replace(">id<", ">di<"), ["B1 is not id"]),
        (FILLED.replace("inlineStr", "str"), ["B1 is not id"]),
        (FILLED.replace('<c r="B1"', '<c r="B1" s="1"'), ["B1 has another style"]),
        (ROW.replace('<c r="B1"/>', ""), ["B1 is not id"]),
    ],
)
def test_change_of_a_sheet_is_said(xml: str, said: list[str]) -> None:
    """One byte outside the named cells is enough, and a named cell must be what was to be written."""
    old, new = (f"<worksheet><sheetData>{rows}</sheetData></worksheet>".encode() for rows in (ROW, xml))

    assert said == list(compare_sheets(old, new, {"B1": "id"}))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (FILLED, []),
        (FILLED.replace(">a<", ">b<"), ["openpyxl: Data!A1"]),
        (FILLED.replace('r="A1" s="0"', 'r="A1" s="1"'), ["openpyxl: Data!A1"]),
        (FILLED.replace("</row>", '<c r="C1"><v>1</v></c></row>'), ["openpyxl: Data!C1"]),
        (ROW, ["openpyxl: Data!B1 is not what was to be written"]),
    ],
)
def test_change_of_a_cell_is_seen(tmp_path: Path, rows: str, said: list[str]) -> None:
    """Value, style and existence of every cell count."""
    old = raw_book(tmp_path / "old.xlsx", {"Data": ROW}, styles_xml=styles_of("@")).read_bytes()
    new = raw_book(tmp_path / "new.xlsx", {"Data": rows}, styles_xml=styles_of("@")).read_bytes()

    assert said == compare_cells(see(old)[0], see(new)[0], {"Data": {"B1": "id"}})


def test_formulas_and_results_are_both_seen(tmp_path: Path) -> None:
    """A lost saved result is a difference, though the formula is the same."""
    cell = '<row r="1"><c r="A1"><f>1+1</f>{}</c></row>'
    old, new = (
        see(raw_book(tmp_path / "a.xlsx", {"Data": cell.format(result)}).read_bytes())
        for result in ("<v>2</v>", "")
    )

    assert [[], ["openpyxl: Data!A1"]] == [compare_cells(a, b, {}) for a, b in zip(old, new, strict=True)]
