"""The reader: what each form of cell, row and sheet XML means, and where it stands."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from importer.errors import WorkbookRefused
from importer.limits import MAX_CELL_CHARACTERS, MAX_FILLED_ROWS
from importer.workbook.cells import Cell, CellKind, MergedRange, Row
from importer.workbook.reader import SheetRows, open_workbook
from importer.workbook.styles import Look, look_of
from tests.raw import DECLARATION, MAIN, raw_book, sheet_xml, styles_of

BLANK, TEXT, NUMBER = CellKind.BLANK, CellKind.TEXT, CellKind.NUMBER
BOOLEAN, DATE, ERROR = CellKind.BOOLEAN, CellKind.DATE, CellKind.ERROR

#: What makes a sheet leave the fast scanner: nothing, or a comment before the last row.
TIERS = {"fast": "", "exact": "<!-- by hand -->"}


@pytest.fixture(params=TIERS.values(), ids=TIERS.keys())
def tier(request: pytest.FixtureRequest) -> str:
    """XML that sends the sheet to one scanner or the other; both must say the same."""
    return str(request.param)


def read(path: Path, sheet: int = 0) -> tuple[list[Row], SheetRows]:
    with open_workbook(path) as workbook:
        rows = workbook.rows(workbook.sheets[sheet])
        return list(rows), rows


def first_cell(path: Path) -> Cell:
    rows, _ = read(path)
    return rows[0].cells[0]


def of(tmp_path: Path, cell: str, **parts: object) -> tuple[CellKind, str]:
    """Kind and text of one cell; it stands beside an `x`, so that its row is given if it is blank."""
    row = f'<row r="1">{cell}<c r="B1" t="str"><v>x</v></c></row>'
    made = first_cell(raw_book(tmp_path / "x.xlsx", {"A": row}, **parts))  # type: ignore[arg-type]
    return made.kind, made.text


# ------------------------------------------------------------------ kinds of cells


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", (BLANK, "")),
        ("<v></v>", (BLANK, "")),
        ("<v/>", (BLANK, "")),
        ("<v>1</v>", (NUMBER, "1")),
        ("<v>1.0</v>", (NUMBER, "1.0")),
        ("<v>-1</v>", (NUMBER, "-1")),
        ("<v> 7 </v>", (NUMBER, "7")),
        ("<v>12345678901234567890</v>", (NUMBER, "12345678901234567890")),
        ("<v>1.0000000000000001E-5</v>", (NUMBER, "1.0000000000000001E-5")),
        ("<v>1_000</v>", (TEXT, "1_000")),
        ("<v>nan</v>", (TEXT, "nan")),
        ("<v>many</v>", (TEXT, "many")),
    ],
)
def test_number(tmp_path: Path, tier: str, cell: str, expected: tuple[CellKind, str]):
    """A number keeps its digits; what is no number is the text that it is."""
    assert of(tmp_path, f'<c r="A1">{cell}</c>{tier}') == expected


@pytest.mark.parametrize(
    ("type_", "saved", "expected"),
    [
        ("b", "1", (BOOLEAN, "TRUE")),
        ("b", "0", (BOOLEAN, "FALSE")),
        ("b", "true", (BOOLEAN, "TRUE")),
        ("b", "maybe", (TEXT, "maybe")),
        ("e", "#REF!", (ERROR, "#REF!")),
        ("e", "#SPILL!", (ERROR, "#SPILL!")),
        ("e", "#GETTING_DATA", (ERROR, "#GETTING_DATA")),
        ("str", "TRUE", (TEXT, "TRUE")),
        ("str", " two  spaces ", (TEXT, " two  spaces ")),
        ("str", "a &amp; b &lt;c&gt; &quot;&apos;&#10;", (TEXT, "a & b <c> \"'\n")),
        ("str", "&#128512;&#x41;", (TEXT, "😀A")),
        ("str", "one\r\ntwo\rthree", (TEXT, "one\ntwo\nthree")),
        ("str", "one_x000D_two _x005F_x000D_ _xD83D__xDE00_", (TEXT, "one\rtwo _x000D_ 😀")),
        ("str", "_xD83D_ _x00e9_ _x12_ x000D_", (TEXT, "_xD83D_ é _x12_ x000D_")),
        ("str", "ÄÖ 你好 😀", (TEXT, "ÄÖ 你好 😀")),
        ("inlineStr", "saved", (TEXT, "saved")),
        ("d", "2026-03-01T12:30:00Z", (DATE, "2026-03-01 12:30:00")),
        ("d", "2026-03-01T00:00:00", (DATE, "2026-03-01")),
        ("d", "T08:15:00", (DATE, "08:15:00")),
        ("d", "soon", (TEXT, "soon")),
    ],
)
def test_types(tmp_path: Path, tier: str, type_: str, saved: str, expected: tuple[CellKind, str]):
    """Each type of cell has its kind, and its text as Excel means it."""
    assert of(tmp_path, f'<c r="A1" t="{type_}"><v>{saved}</v></c>{tier}') == expected


@pytest.mark.parametrize(
    ("inline", "expected"),
    [
        ("<t>Good</t>", (TEXT, "Good")),
        ("<t> Good </t>", (TEXT, " Good ")),
        ('<t xml:space="preserve"> </t>', (TEXT, " ")),
        ("<t/>", (BLANK, "")),
        ("<r><t>Good </t></r><r><rPr><b/></rPr><t>bad</t></r>", (TEXT, "Good bad")),
        ("<t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/>", (TEXT, "東京")),
        ("<t>one_x000D_</t>", (TEXT, "one\r")),
    ],
)
def test_inline_text(tmp_path: Path, tier: str, inline: str, expected: tuple[CellKind, str]):
    """Inline text keeps its spaces, joins its runs, and leaves the phonetic ones out."""
    assert of(tmp_path, f'<c r="A1" t="inlineStr"><is>{inline}</is></c>{tier}') == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("<si><t>Good</t></si>", (TEXT, "Good")),
        ("<si><t> Good </t></si>", (TEXT, " Good ")),
        ('<si><t xml:space="preserve">  </t></si>', (TEXT, "  ")),
        ("<si><t></t></si>", (BLANK, "")),
        ("<si><t/></si>", (BLANK, "")),
        ("<si/>", (BLANK, "")),
        ("<si></si>", (BLANK, "")),
        ("<si><r><t>Good </t></r><r><rPr><b/></rPr><t> bad</t></r></si>", (TEXT, "Good  bad")),
        ("<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>", (TEXT, "東京")),
        ("<si><t>a &amp; &#128512;</t></si>", (TEXT, "a & 😀")),
        ("<si><t>one&#13;\r\ntwo</t></si>", (TEXT, "one\r\ntwo")),
        ("<si><t>_x000D_ _x005F_x000D_</t></si>", (TEXT, "\r _x000D_")),
        ("<si><t>NA</t></si>", (TEXT, "NA")),
        ("<si><t><![CDATA[<b>]]></t></si>", (TEXT, "<b>")),
        ("<si><!-- </si> --><t>Good</t></si>", (TEXT, "Good")),
    ],
)
def test_shared_text(tmp_path: Path, item: str, expected: tuple[CellKind, str]):
    """A shared string says the same in every form, and its neighbours stay its neighbours."""
    strings = f'{DECLARATION}<sst xmlns="{MAIN}"><si><t>before</t></si>{item}<si><t>behind</t></si></sst>'
    cells = "".join(f'<c r="{letter}1" t="s"><v>{n}</v></c>' for n, letter in enumerate("ABC"))
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": f'<row r="1">{cells}</row>'}, strings_xml=strings))

    assert [(TEXT, "before"), expected, (TEXT, "behind")] == [(c.kind, c.text) for c in rows[0].cells]


def test_shared_text_with_prefix(tmp_path: Path):
    """The shared strings may have any prefix."""
    strings = f'<x:sst xmlns:x="{MAIN}"><x:si><x:t>Good</x:t></x:si></x:sst>'

    assert of(tmp_path, '<c r="A1" t="s"><v>0</v></c>', strings_xml=strings) == (TEXT, "Good")


def test_many_shared_texts(tmp_path: Path):
    """Texts beyond what is kept decoded are found all the same, first and last of a block too."""
    texts = [f"{n} {'x' * 500}" for n in range(20_000)]
    cells = "".join(f'<row r="{n + 1}"><c r="A{n + 1}" t="s"><v>{n}</v></c></row>' for n in range(20_000))
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": cells}, strings=texts))

    assert texts == [row.cells[0].text for row in rows]


@pytest.mark.parametrize("saved", ["1", "-1", "x", "9" * 5_000])
def test_missing_shared_text_is_damage(tmp_path: Path, tier: str, saved: str):
    """A cell whose text does not exist cannot be read as anything."""
    with pytest.raises(WorkbookRefused) as caught:
        of(tmp_path, f'<c r="A1" t="s"><v>{saved}</v></c>{tier}', strings=["only"])

    assert caught.value.code == "damaged"


def test_unknown_type_is_damage(tmp_path: Path, tier: str):
    """A type that the standard does not know cannot be read as anything."""
    with pytest.raises(WorkbookRefused) as caught:
        of(tmp_path, f'<c r="A1" t="new"><v>1</v></c>{tier}')

    assert caught.value.code == "damaged"


@pytest.mark.parametrize("shared", [True, False])
def test_text_too_long_for_a_cell(tmp_path: Path, shared: bool):
    """A text longer than Excel allows is refused if a cell holds it, and only then."""
    longest, longer = "x" * MAX_CELL_CHARACTERS, "y" * (MAX_CELL_CHARACTERS + 1)
    cell = '<c r="A1" t="s"><v>{}</v></c>' if shared else '<c r="A1" t="str"><v>{}</v></c>'
    strings = [longest, longer]

    assert of(tmp_path, cell.format(0 if shared else longest), strings=strings) == (TEXT, longest)
    with pytest.raises(WorkbookRefused) as caught:
        of(tmp_path, cell.format(1 if shared else longer), strings=strings)
    assert caught.value.code == "too-large"


# ------------------------------------------------------------------ formulas


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("<c r='A1'><f>1+1</f><v>2</v></c>", (NUMBER, "2", True, True)),
        ("<c r='A1'><f>1+1</f></c>", (BLANK, "", True, False)),
        ("<c r='A1'><f>1+1</f><v></v></c>", (BLANK, "", True, False)),
        ("<c r='A1'><f>1+1</f><v/></c>", (BLANK, "", True, False)),
        ("<c r='A1' t='str'><f>A2&amp;\"\"</f><v></v></c>", (BLANK, "", True, True)),
        ("<c r='A1' t='str'><f>A2</f></c>", (BLANK, "", True, False)),
        ("<c r='A1' t='str'><f>A2</f><v>Good</v></c>", (TEXT, "Good", True, True)),
        ("<c r='A1' t='str'><f>A2</f><v xml:space='preserve'> </v></c>", (TEXT, " ", True, True)),
        ("<c r='A1' t='e'><f>A2</f><v>#REF!</v></c>", (ERROR, "#REF!", True, True)),
        ("<c r='A1' t='b'><f>A2</f><v>1</v></c>", (BOOLEAN, "TRUE", True, True)),
        ("<c r='A1'><f t='shared' ref='A1:A2' si='0'>A2</f><v>2</v></c>", (NUMBER, "2", True, True)),
        ("<c r='A1'><f t='shared' si='0'/><v>2</v></c>", (NUMBER, "2", True, True)),
        ("<c r='A1' cm='1'><f t='array' ref='A1'>A2</f><v>2</v></c>", (NUMBER, "2", True, True)),
        ("<c r='A1' t='inlineStr'><f>A2</f><is><t>Good</t></is></c>", (TEXT, "Good", True, True)),
        ("<c r='A1'><v>2</v></c>", (NUMBER, "2", False, True)),
    ],
)
def test_formula(tmp_path: Path, tier: str, cell: str, expected: tuple[CellKind, str, bool, bool]):
    """A formula cell has its saved result, or says that there is none."""
    row = f'<row r="1">{cell.replace(chr(39), chr(34))}<c r="B1"><v>1</v></c>{tier}</row>'
    made = first_cell(raw_book(tmp_path / "x.xlsx", {"A": row}))

    assert (made.kind, made.text, made.is_formula, made.has_result) == expected


def test_row_with_only_a_formula_is_given(tmp_path: Path, tier: str):
    """A formula without a result is something, although its cell looks blank."""
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": f'<row r="3"><c r="B3"><f>A1</f></c>{tier}</row>'}))

    assert [(3, 2)] == [(cell.row, cell.column) for row in rows for cell in row.cells]


# ------------------------------------------------------------------ number formats


@pytest.mark.parametrize(
    ("code", "look"),
    [
        ("General", Look.PLAIN),
        ("@", Look.PLAIN),
        ("0", Look.PLAIN),
        ("0.00", Look.PLAIN),
        ("#", Look.PLAIN),
        ("#0.0##", Look.PLAIN),
        ("[Red]0", Look.PLAIN),
        ("[$-409]0", Look.PLAIN),
        ("000", Look.FORMATTED),
        ("0%", Look.FORMATTED),
        ("$ #,##0", Look.FORMATTED),
        ("[$€-407] 0", Look.FORMATTED),
        ("[$$]0", Look.FORMATTED),
        ("0.00E+00", Look.FORMATTED),
        ("# ?/?", Look.FORMATTED),
        ('0" days"', Look.FORMATTED),
        (r"0\d", Look.FORMATTED),
        ("_d0", Look.FORMATTED),
        ('"a;b"0', Look.FORMATTED),
        ("0;yyyy", Look.FORMATTED),
        ("yyyy-mm-dd", Look.DATE),
        ("[$-F800]dddd, mmmm dd, yyyy", Look.DATE),
        ("[Red]h:mm AM/PM", Look.DATE),
        ('"on; "d.m.yy;@', Look.DATE),
        ("m/d/yy", Look.DATE),
        ("mm:ss.0", Look.DATE),
        ("[h]:mm", Look.ELAPSED),
        ("[mm]:ss", Look.ELAPSED),
        ("[S]", Look.ELAPSED),
    ],
)
def test_format_codes(code: str, look: Look):
    """A custom format code makes a date, a differently shown number, or neither."""
    assert look_of(code) is look


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (0, (NUMBER, "45000", False)),
        (1, (NUMBER, "45000", False)),
        (3, (NUMBER, "45000", True)),
        (9, (NUMBER, "45000", True)),
        (49, (NUMBER, "45000", False)),
        (14, (DATE, "2023-03-15", False)),
        (22, (DATE, "2023-03-15", False)),
        (27, (DATE, "2023-03-15", False)),
        (46, (DATE, "1080000:00:00", False)),
        (58, (DATE, "2023-03-15", False)),
    ],
)
def test_builtin_formats(tmp_path: Path, tier: str, style: int, expected: tuple[CellKind, str, bool]):
    """Built-in formats are known by their id; the file has no code for them."""
    row = f'<row r="1"><c r="A1" s="1"><v>45000</v></c>{tier}</row>'
    made = first_cell(raw_book(tmp_path / "x.xlsx", {"A": row}, styles_xml=styles_of(style)))

    assert (made.kind, made.text, made.is_formatted) == expected


@pytest.mark.parametrize(
    ("serial", "in_1900", "in_1904"),
    [
        ("0", (DATE, "00:00:00"), (DATE, "1904-01-01")),
        ("0.5", (DATE, "12:00:00"), (DATE, "12:00:00")),
        ("1", (DATE, "1900-01-01"), (DATE, "1904-01-02")),
        ("59", (DATE, "1900-02-28"), (DATE, "1904-02-29")),
        ("60", (DATE, "1900-02-29"), (DATE, "1904-03-01")),
        ("61", (DATE, "1900-03-01"), (DATE, "1904-03-02")),
        ("45000.75", (DATE, "2023-03-15 18:00:00"), (DATE, "2027-03-16 18:00:00")),
        ("45000.999999", (DATE, "2023-03-16"), (DATE, "2027-03-17")),
        ("2958465", (DATE, "9999-12-31"), (NUMBER, "2958465")),
        ("2958466", (NUMBER, "2958466"), (NUMBER, "2958466")),
        ("2958465.9999999", (NUMBER, "2958465.9999999"), (NUMBER, "2958465.9999999")),
        ("-1", (NUMBER, "-1"), (NUMBER, "-1")),
        ("1E400", (NUMBER, "1E400"), (NUMBER, "1E400")),
    ],
)
def test_dates(tmp_path: Path, serial: str, in_1900: tuple[CellKind, str], in_1904: tuple[CellKind, str]):
    """Days count from 1900 with a 29 February that never was, or from 1904; Excel shows no others."""
    cell = f'<c r="A1" s="1"><v>{serial}</v></c>'
    styles = styles_of("yyyy-mm-dd hh:mm")

    assert of(tmp_path, cell, styles_xml=styles) == in_1900
    assert of(tmp_path, cell, styles_xml=styles, date1904=True) == in_1904


def test_elapsed_time(tmp_path: Path):
    """Hours beyond a day are not a date."""
    cell = '<c r="A1" s="1"><v>1.5</v></c>'

    assert of(tmp_path, cell, styles_xml=styles_of("[h]:mm")) == (DATE, "36:00:00")


def test_formats_of_differential_styles_do_not_count(tmp_path: Path):
    """Conditional formats number their codes anew."""
    dxfs = '<dxfs><dxf><numFmt numFmtId="164" formatCode="yyyy"/></dxf></dxfs></styleSheet>'
    styles = styles_of("0.0").replace("</styleSheet>", dxfs)

    assert of(tmp_path, '<c r="A1" s="1"><v>3</v></c>', styles_xml=styles) == (NUMBER, "3")


def test_style_that_does_not_exist(tmp_path: Path, tier: str):
    """A style beyond the last one leaves the number as it is."""
    assert of(tmp_path, f'<c r="A1" s="99"><v>3</v></c>{tier}') == (NUMBER, "3")


# ------------------------------------------------------------------ rows, places, sheets


def test_offsets_cut_out_the_cell(tmp_path: Path, tier: str):
    """The bytes between start and end are the cell; the row's end is its end tag."""
    cells = [
        '<c r="A2" s="1" t="str"><v>Größe</v></c>',
        '<c r="C2" s="1"/>',
        '<c r="D2"></c>',
        '<c r="E2"><v>1</v></c >',
    ]
    xml = sheet_xml(f'<row r="1"/><row r="2">{cells[0]}{tier}{cells[1]}{cells[2]}{cells[3]}</row>').encode()
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert cells == [xml[cell.start : cell.end].decode() for cell in rows[0].cells]
    assert xml[rows[0].end :].startswith(b"</row></sheetData>")
    assert [1, 1, None, None] == [cell.style for cell in rows[0].cells]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_offsets_count_from_the_first_byte(tmp_path: Path, tier: str, mark: bytes):
    """A byte order mark is part of the part."""
    xml = mark + sheet_xml(f'{tier}<row r="1"><c r="A1"><v>1</v></c></row>').encode()
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert b'<c r="A1"><v>1</v></c>' == xml[rows[0].cells[0].start : rows[0].cells[0].end]


