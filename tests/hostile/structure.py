"""Hostile structure: relationships that lead astray, sheets and merged ranges without end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.hostile.inputs import BATCHES, GOOD, book, free_text, hostile, parts, row, rows, with_part
from tests.hostile.zips import entries_of, write_zip
from tests.raw import DECLARATION, MAIN, RELATIONSHIPS, raw_parts, relationships, sheet_xml


def _sheets(path: Path, relations: Iterable[str], count: int = 1, names: str = "Instructions") -> None:
    listed = "".join(f'<sheet name="{names}{n or ""}" sheetId="{n + 1}" r:id="r{n}"/>' for n in range(count))
    workbook = f'{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}"><sheets>{listed}</sheets></workbook>'
    changed = {
        "xl/workbook.xml": workbook.encode(),
        "xl/_rels/workbook.xml.rels": relationships("".join(relations)),
    }
    write_zip(path, entries_of({**parts(), **changed}))


def _relation(target: str, kind: str = "worksheet", mode: str = "Internal", number: int = 0) -> str:
    return (
        f'<Relationship Id="r{number}" Type="{RELATIONSHIPS}/{kind}" Target="{target}" TargetMode="{mode}"/>'
    )


def _register_relations() -> None:
    for name, relations in {
        "sheet_is_the_workbook": [_relation("workbook.xml")],
        "sheet_is_its_own_relationships": [_relation("_rels/workbook.xml.rels")],
        "sheet_outside": [_relation("../../../../etc/passwd")],
        "sheet_in_the_network": [_relation("http://127.0.0.1:9/sheet.xml", mode="External")],
        "sheet_is_a_file": [_relation("file:///etc/passwd")],
        "sheet_with_a_long_target": [_relation("a" * 5_000_000)],
        "no_relation": [],
        "styles_are_a_sheet": [
            _relation("worksheets/sheet1.xml"),
            _relation("worksheets/sheet1.xml", "sharedStrings", number=1),
        ],
    }.items():

        def make(path: Path, relations: list[str] = relations) -> None:
            _sheets(path, relations)

        make.__name__ = name
        hostile("batch-not-named" if name == "styles_are_a_sheet" else "damaged")(make)


_register_relations()


@hostile("damaged")
def package_that_is_its_own_workbook(path: Path) -> None:
    """The package's relationships lead to themselves."""
    with_part(
        path,
        "_rels/.rels",
        relationships(f'<Relationship Id="a" Type="{RELATIONSHIPS}/officeDocument" Target="_rels/.rels"/>'),
    )


@hostile("damaged")
def five_thousand_and_one_sheets(path: Path) -> None:
    """More sheets than anybody has."""
    _sheets(path, [_relation("worksheets/sheet1.xml")], 5_001, "S")


@hostile("sheet-missing")
def a_thousand_sheets(path: Path) -> None:
    """A thousand sheets with the same long name but for its number; none is the one."""
    write_zip(
        path, entries_of(raw_parts({f"{'Instructionz ' * 15}{n}": row(1, ["a"]) for n in range(1_000)}))
    )


@hostile("damaged")
def sheet_with_an_endless_name(path: Path) -> None:
    """A name of 5 MB, which every message would repeat."""
    _sheets(path, [_relation("worksheets/sheet1.xml")], names="I" * 5_000_000)


@hostile("too-large")
def too_many_merged_ranges(path: Path) -> None:
    """50,001 of them."""
    _merged(path, [f"A{n}:B{n}" for n in range(2, 50_003)], 2)


@hostile("damaged")
def merged_ranges_that_overlap(path: Path) -> None:
    """20,000 ranges over all 5,000 rows."""
    _merged(path, ["A2:F5001"] * 20_000, 5_000)


@hostile("merged-cells")
def merged_ranges_everywhere(path: Path) -> None:
    """Each of 40,000 rows merged over two columns."""
    _merged(path, [f"C{n}:D{n}" for n in range(2, 40_002)], 40_000)


@hostile("damaged")
def merged_range_of_nowhere(path: Path) -> None:
    """A range that is none."""
    _merged(path, ["A0:ZZZZ1"], 2)


def _merged(path: Path, ranges: list[str], count: int) -> None:
    merged = "".join(f'<mergeCell ref="{area}"/>' for area in ranges)
    filled = rows(*(free_text(n) for n in range(2, count + 2)))
    book(path, sheet_xml(filled, after=f"<mergeCells>{merged}</mergeCells>"))


@hostile()
def merged_range_of_nowhere_elsewhere(path: Path) -> None:
    """The same in a sheet that nobody reads."""
    merged = sheet_xml(row(1, ["a"]), after='<mergeCells><mergeCell ref="ZZZZ1:ZZZZ9"/></mergeCells>')
    write_zip(
        path,
        entries_of(
            raw_parts({"Instructions": rows(free_text(2, "Why? ")), "Batches": BATCHES, "Data": merged})
        ),
    )


@hostile()
def default_styles_without_end(path: Path) -> None:
    """A million column definitions of all columns."""
    columns = '<col min="1" max="16384" style="1"/>' * 100_000
    write_zip(
        path,
        entries_of(
            {**parts(sheet_xml(GOOD, before=f"<cols>{columns}</cols>")), "xl/x.xml": BATCHES.encode()}
        ),
    )


@hostile()
def merged_ranges_without_end_elsewhere(path: Path) -> None:
    """A sheet that nobody reads, full of tags that are begun and never ended."""
    content = {
        "Instructions": rows(free_text(2, "Why? ")),
        "Batches": BATCHES,
        "Data": "<worksheet>" + "<mergeCell " * 1_000_000,
    }
    write_zip(path, entries_of(raw_parts(content)))
