"""The two scanners say the same about every sheet, or the fast one says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import WorkbookRefused
from importer.texts import cell_name
from importer.workbook.cells import Row
from importer.workbook.effort import Effort
from importer.workbook.exact import SheetParser, exact_rows
from importer.workbook.scan import NotTiled, fast_rows
from importer.workbook.strings import SharedStrings
from importer.workbook.styles import Look
from importer.workbook.values import Values
from tests.raw import sheet_xml

Outcome = tuple[list[Row], str, object]


def values() -> Values:
    strings = SharedStrings("")
    for text in ("Good", "", " two  spaces ", "x" * 40_000):
        strings.add_text(text)
    return Values(strings, (Look.PLAIN, Look.DATE, Look.FORMATTED, Look.ELAPSED), is_1904=False)


def pieces_of(xml: bytes, size: int) -> Iterator[bytes]:
    return (xml[at : at + size] for at in range(0, len(xml), size))


def exact(xml: bytes, size: int) -> Outcome:
    """Rows until the end or a refusal, how it ended, and what stood around the rows."""
    parser = SheetParser("sheet", values())
    rows, end = taken(exact_rows(pieces_of(xml, size), parser))
    return rows, end, around(parser)


def fast(xml: bytes, size: int) -> Outcome:
    """The same by the fast scanner; it may end as `not tiled`."""
    meaning = values()
    parser = SheetParser("sheet", meaning)
    rows, end = taken(fast_rows(pieces_of(xml, size), parser, meaning, Effort()))
    return rows, end, around(parser)


def taken(rows: Iterable[Row]) -> tuple[list[Row], str]:
    found: list[Row] = []
    try:
        found.extend(rows)
    except NotTiled:
        return found, "not tiled"
    except WorkbookRefused as refusal:
        return found, refusal.code
    return found, "read"


def around(parser: SheetParser) -> object:
    return parser.merged, parser.has_filter, parser.prefix, parser.default_styles


def same(xml: bytes, size: int = 1 << 20) -> bool:
    """Whether the fast scanner gave exactly what the exact one gives; False if it gave up first."""
    expected, found = exact(xml, size), fast(xml, size)
    if found[1] == "read":
        assert found == expected
    elif found[1] == "not tiled" and expected[1] == "read":
        assert found[0] == expected[0][: len(found[0])]
    elif found[1] != "not tiled":
        # A refusal may come some rows sooner or later within a piece.
        assert found[1] == expected[1]
    return found[1] != "not tiled"


TEXTS = st.text("aZ 0\n\t_x<>&'\"ÄÅ東😀\u00a0", max_size=6).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;")
)
STYLES = st.sampled_from(("", ' s="0"', ' s="1"', ' s="2"', ' s="3"', ' s="77"'))
FORMULAS = st.sampled_from(
    (
        "",
        "",
        "<f>A1&amp;1</f>",
        "<f/>",
        '<f t="shared" si="0"/>',
        '<f t="array" ref="A1:B2" ca="1">SUM(A1)</f>',
    )
)
#: What Excel, LibreOffice, openpyxl and XlsxWriter write; each must tile.
USUAL = st.one_of(
    st.builds('<c r="{{}}"{}/>'.format, STYLES),
    st.builds('<c r="{{}}"{}></c>'.format, STYLES),
    st.builds('<c r="{{}}"{} t="s"><v>{}</v></c>'.format, STYLES, st.integers(0, 2)),
    st.builds('<c r="{{}}"{}>{}<v>{}</v></c>'.format, STYLES, FORMULAS, st.integers()),
    st.builds(
        '<c r="{{}}"{} t="n"><v>{}</v></c>'.format, STYLES, st.floats(allow_nan=False, allow_infinity=False)
    ),
    st.builds('<c r="{{}}"{} t="str" cm="1">{}<v>{}</v></c>'.format, STYLES, FORMULAS, TEXTS),
    st.builds('<c r="{{}}"{} t="str"><f>A1</f><v xml:space="preserve">{}</v></c>'.format, STYLES, TEXTS),
    st.builds('<c r="{{}}"{} t="b">{}<v>{}</v></c>'.format, STYLES, FORMULAS, st.integers(0, 1)),
    st.builds('<c r="{{}}"{} t="e">{}<v>#REF!</v></c>'.format, STYLES, FORMULAS),
    st.builds('<c r="{{}}"{} t="inlineStr"><is><t>{}</t></is></c>'.format, STYLES, TEXTS),
    st.builds('<c r="{{}}"{}>{}<v/></c>'.format, STYLES, FORMULAS),
)
#: What only other programs write, and what is damage.
ODD = st.sampled_from(
    (
        "<c><v>1</v></c>", "<c r='{}'><v>1</v></c>", '<c s="1" r="{}"><v>1</v></c>', '<c r="{}" r="{}"><v>1</v></c>',
        '<c r="{}" t="s" t="n"><v>1</v></c>', '<c r="{}" o:a="1"><v>1</v></c>', '<c r="{}" t="s"><v>9</v></c>',
        '<c r="{}" t="s"><v>3</v></c>', '<c r="{}" t="s"><v/></c>', '<c r="{}" t="x"><v>1</v></c>',
        '<c r="{}" s="-1"><v>1</v></c>', '<c r="{}"><v>1</v><v>2</v></c>', '<c r="{}"> <v>1</v> </c>',
        '<c r="{}" ><v >1</v ></c >', '<c r="{}"><!-- a --><v>1</v></c>', '<c r="{}"><v><![CDATA[1]]></v></c>',
        '<c r="{}" t="str"><v>&#65;</v></c>', '<c r="{}" t="str"><v>&nope;</v></c>', '<c r="{}" t="str"><v>]]></v></c>',
        '<c r="{}"><v>1</v><extLst/></c>', '<c r="{}"><x:v xmlns:x="urn:x">1</x:v></c>', '<c r="{}" xmlns="urn:x"><v>1</v></c>',
        '<c r="{}" t="inlineStr"><is><r><t>a</t></r><r><t> b</t></r></is></c>', '<c r="{}"><is><t>a</t></is></c>',
        '<c r="{}" t="inlineStr"><v>1</v><is><t>a</t></is></c>', '<c r="{}"><v>1</v>', '<c r="{}"><v>1</c>',
        '<c r="A1"><v>1</v></c>', '<c r="XFE9"><v>1</v></c>', '<c r="{}"><f a="1" a="2">1</f><v>1</v></c>',
        '<c r="{}" t="str"><v>\x01</v></c>', '<c r="{}" t="str"><v>\ufffe</v></c>', '<c r="{}" t="s"><v>0000000000000</v></c>',
        '<c r="{}"><v>' + "9" * 40_000 + "</v></c>",
    )
)  # fmt: skip
ROW_ATTRIBUTES = st.sampled_from(
    (
        "",
        ' spans="1:9"',
        ' hidden="1"',
        ' ht="15.75" customHeight="1"',
        ' x:dyDescent="0.25"',
        ' s="1" customFormat="1"',
    )
)
ODD_ROWS = st.sampled_from(
    (
        '<row r="{0}" hidden="1" hidden="0">{1}</row>', '<row r="1" r="{0}">{1}</row>', '<row hidden="0" r="{0}" hidden="1">{1}</row>',
        "<row a=' r=\"9\"' r=\"{0}\">{1}</row>", '<row>{1}</row>', "<row r='{0}'>{1}</row>", '<row hidden="1" r="{0}">{1}</row>',
        '<row r="{0}" y:a="1">{1}</row>', '<row r="{0}">text{1}</row>', '<row r="{0}">{1}</row>text', '<row r="0{0}">{1}</row>',
        '<row r="1">{1}</row>', '<row r="{0}">{1}', '<?pi?><row r="{0}">{1}</row>', '<row r="{0}" xmlns="urn:x">{1}</row>',
        '<row r="{0}">{1}</row ><!-- <row r="9"><c r="A9"><v>1</v></c></row> -->', '<row r="{0}" a="&lt;">{1}</row>',
    )
)  # fmt: skip


USUAL_ROWS = st.one_of(
    st.builds('<row r="{{0}}"{}>{{1}}</row>'.format, ROW_ATTRIBUTES),
    st.builds('<row{} r="{{0}}">{{1}}</row>'.format, ROW_ATTRIBUTES),
    st.builds('<row r="{{0}}"{}/>'.format, ROW_ATTRIBUTES),
    st.builds('<row r="{{0}}"{}></row>'.format, ROW_ATTRIBUTES),
)


@st.composite
def sheets(draw: st.DrawFn, cells: st.SearchStrategy[str], row_forms: st.SearchStrategy[str]) -> bytes:
    """A whole sheet, its rows in forms that have `{0}` for the row number and `{1}` for the cells."""
    space = draw(st.sampled_from(("", "", "\n  ")))
    rows, number = "", 0
    for _ in range(draw(st.integers(0, 6))):
        number += draw(st.integers(1, 3))
        columns = sorted(draw(st.sets(st.integers(1, 40), max_size=6)))
        inner = space.join(draw(cells).replace("{}", cell_name(number, column)) for column in columns)
        # Damage in a row that holds nothing is nobody's loss, and the fast scanner skips it unseen.
        form = draw(row_forms if "<v>" in inner else USUAL_ROWS)
        rows += space + form.replace("{0}", str(number)).replace("{1}", inner)
    after = '<autoFilter ref="A1"/><mergeCells><mergeCell ref="A1:B2"/></mergeCells>'
    xml = sheet_xml(rows, before='<cols><col min="1" max="2" style="3"/></cols>', after=after)
    return xml.replace("<worksheet ", '<worksheet xmlns:x="urn:x" ').encode("utf-8", "surrogatepass")


@given(sheets(USUAL, USUAL_ROWS), st.integers(1, 200))
@settings(deadline=None)
def test_usual_sheets_tile(xml: bytes, size: int):
    """What the usual programs write is read by the fast scanner, in pieces of any size."""
    assert same(xml, size)


@given(sheets(st.one_of(USUAL, ODD), st.one_of(USUAL_ROWS, ODD_ROWS)), st.integers(1, 200))
@settings(deadline=None)
def test_odd_sheets_are_read_alike(xml: bytes, size: int):
    """What does not tile is left to the exact scanner after rows that are right."""
    same(xml, size)


FILLED = st.builds('<c r="{{}}"{}><v>1</v></c>'.format, STYLES)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sheet with one byte inside the rows changed; every row of it is filled."""
    rows = "".join(
        f'<row r="{n}" spans="1:3" hidden="1">{draw(FILLED).replace("{}", f"A{n}")}'
        f'<c r="B{n}" s="1"/><c r="C{n}" t="str"><f>A1</f><v>ä&amp;</v></c></row>'
        for n in range(1, 4)
    )
    xml = bytearray(sheet_xml(rows).encode())
    start = xml.index(b"<sheetData>") + 11
    at = draw(st.integers(start, xml.index(b"</sheetData") - 1))
    xml[at : at + draw(st.integers(0, 1))] = draw(
        st.sampled_from([b"", b" ", b"<", b">", b"/", b'"', b"&", b"1", b"r", b"\0", b"\xc3", b"!"])
    )
    return bytes(xml)