def test_rows_and_cells_without_reference(tmp_path: Path):
    """Rows and cells that do not say where they are stand behind the one before."""
    xml = (
        "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row/><row><c r='D3'><v>3</v></c><c><v>4</v></c></row>"
    )
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert [(1, 1, "1"), (1, 2, ""), (1, 3, "2"), (3, 4, "3"), (3, 5, "4")] == [
        (cell.row, cell.column, cell.text) for row in rows for cell in row.cells
    ]


def test_blank_rows_are_left_out_and_counted(tmp_path: Path, tier: str):
    """Blank rows are not given, and shift no number."""
    xml = f'<row r="1"><c r="A1" s="1"/></row><row r="2"/><row r="3"><c r="A3"></c></row><row r="7"><c r="A7"><v>1</v></c></row>{tier}'
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert [7] == [row.number for row in rows]


def test_hidden_rows_are_given(tmp_path: Path, tier: str):
    """Rows hidden by hand or by a filter are read, and say so."""
    xml = "".join(
        f'<row r="{n}" spans="1:1"{hidden}><c r="A{n}"><v>1</v></c></row>'
        for n, hidden in enumerate((' hidden="1"', ' hidden="true"', ' hidden="0"', ""), 1)
    )
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml + tier}))

    assert [True, True, False, False] == [row.is_hidden for row in rows]


