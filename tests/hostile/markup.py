"""Hostile XML: parts that are no XML, too much of it, or lead elsewhere."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.inputs import (
    GOOD,
    HEAD,
    INSTRUCTIONS_PART,
    TAIL,
    book,
    cell,
    free_text,
    hostile,
    parts,
    row,
    rows,
    with_entry,
    with_part,
)
from tests.hostile.zips import repeated
from tests.raw import DECLARATION, MAIN, sheet_xml

LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)
EXTERNAL = (
    b'<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>'
)
PARTS = (
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "xl/sharedStrings.xml",
    INSTRUCTIONS_PART,
)


def _declare(doctype: bytes, part: str, path: Path) -> None:
    declaration, _, rest = parts(
        rows(row(2, ["Q1", "free_text"], '<c r="C2" t="s"><v>0</v></c>')), strings=["x"]
    )[part].partition(b"\n")
    with_part(path, part, declaration + doctype + rest)


def _register_doctypes() -> None:
    for name, doctype in (("laughs", LAUGHS), ("external", EXTERNAL)):
        for part in PARTS:

            def make(path: Path, doctype: bytes = doctype, part: str = part) -> None:
                _declare(doctype, part, path)

            make.__name__ = f"{name}_in_{part.rpartition('/')[2].partition('.')[0] or 'rels'}"
            hostile("unsafe-xml")(make)


_register_doctypes()


@hostile()
def include_and_stylesheet(path: Path) -> None:
    """What other XML tools would fetch."""
    include = (
        '<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:9/x.xsl"?><worksheet xmlns="' + MAIN + '"'
        ' xmlns:xi="http://www.w3.org/2001/XInclude" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:schemaLocation="http://127.0.0.1:9/ x.xsd"><xi:include href="/etc/passwd" parse="text"/>'
    )
    book(path, DECLARATION + include + f"<sheetData>{GOOD}</sheetData></worksheet>")


def _register_encodings() -> None:
    for encoding, code in (
        ("utf-7", "damaged"),
        ("x-nobody", "damaged"),
        ("idna", "damaged"),
        ("unicode_escape", "damaged"),
        ("rot13", "damaged"),
        ("cp037", "damaged"),
        ("utf-32", "damaged"),
        ("utf-16", "damaged"),
        ("latin-1", "damaged"),
        ("us-ascii", ""),
    ):

        def make(path: Path, encoding: str = encoding) -> None:
            book(path, sheet_xml(GOOD).replace("UTF-8", encoding))

        make.__name__ = f"encoding_{encoding}"
        hostile(*filter(None, [code]))(make)


_register_encodings()


@hostile("damaged")
def part_that_is_not_utf8(path: Path) -> None:
    """Latin-1 that says it is UTF-8."""
    book(path, sheet_xml(rows(free_text(2, "Größe?"))).encode("latin-1"))


@hostile("damaged")
def nested_deep_in_a_sheet(path: Path) -> None:
    """A million elements in one another."""
    with_part(path, INSTRUCTIONS_PART, HEAD + b"<a>" * 1_000_000)


@hostile("damaged")
def nested_deep_in_workbook(path: Path) -> None:
    """The same where the sheets are listed."""
    with_part(path, "xl/workbook.xml", b"<a>" * 1_000_000)


@hostile("too-large")
def attribute_without_end(path: Path) -> None:
    """An attribute of 100 MB."""
    with_entry(path, repeated(INSTRUCTIONS_PART, HEAD + b'<row a="', b"a" * 1_000_000, 100, b'"/>' + TAIL))


@hostile("too-large")
def many_huge_attributes(path: Path) -> None:
    """Attributes that are each just small enough."""
    tag = b'<row a="' + b"a" * 7_900_000 + b'"/>'
    with_entry(path, repeated(INSTRUCTIONS_PART, HEAD + b"<!-- -->", tag, 60, TAIL))


@hostile("too-large")
def many_huge_attributes_behind(path: Path) -> None:
    """The same behind the rows."""
    tag = b'<x a="' + b"a" * 7_900_000 + b'"/>'
    with_entry(path, repeated(INSTRUCTIONS_PART, HEAD + b"</sheetData>", tag, 60, b"</worksheet>"))


@hostile("too-large")
def comment_without_end(path: Path) -> None:
    """A comment of 100 MB before the rows."""
    with_entry(path, repeated(INSTRUCTIONS_PART, HEAD[:-11] + b"<!--", b"a" * 1_000_000, 100, b"-->" + TAIL))


def _names(count: int, length: int) -> bytes:
    return b"".join(b"<n%07d%s/>" % (n, b"n" * length) for n in range(count))


@hostile("damaged")
def ever_new_names(path: Path) -> None:
    """Half a million elements, no two of one name: expat and Python keep each."""
    book(path, HEAD + GOOD.encode() + b"<!-- -->" + _names(500_000, 60) + TAIL)


@hostile("damaged")
def long_names(path: Path) -> None:
    """A thousand elements with names of 50 kB."""
    book(path, HEAD + b"</sheetData>" + _names(1_000, 50_000) + b"</worksheet>")


@hostile("too-large")
def ever_new_attributes(path: Path) -> None:
    """Attributes of 50 kB, each different, on cells: the scanner must not remember them."""
    cells = (
        b'<row r="%d"><c r="A%d" a="%s%d"><v>1</v></c></row>' % (n, n, b"a" * 50_000, n)
        for n in range(2, 3_000)
    )
    book(path, HEAD + rows().encode() + b"".join(cells) + TAIL)


@hostile("damaged")
def attributes_of_spaces(path: Path) -> None:
    """A megabyte of spaces where a pattern looks for attributes."""
    book(
        path,
        HEAD
        + rows().encode()
        + b'<row r="2"><c r="A2" t="s"'
        + b" " * 1_000_000
        + b"><v>0</v></c></row>"
        + TAIL,
    )


@hostile("damaged")
def attributes_of_spaces_in_every_cell(path: Path) -> None:
    """Many shorter runs of spaces, no two alike."""
    cells = (
        b'<row r="%d"><c r="A%d" a="%d"%s><v>1</v></c></row>' % (n, n, n, b" " * 900)
        for n in range(2, 40_000)
    )
    book(path, HEAD + rows().encode() + b"".join(cells) + b"<c" + TAIL)


@hostile("damaged")
def cells_without_end(path: Path) -> None:
    """Half a million cells that are never closed, in one row."""
    book(path, HEAD + b'<row r="1">' + b'<c r="A1"><v>1</v>' * 400_000 + b"</row>" + TAIL)


@hostile("damaged")
def rows_without_end(path: Path) -> None:
    """Half a million rows that are never closed."""
    book(path, HEAD + b'<row r="1"><c r="A1"><v>1</v></c>' * 200_000 + TAIL)


@hostile("damaged")
def control_character_between_attributes(path: Path) -> None:
    """A form feed is a space for a pattern, and no XML."""
    book(path, HEAD + GOOD.replace("<c r=", "<c\x0cr=").encode() + TAIL)


@hostile("damaged")
def form_feed_in_a_tag(path: Path) -> None:
    """The same behind the first attribute."""
    book(path, HEAD + GOOD.replace(' t="inlineStr"', '\x0ct="inlineStr"').encode() + TAIL)


@hostile()
def formatted_to_the_last_row(path: Path) -> None:
    """A million blank rows of 14 cells, 350 MB: what a careless click on a column makes of a sheet."""
    with_entry(path, _formatted(b""))


@hostile("too-large")
def formatted_to_the_last_row_in_an_unusual_way(path: Path) -> None:
    """The same with a comment at its end, so that only expat can tell what it holds."""
    with_entry(path, _formatted(b"<!-- -->"))


def _formatted(tail: bytes):
    blank = b"".join(b'<c r="%c2" s="3"/>' % (65 + n) for n in range(14))
    # The rows need no right numbers: only those that hold something are looked at.
    block = (b'<row r="999999" s="3">' + blank + b"</row>") * 2_000
    first = "".join(f'<row r="{n}" s="3"><c r="A{n}" s="3"/></row>' for n in range(3, 1_000))
    return repeated(INSTRUCTIONS_PART, HEAD + (GOOD + first).encode(), block, 520, tail + TAIL)


@hostile("too-large")
def cells_of_nothing(path: Path) -> None:
    """40 million blank cells, with just enough in each row that they must be looked at."""
    block = b'<row r="9" v="1"><c r="A9"/><c r="B9"/><c r="C9"/><c r="D9"/><c r="E9"></c></row>' * 5_000
    with_entry(path, repeated(INSTRUCTIONS_PART, HEAD + GOOD.encode(), block, 1_400, TAIL))


@hostile("too-large")
def rules_behind_the_rows(path: Path) -> None:
    """300 MB of conditional formats."""
    block = b'<conditionalFormatting sqref="A1"><cfRule type="x"/></conditionalFormatting>' * 10_000
    with_entry(
        path, repeated(INSTRUCTIONS_PART, HEAD + GOOD.encode() + b"</sheetData>", block, 400, b"</worksheet>")
    )


@hostile()
def dimension_that_lies(path: Path) -> None:
    """A sheet that says it is used to its last cell."""
    book(path, sheet_xml(GOOD, before='<dimension ref="A1:XFD1048576"/>'))


@hostile()
def dimension_of_nothing(path: Path) -> None:
    """A sheet that says it is used nowhere."""
    book(path, sheet_xml(rows(*(free_text(n) for n in range(2, 100))), before='<dimension ref="A1"/>'))


@hostile("damaged")
def rows_backwards(path: Path) -> None:
    """Rows that do not ascend: whose is the id?"""
    book(path, rows(free_text(3), free_text(2)))


@hostile("damaged")
def cell_twice(path: Path) -> None:
    """Two texts in one cell."""
    book(path, rows(row(2, ["Q1", "free_text"], cell(2, 2, "multiple_choice"))))


@hostile("damaged")
def row_zero(path: Path) -> None:
    """There is no row 0."""
    book(path, rows().replace('<row r="1">', '<row r="0">').replace('1" t=', '0" t='))


@hostile("damaged")
def row_behind_the_last(path: Path) -> None:
    """Nor one behind the last."""
    book(path, rows(free_text(1_048_577)))


@hostile("damaged")
def a_million_columns(path: Path) -> None:
    """A row that goes on behind XFD."""
    book(path, rows(row(2, ["Q1", "free_text", "Why?"] + ["x"] * 99_997)))


@hostile()
def last_cell(path: Path) -> None:
    """One cell at XFD1048576; a loop over all cells before it takes days."""
    book(path, rows(free_text(2), row(1_048_576, [], cell(1_048_576, 16_384, "here"))))


@hostile("damaged")
def shared_string_that_is_not_there(path: Path) -> None:
    """The text of a cell is unknown."""
    book(path, rows(row(2, ["Q1", "free_text"], '<c r="C2" t="s"><v>1000000000</v></c>')))


@hostile("damaged")
def shared_string_of_five_thousand_digits(path: Path) -> None:
    """A number that Python itself refuses to read."""
    book(path, rows(row(2, ["Q1", "free_text"], f'<c r="C2" t="s"><v>{"9" * 5_000}</v></c>')))


@hostile()
def brackets_in_a_number_format(path: Path) -> None:
    """A format code of a megabyte, each character of which opens something."""
    code = f'<numFmts><numFmt numFmtId="164" formatCode="{"[" * 1_000_000}"/></numFmts>'
    styles = (
        f'{DECLARATION}<styleSheet xmlns="{MAIN}">{code}<cellXfs><xf numFmtId="164"/></cellXfs></styleSheet>'
    )
    book(path, rows(row(2, ["Q1", "free_text", "Why? "], '<c r="J2"><v>1</v></c>')), styles_xml=styles)


@hostile("too-large")
def styles_of_tags(path: Path) -> None:
    """15 MB of styles."""
    styles = f'{DECLARATION}<styleSheet xmlns="{MAIN}"><cellXfs>{"<xf/>" * 3_000_000}</cellXfs></styleSheet>'
    book(path, styles_xml=styles)


@hostile("too-large")
def rich_texts_out_of_memory(path: Path) -> None:
    """More rich texts than are kept, each of which costs a parser."""
    item = b"<si><r><t>a</t></r></si>"
    head, tail = parts(strings=[])["xl/sharedStrings.xml"].split(b"</sst>")
    cells = "".join(
        row(
            n,
            [],
            "".join(f'<c r="{c}{n}" t="s"><v>{n * 12 + i}</v></c>' for i, c in enumerate("ABCDEFGHIJKL")),
        )
        for n in range(2, 40_000)
    )
    with_entry(
        path,
        repeated("xl/sharedStrings.xml", head, item * 10_000, 80, b"</sst>" + tail),
        instructions=rows(cells),
    )
