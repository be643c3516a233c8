"""New cells in a sheet's XML, and what may not be replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.texts import cell_name
from importer.workbook.cells import Spot
from importer.workbook.sheetpatch import cuts_of, differs_only_at, patched
from importer.workbook.zipdirectory import CannotSplice
from tests.spots import applied, find_places, spot_at

SHEET = (
    b'<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>'
    b'<row r="1"><c r="A1" s="4"><v>1</v></c><c r="C1"><f>A1</f><v>1</v></c></row>'
    b'<row r="2"><c r="B2"/>\n</row></sheetData></worksheet>'
)


def patch(xml: bytes, texts: dict[Spot, str], prefix: str = "") -> bytes:
    return b"".join(patched([xml], cuts_of(texts, prefix), prefix))


def new_cell(text: str) -> str:
    """What is written for a text, without the sheet around it."""
    head = b"<sheetData><row>"
    return patch(head + b"</row></sheetData>", {Spot(5, 13, len(head), len(head), 7): text})[len(head) :][
        :-18
    ].decode()


@pytest.mark.parametrize(
    ("text", "xml"),
    [
        ("", '<c r="M5" s="7"/>'),
        ("Q1", '<c r="M5" s="7" t="inlineStr"><is><t>Q1</t></is></c>'),
        ("=1+1", '<c r="M5" s="7" t="inlineStr"><is><t>=1+1</t></is></c>'),
        (" a ", '<c r="M5" s="7" t="inlineStr"><is><t xml:space="preserve"> a </t></is></c>'),
        ("a<&>b", '<c r="M5" s="7" t="inlineStr"><is><t>a&lt;&amp;&gt;b</t></is></c>'),
        ("_x0041_", '<c r="M5" s="7" t="inlineStr"><is><t>_x005F_x0041_</t></is></c>'),
        ("a\r\n\x07", '<c r="M5" s="7" t="inlineStr"><is><t xml:space="preserve">a_x000D_\n_x0007_</t></is></c>'),
        ("é 😀", '<c r="M5" s="7" t="inlineStr"><is><t>é 😀</t></is></c>'),
    ],
)  # fmt: skip
def test_text_becomes_an_inline_string(text: str, xml: str) -> None:
    """Text only, escaped so that Excel shows exactly this text."""
    assert xml == new_cell(text)


def test_added_cells_stand_in_column_order() -> None:
    """Cells at one place come out in the order of their columns, before the cell that follows."""
    places = find_places(SHEET)
    texts = {spot_at(places, 2, 26): "z", spot_at(places, 2, 3): "c", spot_at(places, 2, 1): "a"}

    names = [spot for spot in find_places(patch(SHEET, texts)).cells if spot[0] == 2]

    assert [(2, 1), (2, 2), (2, 3), (2, 26)] == names


def test_prefix_of_the_part_is_used() -> None:
    """In a part whose elements have a prefix, the new elements have it too."""
    sheet = b'<x:worksheet xmlns:x="u"><x:sheetData><x:row r="1"><x:c r="A1"/></x:row></x:sheetData></x:worksheet>'
    spot = find_places(sheet).cells[1, 1].spot

    expected = sheet.replace(b'<x:c r="A1"/>', b'<x:c r="A1" t="inlineStr"><x:is><x:t>id</x:t></x:is></x:c>')
    assert expected == patch(sheet, {spot: "id"}, "x:")


def at(row: int, column: int) -> Spot:
    return spot_at(find_places(SHEET), row, column)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({at(1, 3): "id"}, "cell C1 holds a formula"),
        ({at(1, 1)._replace(column=2): "id"}, "cell A1 stands where B1 was read"),
        ({at(1, 1)._replace(end=at(1, 3).end): "id"}, "cell A1 is not where it was read"),
        ({at(1, 1)._replace(start=at(1, 1).start + 1): "id"}, "cell A1 is not where it was read"),
        ({at(1, 1)._replace(end=at(1, 1).end - 1): "id"}, "cell A1 is not where it was read"),
        ({Spot(1, 2, 70, 70, None): "id"}, "there is no place for cell B1"),
        ({Spot(9, 1, 9000, 9000, None): "id"}, "the sheet ends before cell A9"),
        ({at(1, 1): "id", at(1, 1)._replace(style=1): "id"}, "the cells A1 and A1 overlap"),
        ({at(2, 3): "id", at(2, 3)._replace(style=1): "id"}, "the cells C2 and C2 overlap"),
        ({at(1, 1): "x" * 32_768}, "longer than a cell may be"),
    ],
)
def test_place_that_is_not_what_was_read(texts: dict[Spot, str], reason: str) -> None:
    """A formula, another cell, half a cell or no cell: refused by name."""
    with pytest.raises(CannotSplice, match=reason):
        patch(SHEET, texts)


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        (SHEET.decode().encode("utf-16"), "stored as UTF-16"),
        (SHEET.decode().encode("utf-16-le"), "stored as UTF-16"),
        (SHEET.replace(b"UTF-8", b"ISO-8859-1"), "stored as ISO-8859-1"),
    ],
)
def test_only_utf8_parts_are_written_to(sheet: bytes, reason: str) -> None:
    """New cells are UTF-8, so the part must be."""
    with pytest.raises(CannotSplice, match=reason):
        patch(sheet, {at(1, 1): "id"})


def test_utf8_mark_at_the_beginning_is_fine() -> None:
    """Some programs begin a part with a byte order mark."""
    sheet = b"\xef\xbb\xbf" + SHEET
    spot = find_places(sheet).cells[1, 1].spot

    assert applied(sheet, {spot: "id"}) == patch(sheet, {spot: "id"})


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml.replace(b"<worksheet>", b"<worksheet >"),
        lambda xml: xml.replace(b">id<", b">di<"),
        lambda xml: xml.replace(b"\n", b" "),
        lambda xml: xml[:-1],
        lambda xml: xml + b" ",
    ],
)
def test_proof_finds_every_other_difference(change) -> None:  # type: ignore[no-untyped-def]
    """One byte more, less or different, in the cell or outside, is found."""
    cuts = cuts_of({at(1, 1): "id", at(2, 3): "id"}, "")
    after = b"".join(patched([SHEET], cuts, ""))

    assert (True, False) == (
        differs_only_at(cuts, [SHEET], [after]),
        differs_only_at(cuts, [SHEET], [change(after)]),
    )


@given(
    rows=st.lists(st.sets(st.integers(1, 6), min_size=1), min_size=1, max_size=5),
    chosen=st.sets(st.tuples(st.integers(1, 5), st.integers(1, 8))),
    piece_bytes=st.integers(1, 40),
)
def test_any_cells_of_any_sheet(rows: list[set[int]], chosen: set[tuple[int, int]], piece_bytes: int) -> None:
    """Whatever is replaced or added, in whatever pieces, equals the plain way of doing it, and is proved."""
    body = "".join(
        f'<row r="{number}">'
        + "".join(f'<c r="{cell_name(number, c)}"><v>{c}</v></c>' for c in sorted(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    sheet = f"<worksheet><sheetData>{body}</sheetData></worksheet>".encode()
    places = find_places(sheet)
    texts = {spot_at(places, row, column): "id" for row, column in chosen if row <= len(rows)}
    pieces = [sheet[at : at + piece_bytes] for at in range(0, len(sheet), piece_bytes)]
    cuts = cuts_of(texts, "")

    after = list(patched(pieces, cuts, ""))

    assert (applied(sheet, texts), True) == (b"".join(after), differs_only_at(cuts, pieces, after))