@pytest.mark.parametrize(
    "xml",
    [
        '<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1"><c r="B1"><v>1</v></c></row>',
        '<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>',
        '<row r="1"><c r="A2"><v>1</v></c></row>',
        '<row r="1"><c r="1A"><v>1</v></c></row>',
        '<row r="1"><c r="XFE1"><v>1</v></c></row>',
        '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
        '<row r="x"><c r="A1"><v>1</v></c></row>',
        '<row r="0"><c r="A0"><v>1</v></c></row>',
        "<row>" + "<c/>" * 16_384 + "<c><v>1</v></c></row>",
    ],
    ids=[
        "rows back",
        "row twice",
        "cells back",
        "cell twice",
        "other row",
        "no place",
        "column",
        "row",
        "x",
        "0",
        "many",
    ],
)
def test_cells_out_of_place_are_damage(tmp_path: Path, tier: str, xml: str):
    """Nobody can say which of two cells in one place counts."""
    with pytest.raises(WorkbookRefused) as caught:
        read(raw_book(tmp_path / "x.xlsx", {"A": xml + tier}))

    assert caught.value.code == "damaged"


def test_last_cell_of_a_sheet_costs_nothing(tmp_path: Path, tier: str):
    """A cell in the last row and column is one cell."""
    xml = f'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" t="str"><v> </v></c></row>{tier}'
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert [(1, 1), (1_048_576, 16_384)] == [(cell.row, cell.column) for row in rows for cell in row.cells]


