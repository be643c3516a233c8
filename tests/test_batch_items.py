"""A layout: what the sheet describes goes where it belongs, all else stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import OutcomeUnknown, ProlificError
from importer.model import DatasetField, FreeText, Item, MultipleChoice, Option, RichText
from importer.wire.batch_items import (
    asking,
    check_layout,
    crowded,
    in_order,
    is_same,
    lay_out,
    lies_as_sent,
    moved,
    places,
    to_held,
    without_server_made,
)
from importer.wire.instructions import content_of, to_content
from importer.wire.layout import Place
from tests.layouts import ask, brief, by_hand, items, page, single, text, uuid
from tests.strategies import layouts


def row(number: int | str, description: str = "") -> FreeText:
    """A row of the sheet: with a number an instruction that `ask` made, with a text a new one."""
    if isinstance(number, str):
        return FreeText(ref=number, description=number)
    return FreeText(ref=f"Q{number}", id=uuid(number), description=description or f"Why {number}?")


def laid(pages: Sequence[dict[str, Any]], *rows: Item | tuple[Item, Place]) -> str:
    """The layout of some rows, in short; a row may come with its place."""
    placed = [at(*one) if isinstance(one, tuple) else one for one in rows]
    return brief(lay_out(pages, in_order(placed)).pages)


def at(one: Item, place: Place) -> Item:
    """A row with a place."""
    return one.replace(**dict(zip(("page", "row", "column"), place, strict=True)))


# ---------------------------------------------------------------- in the order of the sheet
def test_a_batch_without_layout_gets_a_page_for_each():
    """One instruction per page, in sheet order."""
    assert "+a | +b" == laid([], row("a"), row("b"))


def test_what_does_not_change_is_sent_as_it_came():
    """Not a byte of a layout differs if the sheet says what it holds."""
    held = to_held(by_hand())

    assert ["1", "2", "3", "4", "5"] == [str(int(one.id[-2:], 16)) for one in held]
    rows = [row(1), row(2), CHOICE, row(4), row(5)]
    assert by_hand() == lay_out(by_hand(), rows).pages


CHOICE = MultipleChoice(
    ref="Q3",
    id=uuid(3),
    description="Which?",
    answer_limit=1,
    options=(Option(label="One", value="1"), Option(label="Two", value="two")),
)


def test_an_edit_keeps_what_has_no_column():
    """Fields and options that the sheet has no column for, and a number that is written the same."""
    edited = CHOICE.replace(options=(Option(label="Two", value="two"), Option(label="The one", value="1")))

    pages = by_hand(hint="stays")
    sent = lay_out(pages, [row(1), row(2, "How?"), edited, row(4), row(5)]).pages

    by_id = {item.get("id"): item for item in items(sent)}
    assert ask(2, "How?", hint="stays") == by_id[uuid(2)]
    assert [
        {"label": "Two", "value": "two"},
        {"label": "The one", "value": 1, "hint": "stays"},
    ] == by_id[uuid(3)]["options"]
    assert brief(by_hand()) == brief(sent)


def test_a_cleared_cell_clears_the_field():
    """What has a column and is blank on the sheet goes."""
    sent = lay_out([single(1, ask(1, helper_text="Help"))], [row(1)]).pages

    assert [ask(1)] == items(sent)


def test_another_type_takes_nothing_of_the_old_one():
    """Fields of a type mean nothing for another."""
    sent = lay_out([single(1, ask(3, validation={"type": "number"}))], [CHOICE]).pages

    assert "validation" not in items(sent)[0]


def test_another_order_shares_the_places():
    """The first of the sheet takes the first place, and content between stays."""
    pages = [single(1, text(9), ask(1)), single(2, ask(2), text(8)), single(3, ask(3))]

    assert "9 3 | 1 8 | 2" == laid(pages, row(3), row(1), row(2))


def test_what_is_left_empty_goes():
    """A column, a row and a page without items; content keeps them."""
    pages = [page(1, [[ask(1)], [ask(2)]], [[ask(3)]]), single(2, ask(4)), single(3, ask(5), text(9))]

    assert "2 | 9" == laid(pages, row(2))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((1, 2, 3, "n"), "90 | 1, 2 | 9 | 3 | +n | 96"),
        ((1, 2, "n", 3), "90 | 1, 2 | +n | 9 | 3 | 96"),
        ((1, "m", "n", 2, 3), "90 | 1 +m +n, 2 | 9 | 3 | 96"),
        (("m", "n", 1, 2, 3), "90 | +m | +n | 1, 2 | 9 | 3 | 96"),
        (("n",), "90 | +n | 9 | 96"),
        ((3, "n", 1, 2), "90 | 3 +n, 1 | 9 | 2 | 96"),
    ],
)
def test_new_ones_stand_behind_the_one_above(rows: tuple[int | str, ...], expected: str):
    """On a page of their own, but where the page goes on with the next one; never before the intro or behind the outro."""
    pages = [
        single(9, text(90), display_position="intro"),
        page(1, [[ask(1)], [ask(2)]]),
        single(2, text(9)),
        single(3, ask(3)),
        single(8, text(96), display_position="outro"),
    ]

    assert expected == laid(pages, *map(row, rows))


def test_refs_name_what_the_sheet_describes():
    """One for each item; none for content and for types that the sheet does not know."""
    sent = lay_out(by_hand(), [row(1), row(2), row("new"), CHOICE, row(4), row(5)])

    assert ["", "", "Q1", "", "Q2", "", "new", "", "Q3", "", "Q4", "", "Q5", ""] == list(sent.refs)


# ---------------------------------------------------------------- by page, row and column
def test_numbers_lay_a_new_batch_out():
    """What has one number stands together."""
    rows = [
        (row("a"), (1, 1, 1)),
        (row("b"), (1, 1, 2)),
        (row("c"), (1, 2, 1)),
        (row("d"), (1, 2, 1)),
        (row("e"), (7, 3, 1)),
    ]

    assert "+a, +b / +c +d | +e" == laid([], *rows)


PAGES = [
    single(9, text(90), display_position="intro"),
    page(1, [[text(91), ask(1)], [ask(2)]]),
    single(2, text(92)),
    single(3, ask(3), text(93)),
    single(8, text(96), display_position="outro"),
]


def test_numbers_of_what_is_there_change_nothing():
    """As pulled, so pushed: not a byte differs."""
    rows = [row(1), row(2), row(3)]
    wanted = [places(PAGES)[one.id or ""] for one in rows]

    assert [(2, 1, 1), (2, 1, 2), (4, 1, 1)] == wanted
    assert PAGES == lay_out(PAGES, [at(*one) for one in zip(rows, wanted, strict=True)]).pages


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, 2), (2, 2), ("n", 3), (3, 4)], "90 | 91 1 2 | +n | 92 | 3 93 | 96"),
        ([(1, 2), (2, 3), (3, 4)], "90 | 91 1 | 2 | 92 | 3 93 | 96"),
        ([(3, 1), (1, 2), (2, 2)], "90 | 92 | 3 93 | 91 1 2 | 96"),
        ([("n", 1), (1, 2), (2, 2), (3, 4)], "90 | +n | 91 1 2 | 92 | 3 93 | 96"),
        ([(1, 2), (2, 2), (3, 2), ("n", 4)], "90 | 91 1 2 3 | 92 | +n | 93 | 96"),
        ([(1, 2), (2, 2), ("n", 4)], "90 | 91 1 2 | 92 | +n | 93 | 96"),
        ([("n", 1)], "90 | +n | 91 | 92 | 93 | 96"),
    ],
)
def test_pages_are_known_by_what_they_hold(rows: list[tuple[int | str, int]], expected: str):
    """Content stays in front of the page that follows it; new pages fill gaps; intro and outro stay at the ends."""
    assert expected == laid(PAGES, *((row(name), (number, 1, 1)) for name, number in rows))


def test_pages_keep_their_ids_with_what_they_hold():
    """A page that only gets another number is the same page."""
    sent = lay_out(PAGES, [at(row(3), (1, 1, 1)), at(row(1), (2, 1, 1)), at(row(2), (2, 1, 2))]).pages

    assert [9, 2, 3, 1, 8] == [int(one["id"].replace("-", ""), 16) // 10_000 for one in sent]


def test_more_than_two_columns_are_named():
    """Prolific takes one or two; content has a column, too."""
    pages = [page(1, [[text(9)], [ask(1)]]), single(2, ask(2))]
    rows = [at(row(1), (1, 1, 1)), at(row("n"), (1, 1, 2)), at(row(2), (2, 1, 1))]

    assert ("Q1", "n") == crowded(lay_out(pages, rows))
    assert () == crowded(lay_out(pages, [row(1), row(2)]))


# ---------------------------------------------------------------- reading and comparing
@pytest.mark.parametrize(
    "pages", [[1], [{"rows": 1}], [{"rows": [{"columns": ["x"]}]}], "pages", {"rows": []}]
)
def test_what_is_no_layout_is_not_read(pages: Any):
    """Nothing is planned from an answer that cannot be read."""
    with pytest.raises(OutcomeUnknown):
        check_layout(pages)


def test_what_nobody_knows_may_be_an_instruction():
    """Content is none; a type without a name in the sheet counts, so that nothing is taken for missing."""
    assert (by_hand(), 6) == (check_layout(by_hand()), asking(by_hand()))


def test_an_id_twice_is_not_planned_from():
    """Which of the two is kept, nobody knows."""
    with pytest.raises(ProlificError, match="twice"):
        check_layout([single(1, ask(1)), single(2, ask(1))])


def test_what_only_a_server_says_is_neither_sent_nor_compared():
    """`order` must not be sent, and a time of change says nothing about what is held."""
    answered = [single(1, ask(1, order=1, created_at="2026"), updated_at="2026")]

    assert [single(1, ask(1))] == without_server_made(answered)
    assert is_same(answered, [single(1, ask(1))])


@pytest.mark.parametrize(
    "other",
    [
        [single(1, ask(1), text(9)), single(3, ask(2))],
        [single(1, text(9), ask(1)), single(2, ask(2))],
        [single(1, ask(1), text(9, "x")), single(2, ask(2))],
        [single(1, ask(1), text(9)), single(2, ask(2, "x"))],
        [single(2, ask(2)), single(1, ask(1), text(9))],
        [single(1, ask(1), text(9)), single(2, ask(2), display_position="outro")],
    ],
)
def test_layouts_differ_in_ids_contents_and_places(other: list[dict[str, Any]]):
    """What a layout shows, and where, is all of it."""
    one = [single(1, ask(1), text(9)), single(2, ask(2))]

    assert is_same(one, one)
    assert not is_same(one, other)


def test_new_entries_lie_where_they_were_sent():
    """What had no id may have any; what had one must lie there under it."""
    sent = lay_out([single(1, ask(1), text(9))], [row(1), row("n")]).pages

    assert lies_as_sent(sent, [single(1, ask(1), text(9)), single(2, ask(2, "n"))])
    assert not lies_as_sent(sent, [single(2, ask(2, "n")), single(1, ask(1), text(9))])
    assert not lies_as_sent(sent, [single(1, ask(1)), single(2, ask(2, "n"))])
    assert not lies_as_sent(sent, [single(1, ask(1), text(8)), single(2, ask(2, "n"))])


# ---------------------------------------------------------------- content blocks of the sheet
def block(ref: str, number: int | None = None, content: str = "") -> RichText:
    """A row of rich text; with a number the block that `text` made."""
    return RichText(
        ref=ref,
        id=None if number is None else uuid(number),
        content=content or (ref if number is None else f"<p>{number}</p>"),
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("b", 1, 2), "+b 1 | 9 2"),
        ((1, "b", 2), "1 | 9 +b 2"),
        ((1, 2, "b", "c"), "1 | 9 2 +b +c"),
        (("b", "n", 1, 2), "+b +n | 1 | 9 2"),
        ((1, "b", "c", "n", 2), "1 | +b +c +n | 9 2"),
    ],
)
def test_new_blocks_join_the_next_row(rows: tuple[int | str, ...], expected: str):
    """Right above it, in its column; the last ones stand below the last row."""
    pages = [single(1, ask(1)), single(2, text(9), ask(2))]

    made = [block(one) if one in ("b", "c") else row(one) for one in rows]

    sent = lay_out(pages, made)
    assert expected == brief(sent.pages)
    assert [one.ref for one in made] == [ref for ref in sent.refs if ref]


def test_known_blocks_are_edited_where_they_are():
    """Wherever their row stands; those without a row stay, and so do instructions if the sheet has none."""
    pages = [single(1, text(8), ask(1)), single(2, text(9), ask(2))]

    sent = lay_out(pages, [row(1), row(2), block("B", 9, "New")])
    only = lay_out(pages, [block("B", 9, "New")])

    assert brief(pages) == brief(sent.pages) == brief(only.pages)
    assert "New" == items(sent.pages)[2]["content"]
    assert sent.pages == only.pages
    assert ["", "Q1", "B", "Q2"] == list(sent.refs)


def test_places_move_blocks_too():
    """What has a row and a place goes there; an intro with a row stays one."""
    pages = [single(9, text(90), display_position="intro"), single(1, text(8), ask(1)), single(2, ask(2))]
    rows = [
        at(block("I", 90), (1, 1, 1)),
        at(row(1), (2, 1, 1)),
        at(row(2), (3, 1, 1)),
        at(block("B", 8), (3, 1, 1)),
    ]

    sent = lay_out(pages, in_order(rows)).pages

    assert "90 | 1 | 2 8" == brief(sent)
    assert "intro" == sent[0]["display_position"]
    assert {uuid(8): ((2, 1, 1), (3, 1, 1))} == moved(pages, sent)


def test_a_dataset_field_is_known_by_what_it_shows():
    """Prolific gives it no id: the first row of a field is the first that shows it."""
    shown = {"type": "dataset_field", "field": "answer"}
    pages = [single(1, dict(shown), ask(1)), single(2, dict(shown), ask(2))]
    first, second, third = (DatasetField(ref=f"F{n}", field="answer") for n in range(3))

    assert pages == lay_out(pages, [first, row(1), second, row(2)]).pages
    assert "+dataset_field 1 | +dataset_field 2 +dataset_field" == laid(
        pages, first, row(1), second, row(2), third
    )


@st.composite
def held_layouts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A layout of instructions and content, ids and all."""
    numbers = count(1)
    entries = st.sampled_from([ask, text])
    columns = st.lists(st.lists(entries, min_size=1, max_size=3), min_size=1, max_size=2)
    pages = draw(st.lists(st.lists(columns, min_size=1, max_size=2), max_size=4))
    made = [
        page(1 + at, *([[make(next(numbers)) for make in column] for column in one] for one in rows))
        for at, rows in enumerate(pages)
    ]
    return [
        single(90, text(900), display_position="intro"),
        *made,
        single(91, text(910), display_position="outro"),
    ]


