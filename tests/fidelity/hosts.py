"""
The workbooks that the importer's sheets are put into.

Real ones from public test suites if the folder of them stands beside the project, else our own:
the rich workbook, the template, bare packages, and what XlsxWriter makes of its options.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter

from importer.workbook.template import write_template
from tests.fidelity.zips import read_zip
from tests.raw import MAIN, RELATIONSHIPS, STRICT_MAIN, STRICT_RELATIONSHIPS, raw_book, styles_of
from tests.rich import write_rich_book

SIGNATURES = "http://schemas.openxmlformats.org/package/2006/relationships/digital-signature"

FOLDER = Path(__file__).parents[3] / "shared" / "corpus"


@dataclass(frozen=True)
class Host:
    """
    A workbook.

    Attributes:
        name: File name; unique in a run.
        content: Its bytes.
        is_read_by_openpyxl: Whether openpyxl reads it.
        is_read_by_libreoffice: Whether LibreOffice reads it.
        is_signed: Whether it is digitally signed, so that nothing may be written.
    """

    name: str
    content: bytes
    is_read_by_openpyxl: bool = True
    is_read_by_libreoffice: bool = True
    is_signed: bool = False


@dataclass(frozen=True)
class Corpus:
    """Workbooks and where they come from."""

    name: str
    hosts: tuple[Host, ...]


def corpus() -> Corpus | None:
    """Return every valid workbook of the corpus; None if it is not there."""
    if not (FOLDER / "INDEX.tsv").exists():
        return None
    with (FOLDER / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = [row for row in csv.DictReader(index, delimiter="\t") if row["valid_xlsx"] == "1"]
    return Corpus("real workbooks from public test suites", tuple(map(_host, rows)))


def _host(row: dict[str, str]) -> Host:
    path = FOLDER / row["file"]
    return Host(
        path.name,
        path.read_bytes(),
        is_read_by_openpyxl=row["openpyxl"] == "ok",
        is_read_by_libreoffice=row["libreoffice"] == "ok",
        is_signed="signature" in row["tags"].split(","),
    )


def fixtures(folder: Path) -> Corpus:
    """Make our own workbooks; *folder* is for making them."""
    plain = {"Data": '<row r="1"><c r="A1"><v>1</v></c></row>'}
    made = [
        write_rich_book(folder / "rich.xlsm"),
        raw_book(folder / "styled.xlsx", plain, styles_xml=styles_of("@", 14)),
        raw_book(folder / "strings.xlsx", {"A": '<row><c t="s"><v>0</v></c></row>', "B": ""}, strings=["x"]),
        raw_book(folder / "dates.xlsx", plain, date1904=True),
    ]
    for name, is_example in (("template.xlsx", False), ("example.xlsx", True)):
        write_template(folder / name, example=is_example)
        made.append(folder / name)
    hosts = [Host(path.name, path.read_bytes()) for path in made]
    bare = hosts[1]
    return Corpus("the project's own workbooks", (*hosts, _strict(bare), _signed(bare), *_written()))


def _strict(plain: Host) -> Host:
    """The same workbook in Strict OOXML."""
    package = read_zip(plain.content)
    swapped = {
        name: entry.content.replace(MAIN.encode(), STRICT_MAIN.encode()).replace(
            RELATIONSHIPS.encode(), STRICT_RELATIONSHIPS.encode()
        )
        for name, entry in package.by_name.items()
    }
    return Host("strict.xlsx", package.edited(swapped))


def _signed(plain: Host) -> Host:
    """The same workbook with the parts of a digital signature, though nobody signed it."""
    package = read_zip(plain.content)
    relations = package.by_name["_rels/.rels"].content
    link = f'<Relationship Id="rIdSignature" Type="{SIGNATURES}/origin" Target="_xmlsignatures/origin.sigs"/>'
    linked = relations.replace(b"</Relationships>", link.encode() + b"</Relationships>")
    parts = {"_xmlsignatures/origin.sigs": b"", "_xmlsignatures/sig1.xml": b"<Signature/>"}
    return Host("signed.xlsx", package.edited({"_rels/.rels": linked}, parts), is_signed=True)


def _written() -> Iterator[Host]:
    """What XlsxWriter makes of its options."""
    for name, options in (
        ("inline.xlsx", {"constant_memory": True}),
        ("dates_1904.xlsx", {"date_1904": True, "use_zip64": True}),
        ("links.xlsx", {"strings_to_urls": True, "strings_to_formulas": True}),
    ):
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, {"in_memory": True, **options}) as book:
            sheet = book.add_worksheet("Data")
            for row, values in enumerate((("Kind", "Count"), ("a", 1.5), ("https://example.org", "=1+1"))):
                sheet.write_row(row, 0, values, book.add_format({"num_format": "0.00"}))
            sheet.write_array_formula("D1:D3", "{=B1:B3*2}", None, 3)
            chart = book.add_chart({"type": "line"})
            chart.add_series({"values": "=Data!$B$1:$B$3"})
            book.add_chartsheet("Chart").set_chart(chart)
        yield Host(name, buffer.getvalue())