def test_what_stands_around_the_rows(tmp_path: Path, tier: str):
    """Merged ranges, the filter and the styles of columns are read from before and behind the rows."""
    before = '<cols><col min="2" max="3" width="9" style="4"/><col min="3" max="5" style="1"/><col min="9" max="9"/></cols>'
    after = '<autoFilter ref="A1:B2"/><mergeCells count="2"><mergeCell ref="B2:C5"/><mergeCell ref="A9"/></mergeCells>'
    row = f'<row r="1"><c r="A1"><v>1</v></c></row>{tier}'
    _, sheet = read(raw_book(tmp_path / "x.xlsx", {"A": sheet_xml(row, before=before, after=after)}))

    assert sheet.merged == (MergedRange(2, 2, 5, 3), MergedRange(9, 1, 9, 1))
    assert sheet.has_filter
    assert sheet.default_styles == {2: 4, 3: 4, 4: 1, 5: 1}
    assert sheet.prefix == ""


def test_filter_of_somebodys_view_does_not_count(tmp_path: Path):
    """A custom view has its own filter, which hides nothing now."""
    after = '<customSheetViews><customSheetView><autoFilter ref="A1"/></customSheetView></customSheetViews>'
    _, sheet = read(raw_book(tmp_path / "x.xlsx", {"A": sheet_xml("", after=after)}))

    assert not sheet.has_filter