@given(held_layouts(), st.data())
def test_nothing_is_lost_whatever_the_sheet_says(pages: list[dict[str, Any]], data: st.DataObject):
    """Every row once, all other content once and as it was, in its order; and laid out again, nothing changes."""
    held = items(pages)
    chosen = [one for one in held if data.draw(st.booleans())]
    rows: list[Item] = [
        row(int(UUID(one["id"])))
        if one["type"] == "free_text"
        else block(f"B{one['id']}", int(UUID(one["id"])))
        for one in data.draw(st.permutations(chosen))
    ]
    for n in range(data.draw(st.integers(0, 3))):
        new = block(f"b{n}") if data.draw(st.booleans()) else row(f"n{n}")
        rows.insert(data.draw(st.integers(0, len(rows))), new)
    if data.draw(st.booleans()):
        numbers = st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 2))
        rows = [at(one, data.draw(numbers)) for one in rows]
    rows = list(in_order(rows))

    sent = lay_out(pages, rows)

    asks = any(isinstance(one, FreeText) for one in rows)
    ids = {one.id for one in rows}
    assert sorted(one.ref for one in rows) == sorted(filter(None, sent.refs))
    others = [one for one in held if one["id"] not in ids and (one["type"] != "free_text" or not asks)]
    left = [one for ref, one in zip(sent.refs, items(sent.pages), strict=True) if not ref]
    assert sorted(map(str, others)) == sorted(map(str, left))
    if all(one.page is None for one in rows):
        shown = [ref for ref in sent.refs if ref and not ref.lower().startswith("b")]
        assert [one.ref for one in rows if isinstance(one, FreeText)] == shown
        assert others == left
    numbered = with_ids(sent.pages)
    by_ref = {ref: item["id"] for ref, item in zip(sent.refs, items(numbered), strict=True) if ref}
    again = [one.replace(id=by_ref[one.ref]) for one in rows]
    assert numbered == lay_out(numbered, again).pages