@given(mutated())
@settings(deadline=None)
def test_one_changed_byte_is_seen_alike(xml: bytes):
    """No damage of one byte makes the fast scanner read what the exact one refuses or reads otherwise."""
    same(xml)


@pytest.mark.parametrize("end", ["", "</row>", '</row><row r="3"><c r="A3"><v>1</v></c></row>'])
def test_cells_without_a_row_are_seen_alike(end: str):
    """A row whose start tag is lost is nobody's row."""
    row = '<row r="1"><c r="A1"><v>1</v></c></row>'

    assert not same(sheet_xml(f'{row}<c r="A2"><v>1</v></c>{end}').encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml.replace(b"</sheetData>", b""),
        lambda xml: xml.replace(b"</worksheet>", b""),
        lambda xml: xml + b"<more/>",
        lambda xml: xml.replace(b"<sheetData>", b"<!-- <sheetData> --><sheetData>"),
        lambda xml: xml.replace(b"<sheetData>", b"<extLst><sheetData></sheetData></extLst><sheetData>"),
        lambda xml: xml.replace(b"<sheetData>", b'<sheetData a="1">'),
        lambda xml: xml.replace(b"worksheet", b"chartsheet"),
        lambda xml: xml.replace(b"spreadsheetml/2006/main", b"somethingelse"),
        lambda xml: xml.replace(
            b"</sheetData>", b"</sheetData><mergeCells><mergeCell ref='x'/></mergeCells>"
        ),
        lambda xml: xml.replace(b"UTF-8", b"ASCII"),
        lambda xml: b"\xef\xbb\xbf" + xml,
        lambda xml: b"",
    ],
)
def test_what_stands_around_the_rows_is_seen_alike(change: Callable[[bytes], bytes]):
    """Damage before and behind the rows ends both scanners in the same way."""
    same(change(sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>').encode()))


@given(st.integers(0, 400), st.integers(20, 3_000))
@example(0, 100)
@settings(deadline=None, max_examples=50)  # 30 KB of XML by expat, under coverage or load
def test_filled_rows_between_blank_ones(at: int, size: int):
    """No filled row is lost among blank ones, wherever a piece ends."""
    blank = '<row r="{0}" spans="1:2" ht="15" customHeight="1"><c r="A{0}" s="1"/><c r="B{0}" s="1"/></row>'
    filled = '<row r="{0}" ht="15"><c r="A{0}" s="1"/><c r="B{0}" t="s"><v>0</v></c></row>'
    rows = "".join((filled if n == at else blank).format(n) for n in range(1, 401))
    xml = sheet_xml(rows).encode()

    assert same(xml, size)
    assert [at] * (at > 0) == [row.number for row in fast(xml, size)[0]]