def test_prefix(tmp_path: Path):
    """A sheet may write its elements with a prefix, which the writer must use too."""
    xml = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>Good</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>'
    rows, sheet = read(raw_book(tmp_path / "x.xlsx", {"A": xml.encode()}))

    assert [("Good", "x:")] == [(cell.text, sheet.prefix) for row in rows for cell in row.cells]
    assert xml[rows[0].cells[0].start : rows[0].cells[0].end].endswith("</x:is></x:c>")


def test_elements_of_other_namespaces_are_not_cells(tmp_path: Path, tier: str):
    """What another program put between the rows is not ours to read."""
    xml = f'<row r="1"><c r="A1"><v>1</v></c></row><o:row xmlns:o="urn:o" r="2"><o:c r="A2"><o:v>2</o:v></o:c></o:row>{tier}'
    rows, _ = read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert ["1"] == [cell.text for row in rows for cell in row.cells]


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1", "windows-1252", "x-unknown"])
def test_sheet_in_another_encoding(tmp_path: Path, encoding: str):
    """The writer's bytes would mean something else in it, so the sheet is refused."""
    xml = sheet_xml('<row r="1"><c r="A1" t="str"><v>x</v></c></row>').replace("UTF-8", encoding)
    with pytest.raises(WorkbookRefused) as caught:
        read(
            raw_book(tmp_path / "x.xlsx", {"A": xml.encode("utf-16" if encoding == "UTF-16" else "latin-1")})
        )

    assert caught.value.code == "damaged"