@given(layouts())
def test_every_row_is_laid_out_once(rows: tuple[Item, ...]):
    """Whatever the sheet holds: each row once, its content, and laying it out again changes nothing."""
    rows = in_order([one.replace(id=None) for one in rows])

    sent = lay_out([], rows)

    numbered = with_ids(sent.pages)
    by_ref = {one.ref: one for one in rows}
    assert sorted(by_ref) == sorted(sent.refs)
    assert {ref: to_content(one) for ref, one in by_ref.items()} == {
        ref: content_of(item) for ref, item in zip(sent.refs, items(sent.pages), strict=True)
    }
    ids = {ref: item.get("id") for ref, item in zip(sent.refs, items(numbered), strict=True)}
    again = [one.replace(id=ids[one.ref]) for one in rows]
    assert numbered == lay_out(numbered, again).pages
    assert lies_as_sent(sent.pages, numbered)


def with_ids(pages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A layout as Prolific answers it: an id for everything but a dataset_field."""
    numbers = count(10**7)

    def numbered(entry: dict[str, Any]) -> dict[str, Any]:
        inner = {
            name: [numbered(one) for one in entry[name]]
            for name in ("rows", "columns", "items")
            if name in entry
        }
        return {**entry, **inner} | (
            {} if entry.get("type") == "dataset_field" else {"id": uuid(next(numbers))}
        )

    return [numbered(page) for page in pages]