def test_sheet_in_ascii(tmp_path: Path):
    """Some XML libraries declare ASCII and write everything else as references."""
    xml = sheet_xml('<row r="1"><c r="A1" t="str"><v>Gr&#246;&#223;e</v></c></row>').replace(
        "UTF-8", "US-ASCII"
    )

    assert first_cell(raw_book(tmp_path / "x.xlsx", {"A": xml})).text == "Größe"


def test_sheets_are_read_in_turn(tmp_path: Path):
    """Two sheets may be read row by row side by side."""

    def many(name: str) -> str:
        return "".join(
            f'<row r="{n}"><c r="A{n}" t="str"><v>{name}{n}</v></c></row>' for n in range(1, 5_000)
        )

    with open_workbook(raw_book(tmp_path / "x.xlsx", {"A": many("a"), "B": many("b")})) as workbook:
        pairs = [
            (a.cells[0].text, b.cells[0].text)
            for a, b in zip(*map(workbook.rows, workbook.sheets), strict=True)
        ]

    assert [(f"a{n}", f"b{n}") for n in range(1, 5_000)] == pairs


def test_too_many_filled_rows(tmp_path: Path):
    """More filled rows than the limit are refused, not gathered."""
    xml = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, MAX_FILLED_ROWS + 2))
    with pytest.raises(WorkbookRefused) as caught:
        read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert caught.value.code == "too-large"


@pytest.mark.parametrize("inner", ["<c r='A1' t='inlineStr'><is><t>{}</t></is></c>", "<c r='A1'/>{}"])
def test_row_without_end(tmp_path: Path, inner: str):
    """One row of many megabytes is refused before it is in memory."""
    xml = f"<row r='1'>{inner.format('x' * 9_000_000)}</row>"
    with pytest.raises(WorkbookRefused) as caught:
        read(raw_book(tmp_path / "x.xlsx", {"A": xml}))

    assert caught.value.code == "too-large"


@pytest.mark.parametrize(
    "row",
    [
        '<row r="{n}" spans="1:12">{cells}</row>',
        '<row r="{n}" ht="15" customHeight="1" outlineLevel="1">{cells}</row>',
    ],
)
def test_blank_rows_take_no_memory(tmp_path: Path, row: str):
    """A sheet that is formatted far down is read in constant memory, to the cell behind the gap."""
    rows = "".join(
        row.format(n=n, cells="".join(f'<c r="{letter}{n}" s="1"/>' for letter in "ABCDEFGHIJKL"))
        for n in range(1, 60_001)
    )
    path = raw_book(tmp_path / "x.xlsx", {"A": rows + '<row r="90000"><c r="A90000"><v>1</v></c></row>'})
    tracemalloc.start()
    found, _ = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [90_000] == [found_row.number for found_row in found]
    assert peak < 5_000_000
